"""Segments of several cameras: each pick is told by its camera and its frame, whatever the segments are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from types import SimpleNamespace
from typing import Any

import numpy as np

from streamsel.config import read_selection
from streamsel.data import Decision
from streamsel.ingest.emitting import FolderOutput, TopicOutput
from streamsel.ingest.pictures import Opened, Pictures, Poison
from streamsel.ingest.work import Done, decided
from streamsel.lanes.lane import Lane, Verdict
from streamsel.lanes.making import Lanes, called
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References
from tests.lanes.made_lanes import DIM, Flat

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PICKED = Verdict(Decision(True, "new", 0.5), 0)
VECTOR = np.full(DIM, DIM**-0.5, np.float32)
PASSING = {
    "input": {"type": "METADATA", "key": "speed"},
    "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 1},
}


def segment(camera: str, file: str, offset: int = 0, **said: Any) -> Message:
    """A record as recorders send it: a number that counts the camera's segments, and a name that all cameras use."""
    event = Event(id="1", source=camera, type="segment", subject="0001.mp4", dataref=file, **said)
    return Message(0, offset, camera.encode(), None, (*event.headers(), ("metadata", b'{"speed": 5}')), 0)


def frames(folder: Path, *messages: Message) -> list[Opened]:
    references = References(folder, largest=1000, patience=0)
    with Pictures(Incoming("clips"), Flat.size, references=references) as pictures:
        found = list(pictures.opened(messages))
    assert not any(isinstance(one, Poison) for one in found)
    return [one for one in found if isinstance(one, Opened)]


def test_picks_of_two_cameras_have_ids_of_their_own(tmp_path: Path, clip: Path, other_clip: Path) -> None:
    copyfile(clip, tmp_path / "one.mp4")
    copyfile(other_clip, tmp_path / "two.mp4")
    output = TopicOutput("picks", origin="clips", model="m")
    ids = set()
    for camera, file in (("cam1", "one.mp4"), ("cam2", "two.mp4")):
        for one in (own := frames(tmp_path, segment(camera, file))):
            ((_, record),) = output.pick(one, PICKED, VECTOR)
            event = Event.from_headers(record.headers)
            assert event is not None
            assert event.source == camera
            assert event.subject == f"0001-{one.part}-mp4.png" == called(one.frame.mark)  # as predictions call it
            ids.add(event.id)
        assert len(own) > 20
    assert len(ids) == 120 + 80


def test_a_segment_that_is_sent_again_gives_the_same_ids(tmp_path: Path, clip: Path) -> None:
    copyfile(clip, tmp_path / "one.mp4")
    output = TopicOutput("picks", origin="clips", model="m")
    ids = []
    for offset, time in enumerate((NOON, NOON + timedelta(days=1))):
        found = frames(tmp_path, segment("cam1", "one.mp4", offset, time=time))
        ids.append([dict(output.pick(one, PICKED, VECTOR)[0][1].headers)["ce_id"] for one in found])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 120


def test_a_folder_tells_the_same(tmp_path: Path, clip: Path) -> None:
    copyfile(clip, tmp_path / "one.mp4")
    output = FolderOutput(tmp_path / "picks", origin="clips", model="m")
    one = frames(tmp_path, segment("cam1", "one.mp4"))[13]
    output.pick(one, PICKED, VECTOR)
    output.flush()
    (told,) = (tmp_path / "picks").rglob("*.json")
    assert '"name": "0001-13-mp4.png"' in told.read_text()
    assert '"source": "cam1"' in told.read_text()


def picked(folder: Path, lane: Lane, times: Sequence[datetime]) -> list[tuple[int, int]]:
    """Offset and part of each frame that is picked of the same segment, recorded at each of these times."""
    found: list[tuple[int, int]] = []

    def pick(one: Opened, *_: object) -> list[object]:
        found.append((one.message.offset, one.part))
        return []

    made = frames(folder, *(segment("cam1", "a.mp4", offset, time=time) for offset, time in enumerate(times)))
    parts: Any = SimpleNamespace(output=SimpleNamespace(pick=pick))
    decided(parts, lane, made, [VECTOR] * len(made), Done())
    return found


def test_a_gap_is_one_of_time_on_the_wall(tmp_path: Path, clip: Path) -> None:
    """Frames of the next segment of a camera are near those of the last in their own counting, and years away."""
    copyfile(clip, tmp_path / "a.mp4")
    limits = [{"type": "MIN_GAP", "seconds": 2}]
    lane = Lanes(read_selection({"strategies": [PASSING], "constraints": limits}), Flat()).lane(0)
    later = [NOON, NOON + timedelta(seconds=5), NOON + timedelta(days=1)]
    assert picked(tmp_path, lane, later) == [(0, 0), (0, 50), (0, 100), (1, 25), (1, 75), (2, 0), (2, 50), (2, 100)]


def test_a_day_is_one_of_the_clock_on_the_wall(tmp_path: Path, clip: Path) -> None:
    copyfile(clip, tmp_path / "a.mp4")
    limits = [{"type": "AT_MOST", "count": 30, "per": {"type": "DAY"}}]
    lane = Lanes(read_selection({"strategies": [PASSING], "constraints": limits}), Flat()).lane(0)
    late = NOON.replace(hour=23, minute=59, second=58)
    two_days = [*range(30), *range(50, 80)]
    expected = [(0, part) for part in two_days] + [(2, part) for part in two_days]
    assert picked(tmp_path, lane, [late, late, late + timedelta(days=7)]) == expected


def test_another_file_than_the_digest_tells_of_gives_no_frame(tmp_path: Path, clip: Path) -> None:
    copyfile(clip, tmp_path / "a.mp4")
    right = hashlib.sha256(clip.read_bytes()).hexdigest()
    assert len(frames(tmp_path, segment("cam1", "a.mp4", sha256=right.upper()))) == 120
    references = References(tmp_path, largest=1000, patience=0)
    with Pictures(Incoming("clips"), Flat.size, references=references) as pictures:
        (poison,) = pictures.opened([segment("cam1", "a.mp4", sha256="0" * 64)])
    assert isinstance(poison, Poison)
    assert poison.reason == "its bytes are not those that sha256 tells of"
