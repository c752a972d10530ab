"""A folder's source: all of each segment comes once, in an order that a restart does not change."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from streamsel.config.edge_source import EdgeSource
from streamsel.data import Frame, Mark, Source
from streamsel.decode.video import VideoDecoder
from streamsel.edge import Begin, Seen, Segment
from streamsel.edge.feeds import folder_feed, keepable, segment_reading, set_aside
from streamsel.edge.feeds.folder_feed import FolderFeed
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.feeds.watching import Watched
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing
from streamsel.errors import DiskError
from streamsel.testing import videos

LONG_AGO = 1_700_000_000
SIZE = (32, 24)
PLENTY = 1 << 30


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_feed, "TURN", 0.02)


def clip(folder: Path, name: str, *scenes: int, modified: float = LONG_AGO, frames: int = 4, **options: Any) -> Path:
    """A finished segment, 10 frames a second."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}")
    videos.scenes(hidden, scenes or (0,), frames, size=(64, 48), gop=3, rate=Fraction(10), **options)
    os.utime(hidden, (modified, modified))
    return hidden.rename(path)


@dataclass
class Run:
    """A feed that runs, and what it put so far."""

    feed: FolderFeed
    inbox: Inbox
    standing: Standing
    stopping: threading.Event
    seen: list[Seen] = field(default_factory=list)

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{len(self.seen)} seen, {self.standing}"
            self.seen += self.inbox.take(100, 0.02)

    def until_it_waits_for_room(self) -> None:
        """Nothing is taken meanwhile."""
        while not self.inbox.queued:
            time.sleep(0.01)

    def all(self) -> list[Seen]:
        """What comes until it waits for the next segment."""
        self.until(lambda: self.standing.state == "waiting" and self.standing.connects > 0 and not self.inbox.queued)
        return self.seen


@contextmanager
def running(folder: Path, begin: Begin | None = None, most: int = PLENTY, **options: Any) -> Iterator[Run]:
    source = EdgeSource(name="yard", folder=folder, **options)
    inbox, standing, stopping = Inbox(most), Standing("yard"), threading.Event()
    feed = FolderFeed(3, source, inbox, standing, begin=begin or Begin(), size=SIZE, threads=1, stopping=stopping)
    feed.start()
    try:
        yield Run(feed, inbox, standing, stopping)
    finally:
        stopping.set()
        feed.join(60)
    assert not feed.is_alive()


def has_read(run: Run, segments: int) -> bool:
    return run.standing.segments == segments


def everything(folder: Path, begin: Begin | None = None, **options: Any) -> list[Seen]:
    with running(folder, begin, **options) as run:
        return run.all()


def told(seen: Sequence[Seen]) -> list[Mapping[str, object]]:
    """All that must be equal after a restart."""
    return [
        {
            "place": (one.offset, one.part, one.last),
            "taken": one.taken,
            "mark": one.frame and one.frame.mark,
            "crop": None if one.crop is None else one.crop.tobytes(),
            "segment": one.segment,
        }
        for one in seen
    ]


