"""A live source has one clock over all its connections, by which picks keep their gap."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest

import streamsel as library
from streamsel.data import Frame, Mark
from streamsel.rules.frame_rows import FrameRows
from streamsel.run.clock import clocked
from streamsel.selection.columns import Batch
from streamsel.selection.stream.constraints import MinimumGap
from streamsel.testing.servers import camera
from streamsel.testing.videos import scenes
from tests.run.drive import LUMINANCE, config, threshold


class NoPicture:
    width = height = 1


def connection(first: int, at: float, pts: range) -> list[Frame]:
    marks = [Mark("camera", first + place, one, Fraction(1, 1000)) for place, one in enumerate(pts)]
    return list(clocked(iter([Frame(mark, NoPicture()) for mark in marks]), now=lambda: at))


def test_times_go_on_where_the_stream_begins_anew():
    """Ten seconds each: from 5000 ms, from 0, and from where another stream of the camera stands."""
    frames = [
        *connection(0, 100.0, range(5000, 15000, 500)),
        *connection(20, 112.0, range(0, 10000, 500)),
        *connection(40, 125.0, range(800000, 810000, 500)),
    ]
    rows = FrameRows([f"{n}" for n in range(60)], [one.mark for one in frames], [one.signals for one in frames])
    times = rows.place("TIME").values
    assert times.tolist() == [begun + 0.5 * step for begun in (100, 112, 125) for step in range(20)]
    gap, batch = MinimumGap(3.0), Batch({"TIME": rows.place("TIME"), "SOURCE": rows.place("SOURCE")}, 60)
    kept = []
    for row in range(60):
        if gap.allows(batch, row):
            gap.add(batch, row)
            kept.append(times[row])
    assert kept == [100, 103, 106, 109, 112, 115, 118, 121, 125, 128, 131, 134]


def test_a_gap_over_two_connections(quick_model, tmp_path):
    """Three seconds of a camera, twice: the second time its own times begin anew."""
    video = scenes(tmp_path / "three.mp4", (0, 1, 2), 25)
    gap = {"type": "MIN_GAP", "seconds": 1.0}
    selection = config(threshold(LUMINANCE, "BIGGER", 0), constraints=[gap])
    with camera(video) as (port, _):
        url = f"rtsp://127.0.0.1:{port}/camera"
        first = library.select(url, tmp_path / "out", selection=selection, table=False)
        both = library.select(url, tmp_path / "out", selection=selection, table=False, only_new=True)
    assert both.picks[: len(first)] == first.picks
    for picks in (first.picks, both.picks[len(first) :]):
        begun, *later = (pick["time"] for pick in picks)
        assert begun < 0.5, "a camera may be joined a few frames late, and its times begin anew"
        assert [time - begun for time in later] == pytest.approx([1, 2])
    for one, other in combinations(both.picks, 2):
        assert abs(one["signals"]["TIME"] - other["signals"]["TIME"]) >= 1.0 - 1e-6
