"""References to files, as records carry them: each is looked for below one folder, and nowhere else.

A reference is a URI reference (RFC 3986): a path relative to the folder, or `file:///...` inside it. Whatever leads out
of the folder raises PoisonError: `..`, an absolute path, a link. A file that is not there yet is waited for, though
not for long; a folder that is not there at all is an outage, no fault of the record.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from streamsel.errors import DiskError, SourceError, UsageError
from streamsel.plain_source import plain_source
from streamsel.topic.incoming import PoisonError

__all__ = ["References"]

FILE: Final = re.compile(r"file:(?://(?:localhost)?)?(/.*)", re.IGNORECASE | re.DOTALL)
"""RFC 8089."""
SCHEME: Final = re.compile(r"file:|[A-Za-z][A-Za-z0-9+.-]*://", re.IGNORECASE)
BLOCK: Final = 1 << 20
PAUSE: Final = 0.05
"""Seconds between two looks for a file."""
OF_THE_RECORD: Final = frozenset([errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES])
"""What a wrong reference causes; any other error is one of the disk."""


class References:
    """folder: all that may be read. largest: bytes of a picture. patience: seconds after a record was made for which
    its file is waited for, at most.

    Raises UsageError when the folder is not there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        largest: int,
        patience: float = 2.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; references of records must lie below it")
        self._named, self._folder = folder.absolute(), folder.resolve()
        self._largest, self._patience, self._clock, self._sleep = largest, patience, clock, sleep

    def find(self, reference: str, made: float) -> Path:
        """The file of a reference. made: when its record was, seconds since 1970.

        Raises PoisonError; DiskError where the folder itself cannot be read.
        """
        now = self._clock()
        until = min(made, now) + self._patience
        while (found := self._found(reference)) is None:
            if self._clock() >= until:
                raise PoisonError(f"reference {_shown(reference)}: there is no such file")
            self._sleep(PAUSE)
        return found

    def read(self, reference: str, made: float) -> bytes:
        """The bytes of a picture; see `find`."""
        path = self.find(reference, made)
        try:
            return self._bytes(path, reference)
        except OSError as error:
            raise self._failed(reference, error) from None

    def check(self, path: Path, reference: str) -> None:
        """Reads a file through that seems to be damaged. Raises DiskError where that is the disk's fault."""
        try:
            with path.open("rb", buffering=0) as file:
                while file.read(BLOCK):
                    pass
        except OSError as error:
            failed = self._failed(reference, error)
            if isinstance(failed, DiskError):
                raise failed from None

    def digest(self, path: Path, reference: str) -> str:
        """SHA-256 (FIPS 180-4) of a file of any size, in hexadecimal; raises what `read` does."""
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, hashlib.sha256).hexdigest()
        except OSError as error:
            raise self._failed(reference, error) from None

    def _bytes(self, path: Path, reference: str) -> bytes:
        """Of a regular file that is no link: a pipe would be waited for."""
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as opened:
            told = os.fstat(file)
            if not stat.S_ISREG(told.st_mode):
                raise PoisonError(f"reference {_shown(reference)}: is no file")
            if told.st_size > self._largest:
                raise PoisonError(
                    f"reference {_shown(reference)}: {told.st_size} bytes are more than the {self._largest} that a "
                    "picture may have"
                )
            return opened.read(self._largest)

    def _found(self, reference: str) -> Path | None:
        """The file, with all links followed; None where there is none."""
        wanted = self._folder / self._relative(reference)
        try:
            real = wanted.resolve(strict=True)
        except (RuntimeError, OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and self._folder.is_dir():
                return None
            raise self._failed(reference, error) from None
        if not real.is_relative_to(self._folder):
            raise PoisonError(f"reference {_shown(reference)}: leads out of the folder of references")
        if not real.is_file():
            raise PoisonError(f"reference {_shown(reference)}: is no file")
        return real

    def _relative(self, reference: str) -> str:
        """The path below the folder. Raises PoisonError for what cannot be one."""
        local = FILE.fullmatch(reference)
        if SCHEME.match(reference) and not local:
            raise PoisonError(f"reference {_shown(reference)}: only files below the folder of references are read")
        path = unquote(reference) if local is None else self._below(unquote(local[1]), reference)
        if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise PoisonError(f"reference {_shown(reference)}: must be a path below the folder of references")
        return path

    def _below(self, path: str, reference: str) -> str:
        for folder in (self._named, self._folder):
            if path.startswith(f"{folder}/"):
                return path[len(str(folder)) + 1 :]
        raise PoisonError(f"reference {_shown(reference)}: leads out of the folder of references")

    def _failed(self, reference: str, error: Exception) -> SourceError:
        if not self._folder.is_dir():
            return DiskError(f"{self._folder}: the folder of references is not there; bring it back and start again")
        number = getattr(error, "errno", None)
        if number in OF_THE_RECORD or not isinstance(error, OSError):
            return PoisonError(
                f"reference {_shown(reference)}: cannot be read ({getattr(error, 'strerror', None) or error})"
            )
        return DiskError(f"{self._folder}: cannot be read ({error.strerror}); check the disk and start again")


def _shown(reference: str) -> str:
    reference = plain_source(reference)
    return repr(reference if len(reference) <= 120 else f"{reference[:117]}...")
