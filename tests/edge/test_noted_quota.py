"""A tenth for others and no more: by however many processes, and wherever they are killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from edge_picks import NOON, VERDICT, live

from streamsel.config.edge import Quota
from streamsel.edge.keeping.day_folders import DayFolders
from streamsel.edge.keeping.noted_quota import noted_quota
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.errors import SinkError
from streamsel.store.entries import EntryStore

LEAST = 1000
BOUNDS = Quota.model_construct(bytes=None, days=None, free=LEAST)


class Killed(BaseException):
    pass


class Disk:
    """Sixty pictures, and what is free there, whatever goes: others take it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.free = folder / "picks", 0
        self._state = folder / "state.sqlite"
        out = Pictures(self.folder, quality=90, model="m")
        for hours in range(60):
            out.write("yard", live(hours * 3600 * 90_000, taken=NOON + timedelta(hours=hours)), VERDICT)

    @property
    def nbytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*/*/*.jpg*"))

    @contextmanager
    def process(self) -> Iterator[QuotaKeeper]:
        store = EntryStore(self._state)
        try:
            yield noted_quota(self.folder, BOUNDS, store, free=lambda: self.free)
        finally:
            store.close()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_started_anew_it_gives_no_more(disk: Disk) -> None:
    whole = disk.nbytes
    for _ in range(10):
        with disk.process() as keeper:
            keeper.make_room(NOON)
    assert 0.87 * whole < disk.nbytes < 0.92 * whole
    held = disk.nbytes
    disk.free = LEAST + whole  # others took theirs away
    with disk.process() as keeper:
        keeper.make_room(NOON)
    assert disk.nbytes == held
    disk.free = 0
    for _ in range(3):
        with disk.process() as keeper:
            keeper.make_room(NOON)
    assert 0.87 * held < disk.nbytes < 0.92 * held


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_picture_it_gives_no_more(disk: Disk, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    whole, remove = disk.nbytes, DayFolders.remove

    def killed(*given):
        if when == "after":
            remove(*given)
        raise Killed

    monkeypatch.setattr(DayFolders, "remove", killed)
    for _ in range(30):
        with suppress(Killed), disk.process() as keeper:
            keeper.make_room(NOON)
    assert disk.nbytes > 0.87 * whole


def test_what_cannot_be_noted_is_noted_with_what_goes_next(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, commit, tries = disk.nbytes, EntryStore.commit, []

    def full(*given):
        tries.append(given)
        if len(tries) < 3:
            raise SinkError("the disk is full")
        commit(*given)

    monkeypatch.setattr(EntryStore, "commit", full)
    for _ in range(10):
        with disk.process() as keeper:
            keeper.make_room(NOON)
    assert len(tries) > 3
    assert disk.nbytes > 0.87 * whole


def test_another_folder_has_given_nothing(disk: Disk, tmp_path: Path) -> None:
    with disk.process() as keeper:
        assert keeper.make_room(NOON) > 0
    disk.folder = disk.folder.rename(tmp_path / "others")
    held = disk.nbytes
    with disk.process() as keeper:
        assert keeper.make_room(NOON) > 0
    assert 0.87 * held < disk.nbytes < held
