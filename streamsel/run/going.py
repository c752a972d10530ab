"""How a run goes on, as it is told; and how it ends before its end, when it is asked to."""

from __future__ import annotations

from typing import Protocol

from streamsel.errors import StreamselError

__all__ = ["Interrupted", "Progress"]


class Progress(Protocol):
    """Told how a run goes on."""

    def __call__(self, stage: str, more: int, kept: int, total: int | None = None) -> None:
        """The stage, how many frames more are done with in it, picks so far, and frames that it has in all.

        total: None where the run knows itself, as of frames to watch.
        """
        ...


class Interrupted(StreamselError):  # noqa: N818
    """Asked to stop; everything up to the last block is saved."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped, and all is saved: run the same command again to continue")
