"""Every check can be had from `streamsel.testing`, as the contracts say."""

from __future__ import annotations

from pathlib import Path

import pytest

import streamsel
from streamsel import testing


@pytest.mark.parametrize("name", testing.__all__)
def test_a_check_is_there(name: str) -> None:
    assert getattr(testing, name).__doc__


def test_the_contracts_name_every_check() -> None:
    rooms = Path(streamsel.__file__).parent.glob("*/__init__.py")
    contracts = [room.read_text() for room in rooms if room.parent.name != "testing"]
    assert all(any(f"streamsel.testing.{name}" in contract for contract in contracts) for name in testing.__all__)


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'check_nothing'"):
        testing.check_nothing  # noqa: B018
