"""`--only-new`: earlier picks count as picked, what came since is added."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import streamsel as library
from tests.conftest import streamsel


@pytest.mark.parametrize("goal", [("-n", "4"), ("--min-distance", "0.5"), ("--proportion", "0.05")], ids=" ".join)
def test_new_files_are_added_and_old_picks_stay(goal, clip, other_clip, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    line = ["select", folder, *goal, "-o", tmp_path / "out", "-q"]
    streamsel(*line)
    first = library.Selection.load(tmp_path / "out")
    shutil.copy(other_clip, folder / "b.mp4")
    assert streamsel(*line, check=False).returncode == 2
    streamsel(*line, "--only-new")
    second = library.Selection.load(tmp_path / "out")
    assert second.picks[: len(first)] == first.picks
    assert {pick["source"] for pick in second.picks[len(first) :]} == {"b.mp4"}
    vectors = np.load(tmp_path / "out/embeddings.npy")
    assert len(vectors) == len(second)
    for place, pick in enumerate(second.picks[1:], start=1):
        gaps = np.linalg.norm(vectors[:place] - vectors[place], axis=1)
        assert gaps.min() == pytest.approx(pick["distance"], abs=1e-5)


def test_without_anything_new_nothing_changes(clip, tmp_path):
    line = ["select", clip, "-n", "4", "-o", tmp_path / "out", "-q"]
    streamsel(*line)
    before = (tmp_path / "out/manifest.jsonl").read_bytes()
    streamsel(*line, "--only-new")
    assert (tmp_path / "out/manifest.jsonl").read_bytes() == before


def test_scenes_seen_in_the_first_file_are_not_picked_again(clip, other_clip, tmp_path):
    streamsel("select", clip, other_clip, "-n", "7", "-o", tmp_path / "out", "-q")
    picks = library.Selection.load(tmp_path / "out").picks
    shown = {"six.mp4": [0, 1, 2, 0, 3, 4], "other.mp4": [1, 2, 7, 8]}
    scenes = {source: {shown[source][p["index"] // 20] for p in picks if p["source"] == source} for source in shown}
    assert scenes["six.mp4"] == {0, 1, 2, 3, 4}
    assert scenes["other.mp4"] <= {7, 8}
