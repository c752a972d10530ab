"""A watched folder: each finished segment once, the oldest first, and nothing else."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.edge import Begin, Segment
from streamsel.edge.feeds import watching
from streamsel.edge.feeds.watching import Watched
from streamsel.store.entries import Committed, EntryStore

LONG_AGO = 1_700_000_000


def segment(folder: Path, name: str, *, modified: float | None = LONG_AGO, content: bytes = b"video") -> Path:
    """A file of that name; modified: seconds since 1970, None: now."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if modified is not None:
        os.utime(path, (modified, modified))
    return path


def names(watched: Watched) -> list[str]:
    return [one.name for one in watched.scan()]


def taken(watched: Watched) -> list[Segment]:
    """All that is found, begun."""
    return [one for found in watched.scan() if (one := watched.take(found))]


def after(segments: list[Segment], part: int = 0) -> Begin:
    """As the next process begins, where all of these were begun; part: where in the last one, 0: behind it."""
    number = max((one.number for one in segments), default=-1)
    return Begin(number + (part == 0), part, {one.name: one for one in segments})


def test_segments_come_in_order_of_time_then_name(tmp_path: Path) -> None:
    for name, age in (("b/2.mp4", 30), ("a/9.mkv", 20), ("c.ts", 30), ("b/1.mp4", 30), ("z/y/x.webm", 40)):
        segment(tmp_path, name, modified=LONG_AGO - age)
    watched = Watched(tmp_path, Begin())
    assert [(one.number, one.name) for one in taken(watched)] == [
        (0, "z/y/x.webm"),
        (1, "b/1.mp4"),
        (2, "b/2.mp4"),
        (3, "c.ts"),
        (4, "a/9.mkv"),
    ]
    assert names(watched) == []


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.mp4",
        ".folder/1.mp4",
        "1.mp4.part",
        "1.part.mp4",
        "1.tmp",
        "1.TMP.mp4",
        "notes.txt",
        "1.jpg",
        "mp4",
        ".mp4",
    ],
)
def test_what_is_no_finished_video_by_its_name_is_left_out(tmp_path: Path, name: str) -> None:
    segment(tmp_path, name)
    assert names(Watched(tmp_path, Begin())) == []


@pytest.mark.parametrize("name", ["1.MP4", "two words.mp4", "zwölf.mkv", "line\nbreak.ts", "a/b.mp4", "part.mp4"])
def test_other_names_are_found_as_they_are(tmp_path: Path, name: str) -> None:
    segment(tmp_path, name)
    assert names(Watched(tmp_path, Begin())) == [name]


def test_a_name_that_is_no_text_is_left_out_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    segment(tmp_path, "1.mp4")
    segment(tmp_path, os.fsdecode(b"\xff.mp4"))
    watched = Watched(tmp_path, Begin())
    with caplog.at_level("INFO"):
        assert names(watched) == names(watched) == ["1.mp4"]
    assert caplog.messages == ["segment left out"]


