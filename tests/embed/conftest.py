"""Small models made on the spot, and the default one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder

MakeOnnx = Callable[..., Path]


@pytest.fixture(scope="session")
def exact() -> Embedder:
    """The default model in float32."""
    return load_embedder(precision="f32", device="cpu")


@pytest.fixture(scope="session")
def quick() -> Embedder:
    """The default model as it comes: in bfloat16 where the CPU has it."""
    return load_embedder(device="cpu")


@pytest.fixture
def make_onnx(tmp_path: Path) -> MakeOnnx:
    """Writes a model of one strided convolution with 5 filters, and what else is asked for behind it.

    sides: the input's; text leaves one open. output: `map` (B, 5, H, W), `vector` (B, 5) or `tokens` (B, T, 5).
    """

    def make(
        sides: tuple[int | str, ...] = ("b", 3, 16, 16),
        output: str = "map",
        kind: int = TensorProto.FLOAT,
        name: str = "tiny.onnx",
    ) -> Path:
        nodes, entry = [], "pictures"
        if kind == TensorProto.UINT8:
            nodes.append(helper.make_node("Cast", [entry], ["cast"], to=TensorProto.FLOAT))
            entry = "cast"
        if sides[-1] == 3:
            nodes.append(helper.make_node("Transpose", [entry], ["planes"], perm=[0, 3, 1, 2]))
            entry = "planes"
        nodes.append(helper.make_node("Conv", [entry, "kernel", "bias"], ["features"], strides=[2, 2]))
        nodes += tail(output, last=sides[-1] == 3)
        kernel = np.random.default_rng(0).normal(size=(5, 3, 2, 2)).astype(np.float32)
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("pictures", kind, sides)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.ones(5, np.float32), "bias")],
        )
        path = tmp_path / name
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
        return path

    return make


def tail(output: str, last: bool) -> list[onnx.NodeProto]:
    """From the map to what is asked for (`last`: channels last); `scalar` is what no embedder can use."""
    if output == "vector":
        pooled = helper.make_node("GlobalAveragePool", ["features"], ["pooled"])
        return [pooled, helper.make_node("Flatten", ["pooled"], ["vector"])]
    if output == "tokens":
        rows = helper.make_node("Reshape", ["features", "rows"], ["flat"])
        count = helper.make_node("Constant", [], ["rows"], value=numpy_helper.from_array(np.array([0, 5, -1])))
        return [count, rows, helper.make_node("Transpose", ["flat"], ["tokens"], perm=[0, 2, 1])]
    if output == "scalar":
        return [helper.make_node("ReduceMean", ["features"], ["scalar"], keepdims=0)]
    return [helper.make_node("Transpose", ["features"], ["map"], perm=[0, 2, 3, 1] if last else [0, 1, 2, 3])]
