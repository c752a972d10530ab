"""Frames that look alike: which of them stands for the others, and which stay beside it."""

from __future__ import annotations

import av
import numpy as np
import pytest

import streamsel as library
from streamsel.testing.videos import encode, moving_picture
from tests.run.drive import DIVERSE, LUMINANCE, SHARPNESS, WEIGHTS, config, decisions, entry

RED = {"type": "METADATA", "key": "lightly.meanRed"}

SPECIAL, STILL = 203, 240
"""Of three scenes in which nothing moves, STILL frames in all, one frame of the last is better than its neighbours."""


def blurred(picture):
    around = [np.roll(picture.astype(float), shift, (0, 1)) for shift in ((0, 0), (1, 0), (0, 1), (1, 1))]
    return np.mean(around, axis=0).astype(np.uint8)


def brighter(picture):
    return np.clip(picture.astype(int) + 4, 0, 255).astype(np.uint8)


def sharper(picture):
    return (0.7 * picture + 0.3 * moving_picture(2, 0)).astype(np.uint8)


def still_video(folder, better):
    shown = [blurred(moving_picture(scene, 0)) for scene in (0, 1, 2) for _ in range(STILL // 3)]
    shown[SPECIAL] = better(shown[SPECIAL])
    with av.open(str(folder / "still.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "1", "g": "24", "mbtree": "0"})
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 160, 120, "yuv420p", 1
        encode(output, stream, shown)
    return folder / "still.mp4"


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    return still_video(tmp_path_factory.mktemp("still"), brighter)


@pytest.fixture(scope="module")
def sharp(tmp_path_factory):
    return still_video(tmp_path_factory.mktemp("sharp"), sharper)


@pytest.fixture(params=["bright", "sharp"])
def better(request, still, sharp):
    """A video, and what its one frame has more of."""
    return (still, LUMINANCE) if request.param == "bright" else (sharp, SHARPNESS)


@pytest.mark.parametrize(
    ("goal", "others"),
    [({"n": 3}, ()), ({"n": 3, "effort": "exact"}, ()), ({"n": 6}, (entry(RED, WEIGHTS),))],
    ids=["normal", "exact", "with another"],
)
def test_among_frames_that_look_alike_the_best_one_stands_for_them(goal, others, better, tmp_path):
    video, what = better
    selection = config(DIVERSE, entry(what, WEIGHTS, strength=5.0), *others)
    found = library.select(video, tmp_path / "out", selection=selection, **goal)
    assert SPECIAL in [pick["index"] for pick in found.picks]


def test_in_a_stream_the_better_one_is_not_held_and_its_equals_are(better, tmp_path):
    video, what = better
    found = library.select(video, tmp_path / "out", selection=config(DIVERSE, entry(what, WEIGHTS)), target_ratio=0.02)
    held = [row for row in decisions(found) if row["reason"] == "held"]
    assert not [row for row in held if row["first"] <= SPECIAL <= row["last"]]
    assert sum(row["count"] for row in held) > STILL / 2


@pytest.mark.parametrize("goal", [{"n": 8}, {"target_ratio": 0.05}], ids=str)
def test_what_must_be_there_is_there_whatever_it_looks_like(goal, still, tmp_path):
    wanted = [30, 31, 100, 166, 239]
    include = {"type": "INCLUDE", "names": [f"still-{index:03d}-mp4.png" for index in wanted]}
    found = library.select(still, tmp_path / "out", selection=config(DIVERSE, constraints=[include]), **goal)
    assert set(wanted) <= {pick["index"] for pick in found.picks}
    if "n" in goal:
        assert len(found) == 8
