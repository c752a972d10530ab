"""New thresholds for a daemon that runs: its file is read again when it changed, or on SIGHUP."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, Final

from streamsel.config import EdgeConfig
from streamsel.config.pipeline_file import Pipeline, read_pipeline
from streamsel.daemon.log_lines import say
from streamsel.errors import StreamselError

__all__ = ["THRESHOLDS", "Reloading", "refused"]

THRESHOLDS: Final = ("target_ratio", "min_distance", "window")
"""What may change while it runs, of the pipeline and of each source; but no window comes or goes: see `parting`."""


class Reloading:
    """Watches the file of a config. asked: set by SIGHUP."""

    def __init__(self, file: Path, config: EdgeConfig, asked: threading.Event) -> None:
        self._file, self.config, self._asked = file, config, asked
        self._stamp = self._read_stamp()

    def changed(self) -> list[str]:
        """Which thresholds are others than at the last call, as `min_distance` or `sources.door.window`. What else
        changed is told, and left as it was; so is all of a file that cannot be read or understood."""
        stamp = self._read_stamp()
        if not self._asked.is_set() and stamp == self._stamp:
            return []
        self._asked.clear()
        self._stamp = stamp
        try:
            read = read_pipeline(self._file)
        except StreamselError as error:
            refused(str(error))
            return []
        return self._take(read)

    def _take(self, read: Pipeline) -> list[str]:
        others = ["kind"]
        if isinstance(read, EdgeConfig):
            ours, theirs = _without_thresholds(self.config), _without_thresholds(read)
            others = sorted(key for key in ours if ours[key] != theirs[key])
        if others:
            refused(f"{', '.join(others)} changed: that takes a restart")
        if others or not isinstance(read, EdgeConfig):
            return []
        before, self.config = self.config, read
        return _differing(before, read)

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def refused(reason: str) -> None:
    """Tells why all stays as it was."""
    say("not reloaded", logging.ERROR, reason=reason)


def _differing(before: EdgeConfig, after: EdgeConfig) -> list[str]:
    """Names of thresholds, with the source's where they are its own."""
    theirs, ours = _thresholds(before), _thresholds(after)
    return [name for name in ours if ours[name] != theirs[name]]


def _thresholds(config: EdgeConfig) -> dict[str, Any]:
    own = {f"sources.{one.name}.{name}": getattr(one, name) for one in config.sources for name in THRESHOLDS}
    return {**{name: getattr(config, name) for name in THRESHOLDS}, **own}


def _without_thresholds(config: EdgeConfig) -> dict[str, Any]:
    told = {name: getattr(config, name) for name in type(config).model_fields if name not in THRESHOLDS}
    windows = {"window": [config.window is not None, *(source.window is not None for source in config.sources)]}
    bare = dict.fromkeys(THRESHOLDS)
    return {**told, **windows, "sources": [source.model_copy(update=bare) for source in config.sources]}
