"""After room was made the quota holds, or the newest picture alone is left; and nothing of others is touched."""

from __future__ import annotations

import logging
import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from edge_picks import NOON, VERDICT, live
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config.edge import Quota
from streamsel.edge.keeping import quota as quota_module
from streamsel.edge.keeping.day_folders import DayFolders
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.errors import SinkError

NONE = Quota(free=0)


def quota(**bounds) -> Quota:
    """Also smaller than a config may ask for: pictures of a few hundred bytes are enough."""
    return Quota.model_construct(**{"bytes": None, "days": None, "free": 0, **bounds})


class Disk:
    """A folder with pictures, on a disk of that size."""

    def __init__(self, folder: Path, bounds: Quota = NONE, size: int = 1 << 40) -> None:
        self.folder, self.size, self.looks = folder, size, 0
        self.keeper = QuotaKeeper(folder, bounds, free=self.free)
        self.out = Pictures(folder, quality=90, model="m", told=self.keeper.wrote)

    def free(self) -> int:
        self.looks += 1
        return max(self.size - self.nbytes, 0)

    def write(self, hours: float, source: str = "yard") -> str:
        """A picture, taken so many hours after noon."""
        seen = live(round(hours * 3600 * 90_000), taken=NOON + timedelta(hours=hours))
        return self.out.write(source, seen, VERDICT).file

    @property
    def files(self) -> list[str]:
        """Pictures in the order in which they are removed."""
        paths = list(self.folder.glob("*/*/*.jpg"))
        paths.sort(key=lambda path: (path.parent.name, path.stat().st_mtime_ns, str(path)))
        return [path.relative_to(self.folder).as_posix() for path in paths]

    @property
    def nbytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*/*/*.jpg*"))

    def exact(self) -> bool:
        """Whether what is counted is what is there."""
        return (self.keeper.nbytes, self.keeper.pictures) == (self.nbytes, len(self.files))


STEPS = st.lists(
    st.tuples(st.sampled_from(["yard", "door"]), st.integers(-60, 60), st.booleans(), st.booleans()), max_size=10
)


@settings(max_examples=40, deadline=None)
@given(
    STEPS,
    st.none() | st.integers(0, 6000),
    st.none() | st.sampled_from([0.1, 0.5, 1.0, 2.5]),
    st.sampled_from([0, 1000, 2000, 10_000]),
)
def test_after_room_was_made_all_of_it_holds_and_the_oldest_went(tmp_path_factory, steps, nbytes, days, free):
    disk, alone = Disk(tmp_path_factory.mktemp("out"), quota(bytes=nbytes, days=days, free=free), size=10_000), True
    for source, hours, begun, asked in steps:
        if begun:  # another process
            disk, alone = Disk(disk.folder, disk.keeper._quota, size=10_000), False
        disk.write(hours, source)
        before, removed = disk.files, disk.keeper.removed
        if not asked:
            continue
        now = NOON + timedelta(hours=24)
        count = disk.keeper.make_room(now, needed=free)
        assert disk.files == before[count:]
        assert disk.keeper.removed - removed == count
        assert disk.exact()
        assert nbytes is None or disk.nbytes <= nbytes or len(disk.files) == 1
        held = disk.free() >= free
        assert held or len(disk.files) <= 1 or not alone
        assert bool(disk.keeper.trouble) != held
        taken = [(disk.folder / file).stat().st_mtime for file in disk.files]
        assert days is None or all(one >= (now - timedelta(days=days)).timestamp() for one in taken)
        assert all(any(day.iterdir()) for day in disk.folder.glob("*/*"))
        assert len(list(disk.folder.glob("*/*/*.json"))) == len(disk.files)


def test_it_says_what_it_took_away(tmp_path):
    disk = Disk(tmp_path, quota(days=1.0))
    for hours in (-48, -30, -1):
        disk.write(hours)
    whole = disk.nbytes
    assert disk.keeper.make_room(NOON) == 2
    assert (disk.keeper.removed, disk.keeper.removed_bytes) == (2, whole - disk.nbytes)
    assert [path.name for path in (tmp_path / "yard").iterdir()] == ["2026-11-21"]
    assert disk.keeper.make_room(NOON) == 0
    assert disk.keeper.make_room(NOON + timedelta(days=2)) == 1  # of age also the newest
    assert list((tmp_path / "yard").iterdir()) == []
    assert not disk.keeper.trouble


