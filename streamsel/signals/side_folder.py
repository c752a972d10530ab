"""The folder in which side files lie, and how one of them is read: never outside it, never without bound.

A name that climbs (`..`), begins at the root or passes a symbolic link to somewhere outside the folder is refused;
links inside it are followed. A file that is not there is no error: None. JSON is read strictly: UTF-8 (a byte order
mark is passed over), no NaN or Infinity (RFC 8259), at most `LARGEST` bytes.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from streamsel.errors import DiskError, SourceError
from streamsel.signals.mismatch import MismatchError

__all__ = ["LARGEST", "SideFolder", "refused", "shown"]

LARGEST = 16 << 20
"""Bytes of the largest JSON file that is read."""

_MISSING = frozenset([errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG])
_FAILING = frozenset([errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
"""What disks and shares say, and no file does."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class SideFolder:
    """Everything below `path`, which need not exist; nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = os.path.realpath(path)
        self._within = lru_cache(maxsize=1024)(self._real_folder)

    def json(self, name: str) -> tuple[Any, int] | None:
        """What the JSON file of this relative POSIX path holds, and its bytes; None: there is none.

        Raises SourceError with the file when it cannot be read, is too large or no JSON.
        """
        data = self.read(name)
        return None if data is None else (self._parsed(name, data), len(data))

    def read(self, name: str, largest: int = LARGEST) -> bytes | None:
        """The bytes of a file; None: there is none. Raises SourceError, DiskError where it is the disk that fails."""
        folder, _, file = name.rpartition("/")
        if file in ("", ".", "..") or "\0" in name:
            raise self._outside(name)
        try:
            return self._content(f"{self._within(folder)}/{file}", name, largest)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return self._linked(name, largest)
            if error.errno in _MISSING:
                return None
            if error.errno in _FAILING:
                raise self._failing(name, error) from error
            raise refused(self.path / name, error.strerror or str(error)) from error

    def file_names(self, folder: str) -> Iterator[str]:
        """Names of what lies directly in a folder below this one, in no order; none when it cannot be listed."""
        with suppress(OSError), os.scandir(self._within(folder)) as entries:
            for entry in entries:
                yield entry.name

    def changed(self, folder: str) -> int:
        """When something came to lie in a folder below this one, or went, last: nanoseconds, 0 where it cannot be
        said."""
        with suppress(OSError):
            return Path(self._within(folder)).stat().st_mtime_ns
        return 0

    def wrong(self, name: str, mismatch: MismatchError) -> SourceError:
        """The error for a file that is JSON, but not as its format asks."""
        return refused(self.path / name, str(mismatch))

    def _parsed(self, name: str, data: bytes) -> Any:
        try:
            return _DECODER.decode(data.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise refused(self.path / name, f"no valid JSON, {place}: {error.msg}; write the file anew") from error
        except UnicodeDecodeError as error:
            raise refused(self.path / name, f"no UTF-8 text at byte {error.start}; write the file anew") from error
        except (RecursionError, ValueError) as error:
            raise refused(self.path / name, f"no valid JSON: {_first_line(error)}; write the file anew") from error

    def _content(self, path: str, name: str, largest: int) -> bytes:
        descriptor = os.open(path, _FLAGS)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise refused(self.path / name, "not a file; move it away")
            if found.st_size > largest:
                raise refused(self.path / name, f"{found.st_size} bytes; at most {largest} are read: make it smaller")
            return _all(descriptor, found.st_size)
        finally:
            os.close(descriptor)

    def _linked(self, name: str, largest: int) -> bytes | None:
        """The content of a symbolic link to a file inside the folder."""
        target = os.path.realpath(f"{self._root}/{name}")
        if not target.startswith(f"{self._root}/"):
            raise self._outside(name)
        try:
            return self._content(target, name, largest)
        except OSError as error:
            if error.errno in _FAILING:
                raise self._failing(name, error) from error
            raise refused(self.path / name, "a link that leads nowhere; mend or remove it") from error

    def _real_folder(self, folder: str) -> str:
        """The folder without links. Raises SourceError when it is not inside this one."""
        parts = folder.split("/") if folder else []
        real = os.path.realpath("/".join((self._root, *parts)))
        if {"", ".", ".."} & {*parts} or (real != self._root and not real.startswith(f"{self._root}/")):
            raise self._outside(folder)
        return real

    def _failing(self, name: str, error: OSError) -> DiskError:
        return DiskError(f"{shown(self.path / name)}: {error.strerror}; check the disk and start again")

    def _outside(self, name: str) -> SourceError:
        return refused(self.path, f"{name!r} leads out of it; name a file below it, without `..` or a link to outside")


def refused(path: Path, why: str) -> SourceError:
    """The error for a file or folder: one line."""
    return SourceError(f"{shown(path)}: {why}")


def shown(path: Path) -> str:
    """The path as a part of one line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _all(descriptor: int, size: int) -> bytes:
    """The first `size` bytes, or all that there are: no more even where the file grows meanwhile."""
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def _first_line(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0]


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