def after(taken: Sequence[Seen]) -> Begin:
    """Where the next feed begins when the loop has committed these."""
    segments = {one.segment.name: one.segment for one in taken if one.segment}
    offset, part = (taken[-1].offset, taken[-1].part + 1) if taken else (0, 0)
    return Begin(offset + 1, 0, segments) if taken and taken[-1].last else Begin(offset, part, segments)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good, cut off, empty and senseless segments in several containers."""
    folder = tmp_path_factory.mktemp("mixed")
    clip(folder, "2026-11-21/14/03.10.mp4", 1, 2, modified=LONG_AGO)
    (folder / "2026-11-21/14/03.20.mp4").write_bytes(b"")
    clip(folder, "2026-11-21/14/03.30.mkv", 3, 4)
    (folder / "2026-11-21/14/03.40.mp4").write_bytes(bytes(range(256)) * 40)
    whole = clip(folder, "2026-11-21/15/00.00.ts", 5, 6)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    part = clip(folder, "2026-11-21/15/00.10.mp4", 7, 8, muxing={"movflags": "faststart"})
    part.write_bytes(part.read_bytes()[: part.stat().st_size * 3 // 4])
    clip(folder, "2026-11-21/15/00.20.mp4", 9)
    for seconds, path in enumerate(sorted(folder.rglob("*.*"))):
        if path.is_file():
            os.utime(path, (LONG_AGO + seconds, LONG_AGO + seconds))
    return folder


def test_all_frames_of_all_segments_come_in_order(tmp_path: Path) -> None:
    clip(tmp_path, "late.mp4", 1, modified=LONG_AGO + 9)
    clip(tmp_path, "b/early.mkv", 2)
    with running(tmp_path) as run:
        seen = run.all()
        places = [(offset, part) for offset in (0, 1) for part in range(4)]
        assert [(one.offset, one.part) for one in seen] == places
        assert [one.last for one in seen] == [False, False, False, True] * 2
        assert [one.frame.mark.index for one in seen if one.frame] == [0, 1, 2, 3] * 2
        assert {one.frame.mark.source for one in seen if one.frame} == {"yard/b/early.mkv", "yard/late.mp4"}
        assert {(one.place, one.started) for one in seen} == {(3, "")}
        assert {one.segment and one.segment.name for one in seen[:4]} == {"b/early.mkv"}
        for one in seen:
            assert one.frame is not None
            assert one.crop is not None
            assert np.array_equal(one.crop, one.frame.picture.rgb(*SIZE))
        standing = run.standing
        assert (standing.segments, standing.frames, standing.connects, standing.dropped) == (2, 8, 1, 0)
        assert standing.trouble == ""
        assert standing.last == seen[-1].taken.timestamp()


@pytest.mark.parametrize("options", [{}, {"fps": "5"}, {"every": 3}, {"keyframes": True}, {"crop": "32:32:8:8"}])
def test_whatever_was_taken_a_new_feed_gives_exactly_the_rest(mixed: Path, options: dict[str, Any]) -> None:
    whole = everything(mixed, **options)
    assert sum(one.last for one in whole) == 7
    for cut in range(len(whole) + 1):
        assert told(everything(mixed, after(whole[:cut]), **options)) == told(whole[cut:]), f"cut at {cut}"


def test_a_segment_that_cannot_be_read_is_told_and_is_over(mixed: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), running(mixed) as run:
        seen = run.all()
        assert [(one.offset, one.part, one.last) for one in seen if one.frame is None] == [(1, 0, True), (3, 0, True)]
        assert run.standing.problems["unreadable segment"] == 2
        assert run.standing.segments == 7
        assert run.standing.trouble == "", "the next one was good"
    assert caplog.messages.count("segment broken off") == 2
    assert "damaged" in caplog.messages, "the one that is cut off"


def test_trouble_stays_until_a_good_segment(tmp_path: Path) -> None:
    (tmp_path / "1.mp4").write_bytes(b"no video")
    os.utime(tmp_path / "1.mp4", (LONG_AGO, LONG_AGO))
    with running(tmp_path) as run:
        run.all()
        time.sleep(0.1)
        assert run.standing.trouble.startswith("1.mp4: yard/1.mp4: cannot be opened")
        clip(tmp_path, "2.mp4")
        run.until(lambda: run.standing.segments == 2)
        assert run.standing.trouble == ""


@pytest.mark.parametrize("name", ["1.mp4", "1.mkv", "1.ts", "1.avi", "1.fragmented.mp4"])
def test_frames_were_taken_before_the_segment_was_finished(tmp_path: Path, name: str) -> None:
    muxing = {"movflags": "frag_keyframe+empty_moov"} if "fragmented" in name else None
    clip(tmp_path, name, 1, 2, 3, muxing=muxing, codec="mpeg4" if name.endswith("avi") else "libx264")
    taken = [one.taken for one in everything(tmp_path, fps="5")]
    begin = datetime.fromtimestamp(LONG_AGO, UTC) - timedelta(seconds=1.2)
    assert taken == sorted(taken)
    for number, when in enumerate(taken):
        assert abs(when - begin - timedelta(seconds=0.2 * number)) < timedelta(seconds=0.15)


def test_masked_parts_are_hidden_and_the_picture_stays_whole(tmp_path: Path) -> None:
    clip(tmp_path, "1.mp4")
    (plain, *_), (hidden, *_) = everything(tmp_path), everything(tmp_path, mask=["64:24:0:0"])
    assert plain.crop is not None
    assert hidden.crop is not None
    assert np.ptp(hidden.crop[:12]) == 0
    assert np.array_equal(plain.crop[15:], hidden.crop[15:])
    assert isinstance(hidden.frame and hidden.frame.picture, Masked)


def test_a_mask_that_hides_all_costs_no_segment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip(tmp_path, "1.mp4")
    with caplog.at_level("INFO"), running(tmp_path, mask=["64:40:0:0", "64:48:0:20"]) as run:
        run.until(lambda: run.standing.trouble.startswith("the mask hides all of its 64 x 48 picture"))
        time.sleep(0.3)
        assert (run.standing.state, run.standing.segments, run.inbox.queued) == ("waiting", 0, 0)
    assert caplog.messages.count("segment refused") == 1
    assert len(everything(tmp_path, mask=["64:40:0:0"])) == 4


def test_hours_are_those_when_a_frame_was_taken(tmp_path: Path) -> None:
    """Ten frames over the end of a minute: the parts count those that are looked at."""
    minute = LONG_AGO - LONG_AGO % 60
    clip(tmp_path, "1.mp4", frames=10, modified=minute + 0.5)
    clip(tmp_path, "2.mp4", frames=10, modified=minute + 30)
    until = datetime.fromtimestamp(minute).astimezone()
    span = f"{until - timedelta(hours=1):%H:%M}-{until:%H:%M}"
    with running(tmp_path, hours=[span]) as run:
        seen = run.all()
        assert [(one.offset, one.part, one.last, one.frame is None) for one in seen] == [
            *((0, part, part == 4, False) for part in range(5)),
            (1, 0, True, True),
        ]
        assert run.standing.trouble == ""
        assert not run.standing.problems
    for cut in range(len(seen)):
        assert told(everything(tmp_path, after(seen[:cut]), hours=[span])) == told(seen[cut:])


def test_a_segment_that_is_removed_half_done_is_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip(tmp_path, "1.mp4")
    seen = everything(tmp_path)
    clip(tmp_path, "2.mp4", modified=LONG_AGO + 1)
    (tmp_path / "1.mp4").unlink()
    with caplog.at_level("INFO"):
        rest = everything(tmp_path, after(seen[:2]))
    assert [(one.offset, one.part, one.last, one.frame is None) for one in rest[:2]] == [
        (0, 2, True, True),
        (1, 0, False, False),
    ]
    assert "segment broken off" in caplog.messages


def test_segments_that_are_removed_before_they_are_read_get_no_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        clip(tmp_path, f"{number}.mp4", modified=LONG_AGO + number)
    with caplog.at_level("INFO"), running(tmp_path, most=1) as run:
        run.until_it_waits_for_room()
        (tmp_path / "1.mp4").unlink()
        seen = run.all()
    names = {(one.offset, one.segment and one.segment.name) for one in seen}
    assert names == {(0, "0.mp4"), (1, "2.mp4")}
    assert "segment gone before it was read" in caplog.messages


def test_a_folder_comes_goes_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also in the midst of a segment, of which then nothing is missing and nothing comes twice."""
    clip(tmp_path, "store/1.mp4", 1, 2)
    clip(tmp_path, "store/2.mp4", 3, 4, modified=LONG_AGO + 1)
    expected = told(everything(tmp_path / "store"))
    store, mounted = tmp_path / "store", tmp_path / "mounted"
    with caplog.at_level("INFO"), running(mounted, most=1) as run:
        run.until(lambda: "No such file" in run.standing.trouble)
        assert run.standing.away
        store.rename(mounted)
        run.until(lambda: len(run.seen) == 2)
        mounted.rename(store)
        run.until(lambda: "No such file" in run.standing.trouble)
        mounted.mkdir()
        run.until(lambda: "empty" in run.standing.trouble or run.standing.connects == 2)
        mounted.rmdir()
        store.rename(mounted)
        run.until(lambda: run.standing.segments == 2)
        assert told(run.all()) == expected
        assert run.standing.trouble == ""
        assert run.standing.losses >= 1
        run.until(lambda: not run.standing.away)
    assert "folder away" in caplog.messages


