"""Decoding ahead: the next frames are decoded while the caller still works on the last ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator
from typing import Final

from streamsel.data import Frame

__all__ = ["read_ahead"]

MOST_BYTES: Final = 32 << 20
"""Decoded frames that wait: 32 MiB are 10 frames of 1080p, or 2 of 4K; one frame always may."""


def read_ahead(frames: Iterator[Frame], most_bytes: int = MOST_BYTES) -> Generator[Frame, None, None]:
    """The same frames in the same order, read by a thread that ends with this generator.

    What reading raises is raised here, behind the frames that came before it. Close it (`contextlib.closing`): the
    thread then stops at its next frame, and is waited for.
    """
    line = _Line(most_bytes)
    reader = threading.Thread(target=line.fill, args=(frames,), name="read ahead", daemon=True)
    reader.start()
    try:
        while (frame := line.take()) is not None:
            yield frame
    finally:
        line.stop()
        reader.join()
    if line.error is not None:
        raise line.error


class _Line:
    """Frames that wait, bounded in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._waiting: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self.error: BaseException | None = None

    def fill(self, frames: Iterator[Frame]) -> None:
        """Read to the end, or until stopped; then what is being read ends here, before its source may be closed."""
        try:
            for frame in frames:
                if not self._put(frame):
                    break
            if isinstance(frames, Generator):
                frames.close()
        except BaseException as error:
            self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, frame: Frame) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._waiting or self._held < self._most)
            self._waiting.append(frame)
            self._held += frame.nbytes
            self._changed.notify_all()
            return not self._stopped

    def take(self) -> Frame | None:
        """The next frame; None behind the last one."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if not self._waiting:
                return None
            frame = self._waiting.popleft()
            self._held -= frame.nbytes
            self._changed.notify_all()
            return frame

    def stop(self) -> None:
        """Nothing more is wanted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
