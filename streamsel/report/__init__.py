"""report: what a run tells: its progress while it works, the table of figures at its end.

The room takes plain numbers and computes none of them: the pipeline measures (`selection.quality`), this room says.
Nothing here reads a video or a state file, and rich is imported only when something is drawn on a terminal.
"""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

__all__ = ["Progress"]


@runtime_checkable
class Progress(Protocol):
    """Where a run stands. Calls are cheap (often is fine), never fail a run and never block it."""

    def update(self, frames: int, kept: int, stage: str, total: int | None = None) -> None:
        """So many frames of a stage are done with and so many are kept.

        total: frames that the stage has in all; None: as many as was said at first, if anything.
        """
        ...

    def close(self) -> None:
        """Nothing more will come; what was drawn is finished."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
