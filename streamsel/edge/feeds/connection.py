"""One connection to a live source, in a thread of its own, so that it can be left while it is blocked in a read.

Nothing ends a read of libav from outside: closing the container meanwhile frees what the read works on, and the read
goes on; and a pipe knows no timeout. So who waits no longer leaves: of what comes after that nobody hears, and the
thread hangs up as soon as its read returns, which for a URL or a camera is after its timeout at the latest.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from streamsel.data import Frame, Mark
from streamsel.decode.live import LiveDecoder
from streamsel.errors import AwayError, StreamselError

__all__ = ["Connection", "told"]


def told(error: Exception) -> str:
    """What went wrong. Of what nobody foresaw, what it is and where: its text may hold a password."""
    if isinstance(error, AwayError):
        return error.reason
    if isinstance(error, StreamselError):
        return str(error)
    at = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" at {Path(at[0].filename).name}:{at[0].lineno}" if at else ""
    return f"unforeseen {type(error).__name__}{place}"


class Connection(threading.Thread):
    """Opens a source, looks at its frames, and ends with the stream, with an error, or soon after it was left.

    look: called in this thread for each frame, and never after `leave` has returned. after: the last frame that was
    seen; frames are counted on from it. lost: what ended it; empty: the stream's end, or that it was left. frames: how
    many came. problems: what its decoder counted.
    """

    def __init__(
        self, name: str, opened: Callable[[], LiveDecoder], look: Callable[[Frame], None], after: Mark | None
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.lost = ""
        self.frames = 0
        self.problems: Counter[str] = Counter()
        self._opened, self._look, self._after = opened, look, after
        self._first = self._latest = time.monotonic()
        self._decoder: LiveDecoder | None = None
        self._left = False
        self._looking = threading.Lock()

    @property
    def lived(self) -> float:
        """Seconds from its first frame to its latest."""
        return self._latest - self._first

    @property
    def silent(self) -> float:
        """Seconds since the latest picture came, looked at or not, or since it was made."""
        decoder = self._decoder
        return time.monotonic() - max(self._latest, decoder.latest if decoder else 0.0)

    def run(self) -> None:
        """Until it ends."""
        try:
            with self._opened() as decoder:
                self.problems, self._decoder = decoder.problems, decoder
                for frame in decoder.read(self._after):
                    if not self._looked(frame):
                        return
        except Exception as error:  # kept as text: an exception would keep the last picture
            self.lost = told(error)
        finally:
            self._decoder = None

    def leave(self) -> None:
        """Hear nothing of it any more."""
        with self._looking:
            self._left = True

    def _looked(self, frame: Frame) -> bool:
        with self._looking:
            if self._left:
                return False
            self._latest = time.monotonic()
            if not self.frames:
                self._first = self._latest
            self.frames += 1
            self._look(frame)
            return True
