"""Picks as files: `SOURCE/DAY/NAME.jpg`, and what is known of it beside as `NAME.jpg.json`. DAY is that of UTC.

A frame of a live source is `SOURCE-STARTED-PTS`, one of a segment `SOURCE-SEGMENT-INDEX`, slashes as underscores, the
numbers with leading zeros, so that names sort by time, both made harmless as `streamsel.sink.names` says; behind that
an object has its number in its frame. Where another has that name already (times of streams jump back, recorders use
names again), a part of the event's id follows. So none ever takes the place of another, and one that is written again,
after a crash, takes its own: with the same bytes, as long as quality and model are the same.

The JSON is written first: where a picture is, its facts are, too. A picture's time of change is when it was taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from streamsel.data import Box, Mark, Picture, Pixels
from streamsel.edge import Seen
from streamsel.edge.feeds.clock import nanoseconds
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.keeping.due import Due
from streamsel.edge.keeping.jpeg_picture import JpegPicture
from streamsel.edge.keeping.shots import Shot
from streamsel.errors import SinkError
from streamsel.lanes.lane import Verdict
from streamsel.lanes.pick_facts import object_facts, pick_facts
from streamsel.signals.crops import region_of
from streamsel.signals.looked import Look
from streamsel.sink.durable import made_folder
from streamsel.sink.json_file import json_text
from streamsel.sink.names import frame_name, live_name, object_id, safe_path
from streamsel.sink.picture_file import encode
from streamsel.sink.whole_files import WholeFiles
from streamsel.topic.cloudevent import event_id
from streamsel.topic.pick_record import part_of

__all__ = ["Pictures", "Written"]

INDEX_DIGITS: Final = 6
"""Of a frame's number in its segment, at least: 9 hours of 30 frames a second."""
ID_DIGITS: Final = 16
"""Of an event's id, where two frames would have one name."""
NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Written:
    """A pick that lies on disk. file: of the picture, relative to the folder, POSIX. data: its bytes. id: of its event.

    model: by which it was picked. mark: where its frame stands, in a source of the config's name. epoch: which of the
    source's streams, see `event_id`. taken: UTC. facts: what its JSON says. again: reads its bytes where they were let
    go, and `data` is empty.
    """

    file: str
    data: bytes = field(repr=False)
    id: str
    model: str
    mark: Mark
    epoch: str
    taken: datetime
    facts: Mapping[str, Any] = field(repr=False)
    again: Callable[[], bytes] = field(default=bytes, repr=False, compare=False)

    @property
    def picture(self) -> bytes:
        """Its bytes, read again where they were let go. Raises SinkError or StateError where they cannot be."""
        return self.data or self.again()

    @property
    def due(self) -> Due:
        """It, as files."""
        return Due(self.file, nanoseconds(self.taken), json_text(self.facts), self.data)


