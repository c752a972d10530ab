"""`--only-new`: earlier picks count as picked, what came since is added."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import streamsel as library
from tests.conftest import inside

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.mark.parametrize("goal", [("-n", "4"), ("--min-distance", "0.3"), ("--proportion", "0.05")], ids=" ".join)
def test_new_files_are_added_and_old_picks_stay(goal, clip, other_clip, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    line = ["select", folder, *goal, "-o", tmp_path / "out", "-q"]
    inside(*line)
    first = library.Selection.load(tmp_path / "out")
    shutil.copy(other_clip, folder / "b.mp4")
    assert inside(*line, check=False).returncode == 2
    inside(*line, "--only-new")
    second = library.Selection.load(tmp_path / "out")
    assert second.picks[: len(first)] == first.picks
    assert {pick["source"] for pick in second.picks[len(first) :]} == {"b.mp4"}
    vectors = np.load(tmp_path / "out/embeddings.npy")
    assert len(vectors) == len(second)
    for place, pick in enumerate(second.picks[1:], start=1):
        gaps = np.linalg.norm(vectors[:place] - vectors[place], axis=1)
        assert gaps.min() == pytest.approx(pick["distance"], abs=1e-5)


@pytest.mark.parametrize("goal", [{"n": 4}, {"min_distance": 0.3}], ids=str)
def test_the_table_compares_sets_of_one_size(goal, clip, other_clip, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    first = library.select(folder, tmp_path / "out", **goal)
    assert first.summary["watched"] == first.summary["frames"] == 120
    shutil.copy(other_clip, folder / "b.mp4")
    found = library.select(folder, tmp_path / "out", only_new=True, **goal)
    assert found.summary["watched"] == 80
    table = found.summary["statistics"]
    assert len(found) > len(first)
    assert {table[name]["samples"] for name in ("every n-th", "random", "streamsel")} == {len(found)}
    assert table["original"]["samples"] == (80 if "n" in goal else 200)
    told = f"in the table every set begins with the {len(first)} picks of before --only-new"
    assert [note for note in found.summary["notes"] if told in note] == found.summary["notes"] != []
    text = inside("inspect", tmp_path / "out").stdout
    assert f"kept {len(found)} of 200 frames; looked at 80 of them in " in text
    (folder / "c.mp4").write_text("no video")
    again = library.select(folder, tmp_path / "out", only_new=True, **goal)
    assert again.summary["notes"] == found.summary["notes"]


def test_without_anything_new_nothing_changes(clip, tmp_path):
    line = ["select", clip, "-n", "4", "-o", tmp_path / "out", "-q"]
    inside(*line)
    before = (tmp_path / "out/manifest.jsonl").read_bytes()
    inside(*line, "--only-new")
    assert (tmp_path / "out/manifest.jsonl").read_bytes() == before


def test_what_was_seen_in_the_first_file_is_not_picked_again(clip, tmp_path):
    shutil.copy(clip, tmp_path / "again.mp4")
    inside("select", clip, tmp_path / "again.mp4", "-n", "20", "--effort", "exact", "-o", tmp_path / "out", "-q")
    assert {pick["source"] for pick in library.Selection.load(tmp_path / "out").picks} == {"six.mp4"}
