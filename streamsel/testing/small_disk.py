"""Disks of one's own, mounted by root for a trial: small ones that fill up, and ones that fail as worn ones do."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from streamsel.errors import UsageError

__all__ = ["FailingDisk", "SmallDisk"]

PATIENCE: Final = 30.0
ROOM: Final = 1 << 20


class SmallDisk:
    """A file system in memory at a folder, of so many bytes; for `with`. UsageError where nobody may mount one."""

    def __init__(self, folder: Path, nbytes: int) -> None:
        self._folder, self._filler = folder, folder / "filler"
        folder.mkdir(parents=True, exist_ok=True)
        _done("mount", "-t", "tmpfs", "-o", f"size={nbytes}", "tmpfs", str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        _done("umount", "--lazy", str(self._folder))

    def fill(self) -> None:
        """Not a byte more can be written."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(ROOM)) == ROOM:
                pass
            while file.write(b"0"):
                pass

    def free(self) -> None:
        """What filled it is gone."""
        self._filler.unlink()

    def read_only(self, refuses: bool = True) -> None:
        """Mount it anew, read-only or not; waits until no file there is being written."""
        end = time.monotonic() + PATIENCE
        while subprocess.run(_remount(self._folder, "ro" if refuses else "rw"), capture_output=True).returncode:
            if time.monotonic() > end:
                raise UsageError(f"{self._folder} cannot be mounted anew: files there are open")


class FailingDisk:
    """An ext4 in a file, mounted at a folder; for `with`. UsageError where nobody may mount one."""

    def __init__(self, folder: Path, image: Path, nbytes: int) -> None:
        self._folder, self._image = folder, image
        folder.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(nbytes)
        _done("mkfs.ext4", "-q", "-F", str(image))
        self._mount()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        _done("umount", "--lazy", str(self._folder))

    def fail(self) -> None:
        """The kernel takes it for broken, makes it read-only, also for files that are open, and writes nothing back."""
        _done(*_remount(self._folder, "abort"))

    def repair(self) -> None:
        """Checked and mounted anew, as at the next boot; nobody may have a file open there."""
        _done("umount", str(self._folder))
        subprocess.run(["e2fsck", "-p", str(self._image)], capture_output=True)  # 1: mended
        self._mount()

    def _mount(self) -> None:
        _done("mount", "-o", "loop", str(self._image), str(self._folder))


def _remount(folder: Path, how: str) -> list[str]:
    return ["mount", "-o", f"remount,{how}", str(folder)]


def _done(*command: str) -> None:
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        raise UsageError(f"a disk of one's own needs root and the right to mount: {told.stderr.strip()}")
