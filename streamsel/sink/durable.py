"""Files that appear under their name whole or not at all, and stay there after a power cut.

Bytes go to a temporary name in the same folder, are synced, and the file is renamed over its final name: rename is
atomic (POSIX.1-2017, rename), and syncing the folder makes it last. The temporary name follows from the final one,
so what a killed process left behind is reused by the next attempt. One process at a time writes to a folder; the
store's lock sees to that.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from streamsel.errors import SinkError, StreamselError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "durable_file",
    "is_full",
    "is_leftover",
    "made_folder",
    "replace_file",
    "shown",
    "sync_folder",
    "write_atomic",
]

_FULL = "free some space, then run the same command again: it continues"
_DENIED = "make the folder writable or choose another output folder"
_BLOCKED = "something else has this name: move it away or choose another output folder"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.EEXIST: _BLOCKED,
    errno.EISDIR: _BLOCKED,
    errno.ENOTDIR: _BLOCKED,
    errno.ENAMETOOLONG: "choose an output folder with a shorter path",
}


_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.part")


class _Descriptor(io.RawIOBase):
    """A file written through `os.write`, always all of what is given, and opened without following links."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: ReadableBuffer) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._fd, offset, whence)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._fd)


@contextmanager
def durable_file(path: Path) -> Iterator[BinaryIO]:
    """An unbuffered, seekable binary file that gets its name when the block ends well, and else leaves nothing.

    Missing folders are made. Raises SinkError, one line, for whatever the operating system refuses.
    """
    temporary = _temporary(path)
    try:
        _make_folder(path.parent)
        yield from _filled(temporary)
        temporary.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Writes the file whole or not at all. It lasts once `sync_folder` of its folder returned."""
    with durable_file(path) as file:
        file.write(data)


def write_atomic(path: Path, data: bytes) -> None:
    """Writes the file whole or not at all; durable when this returns. Raises SinkError."""
    replace_file(path, data)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in the folder durable. Raises SinkError."""
    try:
        _sync(folder)
    except OSError as error:
        raise _refused(folder, error) from error


def made_folder(folder: Path) -> Path:
    """The folder, made with those above it where they are missing. Raises SinkError."""
    try:
        _make_folder(folder)
    except OSError as error:
        raise _refused(folder, error) from error
    return folder


def is_full(error: StreamselError) -> bool:
    """Whether it was for want of room on the disk, or of the user's share of it, as the error's cause says."""
    match error.__cause__:
        case OSError(errno=number):
            return number in (errno.ENOSPC, errno.EDQUOT)
        case sqlite3.Error() as cause:
            return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return False


def is_leftover(name: str) -> bool:
    """Whether a file of this name is what a killed process left behind, where nobody is writing."""
    return _LEFTOVER.fullmatch(name) is not None


def shown(path: Path) -> str:
    """The path as a part of one line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _filled(temporary: Path) -> Iterator[BinaryIO]:
    file = _Descriptor(temporary)
    try:
        yield cast(BinaryIO, file)
        os.fsync(file.fileno())
    finally:
        file.close()


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: a file system that has no such thing, e.g. some network shares
            raise
    finally:
        os.close(fd)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")


def _refused(path: Path, error: OSError) -> SinkError:
    advice = _ADVICE.get(error.errno or 0, "check the disk, then run the same command again: it continues")
    return SinkError(f"cannot write {shown(path)}: {error.strerror or error}; {advice}")
