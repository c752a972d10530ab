"""An edge daemon for tests: its file, its process, its segments, and what lies in its folders afterwards."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Any

from streamsel.testing.ingest_material import tiny_model
from streamsel.testing.service_process import NONE, Running
from streamsel.testing.videos import scenes


class Daemon:
    """sources, others: of the pipeline file, which lies in a folder with a small model."""

    def __init__(self, folder: Path, sources: list[dict[str, Any]], **others: Any) -> None:
        tiny_model(folder)
        self.folder, self.file = folder, folder / "edge.json"
        told = {"kind": "edge", "sources": sources, "state": "state", "output": {"folder": "picks"}}
        self.write({**told, "model": "tiny.onnx", "min_distance": 0.3, "threads": 2, **others})

    def write(self, config: Mapping[str, Any]) -> None:
        """The pipeline file, at once as a whole."""
        self.config = dict(config)
        scratch = self.folder / "scratch"
        scratch.write_text(json.dumps(self.config))
        scratch.rename(self.file)

    def started(self, environment: Mapping[str, str] = NONE) -> Running:
        """A process, to be used with `with`. environment: variables beside those of this process."""
        return Running(self.file, environment)

    def facts(self) -> list[dict[str, Any]]:
        """Of all pictures, in the order picked; each lies beside its picture."""
        found = []
        for file in sorted((self.folder / "picks").rglob("*.json")):
            assert file.with_suffix("").stat().st_size > 0
            found.append(json.loads(file.read_text()))
        return sorted(found, key=lambda fact: (fact["source"], fact["ordinal"]))

    def outcome(self) -> dict[str, bytes]:
        """All files of picks; while it runs, but for what is just being renamed."""
        picks, found = self.folder / "picks", dict[str, bytes]()
        for path in sorted(picks.rglob("*")):
            with suppress(FileNotFoundError, IsADirectoryError):
                found[str(path.relative_to(picks))] = path.read_bytes()
        return found

    def killed_at(self, moments: Sequence[tuple[str, int]]) -> None:
        """One process after the other, each killed by itself: see `tests.edge.killed`."""
        for moment, number in moments:
            command = [sys.executable, "-m", "tests.edge.killed", moment, str(number), str(self.file)]
            done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
            assert done.returncode == -SIGKILL, done.stderr

    def comes_to(self, expected: Mapping[str, bytes], shares: Sequence[float]) -> None:
        """Killed at about these shares of what it is to keep, and begun anew, it keeps just that."""
        for share in shares:
            with self.started() as running:
                running.wait(partial(self._has, int(len(expected) * share)))
                time.sleep(random.uniform(0.0, 0.1))
                running.kill()
        with self.started() as running:
            running.wait(lambda: running.events("started") and self.outcome() == expected)
            assert running.stop() == 0
        assert self.outcome() == expected

    def _has(self, files: int) -> bool:
        return len(self.outcome()) >= files


def pictures(daemon: Daemon, source: str = "gate") -> int:
    """That a source has on disk."""
    return len(list((daemon.folder / "picks" / source).rglob("*.jpg")))


def wait_for_more(running: Running, daemon: Daemon, number: int, source: str = "gate") -> None:
    """Until there are so many more than now."""
    before = pictures(daemon, source)
    running.wait(lambda: pictures(daemon, source) >= before + number)


def film(path: Path, shown: range, width: int = 160) -> Path:
    """A quarter of a second of each scene, for a camera to show."""
    return scenes(path, shown, 6, size=(width, 120), gop=6, options={"bf": "0", "preset": "ultrafast"})


def segment(folder: Path, name: str, **options: Any) -> Path:
    """A finished segment of video, moved into a folder as recorders do."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{name}.tmp.mp4"
    scenes(scratch, **options)
    os.utime(scratch, (1_790_000_000 + len(list(folder.iterdir())), 1_790_000_000 + len(list(folder.iterdir()))))
    return scratch.rename(folder / name)
