"""Which axis of a model's input is what, and how its output becomes one vector a picture.

Sizes are None where a model leaves them open (dynamic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsel.embed.sidecar import LARGEST, Layout, Recipe
from streamsel.errors import ModelError

__all__ = ["InputShape", "input_shape", "pooled_axes", "shown"]

Sides = Sequence[int | None]
DEFAULT_SIZE = (224, 224)


@dataclass(frozen=True, slots=True)
class InputShape:
    """What a model takes: `batch` pictures of `size` (width, height) at once, axes in the order of `layout`."""

    batch: int
    size: tuple[int, int]
    layout: Layout

    @property
    def dims(self) -> tuple[int, int, int, int]:
        """The whole shape, no size left open."""
        width, height = self.size
        if self.layout == "NCHW":
            return self.batch, 3, height, width
        return self.batch, height, width, 3


def input_shape(where: str, sides: Sides, recipe: Recipe) -> InputShape:
    """The input of a model whose input has these `sides`; open ones are settled by the recipe, then by defaults.

    An open batch becomes 1, an open size the recipe's or 224 x 224. Raises ModelError, naming `where`, unless it is
    (B, 3, H, W) or (B, H, W, 3), and where the recipe contradicts it.
    """
    layout = recipe.layout or guess_layout(sides)
    if len(sides) != 4 or layout is None or sides[channel_axis(layout)] not in (3, None):
        wanted = {"NCHW": "(B, 3, H, W)", "NHWC": "(B, H, W, 3)"}.get(
            recipe.layout or "", "(B, 3, H, W) or (B, H, W, 3)"
        )
        raise ModelError(f"{where}: expected an input of shape {wanted}, found {shown(sides)}")
    height, width = sides[2:] if layout == "NCHW" else sides[1:3]
    size = recipe.size or (width or DEFAULT_SIZE[0], height or DEFAULT_SIZE[1])
    if (width or size[0], height or size[1]) != size:
        raise ModelError(f"{where}: takes pictures of {width} x {height}, its sidecar says {size[0]} x {size[1]}")
    if max(size) > LARGEST:
        raise ModelError(f"{where}: expected pictures of at most {LARGEST} pixels a side, found {shown(sides)}")
    return InputShape(sides[0] or 1, size, layout)


def guess_layout(sides: Sides) -> Layout | None:
    """By the axis of three channels; (B, 3, H, 3) is taken for NCHW."""
    if len(sides) != 4:
        return None
    if sides[1] == 3:
        return "NCHW"
    return "NHWC" if sides[3] == 3 else None


def channel_axis(layout: Layout) -> int:
    """Where the colours are."""
    return layout.index("C")


def pooled_axes(where: str, sides: Sides, entry: InputShape) -> tuple[int, ...]:
    """Axes of an output to average so that (B, D) is left: none, the tokens of (B, T, D), or the places of a map.

    A map has the layout of the input, `entry`. Raises ModelError for any other rank or batch, and for open sizes.
    """
    axes: dict[int, tuple[int, ...]] = {2: (), 3: (1,), 4: (2, 3) if entry.layout == "NCHW" else (1, 2)}
    if len(sides) not in axes or None in sides or sides[0] != entry.batch:
        wanted = f"({entry.batch}, D), ({entry.batch}, T, D) or ({entry.batch}, D, H, W)"
        raise ModelError(f"{where}: expected an output of shape {wanted}, all sizes known, found {shown(sides)}")
    return axes[len(sides)]


def shown(sides: Sides) -> str:
    """`(?, 3, 224, 224)`."""
    return "(" + ", ".join("?" if side is None else str(side) for side in sides) + ")"
