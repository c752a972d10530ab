"""Clips count in the quota, and go right before the picture that they are called by."""

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


def clip(folder: Path, stem: str, taken, packets) -> Ended:
    """A clip as it lies beside a picture."""
    wish = Wish.made(f"{stem}.mp4", "gate", ("started", "now"), taken, 0.0, RULE)
    wish.picks["a"] = True
    file = ClipFile(folder / wish.file, packets.coded, packets.packets)
    file.write(packets.packets)
    return file.finish(wish, file.shown())


def test_a_clip_goes_before_its_picture_and_both_before_what_came_later(tmp_path: Path) -> None:
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
        files += [ended.file, file]
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


def test_what_a_kill_left_of_a_clip_goes_at_the_next_start(tmp_path: Path) -> None:
    folder, packets = tmp_path / "picks", heard(film(tmp_path, "plain"))
    ended = clip(folder, "gate/2026-11-21/a", NOON, packets)
    (folder / ended.file).unlink()
    file = ClipFile(folder / "gate/2026-11-21/b.mp4", packets.coded, packets.packets)
    assert len(list(folder.rglob("*.part"))) == 1
    QuotaKeeper(folder, Quota())
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    file.give_up()
