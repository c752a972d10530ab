"""Days of frames, for quotas per DAY: from metadata, else from the clock of what recorded them.

The first of these that tells one: a label `day`, `date`, `time` or `timestamp` among the metadata or the groups of
`lightly_path_regex`, as `day_of` reads it; of a live source the day, in UTC, by its TIME, or by the frame's own time
where that is the one on the wall; of a video `creation_time` of its file and the frame's time in it, in UTC; of a
picture the day in its EXIF.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from streamsel.config import SelectionConfig
from streamsel.data import Frame, Source, Value
from streamsel.decode.created import EARLIEST, created, taken_on
from streamsel.decode.folder import pictures
from streamsel.errors import SourceError, UsageError
from streamsel.rules.carried import CarriedMetadata
from streamsel.rules.material import DAY, TIME
from streamsel.signals import Signal
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata import MetadataSignal
from streamsel.signals.path_regex import PathSignal
from streamsel.signals.relevant import RelevantFiles

__all__ = ["DAYS", "HOW_TO_TELL", "UNDATED", "DaySignal", "day_of"]

DAYS: Final = ("day", "date", "time", "timestamp")
"""Columns, keys of metadata, and groups that may tell days; the first of these that is there does."""
TIMES: Final = ("time", "timestamp")
"""Those that tell more than the day, and perhaps none: 12.5 seconds into a video are no day."""
UNDATED: Final = "no day"
"""Why a row is turned away whose day is not known, where a quota counts per DAY."""
HOW_TO_TELL = "give it as METADATA 'day', or read it off names with lightly_path_regex, (?P<day>...)"


def day_of(key: str, told: Value) -> str | None:
    """The day that the value of one of DAYS tells; None: it tells none.

    Of `day` and `date` the first ten characters. A time as text begins with its day, `2024-05-17T08:00`; a number is
    one in seconds since 1970, from 1990 on: before, a clock was not set, or it counts from elsewhere.
    """
    if told is None or key not in TIMES:
        return None if told is None else str(told)[:10]
    with suppress(ValueError, TypeError, OverflowError, OSError):
        if isinstance(told, str):
            return date.fromisoformat(told[:10]).isoformat()
        day = _on(told)  # type: ignore[arg-type]
        return day if int(day[:4]) >= EARLIEST else None
    return None


def _on(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


class DaySignal:
    """See the module's text. sources: those that frames come from. files: those that may be picked from; None: all.

    wall: frames have times on the wall, and may carry metadata, see `CarriedMetadata`.
    """

    key = DAY

    def __init__(
        self,
        config: SelectionConfig,
        folder: LightlyFolder | None,
        sources: Sequence[Source] = (),
        *,
        files: RelevantFiles | None = None,
        wall: bool = False,
    ) -> None:
        self._files, self._wall = files, wall
        self._told = list(_told(config, folder, carried=wall))
        self._sources = {source.id: source for source in sources}
        self._created = cache(created)

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`: `2024-05-17`, None where nothing tells."""
        told = [signal.of(frames, names) for signal in self._told]
        keys = [signal.key for signal in self._told]
        found = [next(filter(None, map(day_of, keys, values)), None) for values in zip(*told, strict=True)]
        known = found or [None] * len(frames)
        return [day or self._recorded(frame) for day, frame in zip(known, frames, strict=True)]

    def refuse_undated(self) -> None:
        """Raises UsageError where it can be told before that no frame of a source has a day."""
        for source in self._sources.values() if not self._told else ():
            relevant = self._files is None or (source.kind == "video" and self._files.includes(source.id))
            if relevant and source.kind == "video" and self._created(source) is None:
                raise UsageError(f"{source.id}: its file does not say the day it was recorded on: {HOW_TO_TELL}")
            if relevant and source.kind == "images" and not _any_taken(source):
                raise UsageError(f"{source.id}: no picture in it says the day it was taken on: {HOW_TO_TELL}")

    def _recorded(self, frame: Frame) -> str | None:
        if TIME in frame.signals or self._wall:
            return _on(float(frame.signals.get(TIME, frame.mark.time)))  # type: ignore[arg-type]
        source = self._sources.get(frame.mark.source)
        if source is None or frame.mark.name:
            return None if source is None else taken_on(source, frame.mark.name)
        begun = self._created(source)
        return None if begun is None else (begun + timedelta(seconds=frame.mark.time)).date().isoformat()


def _any_taken(source: Source) -> bool:
    """Whether one of a folder's pictures tells its day; of a folder that cannot be read, which is told in its turn."""
    try:
        return any(taken_on(source, path.name) for path in pictures(source))
    except SourceError:
        return True


def _told(config: SelectionConfig, folder: LightlyFolder | None, *, carried: bool) -> Iterator[Signal]:
    """What of the metadata says days."""
    for key in DAYS:
        if key in config.path_keys and config.lightly_path_regex:
            yield PathSignal(config.lightly_path_regex, key)
        elif carried:
            with suppress(UsageError):  # a file has it, as no label
                yield CarriedMetadata(key, "label", folder)
        elif folder is not None:
            with suppress(UsageError):  # there is no such key, or no metadata
                yield MetadataSignal(folder.metadata, key, "label")
