"""`--only-new` with objects of frames: those of earlier picks are kept, and compared with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import streamsel as library
from streamsel.rules.kept_objects import KeptObjects
from streamsel.run.going import Interrupted
from streamsel.testing.videos import scenes
from tests.conftest import outputs
from tests.run.drive import DIVERSITY, EMBEDDINGS, config, entry

pytestmark = pytest.mark.usefixtures("quick_model")

TILES = {"type": "TILING", "name": "parts", "num_rows": 2, "num_cols": 2}
SELECTION = config(entry({**EMBEDDINGS, "task": "parts"}, DIVERSITY), auto_tasks=[TILES])


@pytest.fixture
def folder(tmp_path):
    """Four scenes of one picture each."""
    (tmp_path / "in").mkdir()
    scenes(tmp_path / "in/a.mp4", (0, 1, 2, 3), 1)
    return tmp_path / "in"


def selected(folder, out, **options):
    return library.select(folder, out, selection=SELECTION, n=2, effort="exact", table=False, **options)


def test_what_looks_like_earlier_picks_is_not_picked_again(folder, tmp_path):
    first = selected(folder, tmp_path / "out")
    shutil.copy(folder / "a.mp4", folder / "b.mp4")
    both = selected(folder, tmp_path / "out", only_new=True)
    assert both.picks[:2] == first.picks
    assert {pick["source"] for pick in both.picks[2:]} == {"b.mp4"}
    assert sorted(pick["index"] for pick in both.picks) == [0, 1, 2, 3]


def test_stops_change_nothing(folder, tmp_path):
    selected(folder, tmp_path / "whole")
    selected(folder, tmp_path / "cut")
    shutil.copy(folder / "a.mp4", folder / "b.mp4")
    selected(folder, tmp_path / "whole", only_new=True)
    stops = 0
    while True:
        try:
            selected(folder, tmp_path / "cut", only_new=True, stopping=lambda: True)
            break
        except Interrupted:
            stops += 1
    assert stops
    assert outputs(tmp_path / "cut") == outputs(tmp_path / "whole")


def test_a_stream_goes_on_with_them_too(folder, tmp_path):
    options = {"selection": SELECTION, "target_ratio": 0.5, "table": False}
    first = library.select(folder, tmp_path / "out", **options)
    scenes(folder / "b.mp4", (4, 5), 6)
    both = library.select(folder, tmp_path / "out", only_new=True, **options)
    assert both.picks[: len(first)] == first.picks
    assert len(both) > len(first)


def test_they_come_back_as_they_were():
    kept, again = KeptObjects(["a", "b"], 3), KeptObjects(["a", "b"], 3)
    again.restore(kept.state())
    assert again.picks == []
    random = np.random.default_rng(1)
    picks = [{task: random.random((size, 3), np.float32) for task in "ab"} for size in (2, 0, 1)]
    kept.add(picks[:1])
    kept.add(picks[1:])
    again.restore(kept.state())
    for one, other in zip(again.picks, picks, strict=True):
        for task in "ab":
            np.testing.assert_array_equal(one[task], other[task])
