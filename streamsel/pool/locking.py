"""One process at a time on a pool: an advisory lock that the kernel lets go when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from streamsel.errors import InUseError, StateError
from streamsel.pool.layout import shown

__all__ = ["Lock"]


class Lock:
    """Holds `.NAME.lock` beside the pool (flock); the file stays, since removing it would let two processes in.

    The pool itself cannot be locked: it is replaced at each step. Raises InUseError where another process, or another
    object of this one, holds it, and StateError where the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            reason = f"{error.strerror}; its folder must be there and writable"
            raise StateError(f"{shown(path)}: cannot be used as a pool ({reason})") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            if isinstance(error, BlockingIOError):
                raise InUseError(f"{shown(path)}: another process is working on this pool; wait for it") from error
            raise StateError(
                f"{shown(path)}: cannot be locked ({error.strerror}); keep pools on a local disk"
            ) from error

    def release(self) -> None:
        """Let others in; the second time it does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
