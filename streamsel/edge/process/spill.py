"""Bytes for which there is no room in memory: in a file without a name, of which nothing is left after any end."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streamsel.errors import SinkError
from streamsel.sink.durable import shown

__all__ = ["Spill", "scarce"]


class Spill:
    """Its room on the disk is free again as soon as neither it nor anything that reads it is held any more.

    folder: on whose disk it lies. Raises SinkError for what the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._size = folder, 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # it ends with this
        except OSError as error:
            raise self._refused(error) from error

    def put(self, data: bytes) -> Callable[[], bytes]:
        """Takes bytes; what it gives reads them, as often as one likes. What failed may be tried again."""
        begin = self._size
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file.fileno(), data[written:], begin + written)
        except OSError as error:
            raise self._refused(error) from error
        self._size += len(data)
        return partial(self._read, begin, len(data))  # which holds nothing of them

    def _read(self, begin: int, length: int) -> bytes:
        try:
            data = os.pread(self._file.fileno(), length, begin)
        except OSError as error:
            raise self._refused(error) from error
        if len(data) < length:
            raise self._refused(OSError(errno.EIO, "its file was cut"))
        return data

    def _refused(self, error: OSError) -> SinkError:
        reason = f"frames that wait for their sequence cannot be held ({error.strerror or error})"
        return SinkError(f"{shown(self._folder)}: {reason}; free some space, or make `queue` larger")


def scarce(folder: Path, wanted: int) -> str:
    """Why the disk of a folder that is there, or will be made, may be too small for what waits; empty: it is not.

    wanted: bytes, of pictures whose size shows only as they come.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free >= wanted:
        return ""
    told = f"frames that wait for their sequence may take {wanted / 1e6:.0f} MB there in 1080p"
    return f"{shown(folder)}: {told}, and {free / 1e6:.0f} MB are free; free some space, or make `queue` larger"
