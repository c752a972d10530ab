"""Whose the output folder is: in use, changed under one's feet, half done, gone on with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess

import pytest

import streamsel as library
from streamsel.errors import SourceError, StateError, UsageError
from streamsel.run.going import Interrupted
from streamsel.testing import nasty
from streamsel.testing.looping import looped
from streamsel.testing.videos import scenes
from tests.conftest import command, inside, outputs

pytestmark = pytest.mark.usefixtures("quick_model")


class Stop:
    """Says stop when it was asked so many times."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self) -> bool:
        self.after -= 1
        return self.after < 0


@pytest.fixture
def folder(clip, tmp_path):
    place = tmp_path / "videos"
    place.mkdir()
    shutil.copy(clip, place / "b.mp4")
    return place


def test_fresh_does_not_touch_a_run_that_is_going_on(folder, tiny, tmp_path):
    looped(scenes(tmp_path / "once.mp4", (0, 1, 2, 3), 60), folder / "long.mp4", times=3)
    line = ["select", folder, "-n", "6", "--model", tiny, "-o", tmp_path / "out"]
    child = subprocess.Popen(command(*line), stderr=subprocess.PIPE, text=True)
    child.stderr.readline()
    child.send_signal(signal.SIGSTOP)
    done = inside(*line, "--fresh", check=False)
    child.send_signal(signal.SIGCONT)
    _, told = child.communicate()
    assert child.returncode == 0, told
    assert done.returncode == 2
    assert "another streamsel is using this output folder" in done.stderr
    assert len(library.Selection.load(tmp_path / "out")) == 6


def test_progress_goes_through_each_stage_and_on_where_it_was(folder, clip, tmp_path):
    shutil.copy(clip, folder / "a.mp4")
    told = []

    def tell(stage, frames, kept, total):
        told.append((stage, frames, total))

    with pytest.raises(Interrupted):
        library.select(folder, tmp_path / "out", n=5, progress=tell, stopping=Stop(8))
    watched = told[-1]
    told.clear()
    library.select(folder, tmp_path / "out", n=5, progress=tell)
    assert told[0][0] == "watching"
    assert watched[1] < told[0][1] < told[0][2] == 240
    for stage in ("watching", "judging", "writing"):
        counts = [one[1:] for one in told if one[0] == stage]
        assert counts == sorted(counts)
        assert counts[-1][0] == counts[-1][1]
    assert ("writing", 0, 5) in told
    assert next(one for one in told if one[0] == "judging")[1] == 0


@pytest.mark.parametrize("goal", [{"n": 3}, {"min_distance": 0.3}], ids=str)
def test_only_new_in_a_folder_from_which_old_files_go(goal, folder, clip, other_clip, tmp_path):
    first = library.select(folder, tmp_path / "out", **goal)
    (folder / "b.mp4").unlink()
    shutil.copy(other_clip, folder / "c.mp4")
    with pytest.raises(StateError, match="belongs to another run"):
        library.select(folder, tmp_path / "out", **goal)
    second = library.select(folder, tmp_path / "out", only_new=True, **goal)
    assert second.picks[: len(first)] == first.picks
    assert {pick["source"] for pick in second.picks[len(first) :]} == {"c.mp4"}
    assert all((tmp_path / "out" / pick["file"]).is_file() for pick in second.picks)
    assert library.select(folder, tmp_path / "out", **goal).complete_already
    (folder / "c.mp4").unlink()
    nasty.text(folder / "d.mp4")
    third = library.select(folder, tmp_path / "out", only_new=True, **goal)
    assert third.picks == second.picks
    assert list(third.summary["failed"]) == ["d.mp4"]


def test_a_file_that_goes_before_its_choice_is_told(folder, other_clip, tmp_path):
    library.select(folder, tmp_path / "out", n=3)
    shutil.copy(other_clip, folder / "c.mp4")
    with pytest.raises(Interrupted):
        library.select(folder, tmp_path / "out", n=3, only_new=True, stopping=Stop(2))
    (folder / "b.mp4").unlink()
    (folder / "c.mp4").rename(tmp_path / "c.mp4")
    shutil.copy(other_clip, folder / "e.mp4")
    with pytest.raises(StateError, match=r"c\.mp4: is gone before the run was done with it; put it back"):
        library.select(folder, tmp_path / "out", n=3, only_new=True)
    (tmp_path / "c.mp4").rename(folder / "c.mp4")
    found = library.select(folder, tmp_path / "out", n=3, only_new=True)
    assert {pick["source"] for pick in found.picks[:3]} == {"b.mp4"}


