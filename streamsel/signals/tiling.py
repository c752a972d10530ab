"""Auto tasks: boxes of every frame that no model has to find, by which regions count as objects.

They have neither classes nor scores, so they serve object embeddings only. A box's index is its place in the task.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsel.data import Box
from streamsel.errors import UsageError

__all__ = ["MOST_TILES", "CropTask", "TilingTask"]

MOST_TILES = 10_000
"""Of one frame."""

Relative = tuple[float, float, float, float]
"""Left, top, right, bottom, each as a share, 0..1, of the picture's width or height."""


@dataclass(frozen=True, slots=True)
class TilingTask:
    """A grid of equal tiles that together cover the frame exactly; TILING in users' configs.

    overlap: what two neighbours share, as a fraction of a tile's side, 0..1. Along a side of W pixels with n tiles, a
    tile is t = W / (n - (n - 1) * overlap) wide and tile i begins at i * t * (1 - overlap). So with overlap 1 every
    tile is the whole frame. Row by row from the top left.
    """

    name: str
    num_rows: int
    num_cols: int
    overlap: float = 0.0

    def __post_init__(self) -> None:
        if min(self.num_rows, self.num_cols) < 1 or self.num_rows * self.num_cols > MOST_TILES:
            grid = f"{self.num_rows} x {self.num_cols}"
            raise UsageError(f"tiling {self.name!r}: 1 row, 1 column and up to {MOST_TILES} tiles, got {grid}")
        if not 0 <= self.overlap <= 1:
            raise UsageError(f"tiling {self.name!r}: overlap must be 0 to 1, a share of the tile, got {self.overlap}")

    def boxes(self, width: int, height: int) -> list[Box]:
        """The tiles of a frame of this size, in pixels, not rounded."""
        columns, rows = self._cut(width, self.num_cols), self._cut(height, self.num_rows)
        places = [(x, y, w, h) for y, h in rows for x, w in columns]
        return [Box(x, y, w, h, index=index, task=self.name) for index, (x, y, w, h) in enumerate(places)]

    def _cut(self, extent: int, number: int) -> list[tuple[float, float]]:
        """Start and length of each tile along one side; the last one ends exactly at its end."""
        length = extent / (number - (number - 1) * self.overlap)
        return [((extent - length) * tile / max(number - 1, 1), length) for tile in range(number)]


@dataclass(frozen=True, slots=True)
class CropTask:
    """The same parts of every frame; CROP in users' configs. bboxs: left, top, right, bottom, relative to the frame."""

    name: str
    bboxs: tuple[Relative, ...]

    def __post_init__(self) -> None:
        if not self.bboxs:
            raise UsageError(f"crop task {self.name!r}: needs at least one bbox")
        for rank, bbox in enumerate(self.bboxs):
            if len(bbox) != 4 or not (0 <= bbox[0] < bbox[2] <= 1 and 0 <= bbox[1] < bbox[3] <= 1):
                what = "must be left, top, right, bottom, each 0 to 1, with left < right and top < bottom"
                raise UsageError(f"crop task {self.name!r}: bboxs[{rank}] {what}; got {list(bbox)}")

    def boxes(self, width: int, height: int) -> list[Box]:
        """The parts of a frame of this size, in pixels, not rounded."""
        return [
            Box(x * width, y * height, (right - x) * width, (bottom - y) * height, index=index, task=self.name)
            for index, (x, y, right, bottom) in enumerate(self.bboxs)
        ]