def test_what_others_put_there_stays(tmp_path):
    disk = Disk(tmp_path, quota(days=1.0, bytes=0))
    ours = disk.write(-72)
    day = (tmp_path / ours).parent
    strange = [
        tmp_path / "a.jpg",
        tmp_path / "a.jpg.json",
        tmp_path / "yard" / "b.jpg",
        tmp_path / "yard" / "b.jpg.json",
        day / "alone.jpg",
        day / "alone.json",
        day / "lonely.jpg.json",
        day / "c.png",
        day / "c.png.json",
        day / "deeper" / "d.jpg",
        day / "deeper" / "d.jpg.json",
        tmp_path / "yard" / "2026-13-01" / "e.jpg",
        tmp_path / "yard" / "2026-13-01" / "e.jpg.json",
        tmp_path / "yard" / "20260101" / "f.jpg",
        tmp_path / "yard" / "20260101" / "f.jpg.json",
        tmp_path / "2026-01-01" / "g.jpg",
        tmp_path / "2026-01-01" / "g.jpg.json",
    ]
    for path in strange:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("others'")
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    shutil.copytree(tmp_path / "yard", elsewhere / "yard")
    (tmp_path / "linked").symlink_to(elsewhere / "yard")
    disk = Disk(tmp_path, quota(days=1.0, bytes=0))
    assert disk.keeper.make_room(NOON) == 1
    assert not (tmp_path / ours).exists()
    assert all(path.read_text() == "others'" for path in strange)
    assert (elsewhere / ours).exists()


def test_what_a_killed_process_left_half_written_goes_at_the_start(tmp_path):
    disk = Disk(tmp_path)
    day = (tmp_path / disk.write(0)).parent
    (day / ".0123456789abcdef.part").write_bytes(b"half")
    (day / ".hidden").write_bytes(b"others'")
    assert Disk(tmp_path).exact()
    assert sorted(path.name for path in day.iterdir() if path.name.startswith(".")) == [".hidden"]


