"""A source that fails midway, is mended, and is gone on with behind another one."""

from __future__ import annotations

import pytest

import streamsel as library
from tests.run.drive import MODES, SPEED, WEATHER, WEIGHTS, config, drive, entry, threshold

pytestmark = pytest.mark.usefixtures("quick_model")

SELECTION = config(entry(SPEED, WEIGHTS), threshold(WEATHER, "NOT_IN", ["fog"]))


@pytest.mark.parametrize("goal", [{**MODES["budget"], "n": 24}, MODES["stream"]], ids=MODES)
def test_sequences_have_the_numbers_of_their_frames(goal, tmp_path):
    """Every fifth sequence of two frames is foggy, and turned away, but counts."""
    folder = drive(tmp_path / "videos")
    told = folder / ".lightly/metadata/day-21-mp4.json"
    kept = told.read_text()
    told.write_text("{")
    options = {**goal, "selection": SELECTION, "sequence_length": 2, "table": False}
    found = library.select(folder, tmp_path / "out", **options)
    assert set(found.summary["failed"]) == {"day.mp4"}
    told.write_text(kept)
    found = library.select(folder, tmp_path / "out", only_new=True, **options)
    assert found.summary["failed"] == {}
    assert found.summary["frames"] == 72
    assert any(pick["index"] > 21 for pick in found.picks if pick["source"] == "day.mp4")
    for pick in found.picks:
        assert pick["sequence"] == pick["index"] // 2
