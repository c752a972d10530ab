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
    """Watches the file of a config. asked: set by SIGHUP. config: the one that is in force."""

    def __init__(self, file: Path, config: EdgeConfig, asked: threading.Event) -> None:
        self._file, self.config, self._asked = file, config, asked
        self._stamp = self._read_stamp()

    def changed(self) -> EdgeConfig | None:
        """The file's config, where it was changed, or SIGHUP came, and thresholds are others than those in force.

        What else changed is told, and left as it was; so is all of a file that cannot be read or understood.
        """
        stamp = self._read_stamp()
        if not self._asked.is_set() and stamp == self._stamp:
            return None
        self._asked.clear()
        self._stamp = stamp
        try:
            read = read_pipeline(self._file)
        except StreamselError as error:
            refused(str(error))
            return None
        return self._other(read)

    def take(self, config: EdgeConfig) -> list[str]:
        """Puts it in force. Which thresholds are others than before, as `min_distance` or `sources.door.window`."""
        before, self.config = _thresholds(self.config), config
        return [name for name, value in _thresholds(config).items() if value != before[name]]

    def _other(self, read: Pipeline) -> EdgeConfig | None:
        others = ["kind"]
        if isinstance(read, EdgeConfig):
            ours, theirs = _without_thresholds(self.config), _without_thresholds(read)
            others = sorted(key for key in ours if ours[key] != theirs[key])
        if others:
            refused(f"{', '.join(others)} changed: that takes a restart")
        if others or not isinstance(read, EdgeConfig) or read == self.config:
            return None
        return read

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def refused(reason: str) -> None:
    """Tells why all stays as it was."""
    say("not reloaded", logging.ERROR, reason=reason)


def _thresholds(config: EdgeConfig) -> dict[str, Any]:
    """By name, with the source's where they are its own."""
    own = {f"sources.{one.name}.{name}": getattr(one, name) for one in config.sources for name in THRESHOLDS}
    return {**{name: getattr(config, name) for name in THRESHOLDS}, **own}


def _without_thresholds(config: EdgeConfig) -> dict[str, Any]:
    told = {name: getattr(config, name) for name in type(config).model_fields if name not in THRESHOLDS}
    windows = {"window": [config.window is not None, *(source.window is not None for source in config.sources)]}
    bare = dict.fromkeys(THRESHOLDS)
    return {**told, **windows, "sources": [source.model_copy(update=bare) for source in config.sources]}