def test_links_are_left_out(tmp_path: Path) -> None:
    outside = segment(tmp_path, "outside/secret.mp4")
    inside = segment(tmp_path, "watched/1.mp4")
    (tmp_path / "watched/link.mp4").symlink_to(outside)
    (tmp_path / "watched/latest.mp4").symlink_to(inside)
    (tmp_path / "watched/folder").symlink_to(outside.parent)
    (tmp_path / "watched/loop").symlink_to(inside.parent)
    assert names(Watched(tmp_path / "watched", Begin())) == ["1.mp4"]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    segment(tmp_path, "real/1.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(Watched(tmp_path / "link", Begin())) == ["1.mp4"]


def test_a_segment_that_grows_is_waited_for(tmp_path: Path) -> None:
    watched = Watched(tmp_path, Begin(), quiet=0.2)
    path = segment(tmp_path, "1.mp4", modified=None)
    assert names(watched) == []
    with path.open("ab") as file:
        file.write(b"more")
    assert names(watched) == []
    time.sleep(0.25)
    assert names(watched) == ["1.mp4"]


def test_an_older_one_that_is_moved_here_counts_at_once(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    watched = Watched(tmp_path / "watched", Begin())
    assert names(watched) == []
    segment(tmp_path, "1.mp4").rename(tmp_path / "watched/1.mp4")
    assert names(watched) == ["1.mp4"]


def test_an_empty_one_is_waited_for_much_longer(tmp_path: Path) -> None:
    segment(tmp_path, "new.mp4", modified=None, content=b"")
    segment(tmp_path, "old.mp4", content=b"")
    watched = Watched(tmp_path, Begin(), quiet=0)
    assert names(watched) == names(watched) == ["old.mp4"]


def test_a_clock_that_runs_ahead_holds_nothing_up(tmp_path: Path) -> None:
    segment(tmp_path, "1.mp4", modified=time.time() + 1e6)
    watched = Watched(tmp_path, Begin(), quiet=0.1)
    assert names(watched) == []
    time.sleep(0.15)
    assert names(watched) == ["1.mp4"]


def test_by_default_a_recorder_may_pause_for_some_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watched = Watched(tmp_path, Begin())
    segment(tmp_path, "1.mp4", modified=None)
    assert names(watched) == []
    now += 9
    assert names(watched) == []
    now += 1
    assert names(watched) == ["1.mp4"]


def test_who_waits_longer_than_a_minute_is_not_hurried_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    segment(tmp_path, "1.mp4", modified=time.time() - 100)
    assert names(Watched(tmp_path, Begin(), quiet=120)) == []
    assert names(Watched(tmp_path, Begin(), quiet=90)) == ["1.mp4"]


@pytest.mark.parametrize("year", [2300, 2400])
def test_a_time_that_cannot_be_stored_is_told_as_far_as_it_can(tmp_path: Path, year: int) -> None:
    path = segment(tmp_path, "1.mp4")
    nanoseconds = (year - 1970) * 365 * 86_400 * 10**9
    os.utime(path, ns=(nanoseconds, nanoseconds))
    watched = Watched(tmp_path, Begin(), quiet=0)
    (one,) = taken(watched)
    assert watched.wrong(one) == ""
    with closing(EntryStore(tmp_path / "state.sqlite")) as store:
        store.commit(Committed(segments={"yard": [one]}))
        assert store.segments("yard") == {"1.mp4": one}
    assert names(watched) == names(Watched(tmp_path, after([one]))) == []
    path.write_bytes(b"other")
    assert watched.wrong(one) == "was changed"


@pytest.mark.parametrize(("modified", "content"), [(LONG_AGO, b"longer than before"), (LONG_AGO + 1, b"video")])
def test_one_that_was_written_again_is_a_new_segment(tmp_path: Path, modified: int, content: bytes) -> None:
    segment(tmp_path, "1.mp4")
    watched = Watched(tmp_path, Begin())
    (first,) = taken(watched)
    segment(tmp_path, "1.mp4", modified=modified, content=content)
    assert watched.wrong(first) == "was changed"
    assert [(one.number, one.name) for one in taken(watched)] == [(1, "1.mp4")]


def test_one_that_is_gone_or_changed_before_it_is_begun_gets_no_number(tmp_path: Path) -> None:
    for number in range(3):
        segment(tmp_path, f"{number}.mp4", modified=LONG_AGO + number)
    watched = Watched(tmp_path, Begin())
    gone, changed, left = watched.scan()
    (tmp_path / "0.mp4").unlink()
    segment(tmp_path, "1.mp4", modified=LONG_AGO + 5)
    assert watched.take(gone) is None
    assert watched.take(changed) is None
    assert watched.take(left) == Segment(0, "2.mp4", 5, (LONG_AGO + 2) * 10**9)
    assert [(one.number, one.name) for one in taken(watched)] == [(1, "1.mp4")]


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=5))
def test_numbers_go_up_by_one_over_restarts(tmp_path_factory: pytest.TempPathFactory, rounds: list[list[int]]) -> None:
    """Some segments are written, or written again, then the next process begins."""
    folder = tmp_path_factory.mktemp("watched")
    known: dict[str, Segment] = {}
    clock = count = 0
    for written in rounds:
        for name in written:
            clock += 1
            segment(folder, f"{name}.mp4", modified=LONG_AGO + clock)
        begun = taken(Watched(folder, after(list(known.values()))))
        assert [one.number for one in begun] == list(range(count, count + len(set(written))))
        assert {one.name for one in begun} == {f"{name}.mp4" for name in written}
        known |= {one.name: one for one in begun}
        count += len(begun)


def test_what_was_begun_and_not_done_comes_first(tmp_path: Path) -> None:
    for number in range(4):
        segment(tmp_path, f"{number}.mp4", modified=LONG_AGO - number)
    begun = taken(Watched(tmp_path, Begin()))
    segment(tmp_path, "new.mp4")
    watched = Watched(tmp_path, after(begun, part=7))
    assert watched.begun == begun[-1:]
    assert watched.wrong(begun[-1]) == ""
    assert [(one.number, one.name) for one in taken(watched)] == [(4, "new.mp4")]


def test_a_folder_that_is_away_is_no_fault_of_its_segments(tmp_path: Path) -> None:
    segment(tmp_path, "watched/1.mp4")
    watched = Watched(tmp_path / "watched", Begin())
    (found,) = watched.scan()
    begun = watched.take(found)
    assert begun is not None
    (tmp_path / "watched").rename(tmp_path / "elsewhere")
    for mount_point in (False, True):
        if mount_point:
            (tmp_path / "watched").mkdir()
        else:
            with pytest.raises(OSError, match="No such file"):
                watched.scan()
        with pytest.raises(OSError, match=r"No such file|empty"):
            watched.wrong(begun)
        with pytest.raises(OSError, match=r"No such file|empty"):
            watched.take(found)
    segment(tmp_path, "watched/2.mp4")
    assert watched.wrong(begun) == "was removed before all of it was read"


def test_an_hour_later_it_forgets_what_is_gone_from_a_folder_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "CENSUS", 0.0)
    for number in range(3):
        segment(tmp_path, f"watched/{number}.mp4", modified=LONG_AGO + number)
    watched = Watched(tmp_path / "watched", Begin())
    gone, _, _ = taken(watched)
    (tmp_path / "watched").rename(tmp_path / "elsewhere")
    (tmp_path / "watched").mkdir()
    assert names(watched) == names(watched) == names(watched) == []
    assert not watched.forgotten, "an empty folder is where something was mounted"
    (tmp_path / "watched").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "watched")
    (tmp_path / "watched/0.mp4").unlink()
    assert names(watched) == []
    assert not watched.forgotten, "it is missed for the first time"
    assert names(watched) == names(watched) == []
    assert list(watched.forgotten) == [gone]
