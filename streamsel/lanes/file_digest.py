"""What files hold, in a few letters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from streamsel.errors import SourceError

__all__ = ["digest_of_files"]

VECTORS = "embeddings.npy"
"""Of a run's output folder, all that its vectors are read from."""


def digest_of_files(path: Path) -> str:
    """32 hex digits: equal where a query set of these files is, on any machine. Raises SourceError.

    path: a file, a run's output folder, or a folder whose files all count, by their names in it. Of files, not of the
    vectors made from pictures: their last bits differ between processors.
    """
    found = hashlib.blake2b(digest_size=16)
    try:
        for name, file in _files(path):
            found.update(f"{name}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as opened:
                while piece := opened.read(1 << 20):
                    found.update(piece)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    return found.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield "", path
    elif (path / VECTORS).exists():
        yield VECTORS, path / VECTORS
    else:
        yield from sorted((str(one.relative_to(path)), one) for one in path.rglob("*") if one.is_file())
