"""The clock on the wall of one process, which is set while it runs; its other clocks go on, and so do all others'.

    clock = WallClock(tmp_path)
    process = Popen(command, env={**os.environ, **clock.environment})
    clock.set(-3600)

By Debian's libfaketime, which answers for the C library when the process asks what time it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streamsel.errors import UsageError

__all__ = ["WallClock"]

LIBRARY: Final = "faketime/libfaketimeMT.so.1"


class WallClock:
    """folder: where it notes how far it is ahead. Raises UsageError where this machine has no libfaketime."""

    def __init__(self, folder: Path) -> None:
        found = [*Path("/usr").glob(f"lib*/*/{LIBRARY}"), *Path("/usr").glob(f"lib*/{LIBRARY}")]
        if not found:
            raise UsageError("a clock that is set needs libfaketime: install it (Debian: apt-get install libfaketime)")
        self._library, self._file = found[0], folder / "clock"
        self._ahead = 0
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """Of a process that goes by this clock."""
        options = ("FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "NO_FAKE_STAT")
        told = {"LD_PRELOAD": str(self._library), "FAKETIME_TIMESTAMP_FILE": str(self._file)}
        return told | dict.fromkeys(options, "1")

    @property
    def now(self) -> float:
        """Seconds since 1970, by this clock."""
        return time.time() + self._ahead

    def set(self, seconds: int) -> None:
        """From now on it is so many seconds ahead of this machine's; negative: behind."""
        self._ahead = seconds
        scratch = self._file.with_suffix(".new")
        scratch.write_text(f"{seconds:+d}\n")
        scratch.replace(self._file)
