"""Days of frames, for quotas per DAY: from metadata, else from the clock of what recorded them.

The first of these that tells one: a label `day`, `date`, `time` or `timestamp` among the metadata or the groups of
`lightly_path_regex`, of which the first ten characters count, as in a table; of a live source the day, in UTC, by its
TIME; of a video `creation_time` of its file and the frame's time in it, in UTC; of a picture the day in its EXIF.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from streamsel.config import SelectionConfig
from streamsel.data import Frame, Source, Value
from streamsel.decode.created import created, taken_on
from streamsel.errors import UsageError
from streamsel.rules.material import DAY, TIME
from streamsel.signals import Signal
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata import MetadataSignal
from streamsel.signals.path_regex import PathSignal

__all__ = ["DAYS", "HOW_TO_TELL", "DaySignal"]

DAYS: Final = ("day", "date", "time", "timestamp")
"""Columns, keys of metadata, and groups that may tell days; the first of these that is there does."""
HOW_TO_TELL = "give it as METADATA 'day', or read it off names with lightly_path_regex, (?P<day>...)"


class DaySignal:
    """See the module's text. sources: those that frames come from."""

    key = DAY

    def __init__(self, config: SelectionConfig, folder: LightlyFolder | None, sources: Sequence[Source]) -> None:
        self._told = list(_told(config, folder))
        self._sources = {source.id: source for source in sources}
        self._created = cache(created)

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`: `2024-05-17`, None where nothing tells."""
        told = [signal.of(frames, names) for signal in self._told]
        found = [next((str(day)[:10] for day in days if day is not None), None) for days in zip(*told, strict=True)]
        known = found or [None] * len(frames)
        return [day or self._recorded(frame) for day, frame in zip(known, frames, strict=True)]

    def refuse_undated(self) -> None:
        """Raises UsageError where it can be told before that frames of a source have no day."""
        for source in self._sources.values() if not self._told else ():
            if source.kind == "video" and self._created(source) is None:
                raise UsageError(f"{source.id}: its file does not say the day it was recorded on: {HOW_TO_TELL}")

    def _recorded(self, frame: Frame) -> str | None:
        if TIME in frame.signals:
            return datetime.fromtimestamp(float(frame.signals[TIME]), UTC).date().isoformat()  # type: ignore[arg-type]
        source = self._sources.get(frame.mark.source)
        if source is None or frame.mark.name:
            return None if source is None else taken_on(source, frame.mark.name)
        begun = self._created(source)
        return None if begun is None else (begun + timedelta(seconds=frame.mark.time)).date().isoformat()


def _told(config: SelectionConfig, folder: LightlyFolder | None) -> Iterator[Signal]:
    """What of the metadata says days."""
    for key in DAYS:
        if key in config.path_keys and config.lightly_path_regex:
            yield PathSignal(config.lightly_path_regex, key)
        elif folder is not None:
            with suppress(UsageError):  # there is no such key, or no metadata
                yield MetadataSignal(folder.metadata, key, "label")