class Pictures:
    """Writes picks. quality: of JPEG, 1 to 100. model: the embedder's name. padding: of objects that are cut out, a
    share of their box. told: of each that was not there before.

    clip: gives the file that shows a pick, see `streamsel.edge.clips.writing`; facts name it. None: there is none.
    Raises SinkError where the folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        quality: int,
        model: str,
        padding: float = 0.0,
        told: Callable[[Due], None] = lambda due: None,
        clip: Callable[[str, Shot, datetime, str, str], str | None] | None = None,
    ) -> None:
        self._files = WholeFiles(made_folder(folder), kept=False)  # a quota removes days
        self._quality, self._model, self._padding, self._told, self._clip = quality, model, padding, told, clip
        self._latest: tuple[Picture, Pixels] | None = None

    def shot(self, seen: Seen, box: Box | None = None) -> Shot:
        """Its whole picture, or what is in the padded box. seen: with a frame. Raises SinkError for what no JPEG can
        hold."""
        if seen.frame is None:
            raise ValueError("Pictures.shot needs a frame")
        data = self._encoded(seen.frame.picture, box)
        return Shot(seen.place, seen.taken, seen.frame.mark, data, seen.started, seen.segment, seen.suffix)

    def _encoded(self, picture: Picture, box: Box | None) -> bytes:
        """Also what a mask hides from the model."""
        if isinstance(picture, JpegPicture):
            return picture.data
        whole = picture.whole if isinstance(picture, Masked) else picture
        return encode(self._cut(whole, box) if box else whole.rgb(), "jpg", self._quality)

    def _cut(self, whole: Picture, box: Box) -> Pixels:
        """An object; of several that come one after the other their picture is converted once."""
        if self._latest is None or self._latest[0] is not whole:
            self._latest = whole, whole.rgb()
        return region_of(box, whole.width, whole.height, self._padding).of(self._latest[1]).copy()

    def encoded(self, look: Look, seen: Seen) -> JpegPicture:
        """A frame's whole picture as the file that `write` would write. look: takes what will be asked of its pixels.

        Raises SinkError as `shot` does.
        """
        if seen.frame is None:
            raise ValueError("Pictures.encoded needs a frame")
        picture = seen.frame.picture
        if isinstance(picture, JpegPicture):
            return picture
        return JpegPicture(picture, self.shot(seen).data, look.of(picture))

    def write(self, source_name: str, one: Seen | Shot, verdict: Verdict) -> Written:
        """Writes a pick's picture and its facts. Raises SinkError, and leaves nothing then.

        Both last once `flush` returned.
        """
        written = self.planned(source_name, one, verdict)
        self.put(written.due)
        return written

    def planned(
        self, source_name: str, one: Seen | Shot, verdict: Verdict, planned: Mapping[str, str] = NONE
    ) -> Written:
        """What `write` would write, for whoever has it written later: with `put`. planned: file -> id of what was
        planned before, and is not written yet."""
        box = verdict.box
        shot = self.shot(one, box) if isinstance(one, Seen) else one
        mark, epoch = replace(shot.mark, source=source_name), epoch_of(shot)
        id_ = self._id(mark, shot, box)
        taken = shot.taken.astimezone(UTC)
        file = self._file(self.files(source_name, shot, box), id_, planned)
        thing = object_facts(_parent(mark, shot), box, self._padding) if box else {}
        stream = {"segment": shot.segment.name} if shot.segment else {"started": shot.started}
        clip = {"clip": self._clip(source_name, shot, taken, file.removesuffix(".jpg"), id_)} if self._clip else {}
        facts = {"id": id_, **pick_facts(mark, taken, verdict), **thing, "file": file, **clip, **stream}
        return Written(file, shot.data, id_, self._model, mark, epoch, taken, facts)

    def read(self, file: str) -> bytes:
        """A picture that was written. Raises SinkError where it is not there any more."""
        try:
            return (self._files.folder / file).read_bytes()
        except OSError as error:
            raise SinkError(f"cannot read {file} back: {error.strerror or error}; leave it there") from error

    def put(self, due: Due) -> None:
        """Writes what `planned` gave. Raises SinkError, and leaves nothing then."""
        path = self._files.folder / due.file
        fresh = not path.exists()
        try:
            self._files.put(f"{due.file}.json", due.text)
            self._files.put(due.file, due.data)
        except SinkError:
            if fresh:
                with suppress(OSError):
                    path.with_name(f"{path.name}.json").unlink(missing_ok=True)
            raise
        with suppress(OSError):  # as on a share that does not let times be set: then it is when it was written
            os.utime(path, ns=(due.moment, due.moment))
        if fresh:
            self._told(due)

    def files(self, source_name: str, one: Seen | Shot, box: Box | None = None) -> tuple[str, str]:
        """Where a pick comes to lie, and where it does if another has that name; relative, POSIX."""
        mark = replace(_mark(one), source=source_name)
        day, stem = f"{safe_path(source_name)}/{one.taken.astimezone(UTC):%Y-%m-%d}", _stem(mark, one, box)
        longer = f"{stem}-{self._id(mark, one, box)[:ID_DIGITS]}"
        return f"{day}/{safe_path(stem)}.jpg", f"{day}/{safe_path(longer)}.jpg"

    def flush(self) -> None:
        """What was written lasts when this returns: before the transaction that says so. Raises SinkError."""
        self._files.sync()

    def _id(self, mark: Mark, seen: Seen | Shot, box: Box | None) -> str:
        """Of a pick's event. mark: in a source of the config's name."""
        return event_id(mark.source, epoch_of(seen), mark.pts, self._model, part_of(mark, box))

    def _file(self, files: Sequence[str], id_: str, planned: Mapping[str, str]) -> str:
        """The name that this pick has already, else the first that no other has."""
        holders = [planned.get(file) or self._holder(file) for file in files]
        return files[holders.index(id_) if id_ in holders else holders.index("") if "" in holders else -1]

    def _holder(self, file: str) -> str:
        """Id of the pick that has this name; empty: none; `?`: it is not known."""
        path = self._files.folder / file
        try:
            return str(json.loads(path.with_name(f"{path.name}.json").read_bytes())["id"])
        except FileNotFoundError:
            return "?" if path.exists() else ""
        except (OSError, ValueError, KeyError, TypeError):
            return "?"


def epoch_of(seen: Seen | Shot) -> str:
    """Which stream of its source a frame is of: a connection by its start, a segment by what tells it from others."""
    one = seen.segment
    return f"{one.name}/{one.size}/{one.modified}" if one else seen.started


def _stem(mark: Mark, seen: Seen | Shot, box: Box | None) -> str:
    if seen.segment is None:
        stem = live_name(mark, seen.started)
    else:
        stem = f"{mark.source}-{seen.segment.name.replace('/', '_')}-{mark.index:0{INDEX_DIGITS}d}"
    return object_id(stem, box.index) if box else stem


def _parent(mark: Mark, shot: Shot) -> str:
    """What an object's frame is called: in a segment as predictions tell of it, else as its picture would be."""
    return frame_name(shot.mark, 1, "png") if shot.segment else live_name(mark, shot.started)


def _mark(one: Seen | Shot) -> Mark:
    if isinstance(one, Shot):
        return one.mark
    if one.frame is None:
        raise ValueError("a picture needs a frame")
    return one.frame.mark
