"""Users' `.onnx` and `.xml` models as OpenVINO graphs from uint8 RGB pictures to one vector each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streamsel.embed.file_kinds import check_kind
from streamsel.embed.files import reason
from streamsel.embed.runtime import ops, ov
from streamsel.embed.shapes import InputShape, Sides, input_shape, pooled_axes, shown
from streamsel.embed.sidecar import Recipe
from streamsel.embed.silence import silence
from streamsel.errors import ModelError

__all__ = ["companions", "file_graph"]


def file_graph(core: ov.Core, path: Path, recipe: Recipe) -> ov.Model:
    """A graph from (B, H, W, 3) uint8 RGB to (B, D) float32, not normalised; B is the model's own, 1 if open.

    Supported: one input, (B, 3, H, W) or (B, H, W, 3), floating point (preprocessed as the recipe says) or uint8
    (fed raw), any of its sizes open; its first output, (B, D), (B, T, D) or a map, averaged over tokens or places.
    Raises ModelError naming the file, what was expected and what was found.
    """
    model = read_model(core, path)
    if len(model.inputs) != 1:
        raise ModelError(f"{path}: expected one input, found {len(model.inputs)}")
    shape = input_shape(str(path), sides(model.input(0).partial_shape), recipe)
    settle(model, path, shape)
    with_pictures = add_preprocessing(model, path, shape, recipe)
    return pool_output(with_pictures, path, shape)


def companions(path: Path) -> Iterator[Path]:
    """The files that make up a model: itself, and its weights where they are apart."""
    yield path
    apart = [path.with_suffix(".bin")] if path.suffix.lower() == ".xml" else []
    apart += [path.with_name(path.name + ending) for ending in (".data", "_data")]
    yield from (other for other in apart if other.is_file())


def read_model(core: ov.Core, path: Path) -> ov.Model:
    """The model as it stands in the file."""
    try:
        with silence():
            return core.read_model(check_kind(path))
    except RuntimeError as error:
        apart = "its .bin" if path.suffix.lower() == ".xml" else "weights that are apart"
        raise ModelError(
            f"{path}: OpenVINO cannot read it; make it anew, with {apart} beside it: {reason(error, -1)}"
        ) from error


def settle(model: ov.Model, path: Path, shape: InputShape) -> None:
    """Fix every open size."""
    try:
        model.reshape(list(shape.dims))
    except RuntimeError as error:
        raise ModelError(f"{path}: does not work with an input of {shown(shape.dims)}: {reason(error, -1)}") from error


def add_preprocessing(model: ov.Model, path: Path, shape: InputShape, recipe: Recipe) -> ov.Model:
    """The model with (B, H, W, 3) uint8 for its input."""
    kind = model.input(0).element_type
    if not (kind.is_real() or kind == ov.Type.u8):
        raise ModelError(f"{path}: expected an input of floating-point or uint8 values, found {kind.get_type_name()}")
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout(shape.layout))
    if kind != ov.Type.u8:
        prepare = steps.input().preprocess().convert_element_type(ov.Type.f32)
        prepare.scale(recipe.scale).mean(list(recipe.mean)).scale(list(recipe.std))
    return steps.build()


def pool_output(model: ov.Model, path: Path, shape: InputShape) -> ov.Model:
    """The model cut down to its first output, averaged to (B, D) float32."""
    found = sides(model.output(0).partial_shape)
    axes = pooled_axes(str(path), found, shape)
    node = ops.convert(model.output(0).get_node().input_value(0), "f32")
    if axes:
        node = ops.reduce_mean(node, np.array(axes))
    return ov.Model([node], model.get_parameters(), model.get_friendly_name())


def sides(shape: ov.PartialShape) -> Sides:
    """Sizes of a shape, None for the open ones; empty where not even the rank is known."""
    if shape.rank.is_dynamic:
        return ()
    return [None if side.is_dynamic else side.get_length() for side in shape]
