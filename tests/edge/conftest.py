"""What several tests of the edge take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from streamsel.testing.gate import Gate


@pytest.fixture(scope="module")
def fresh() -> Iterator[Callable[[], Path]]:
    """A new folder at each call, as hypothesis wants one for each example."""
    made: list[TemporaryDirectory[str]] = []

    def new() -> Path:
        made.append(TemporaryDirectory())
        return Path(made[-1].name)

    yield new
    for folder in made:
        folder.cleanup()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A place where cameras come and go."""
    with Gate() as made:
        yield made