def test_facts_without_their_picture_go_at_the_start_and_their_day_with_them(tmp_path):
    disk = Disk(tmp_path)
    alone, other, whole = (disk.write(hours) for hours in (-72, 0, 1))
    for file in (alone, other):
        (tmp_path / file).unlink()  # killed between the two
    strange = (tmp_path / f"{other}.json").rename(tmp_path / f"{whole}x.jpg.json")  # the facts of another
    disk = Disk(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {whole, f"{whole}.json", strange.relative_to(tmp_path).as_posix()}
    assert list((tmp_path / "yard").iterdir()) == [strange.parent]
    strange.unlink()
    assert disk.exact()


def test_what_others_removed_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(quota_module, "RECOUNT", 0.0)
    disk = Disk(tmp_path, quota(bytes=8000))
    while disk.nbytes < 7000:
        disk.write(len(disk.files) * 5)
    for file in disk.files[2:]:
        (tmp_path / file).unlink()
        (tmp_path / f"{file}.json").unlink()
    left = disk.files
    for hours in (200, 201):
        disk.write(hours)
    assert disk.keeper.nbytes > 8000
    assert disk.keeper.make_room(NOON) == 0
    assert disk.files[:2] == left
    assert disk.exact()
    shutil.rmtree(tmp_path / "yard")
    disk.write(300)
    assert disk.keeper.make_room(NOON) == 0
    assert len(disk.files) == 1


def test_files_that_are_gone_already_are_no_trouble(tmp_path):
    disk = Disk(tmp_path, quota(bytes=1))
    for hours in range(6):
        disk.write(hours)
    disk.keeper.make_room(NOON)
    for hours in range(6, 9):
        disk.write(hours)
        for file in disk.files[:1]:
            with suppress(FileNotFoundError):
                (tmp_path / file).unlink()
        disk.keeper.make_room(NOON)
        assert len(disk.files) == 1
    assert not disk.keeper.trouble


def test_old_pictures_that_come_late_go_first(tmp_path):
    disk = Disk(tmp_path, quota(bytes=3000))
    for hours in (10, 11):
        disk.write(hours)
    while not disk.keeper.make_room(NOON):
        disk.write(12 + len(disk.files) / 10)
    late = disk.write(-5)  # of the same day, of a folder of segments
    later = disk.write(-40)
    assert disk.keeper.make_room(NOON) == 2
    assert late not in disk.files
    assert later not in disk.files


def test_free_space_is_looked_at_now_and_then_or_when_it_is_needed(tmp_path):
    disk = Disk(tmp_path, quota(free=1000), size=5000)
    disk.keeper.make_room(NOON)
    looks = disk.looks
    while disk.nbytes < 4500:
        disk.write(len(disk.files))
        assert disk.keeper.make_room(NOON) == 0
    assert disk.looks == looks
    assert disk.keeper.make_room(NOON, needed=1) > 0
    assert disk.size - disk.nbytes >= 1000
    disk.write(100)
    assert disk.keeper.make_room(NOON, needed=3000) > 0
    assert disk.size - disk.nbytes >= 3000


def test_what_cannot_be_kept_free_is_said_once_and_again_when_it_was_well_between(tmp_path, caplog):
    disk = Disk(tmp_path, quota(free=1000), size=100)
    disk.write(0)
    disk.write(1)
    with caplog.at_level(logging.INFO, logger="streamsel"):
        for _ in range(3):
            disk.keeper.make_room(NOON, needed=1)
        assert len(disk.files) == 1
        assert "less than 1000 bytes free" in disk.keeper.trouble
        assert [record.getMessage() for record in caplog.records] == ["removed", "quota"]
        disk.size = 1 << 20
        disk.keeper.make_room(NOON, needed=1)
        assert disk.keeper.trouble == ""
        disk.size = 100
        disk.keeper.make_room(NOON, needed=1)
        assert [record.getMessage() for record in caplog.records] == ["removed", "quota", "quota"]


def test_for_a_refused_write_pictures_go_only_where_that_can_be_enough(tmp_path):
    disk = Disk(tmp_path, quota(free=10), size=1 << 20)
    for hours in range(6):
        disk.write(hours)
    before = disk.files
    newest = (tmp_path / before[-1]).stat().st_size + (tmp_path / f"{before[-1]}.json").stat().st_size
    spare = disk.nbytes - newest
    disk.size = disk.nbytes + 100  # by somebody else
    assert disk.keeper.make_room(NOON, needed=16_000_000) == 0
    assert disk.keeper.make_room(NOON, needed=100 + spare + 1) == 0
    assert disk.files == before
    assert disk.keeper.trouble == ""
    assert disk.keeper.make_room(NOON, needed=101) == 1
    assert disk.files == before[1:]
    assert disk.keeper.make_room(NOON, needed=100 + spare // 2) == 0, "until one is written"
    disk.write(7)
    spare = disk.nbytes - newest
    disk.size = disk.nbytes + 100
    assert disk.keeper.make_room(NOON, needed=100 + spare + 1) == 0
    assert disk.keeper.make_room(NOON, needed=100 + spare) == 5
    assert len(disk.files) == 1
    assert disk.exact()


def test_what_others_fill_costs_a_tenth_of_the_pictures_and_no_more(tmp_path, caplog):
    disk = Disk(tmp_path, quota(free=1000), size=1 << 20)
    for hours in range(60):
        disk.write(hours / 10)
    disk.keeper.make_room(NOON, needed=1)
    whole, files = disk.nbytes, disk.files
    with caplog.at_level(logging.WARNING, logger="streamsel"):
        for grown in (0, 500, 5_000, 50_000):
            disk.size = whole - grown  # somebody's log
            disk.keeper.make_room(NOON, needed=1)
            disk.keeper._next_look = 0.0
            disk.keeper.make_room(NOON)
    assert 0.88 * whole < disk.nbytes < 0.92 * whole
    assert disk.files == files[-len(disk.files) :]
    assert "others fill" in disk.keeper.trouble
    assert [record.getMessage() for record in caplog.records] == ["quota"]
    count, held = len(disk.files), disk.nbytes
    for hours in range(60, 80):  # the work goes on: as much goes as comes
        disk.write(hours / 10)
        disk.keeper._next_look = 0.0
        disk.keeper.make_room(NOON)
    assert abs(len(disk.files) - count) <= 2
    assert abs(disk.nbytes - held) < 0.05 * held
    disk.size = 1 << 20  # it is taken away
    assert disk.keeper.make_room(NOON, needed=1) == 0
    assert disk.keeper.trouble == ""
    disk.size = disk.nbytes + 1
    assert disk.keeper.make_room(NOON, needed=1) > 0, "pictures give way again"


def test_whoever_takes_all_room_that_is_made_does_not_get_the_pictures(tmp_path):
    disk = Disk(tmp_path, quota(free=1000), size=1 << 20)
    for hours in range(30):
        disk.write(hours / 10)
    disk.keeper.make_room(NOON, needed=1)
    whole = disk.nbytes
    for _ in range(50):  # writing is tried again and again
        disk.size = disk.nbytes
        disk.keeper.make_room(NOON, needed=600)
    assert disk.nbytes > 0.85 * whole
    disk.write(4)
    disk.size = disk.nbytes
    assert disk.keeper.make_room(NOON, needed=600) > 0


def test_where_nothing_must_stay_free_a_refused_write_removes_nothing(tmp_path):
    disk = Disk(tmp_path, quota(free=0))
    for hours in range(6):
        disk.write(hours)
    disk.size = disk.nbytes
    assert disk.keeper.make_room(NOON, needed=1) == 0
    assert len(disk.files) == 6


def test_what_goes_is_logged_at_once_and_then_summed_up(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "streamsel")
    disk = Disk(tmp_path, quota(bytes=1, days=2.0))
    for hours in (-72, -50, -1, 0):
        disk.write(hours)
    disk.keeper.make_room(NOON)
    assert [record.facts["pictures"] for record in caplog.records] == [3]
    for hours in (1, 2, 3):
        disk.write(hours)
        disk.keeper.make_room(NOON)
    assert len(caplog.records) == 1
    clock = time.monotonic() + quota_module.TOLD
    monkeypatch.setattr(quota_module.time, "monotonic", lambda: clock)
    for _ in range(3):
        assert disk.keeper.make_room(NOON) == 0
    assert {record.getMessage() for record in caplog.records} == {"removed"}
    first, second = (record.facts for record in caplog.records)
    assert (first["reason"], second["pictures"], second["reason"]) == ("bytes,days", 3, "bytes")
    assert first["bytes"] + second["bytes"] == disk.keeper.removed_bytes


@pytest.mark.parametrize("bounds", [{"bytes": 1}, {"days": 1.0}, {"free": 9_000}])
def test_where_much_must_go_each_call_takes_some_and_a_day_is_listed_once(tmp_path, monkeypatch, bounds):
    disk = Disk(tmp_path, quota(**bounds), size=10_000)
    for place in range(20):
        disk.write(place / 10, source=("yard", "door")[place % 2])
    monkeypatch.setattr(quota_module, "LONGEST", 0.0)
    listed = []
    count = DayFolders._count
    monkeypatch.setattr(DayFolders, "_count", lambda *given: listed.append(given) or count(*given))
    calls = 0
    while disk.files[1:]:
        if calls == 5:
            disk.write(0.85)  # comes late, among those that are listed
        oldest = disk.files[0]
        assert disk.keeper.make_room(NOON + timedelta(days=3)) == 1
        assert oldest not in disk.files
        assert disk.keeper.trouble == ""
        calls += 1
    assert calls == 20
    assert len(listed) <= 4  # of two sources: at the first call, and with the first count of what others changed
    assert disk.exact()


def test_the_real_disk_is_looked_at(tmp_path):
    keeper = QuotaKeeper(tmp_path, Quota(free=1 << 60))
    assert keeper.make_room(datetime.now(UTC)) == 0
    assert "bytes free" in keeper.trouble
    assert not QuotaKeeper(tmp_path, NONE).trouble


def test_a_picture_that_cannot_be_removed_is_told_and_tried_again(tmp_path):
    disk = Disk(tmp_path, quota(days=1.0))
    file = disk.write(-72)
    (tmp_path / file).unlink()
    (tmp_path / file).mkdir()  # nobody can unlink it, not even root
    os.utime(tmp_path / file, (0, 0))
    assert disk.keeper.make_room(NOON) == 0
    assert file in disk.keeper.trouble
    (tmp_path / file).rmdir()
    assert disk.keeper.make_room(NOON) == 0
    assert disk.keeper.trouble == ""


def test_no_quota_removes_nothing(tmp_path):
    disk = Disk(tmp_path, NONE)
    for hours in (-100_000, 0):
        disk.write(hours)
    assert disk.keeper.make_room(NOON) == 0
    assert disk.exact()
    assert Disk(tmp_path, quota(days=1e300)).keeper.make_room(NOON) == 0


def test_more_than_are_listed_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("streamsel.edge.keeping.day_folders.AT_ONCE", 3)
    disk = Disk(tmp_path, quota(bytes=1))
    for place in range(20):
        disk.write(place / 10, source=("yard", "door")[place % 2])
    newest = disk.files[-1]
    assert disk.keeper.make_room(NOON) == 19
    assert disk.files == [newest]
    assert disk.exact()


def test_a_folder_that_cannot_be_is_told_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot write"):
        QuotaKeeper(tmp_path / "file" / "picks", NONE)