def test_it_goes_on_half_way_when_the_folder_is_back(tmp_path: Path) -> None:
    clip(tmp_path, "store/1.mp4", 1, 2)
    whole = everything(tmp_path / "store")
    with running(tmp_path / "mounted", after(whole[:3])) as run:
        run.until(lambda: run.standing.trouble != "")
        assert not run.seen
        (tmp_path / "store").rename(tmp_path / "mounted")
        assert told(run.all()) == told(whole[3:])


def test_a_folder_that_goes_away_as_a_segment_is_opened_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted, store = tmp_path / "mounted", tmp_path / "store"
    clip(mounted, "1.mp4")
    whole, opened = everything(mounted), list[str]()

    def vanishing(source: Source, **options: Any) -> VideoDecoder:
        if not opened:
            mounted.rename(store)
        opened.append(source.id)
        return VideoDecoder(source, **options)

    monkeypatch.setattr(segment_reading, "open_decoder", vanishing)
    with running(mounted) as run:
        run.until(lambda: run.standing.losses == 1)
        store.rename(mounted)
        run.until(partial(has_read, run, 1))
        assert told(run.all()) == told(whole)


@pytest.mark.parametrize("good", [0, 1, 5])
def test_a_share_that_fails_within_a_segment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    clip(tmp_path, "1.mp4", 1, 2)
    clip(tmp_path, "2.mp4", 3, modified=LONG_AGO + 1)
    whole = everything(tmp_path)
    failing = iter([True, True, False, True])

    class Failing(VideoDecoder):
        def read(self, after: Mark | None = None) -> Iterator[Frame]:
            fails = next(failing, False)
            for number, frame in enumerate(super().read(after)):
                if fails and number == good:
                    raise DiskError("was lost (Stale file handle): run again")
                yield frame

    monkeypatch.setattr(segment_reading, "open_decoder", Failing)
    with running(tmp_path) as run:
        run.until(partial(has_read, run, 2))
        assert told(run.all()) == told(whole)
        assert run.standing.trouble == ""
        assert not run.standing.problems


