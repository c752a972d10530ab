from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.signals.crops import region_of
from streamsel.signals.tiling import CropTask, TilingTask

GRIDS = st.builds(TilingTask, st.just("grid"), st.integers(1, 6), st.integers(1, 6), st.floats(0, 1))
SIDES = st.integers(8, 300)


@given(GRIDS, SIDES, SIDES)
def test_tiles_cover_the_picture_are_equal_and_overlap_as_asked(task: TilingTask, width: int, height: int) -> None:
    tiles = task.boxes(width, height)
    assert [(tile.index, tile.task) for tile in tiles] == [(i, "grid") for i in range(task.num_rows * task.num_cols)]
    grid = [tiles[row * task.num_cols : (row + 1) * task.num_cols] for row in range(task.num_rows)]
    for line in grid:
        follows([(tile.x, tile.width) for tile in line], width, task.overlap)
    for column in zip(*grid, strict=True):
        follows([(tile.y, tile.height) for tile in column], height, task.overlap)


def follows(parts: list[tuple[float, float]], extent: int, overlap: float) -> None:
    starts, lengths = zip(*parts, strict=True)
    assert starts[0] == 0
    assert starts[-1] + lengths[-1] == pytest.approx(extent)
    assert lengths == (lengths[0],) * len(parts)
    for before, after in pairwise(starts):
        assert before + lengths[0] - after == pytest.approx(overlap * lengths[0], abs=1e-9)


@given(GRIDS, SIDES, SIDES)
def test_cut_out_tiles_show_every_pixel_and_differ_by_rounding_only(task: TilingTask, width: int, height: int) -> None:
    seen = np.zeros((height, width, 1), np.uint8)
    shapes = []
    for tile in task.boxes(width, height):
        part = region_of(tile, width, height).of(seen)
        part += 1
        shapes.append(part.shape[:2])
    assert seen.min() >= 1
    assert np.ptp(shapes, axis=0).max() <= 1
    if task.overlap == 0:
        assert seen.max() == 1


def test_two_by_two_tiles() -> None:
    places = [(b.x, b.y, b.width, b.height) for b in TilingTask("t", 2, 2).boxes(100, 60)]
    assert places == [(0, 0, 50, 30), (50, 0, 50, 30), (0, 30, 50, 30), (50, 30, 50, 30)]
    (left, right) = TilingTask("t", 1, 2, 0.5).boxes(90, 60)
    assert ((left.x, left.width), (right.x, right.width)) == ((0, 60), (30, 60))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 1, 0.0), "1 row, 1 column and up to 10000 tiles, got 0 x 1"),
        ((1, -2, 0.0), "got 1 x -2"),
        ((1000, 1000, 0.0), "got 1000 x 1000"),
        ((2, 2, 1.5), "overlap must be 0 to 1"),
        ((2, 2, -0.1), "overlap must be 0 to 1"),
        ((2, 2, float("nan")), "overlap must be 0 to 1"),
    ],
)
def test_a_grid_that_cannot_be_is_one_line(arguments: tuple[int, int, float], text: str) -> None:
    with pytest.raises(UsageError, match=f"tiling 'grid': .*{text}"):
        TilingTask("grid", *arguments)


def test_parts_are_relative_to_the_frame() -> None:
    task = CropTask("sky", ((0, 0, 1, 0.5), (0.7, 0.25, 1, 0.75)))
    for width, height in ((100, 60), (33, 7)):
        sky, side = task.boxes(width, height)
        assert (sky.x, sky.y, sky.width, sky.height, sky.task, sky.index) == (0, 0, width, height / 2, "sky", 0)
        assert (side.x + side.width, side.index) == (pytest.approx(width), 1)
        assert (side.y, side.height) == (height / 4, height / 2)


@pytest.mark.parametrize(
    "bbox", [(0, 0, 0, 1), (0.6, 0, 0.5, 1), (-0.1, 0, 0.5, 1), (0, 0, 1, float("nan")), (0, 0, 1), (0, 0, 100, 50)]
)
def test_a_part_outside_of_the_frame_is_one_line(bbox: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match=r"crop task 'sky': bboxs\[1\] must be left, top, right, bottom"):
        CropTask("sky", ((0, 0, 1, 1), bbox))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs at least one bbox"):
        CropTask("sky", ())
