"""Objects without a model: parts of every picture, by name, for EMBEDDINGS with that `task`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from streamsel.config.value import Number, Task, Value, Whole, typed

__all__ = ["AutoTask", "Crop", "Tiling"]

Box = tuple[float, float, float, float]
Relative = Annotated[Number, Field(ge=0, le=1)]


class Tiling(Value):
    """A grid of tiles. overlap: 0..1, of a tile's size."""

    type: Literal["TILING"]
    name: Task
    num_rows: Annotated[Whole, Field(ge=1)]
    num_cols: Annotated[Whole, Field(ge=1)]
    overlap: Relative = 0.0


def _listed(value: Any) -> Any:
    """One box written without its list is a list of one."""
    numbers = isinstance(value, list | tuple) and value and all(isinstance(part, int | float) for part in value)
    return (value,) if numbers else value


def _cornered(box: Box) -> Box:
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise ValueError(f"a box is [left, top, right, bottom] with left < right and top < bottom, got {list(box)}")
    return box


class Crop(Value):
    """Fixed boxes. bboxs: one or more of [left, top, right, bottom], each 0..1 of the picture's width or height."""

    type: Literal["CROP"]
    name: Task
    bboxs: Annotated[
        tuple[Annotated[tuple[Relative, Relative, Relative, Relative], AfterValidator(_cornered)], ...],
        Field(min_length=1),
        BeforeValidator(_listed),
    ]


AutoTask = Annotated[Tiling | Crop, Field(discriminator="type"), typed(Tiling, Crop)]