def test_a_disk_that_keeps_failing_at_one_segment_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path, "1.mp4")
    clip(tmp_path, "2.mp4", modified=LONG_AGO + 1)

    class Failing(VideoDecoder):
        def read(self, after: Mark | None = None) -> Iterator[Frame]:
            for number, frame in enumerate(super().read(after)):
                if number == 2 and self.source.id == "yard/1.mp4":
                    raise DiskError("was lost (Input/output error): run again")
                yield frame

    monkeypatch.setattr(segment_reading, "open_decoder", Failing)
    monkeypatch.setattr(folder_feed, "pauses", lambda: repeat(0.001))
    with running(tmp_path) as run:
        run.until(partial(has_read, run, 2))
        seen = run.all()
    assert [(one.offset, one.part, one.frame is None) for one in seen] == [
        *((0, part, part == 2) for part in range(3)),
        *((1, part, False) for part in range(4)),
    ]


class Refused(io.FileIO):
    """What opening a file gives where the system refuses it, to root as well."""

    refused: ClassVar[set[str]] = set()

    def __init__(self, file: Any, *arguments: Any, **options: Any) -> None:
        if Path(file).name in self.refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        super().__init__(file, *arguments, **options)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Names of segments that cannot be opened now."""
    monkeypatch.setattr(set_aside, "pauses", lambda shortest, longest: repeat(0.01))
    monkeypatch.setattr(Path, "open", lambda path, mode, buffering: Refused(path, "r"))
    yield Refused.refused
    Refused.refused.clear()


def test_a_segment_that_may_not_be_read_waits_and_holds_up_no_other(
    tmp_path: Path, refused: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    clip(tmp_path, "1.mp4", 1)
    clip(tmp_path, "2.mp4", 2, modified=LONG_AGO + 1)
    clip(tmp_path, "3.mp4", 3, modified=LONG_AGO + 2)
    refused.update({"1.mp4", "2.mp4"})
    with caplog.at_level("INFO"), running(tmp_path) as run:
        run.until(partial(has_read, run, 1))
        run.until(lambda: "2 segments cannot be read now, as 1.mp4 (Permission denied)" in run.standing.trouble)
        time.sleep(0.1)  # some more tries
        assert caplog.messages.count("segment set aside") == 1
        refused.clear()
        run.until(partial(has_read, run, 3))
        run.until(lambda: run.standing.trouble == "")
        seen = run.all()
    assert [one.segment.name for one in seen if one.last and one.segment] == ["3.mp4", "1.mp4", "2.mp4"]
    assert [one.frame is not None for one in seen] == [True] * 12
    assert "unreadable segment" not in run.standing.problems
    assert caplog.messages.count("no segment is set aside any more") == 1


def test_a_segment_of_which_the_disk_gives_nothing_is_read_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: set[str]
) -> None:
    clip(tmp_path, "1.mp4")
    clip(tmp_path, "2.mp4", modified=LONG_AGO + 1)
    well = threading.Event()

    class Failing(VideoDecoder):
        def read(self, after: Mark | None = None) -> Iterator[Frame]:
            if self.source.id == "yard/1.mp4" and not well.is_set():
                raise DiskError("was lost (Input/output error): run again")
            yield from super().read(after)

    monkeypatch.setattr(segment_reading, "open_decoder", Failing)
    monkeypatch.setattr(folder_feed, "pauses", lambda: repeat(0.001))
    with running(tmp_path) as run:
        run.until(partial(has_read, run, 1))
        (given_up, *second) = list(run.seen)
        assert (given_up.offset, given_up.last, given_up.frame, given_up.segment) == (0, True, None, None)
        assert {one.segment.name for one in second if one.segment} == {"2.mp4"}
        begin = after(run.seen)
    with running(tmp_path, begin) as run:
        well.set()
        run.until(partial(has_read, run, 1))
        assert {one.segment.name for one in run.all() if one.segment} == {"1.mp4"}


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str, int], None]:
    """From now on a call of that method raises what nobody foresaw, just before it would do anything: the n-th one."""
    monkeypatch.setattr(folder_feed, "pauses", lambda: repeat(0.001))

    def fault(owner: type, name: str, number: int) -> None:
        real, calls = getattr(owner, name), iter(range(number + 1))

        def failing(*arguments: Any, **options: Any) -> Any:
            if next(calls, None) == number:
                raise RuntimeError("secret")
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, failing)

    return fault


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [
        *((Inbox, "put", number) for number in (0, 3, 7, 8, 16)),
        *((Watched, "scan", number) for number in (0, 1)),
        *((Watched, "take", number) for number in (0, 6)),
        *((Watched, "wrong", number) for number in (0, 1)),
        *((FolderFeed, "_done", number) for number in (0, 6)),
    ],
)
def test_whatever_goes_wrong_the_thread_goes_on_where_it_was(
    mixed: Path,
    caplog: pytest.LogCaptureFixture,
    faults: Callable[[type, str, int], None],
    owner: type,
    name: str,
    number: int,
) -> None:
    whole = everything(mixed)
    assert len(whole) > 20
    faults(owner, name, number)
    with caplog.at_level("INFO"), running(mixed) as run:
        run.until(lambda: sum(one.last for one in run.seen) == 7 and "folder lost" in caplog.messages)
        assert told(run.all()) == told(whole)
        run.until(lambda: "unforeseen" not in run.standing.trouble)
    (lost,) = [record for record in caplog.records if record.getMessage() == "folder lost"]
    assert vars(lost)["facts"]["reason"].startswith("unforeseen RuntimeError at test_folder_feed.py:")


def test_what_goes_wrong_in_a_segment_that_was_begun_before_leaves_nothing_out(
    mixed: Path, faults: Callable[[type, str, int], None]
) -> None:
    whole = everything(mixed)
    faults(Inbox, "put", 1)
    with running(mixed, after(whole[:3])) as run:
        run.until(partial(has_read, run, 7))
        assert told(run.all()) == told(whole[3:])


def test_pictures_that_no_jpeg_holds_are_turned_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are no parts of their segment."""
    monkeypatch.setattr(keepable, "JPEG_LONGEST", 100)
    parts = [videos.scenes(tmp_path / f".{n}.ts", (n,), 3, size=size) for n, size in enumerate(((64, 48), (128, 96)))]
    small, large = (part.read_bytes() for part in parts)
    for number, data in enumerate((small + large + small, large, large + small, small + large)):
        path = tmp_path / f"{number}.ts"
        path.write_bytes(data)
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
    with caplog.at_level("INFO"), running(tmp_path) as run:
        whole = run.all()
        assert run.standing.problems[keepable.TOO_LARGE] == 12
        assert run.standing.problems["unreadable segment"] == 0
    assert [(one.offset, one.part, one.last, one.frame is None) for one in whole] == [
        *((0, part, part == 5, False) for part in range(6)),
        (1, 0, True, True),
        *((offset, part, part == 2, False) for offset in (2, 3) for part in range(3)),
    ]
    assert all(one.frame is None or one.frame.picture.width == 64 for one in whole)
    assert caplog.messages.count("problem") == 1
    for cut in range(len(whole)):
        assert told(everything(tmp_path, after(whole[:cut]))) == told(whole[cut:])


