"""The user's own embeddings in place of a model: vectors of frames from a table, found by the frames' names.

A frame of a video is found whatever its index is padded to, whatever its picture would be written as, and however the
video's extension is capitalised; a picture by its name, or by that without extension. What the table does not name has
no vector, and is never embedded otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamsel.data import Mark, Pixels, Vector
from streamsel.embed.pooling import of_window
from streamsel.errors import ModelError, SourceError, StateError, UsageError
from streamsel.rules.filters import stem
from streamsel.rules.name_index import NameIndex
from streamsel.rules.pool_rows import model_of_table
from streamsel.tables import Table
from streamsel.tables.reading import read_table

__all__ = ["LACKING", "OwnVectors"]

LACKING: Final = "no embedding"
"""Why a row is turned away of which a frame has no vector."""
NAMES: Final = "filenames.txt"
CLOSE: Final = 1e-4
"""By how much the vector of an earlier pick may differ: CSV files are written with few digits."""

_FRAME: Final = re.compile(r"(?s:(.+))-0*([0-9]+)-([A-Za-z0-9]*)")

Called = Callable[[Mark], str]


class OwnVectors:
    """An Embedder that embeds nothing, and knows the vectors of frames. below: what their names lack in the table."""

    batch = 1
    size = (16, 16)
    """Of what is left of a picture that is too large to be kept whole."""

    def __init__(self, table: Table, path: Path, digest: str, below: str = "") -> None:
        if table.vectors is None:
            raise SourceError(f"{path}: holds no embeddings; expected are filenames, embedding_0, embedding_1, ...")
        if not table.named:
            raise SourceError(f"{path}: its rows have no names, by which frames are found; {_how_to_name(path)}")
        self._path, self._below, self._vectors, self.digest = path, below, table.vectors, digest
        self.dim = table.vectors.shape[1]
        self.name = model_of_table(self.dim)
        self._first = table.names[0]
        self._exact, self._frames = NameIndex(table.names), NameIndex(map(_frame, table.names))
        self._videos = NameIndex(dict.fromkeys(map(_video, table.names)))

    @classmethod
    def load(cls, path: Path, below: str = "") -> OwnVectors:
        """Those of a file that `read_table` reads, made unit length. Raises SourceError for one that makes no sense.

        Rows of an `.npy` are named by the lines of `filenames.txt` beside it.
        """
        table = _named(read_table(path), path)
        return cls(table, path, _digest(path), below)

    @property
    def novelty_distance(self) -> float:
        """Raises ModelError: what differs much or little is known of models alone."""
        raise ModelError(
            f"{self._path}: own embeddings have no novelty distance; say how much to keep by -n, --proportion,"
            " --target-ratio or --min-distance"
        )

    def embed(self, pictures: Pixels) -> Vector:
        """Raises UsageError: there is no model."""
        raise UsageError(f"pictures cannot be embedded where {self._path} has the vectors: give those of the pictures")

    def holds(self, mark: Mark, name: str) -> bool:
        """Whether a frame of that name has a vector."""
        return self._place(mark, name) >= 0

    def of(self, marks: Sequence[Mark], called: Called) -> Vector:
        """(L, D) float32 of unit norm: the vectors of frames that have one."""
        return np.asarray(self._vectors[[self._place(mark, called(mark)) for mark in marks]])

    def _place(self, mark: Mark, name: str) -> int:
        full = self._below + name
        exact = self._exact.place(full)
        if exact >= 0:
            return exact
        return self._exact.place(full.rpartition(".")[0]) if mark.name else self._frames.place(_frame(full))

    def refuse_strangers(self, sources: Sequence[tuple[str, Sequence[tuple[Mark, str]]]]) -> None:
        """Raises UsageError where a source has no frame that is named, which can be told before any is decoded.

        sources: the id of each, and its pictures; of a video one frame, whichever.
        """
        strangers = [(source, frames[0][1]) for source, frames in sources if frames and not self._knows(frames)]
        if strangers:
            source, name = strangers[0]
            more = f" (nor of {len(strangers) - 1} more sources)" if len(strangers) > 1 else ""
            raise UsageError(
                f"{self._path}: has no vector of {source}{more}: it names {self._first!r} and the like, frames here"
                f" are called {self._below + name!r}; add them, or leave the source out"
            )

    def _knows(self, frames: Sequence[tuple[Mark, str]]) -> bool:
        if frames[0][0].name:
            return any(self.holds(mark, name) for mark, name in frames)
        return self.holds(*frames[0]) or self._videos.place(_video(self._below + frames[0][1])) >= 0

    def check_picks(self, picks: Iterator[Any], called: Called) -> None:
        """Raises StateError where the table has other vectors of earlier picks than they were picked with."""
        for pick in picks:
            if pick.vector.size and all(self.holds(mark, called(mark)) for mark in pick.marks):
                vector = of_window(self.of(pick.marks, called))
                if np.abs(vector - pick.vector).max() > CLOSE:
                    raise StateError(
                        f"{self._path}: has another vector of {called(pick.marks[0])} than it was picked with: vectors"
                        " of two models do not go together; use the same, or --fresh"
                    )

    def told(self) -> dict[str, Any]:
        """What a summary says of it."""
        return {"file": str(self._path), "sha256": self.digest, "rows": len(self._vectors), "dim": self.dim}

    def note(self, frames: int, first: str) -> str:
        """That so many frames have no vector, one of them called `first`."""
        return f"{self._path} has no vector of {frames} frames, {first} the first: they were not chosen from"


def _named(table: Table, path: Path) -> Table:
    """The table, an `.npy` with the names beside it."""
    beside = path.with_name(NAMES)
    if table.named or path.suffix.lower() != ".npy" or not beside.is_file():
        return table
    try:
        names = beside.read_text("utf-8").splitlines()
        if len(names) != len(table):
            raise UsageError(f"names {len(names)} rows, and {path.name} has {len(table)}")
        return Table(names, table.vectors)
    except (OSError, UnicodeDecodeError, UsageError) as error:
        raise SourceError(f"{beside}: {error}") from error


def _how_to_name(path: Path) -> str:
    if path.suffix.lower() == ".npy":
        return f"write one a line into {NAMES} beside it"
    return "expected is a column filenames, file_name, id, name or path"


def _digest(path: Path) -> str:
    """SHA-256 of the file; where several are read, of their digests."""
    files = [path / "manifest.parquet", path / "embeddings.npy"] if path.is_dir() else [path]
    beside = path.with_name(NAMES)
    files += [beside] if path.suffix.lower() == ".npy" and beside.is_file() else []
    digests = [_sha256(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read ({error.strerror or error})") from error


def _frame(name: str) -> str:
    """What frames of a video are known by, `sub/video_1-99-mp4`; empty for other names."""
    match = _FRAME.fullmatch(stem(name))
    return f"{match[1]}-{match[2]}-{match[3].lower()}" if match else ""


def _video(name: str) -> str:
    """The same without the index."""
    match = _FRAME.fullmatch(stem(name))
    return f"{match[1]}-{match[3].lower()}" if match else ""
