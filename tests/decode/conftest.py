from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamsel.data import Source
from streamsel.testing.nasty import READABLE, UNREADABLE

Nasty = Callable[[str], Source]


@pytest.fixture(scope="session")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Nasty:
    """The source of a nasty video, which is written when it is first asked for."""
    folder = tmp_path_factory.mktemp("clips")

    def source(name: str) -> Source:
        path: Path = folder / name
        if not path.exists():
            (READABLE | UNREADABLE)[name](path)
        return Source(name, str(path))

    return source
