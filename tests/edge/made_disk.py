"""A disk that is played to a process, which may be read-only for a while, and lose what was not synced."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class MadeDisk:
    """folder: what lies on it; a process of `environment` sees it so, and needs no rights for that. scratch: for what
    it takes to play it. Who loses power has no folders in it.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self._refuses, self._synced = folder, scratch / "refuses", scratch / "synced"
        self._library = scratch / "made_disk.so"
        self._synced.mkdir(parents=True)
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.fail("a C compiler is missing on this system: install gcc and libc6-dev", pytrace=False)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self._library, SOURCE, "-ldl"], check=True)
        told = {"LD_PRELOAD": self._library, "DISK": folder, "REFUSES": self._refuses, "SYNCED": self._synced}
        self.environment = {name: str(value) for name, value in told.items()}

    def read_only(self, refuses: bool = True) -> None:
        """From now on, or not any more."""
        if refuses:
            self._refuses.touch()
        else:
            self._refuses.unlink()

    def lose_power(self) -> None:
        """Nothing is left but what was synced; nobody may be using it."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._synced, self.folder, ignore=shutil.ignore_patterns("*.partly"))