def test_how_long_a_segment_must_not_change_is_the_sources(tmp_path: Path) -> None:
    clip(tmp_path, "1.mp4", modified=time.time())
    with running(tmp_path, quiet=0.2) as run:
        run.until(partial(has_read, run, 1), 5.0)
    with running(tmp_path, quiet=30) as run:
        run.all()
        assert not run.seen


def test_segments_that_come_later_are_read_once(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        for number in range(3):
            clip(tmp_path, f"{number}.mp4", modified=LONG_AGO - number)
            run.until(partial(has_read, run, number + 1))
        seen = run.all()
    assert [(one.offset, one.part) for one in seen] == [(offset, part) for offset in range(3) for part in range(4)]


def test_nothing_is_dropped_when_the_inbox_is_small(mixed: Path) -> None:
    with running(mixed, most=1) as run:
        seen = run.all()
        assert run.standing.dropped == 0
    assert told(seen) == told(everything(mixed))


def test_it_ends_when_it_is_told_to_though_nobody_takes(tmp_path: Path) -> None:
    clip(tmp_path, "1.mp4", frames=100)
    with running(tmp_path, most=1) as run:
        run.until_it_waits_for_room()
        run.stopping.set()
        run.feed.join(60)
        assert not run.feed.is_alive()


def test_it_ends_while_the_folder_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.edge.feeds.folder_feed.TURN", 1000.0)
    monkeypatch.setattr("streamsel.edge.feeds.folder_feed.MOST", 1000.0)
    segments = {"1.mp4": Segment(0, "1.mp4", 1, 1)}
    with running(tmp_path / "nowhere", Begin(0, 1, segments)) as run:
        run.until(lambda: run.standing.trouble != "")
        run.stopping.set()
        run.feed.join(60)
        assert not run.feed.is_alive()
