"""Whatever comes and in whatever order, a clip shows what its source showed, to the bit, or is not there at all."""

from __future__ import annotations

import errno
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from edge_picks import NOON, of_segment
from edge_picks import live as live_pick
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config.edge import EdgeClips
from streamsel.config.edge_source import EdgeSource
from streamsel.decode.segment_packets import SegmentPackets
from streamsel.edge.clips.clip_wish import Ended, Wish
from streamsel.edge.clips.live_clips import LiveClips
from streamsel.edge.clips.ring import LATE, OVERHEAD
from streamsel.edge.clips.segment_clips import SegmentClips, _written
from streamsel.edge.clips.writing import Clips
from streamsel.edge.keeping.shots import Shot
from streamsel.store.entries import Segment
from streamsel.testing.broken_disk import BrokenDisk
from tests.edge.clip_films import KINDS, STEP, Heard, begin_of, film, heard, key_frames, shown, tag_of

RULE = EdgeClips(before=0.5, after=0.5, longest=4)
STARTED = "20261121T115900Z"


@pytest.fixture(scope="module", params=KINDS)
def source(request, tmp_path_factory) -> Path:
    return film(tmp_path_factory.mktemp("film"), request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """Twelve seconds."""
    return film(tmp_path_factory.mktemp("plain"), "reordered", range(25))


class Trial:
    """A camera's packets, given by hand, and its clips; the source's time 0 is NOON."""

    def __init__(self, folder: Path, path: Path, rule: EdgeClips = RULE, waits: float = 0.0) -> None:
        self.folder, self.path = folder, path
        self.clips = LiveClips(folder, rule, waits)
        self.ring = self.clips.ring("gate", STARTED)
        self.film: Heard = heard(path)
        self.zero = min(packet.pts for packet in self.film.packets) * self.film.coded.time_base
        self.ring.begins(self.film.coded)
        self.rest = iter(self.film.packets)
        self.ended: list[Ended] = []

    def shows(self, until: float = 1e9) -> None:
        """What comes up to that time, seconds since its beginning."""
        for packet in self.rest:
            self.ring.put(packet)
            self.step()
            if packet.pts * self.film.coded.time_base - self.zero >= until:
                return

    def pick(self, at: float, id_: str, *, committed: bool = True, taken: datetime | None = None) -> str | None:
        taken = taken or NOON + timedelta(seconds=at)
        stem = f"gate/2026-11-21/{id_}"
        file = self.clips.plan("gate", live_pick(started=STARTED), at + float(self.zero), taken, stem, id_)
        if committed:
            self.clips.committed(id_)
        return file

    def step(self, *, stopping: bool = False) -> None:
        self.ended += self.clips.step(stopping=stopping)

    def end(self) -> None:
        self.ring.end()
        self.step()

    def facts(self, file: str | None) -> dict[str, Any]:
        assert file
        return json.loads((self.folder / f"{file}.json").read_text())


@pytest.mark.parametrize("at", [0.0, 0.9, 1.3, 2.0])
def test_what_a_clip_shows_is_what_the_source_showed(source: Path, tmp_path: Path, at: float) -> None:
    trial = Trial(tmp_path, source)
    trial.shows(at)
    file = trial.pick(at, "a")
    trial.step()
    trial.shows()
    trial.end()
    begin, count = begin_of(tmp_path / file, source), len(shown(tmp_path / file))
    facts = trial.facts(file)
    whole = len(shown(source))
    assert begin == max((place for place in key_frames(source) if place * STEP <= at - 0.5 + 1e-6), default=0)
    assert (begin + count) * STEP >= min(at + 0.5, whole * STEP) - 1e-6
    assert (begin + count - 8) * STEP <= at + 0.5
    assert facts["frames"] == count
    assert facts["starts_early_by"] == pytest.approx(max(0.0, at - 0.5 - begin * STEP), abs=1e-5)
    apart = datetime.fromisoformat(facts["begin"]) - NOON
    assert apart.total_seconds() == pytest.approx(begin * STEP, abs=0.002)
    assert Path(file).suffix == (".mkv" if facts["codec"] in ("mjpeg", "mpeg2video") else ".mp4")
    assert tag_of(tmp_path / file) == {"h264": "avc1", "hevc": "hvc1"}.get(facts["codec"], tag_of(tmp_path / file))
    assert [one.short for one in trial.ended] == [facts["cut_short"] is not None]


def test_picks_that_fall_into_a_clip_extend_it_up_to_the_longest(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    named = []
    for n in range(10):
        trial.shows(0.4 * n + 1)
        named.append(trial.pick(0.4 * n + 1, f"{n}"))
        trial.step()
    trial.shows()
    trial.end()
    first, second = sorted(set(named))
    assert named == [first] * 9 + [second]
    assert trial.facts(first)["picks"] == [f"{n}" for n in range(9)]
    assert trial.facts(first)["cut_short"] == "longest"
    assert trial.facts(second)["cut_short"] is None
    assert 4 <= len(shown(tmp_path / first)) * STEP <= 4 + 0.5 + 8 * STEP
    assert {begin_of(tmp_path / file, plain) for file in (first, second)} <= set(key_frames(plain))


@pytest.mark.parametrize("waits", [0.0, 9.0])
def test_what_waited_for_the_last_frame_of_its_sequence_is_shown_from_its_first(
    plain: Path, tmp_path: Path, waits: float
) -> None:
    trial = Trial(tmp_path, plain, EdgeClips(before=0.5, after=0.5, longest=12), waits)
    trial.shows(10)
    file = trial.pick(1.0, "first", committed=False)
    assert (file is not None) == (waits > 0)
    if file is None:
        return
    assert [trial.pick(1.0 + place / 2, f"{place}", committed=False) for place in range(1, 19)] == [file] * 18
    for id_ in ("first", *map(str, range(1, 19))):
        trial.clips.committed(id_)
    trial.shows()
    trial.end()
    assert begin_of(tmp_path / file, plain) * STEP <= 0.5
    assert trial.facts(file)["time"][1] - float(trial.zero) >= 10.5 - 8 * STEP
    assert len(trial.facts(file)["picks"]) == 19


def test_one_that_is_tried_again_is_named_as_before_and_none_is_written_before_its_commit(
    plain: Path, tmp_path: Path
) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows(3)
    named = [trial.pick(at, id_, committed=False) for at, id_ in ((1.0, "a"), (2.9, "b"))]
    trial.step()
    assert list(tmp_path.rglob("*.*")) == []
    assert [trial.pick(at, id_) for at, id_ in ((1.0, "a"), (2.9, "b"))] == named
    trial.pick(3.0, "c", committed=False)
    trial.shows()
    trial.end()
    assert [one.file for one in trial.ended] == named[:1]
    trial.step(stopping=True)
    assert [one.file for one in trial.ended] == named
    assert [trial.facts(file)["picks"] for file in named] == [["a"], ["b"]]


def test_what_a_pick_that_is_tried_again_cannot_have_any_more_is_not_kept_for_it(plain: Path, tmp_path: Path) -> None:
    rule = EdgeClips.model_construct(before=0.5, after=0.5, longest=4.0, memory=20_000)
    trial = Trial(tmp_path, plain, rule)
    trial.shows(2)
    tried = [trial.pick(at, id_, committed=False) for at, id_ in ((1.7, "a"), (1.9, "b"))]
    assert tried == ["gate/2026-11-21/a.mp4"] * 2
    trial.clips.rings.most_bytes = 1
    trial.shows(2.5)
    trial.clips.rings.most_bytes = 10_000_000
    trial.shows(4)
    assert [trial.pick(at, id_, committed=False) for at, id_ in ((1.7, "a"), (1.9, "b"))] == [None, None]
    assert trial.ring.needed() == float("inf")
    assert trial.pick(3.9, "c", committed=False) == "gate/2026-11-21/c.mp4"
    while trial.ring.first <= trial.ring.needed():
        trial.ring.drop_oldest()
    file = trial.pick(3.9, "c")
    assert file == "gate/2026-11-21/c.mp4"
    trial.shows()
    assert trial.ring.needed() == float("inf")
    trial.end()
    assert [(one.file, one.reason) for one in trial.ended] == [(file, "")]
    assert trial.facts(file)["picks"] == ["c"]


def test_a_pick_without_a_clip_is_told_of_once_when_it_is_committed(tmp_path: Path) -> None:
    clips = Clips(tmp_path, RULE, [EdgeSource(name="gate", url="rtsp://host/1")], None)
    shot = live_pick(started=STARTED)
    picked = [(None, None, SimpleNamespace(id=id_, mark=shot.frame.mark)) for id_ in ("a", "b")]
    for _ in range(3):
        assert clips.plan("gate", Shot(0, NOON, shot.frame.mark, b"", STARTED), NOON, "gate/a", "a") is None
        assert clips.taken() == []
    for _ in range(2):
        clips.committed(picked)
    clips.close()
    assert [(one.source, one.file, bool(one.reason)) for one in clips.taken()] == [("gate", "gate/a", True)]


@settings(max_examples=25)
@given(data=st.data())
def test_memory_stays_within_its_bound(plain: Path, tmp_path_factory, data) -> None:
    most = data.draw(st.integers(8_000, 60_000))
    rule = EdgeClips.model_construct(before=2.0, after=0.5, longest=5.0, memory=most)
    trial = Trial(tmp_path_factory.mktemp("out"), plain, rule)
    other = trial.clips.ring("other", STARTED)
    other.begins(trial.film.coded)
    times = sorted(data.draw(st.lists(st.floats(0, 10), max_size=3)))
    files = []
    largest = max(len(packet.data) for packet in trial.film.packets) + OVERHEAD
    for n, packet in enumerate(trial.film.packets):
        for ring in (trial.ring, other):
            ring.put(packet)
            assert trial.clips.rings.nbytes == sum(
                len(one.data) + OVERHEAD for kept in (trial.ring, other) for one in kept.packets
            )
            assert trial.clips.rings.nbytes <= max(most, largest)
        if n % 10 == 0:
            trial.step()
        while times and n * STEP > times[0] + 0.5:
            files.append((trial.pick(times.pop(0), f"{n}-{len(files)}"), trial.clips.rings.dropped))
    trial.ring.end()
    trial.step()
    written = {one.file for one in trial.ended if not one.reason}
    for file, dropped in files:
        if file in written:
            begin_of(trial.folder / file, plain, whole_end=False)
            facts = trial.facts(file)
            early = datetime.fromisoformat(facts["begin"]) - NOON
            late = facts["cut_short"] and ("memory" in facts["cut_short"] or "begins" in facts["cut_short"])
            assert late or dropped == 0 or early >= timedelta(0)


def test_what_is_not_needed_any_more_is_not_kept(plain: Path, tmp_path: Path) -> None:
    long = heard(plain)
    trial = Trial(tmp_path, plain)
    lasts = max(packet.pts for packet in long.packets) + long.packets[0].duration
    for turn in range(5):
        for packet in long.packets:
            trial.ring.put(type(packet)(packet.data, packet.pts + turn * lasts, packet.duration, packet.key))
            seconds = float((trial.ring.highest - trial.ring.packets[0].pts) * long.coded.time_base)
            assert seconds <= RULE.before + LATE + 1.0
    assert trial.clips.rings.dropped == 0


def test_a_clip_that_the_ring_does_not_reach_says_so(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows()
    assert trial.pick(1.0, "too late") is None
    file = trial.pick(6.4, "late")
    trial.end()
    assert trial.facts(file)["cut_short"] == "what was before was not in memory any more"
    assert begin_of(tmp_path / file, plain) * STEP > 5.9


def test_a_connection_that_ends_closes_its_clip(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows(3)
    file = trial.pick(2.9, "a")
    trial.end()
    assert trial.facts(file)["cut_short"] == "the connection ended"
    begin_of(tmp_path / file, plain, whole_end=False)
    assert trial.pick(3.0, "b") == "gate/2026-11-21/b.mp4"


def test_times_that_jump_end_a_clip(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows(4)
    file = trial.pick(3.9, "a")
    trial.step()
    trial.ring.put(trial.film.packets[0])
    trial.step()
    assert trial.facts(file)["cut_short"] == "the stream's times jumped"
    begin_of(tmp_path / file, plain, whole_end=False)


@pytest.mark.parametrize("later", [0.3, 1.0, 3.0])
def test_a_pick_of_before_a_jump_has_a_clip_of_what_came_before_it(plain: Path, tmp_path: Path, later: float) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows(8)
    trial.rest = iter(trial.film.packets)
    trial.shows(later)
    before, after = trial.pick(7.9, "a"), trial.pick(later, "b")
    trial.shows()
    trial.end()
    assert sorted((one.file, one.reason) for one in trial.ended) == [(before, ""), (after, "")]
    assert 6.9 <= begin_of(tmp_path / before, plain, whole_end=False) * STEP <= 7.4
    assert begin_of(tmp_path / after, plain) * STEP <= later
    assert {trial.facts(file)["cut_short"] for file in (before, after)} == {"the stream's times jumped"} | (
        {None} if later > 0.5 else set()
    )


def test_where_times_came_twice_it_tells_by_when_a_pick_was_taken(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    trial.shows(8)
    first = datetime.now(UTC)
    origin, step = trial.film.packets[0], trial.film.coded.time_base
    trial.rest = iter([replace(one, pts=one.pts + round(5 / step)) for one in trial.film.packets])
    trial.shows(7.6)
    second = datetime.now(UTC)
    assert origin.key
    before, after = trial.pick(7.0, "a", taken=first), trial.pick(7.0, "b", taken=second)
    trial.shows()
    trial.end()
    assert before != after
    assert begin_of(tmp_path / before, plain) * STEP == pytest.approx(6.48, abs=0.5)
    assert begin_of(tmp_path / after, plain) * STEP == pytest.approx(1.48, abs=0.5)


def test_a_film_that_is_shown_over_and_over_does_not_make_a_clip_any_longer(plain: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path, plain)
    short = trial.film.packets[:30]
    trial.rest = iter(short)
    trial.shows()
    file = trial.pick(1.0, "a")
    trial.step()
    for _ in range(10):
        trial.rest = iter(short)
        trial.shows()
    assert [(one.file, one.short) for one in trial.ended] == [(file, True)]
    assert trial.facts(file)["cut_short"] == "the stream's times jumped"
    assert len(shown(tmp_path / file)) <= len(short)


def test_a_disk_that_refuses_leaves_a_whole_clip_or_nothing(plain: Path, tmp_path: Path) -> None:
    outcomes = set()
    for good in range(200):
        trial = Trial(tmp_path / str(good), plain)
        trial.shows(3)
        file = trial.pick(1.0, "a")
        with BrokenDisk(good, errno.ENOSPC).installed() as disk:
            for _ in range(3):
                trial.step()
            trial.shows()
            trial.end()
        left = sorted(path.name for path in (tmp_path / str(good)).rglob("*.*"))
        refused = [one.reason for one in trial.ended]
        assert len(refused) == 1
        outcomes.add(bool(refused[0]))
        if "a.mp4" in left:
            begin_of(tmp_path / str(good) / file, plain)
        assert left in ([], ["a.mp4", "a.mp4.json"])
        assert refused[0] or left
        if disk.calls < good:
            break
    assert outcomes == {True, False}


# -- segments


class Folder:
    """Segments and the clips that are cut out of them."""

    def __init__(self, out: Path, path: Path, rule: EdgeClips = RULE, noted: dict | None = None) -> None:
        self.out, self.path = out, path
        told = path.stat()
        self.segment = Segment(3, path.name, told.st_size, told.st_mtime_ns)
        self.clips = SegmentClips(out, rule, {"yard": path.parent}, noted)
        film = heard(path)
        self.zero = float(min(packet.pts for packet in film.packets) * film.coded.time_base)
        self.suffix = film.coded.suffix

    def pick(self, at: float, id_: str, *, committed: bool = True) -> str | None:
        seen = of_segment(self.path.name)
        seen = type(seen)(seen.place, 3, 0, False, seen.taken, seen.frame, segment=self.segment, suffix=self.suffix)
        taken, stem = NOON + timedelta(seconds=at), f"yard/2026-11-21/{id_}"
        file = self.clips.plan("yard", seen, at + self.zero, taken, stem, id_)
        if committed:
            self.clips.committed("yard", id_)
        return file

    def cut(self, monkeypatch) -> list[Ended]:
        """All that is due."""
        monkeypatch.setattr("streamsel.edge.clips.segment_clips.SETTLED", -1.0)
        found = []
        while ended := self.clips.step(stopping=False):
            found += ended
        return found

    def facts(self, file: str) -> dict[str, Any]:
        return json.loads((self.out / f"{file}.json").read_text())


@pytest.mark.parametrize("at", [0.0, 0.9, 2.3])
def test_a_clip_of_a_segment(source: Path, tmp_path: Path, monkeypatch, at: float) -> None:
    folder = Folder(tmp_path, source)
    file = folder.pick(at, "a")
    assert [one.reason for one in folder.cut(monkeypatch)] == [""]
    begin, count, whole = begin_of(tmp_path / file, source), len(shown(tmp_path / file)), len(shown(source))
    assert begin == max((place for place in key_frames(source) if place * STEP <= at - 0.5 + 1e-6), default=0)
    assert (begin + count) * STEP >= min(at + 0.5, whole * STEP) - 1e-6
    assert (begin + count - 8) * STEP <= at + 0.5
    facts = folder.facts(file)
    assert facts["segment"] == source.name
    assert facts["cut_short"] == {0.0: "the segment begins later", 0.9: None, 2.3: "the segment ends earlier"}[at]


def test_clips_that_are_noted_are_cut_by_the_next_process_to_the_same_bytes(
    plain: Path, tmp_path: Path, monkeypatch
) -> None:
    before = Folder(tmp_path / "before", plain)
    named = [before.pick(at, id_) for at, id_ in ((1.0, "a"), (1.3, "b"), (6.0, "c"))]
    assert named == [named[0], named[0], named[2]]
    noted = json.loads(json.dumps(before.clips.noted()))
    assert len(before.cut(monkeypatch)) == 2
    after = Folder(tmp_path / "after", plain, noted=noted)
    assert len(after.cut(monkeypatch)) == 2
    for file in sorted(path.relative_to(tmp_path / "before") for path in (tmp_path / "before").rglob("*.*")):
        assert (tmp_path / "before" / file).read_bytes() == (tmp_path / "after" / file).read_bytes()
    assert after.pick(6.2, "d") == named[2]
    assert [(one.file, one.fresh) for one in after.cut(monkeypatch)] == [(named[2], False)]
    assert after.facts(named[2])["picks"] == ["c", "d"]
    assert Folder(tmp_path / "third", plain, noted=before.clips.noted()).cut(monkeypatch) == []


def test_a_clip_stays_noted_while_it_is_cut_and_until_it_shows_all_its_picks(
    plain: Path, tmp_path: Path, monkeypatch
) -> None:
    folder = Folder(tmp_path / "out", plain)
    named = folder.pick(1.0, "a")
    noted: list[dict[str, Any]] = []

    def meanwhile(path: Path, wish: Wish, packets: SegmentPackets) -> Ended:
        if not noted:
            assert folder.pick(1.2, "b") == named
            assert folder.pick(6.0, "c") != named
            noted.append(json.loads(json.dumps(folder.clips.noted())))
        return _written(path, wish, packets)

    monkeypatch.setattr("streamsel.edge.clips.segment_clips._written", meanwhile)
    assert [one.reason for one in folder.cut(monkeypatch)] == ["", "", ""]
    assert folder.facts(named)["picks"] == ["a", "b"]
    (late,) = folder.clips.noted()["yard"]
    assert (late["done"], list(late["wish"]["picks"])) == (True, ["c"])
    after = Folder(tmp_path / "after", plain, noted=noted[0])
    assert [one.reason for one in after.cut(monkeypatch)] == ["", ""]
    assert after.facts(named)["picks"] == ["a", "b"]


def test_a_cut_that_a_kill_ends_is_noted_as_not_done(plain: Path, tmp_path: Path, monkeypatch) -> None:
    folder = Folder(tmp_path / "out", plain)
    noted: list[dict[str, Any]] = []

    def meanwhile(path: Path, wish: Wish, packets: SegmentPackets) -> Ended:
        noted.append(json.loads(json.dumps(folder.clips.noted())))
        return _written(path, wish, packets)

    monkeypatch.setattr("streamsel.edge.clips.segment_clips._written", meanwhile)
    for at, id_ in ((1.0, "a"), (6.0, "b")):
        folder.pick(at, id_)
    folder.cut(monkeypatch)
    told = [[(list(one["wish"]["picks"]), one["done"]) for one in now["yard"]] for now in noted]
    assert told == [[(["a"], False), (["b"], False)], [(["b"], False)]]


def test_a_pick_that_comes_as_a_clip_is_chosen_for_cutting_is_listed(plain: Path, tmp_path: Path, monkeypatch) -> None:
    folder = Folder(tmp_path, plain)
    file, chosen = folder.pick(1.0, "a"), folder.clips._next
    picks = threading.Thread(target=folder.pick, args=(1.2, "b"), kwargs={"committed": False})

    def meanwhile() -> Any:
        clip = chosen()
        if not picks.ident:
            picks.start()
            picks.join(0.2)  # what locks it out is what is wanted
        return clip

    monkeypatch.setattr(folder.clips, "_next", meanwhile)
    folder.cut(monkeypatch)
    picks.join()
    folder.clips.committed("yard", "b")
    folder.cut(monkeypatch)
    assert folder.facts(file)["picks"] == ["a", "b"]


def test_a_segment_that_changed_or_went_has_no_clip(plain: Path, tmp_path: Path, monkeypatch) -> None:
    copy = tmp_path / "in" / "film.mp4"
    copy.parent.mkdir()
    copy.write_bytes(plain.read_bytes())
    folder = Folder(tmp_path / "out", copy)
    folder.pick(1.0, "a")
    copy.write_bytes(plain.read_bytes())
    assert "has changed" in folder.cut(monkeypatch)[0].reason
    folder.pick(6.0, "b")
    copy.unlink()
    assert folder.cut(monkeypatch)[0].reason
    assert list((tmp_path / "out").rglob("*.*")) == []


def test_a_pick_that_is_not_committed_is_not_cut(plain: Path, tmp_path: Path, monkeypatch) -> None:
    folder = Folder(tmp_path, plain)
    folder.pick(1.0, "a", committed=False)
    assert folder.cut(monkeypatch) == []
    folder.clips.committed("yard", "a")
    assert len(folder.cut(monkeypatch)) == 1
