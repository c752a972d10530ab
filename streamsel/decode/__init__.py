"""decode: files, folders of images, cameras and network streams -> Frame.

The contract, kept by every decoder and checked by `streamsel.testing.check_decoder`:

- `read(after)` yields frames in presentation order, each once; index counts what PyAV decodes, from 0. With
  `after` it goes on with the frame that follows that mark: by seeking where the source allows it *and* the
  frame found there has the mark's fingerprint, else by reading again from the start (live sources just go on).
- `fetch(marks)` yields exactly these frames (same pts and fingerprint), ordered by index, decoding each group of
  pictures at most once. A live source cannot: its `seekable` is False and fetch raises SourceError.
- A bad packet or picture is counted in `problems` (reason -> count) and reading goes on; a source that cannot be
  opened, or holds no picture at all, raises SourceError with one line. Nothing else is raised for bad input.
- The caller closes (or uses `with`); frames stay valid after that. Reading blocks; nothing here starts a thread
  that outlives `close`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol, Self, runtime_checkable

from streamsel.data import Frame, Mark, Source

__all__ = ["Decoder"]


@runtime_checkable
class Decoder(Protocol):
    """One opened source. See the module's text for the laws."""

    source: Source
    seekable: bool
    problems: Counter[str]

    def read(self, after: Mark | None = None) -> Iterator[Frame]:
        """The frames, from the start or behind `after`."""
        ...

    def fetch(self, marks: Sequence[Mark]) -> Iterator[Frame]:
        """Exactly the frames at these marks, by index."""
        ...

    def close(self) -> None:
        """Let go of files and threads; may be called again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
