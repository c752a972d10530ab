"""Clips count in the quota, and go right behind the last picture that they show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from edge_picks import NOON, VERDICT
from edge_picks import live as live_pick

from streamsel.config.edge import EdgeClips, Quota
from streamsel.edge.clips.clip_file import ClipFile
from streamsel.edge.clips.clip_wish import Ended, Wish
from streamsel.edge.keeping.day_folders import DayFolders
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from tests.edge.clip_films import film, heard

RULE = EdgeClips()


def clip(folder: Path, stem: str, taken, packets, *later: float) -> Ended:
    """A clip as it lies beside a picture. later: seconds behind that, at which it shows further picks."""
    wish = Wish.made(f"{stem}.mp4", "gate", ("started", "now"), taken, 0.0, RULE)
    for seconds in (0.0, *later):
        wish.add(f"{seconds}", taken + timedelta(seconds=seconds), seconds, RULE.after)
        wish.picks[f"{seconds}"] = True
    wish = Wish.read(wish.noted())
    file = ClipFile(folder / wish.file, packets.coded, packets.packets)
    file.write(packets.packets)
    return file.finish(wish, file.shown())


def test_a_clip_goes_behind_its_picture_and_both_before_what_came_later(tmp_path: Path) -> None:
    folder, packets = tmp_path / "picks", heard(film(tmp_path, "plain"))
    bounds = Quota.model_construct(bytes=None, days=None, free=0)
    keeper = QuotaKeeper(folder, bounds)
    pictures = Pictures(folder, quality=90, model="m", told=keeper.wrote)
    files = []
    for n in range(3):
        taken = NOON + timedelta(hours=n)
        file = pictures.write("gate", live_pick(n, taken=taken), VERDICT).file
        ended = clip(folder, file.removesuffix(".jpg"), taken, packets)
        keeper.put(ended.file, ended.taken, ended.nbytes)
        files += [file, ended.file]
    on_disk = sum(path.stat().st_size for path in folder.rglob("*.*") if path.is_file())
    assert keeper.nbytes == on_disk == DayFolders(folder).nbytes
    assert keeper.pictures == DayFolders(folder).pictures == 6
    days = DayFolders(folder)
    gone = []
    while one := days.oldest():
        gone.append(one.file)
        days.remove(one)
    assert gone == files
    assert list(folder.rglob("*.*")) == []


def test_a_clip_stays_as_long_as_any_picture_that_it_shows(tmp_path: Path) -> None:
    folder, packets = tmp_path / "picks", heard(film(tmp_path, "plain"))
    pictures = Pictures(folder, quality=90, model="m")
    times = [NOON + timedelta(seconds=seconds) for seconds in (0, 20, 40, 60)]
    files = [pictures.write("gate", live_pick(n, taken=taken), VERDICT).file for n, taken in enumerate(times)]
    shown = clip(folder, files[0].removesuffix(".jpg"), NOON, packets, 20, 40)
    days, gone = DayFolders(folder), []
    while one := days.oldest():
        gone.append(one.file)
        days.remove(one)
    assert gone == [*files[:3], shown.file, files[3]]


def test_of_a_picture_and_its_clip_the_picture_is_left(tmp_path: Path) -> None:
    folder, packets = tmp_path / "picks", heard(film(tmp_path, "plain"))
    keeper = QuotaKeeper(folder, Quota.model_construct(bytes=1, days=None, free=0))
    pictures = Pictures(folder, quality=90, model="m", told=keeper.wrote)
    for n in range(2):
        file = pictures.write("gate", live_pick(n, taken=NOON + timedelta(hours=n)), VERDICT).file
        ended = clip(folder, file.removesuffix(".jpg"), NOON + timedelta(hours=n), packets)
        keeper.put(ended.file, ended.taken, ended.nbytes)
    assert keeper.make_room(NOON) == 3
    assert [path.name for path in folder.rglob("*.*") if path.is_file() and path.suffix != ".json"] == [Path(file).name]
    assert keeper.make_room(NOON) == 0


def test_what_a_kill_left_of_a_clip_goes_at_the_next_start(tmp_path: Path) -> None:
    folder, packets = tmp_path / "picks", heard(film(tmp_path, "plain"))
    ended = clip(folder, "gate/2026-11-21/a", NOON, packets)
    (folder / ended.file).unlink()
    file = ClipFile(folder / "gate/2026-11-21/b.mp4", packets.coded, packets.packets)
    assert len(list(folder.rglob("*.part"))) == 1
    QuotaKeeper(folder, Quota())
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    file.give_up()
