"""sink: where picks go: pictures on disk (later: a topic).

The contract, checked by `streamsel.testing.check_sink`: writing the same pick twice leaves one; a file appears
under its name whole or not at all (temporary name, fsync, rename); `flush` returns when everything written is
durable; SinkError is raised, at the latest by it, when that is impossible. No path ever leaves the sink's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from streamsel.data import Frame, Pick, Picture

__all__ = ["Sink"]


@runtime_checkable
class Sink(Protocol):
    """Takes picks with the frames that they select; `write` gives the names under which they can be found."""

    def write(self, pick: Pick, frames: Sequence[Frame]) -> list[str]:
        """Writes the frames of the pick, given in the order of its marks."""
        ...

    def encode(self, picture: Picture) -> bytes:
        """The file of a picture that must be kept until it is written, because its source cannot be read again."""
        ...

    def flush(self) -> None:
        """Blocks until everything written so far is durable."""
        ...