def test_a_run_that_never_saw_a_frame_gives_way(folder, tmp_path):
    wrong = nasty.text(tmp_path / "wrong.mp4")
    with pytest.raises(SourceError, match="does not lie inside"):
        library.select(folder, tmp_path / "out", n=5, crop="4000:10:0:0")
    with pytest.raises(SourceError, match=r"wrong\.mp4"):
        library.select(wrong, tmp_path / "out", n=4)
    found = library.select(folder, tmp_path / "out", n=5)
    assert len(found) == 5
    assert [source["id"] for source in found.summary["sources"]] == ["b.mp4"]
    with pytest.raises(StateError, match="n: 5 there, 4 here"):
        library.select(wrong, tmp_path / "out", n=4)


@pytest.mark.parametrize("goal", [{"n": 5}, {"min_distance": 0.5}], ids=str)
def test_only_new_with_a_broken_file_keeps_what_there_is(goal, folder, tmp_path):
    library.select(folder, tmp_path / "out", **goal)
    before = (tmp_path / "out/manifest.jsonl").read_bytes()
    nasty.text(folder / "c.mp4")
    for _ in range(2):
        found = library.select(folder, tmp_path / "out", only_new=True, **goal)
        assert (tmp_path / "out/manifest.jsonl").read_bytes() == before
        assert list(found.summary["failed"]) == ["c.mp4"]
        assert found.summary["statistics"]["streamsel"]["samples"] == len(found)
    assert library.select(folder, tmp_path / "out", **goal).picks == found.picks


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_broken_source_before_an_unfinished_one_changes_nothing(stop, folder, tmp_path):
    nasty.text(folder / "a.mp4")
    library.select(folder, tmp_path / "whole", n=6)
    with pytest.raises(Interrupted):
        library.select(folder, tmp_path / "cut", n=6, stopping=Stop(stop))
    library.select(folder, tmp_path / "cut", n=6)
    assert outputs(tmp_path / "cut") == outputs(tmp_path / "whole")


def test_what_comes_while_pictures_are_written_is_chosen_from_afterwards(folder, other_clip, tmp_path):
    blocks = -(-120 // 16)
    with pytest.raises(Interrupted):
        library.select(folder, tmp_path / "out", n=5, stopping=Stop(blocks))
    shutil.copy(other_clip, folder / "c.mp4")
    found = library.select(folder, tmp_path / "out", n=5, only_new=True)
    assert [pick["source"] for pick in found.picks] == ["b.mp4"] * 5 + ["c.mp4"] * 5


def test_another_file_of_the_same_name_is_noticed(folder, other_clip, tmp_path):
    library.select(folder / "b.mp4", tmp_path / "out", n=3)
    shutil.copy(other_clip, folder / "b.mp4")
    with pytest.raises(StateError, match=r"b\.mp4: is not the file it was"):
        library.select(folder / "b.mp4", tmp_path / "out", n=3)


def test_a_mistake_neither_claims_nor_clears_the_folder(folder, tmp_path):
    with pytest.raises(UsageError, match="only about 120 frames"):
        library.select(folder, tmp_path / "new", n=10_000)
    assert not (tmp_path / "new").exists()
    library.select(folder, tmp_path / "out", n=3)
    before = outputs(tmp_path / "out")
    with pytest.raises(UsageError):
        library.select(folder, tmp_path / "out", n=10_000, fresh=True)
    assert outputs(tmp_path / "out") == before


def test_problems_of_all_sittings_add_up(tmp_path):
    clip = nasty.damaged(tmp_path / "damaged.mp4")
    library.select(clip, tmp_path / "whole", n=3)
    try:
        library.select(clip, tmp_path / "cut", n=3, stopping=Stop(1))
    except Interrupted:
        library.select(clip, tmp_path / "cut", n=3)
    told = [json.loads((tmp_path / name / "summary.json").read_text())["sources"] for name in ("whole", "cut")]
    assert set(told[0][0]["problems"]) == set(told[1][0]["problems"])


def test_a_share_is_counted_without_rounding_noise():
    config = library.SelectConfig.of(sources="x", proportion=0.07)
    assert config.picks_among(100) == 7
    assert library.SelectConfig.of(sources="x", proportion=0.55).picks_among(100) == 55


def test_as_many_as_asked_for_even_where_nothing_moves(tmp_path):
    still = scenes(tmp_path / "still.mp4", (0,), 60)
    for effort in ("fast", "normal", "exact"):
        assert len(library.select(still, tmp_path / effort, n=20, effort=effort, table=False)) == 20
