"""Users' .onnx and .xml models: shapes, layouts, preprocessing, and errors that say what was found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsel.data import Vector
from streamsel.embed.load import load_embedder
from streamsel.embed.runtime import ov
from streamsel.embed.sidecar import sidecar_path
from streamsel.errors import ModelError
from streamsel.testing.embedders import check_embedder, noisy_pictures

MakeOnnx = Callable[..., Path]


def embed(path: Path, pictures: np.ndarray | None = None) -> Vector:
    embedder = load_embedder(str(path), precision="f32")
    return embedder.embed(noisy_pictures(3, embedder.size) if pictures is None else pictures)


def tell(path: Path, **values: object) -> None:
    sidecar_path(path).write_text(json.dumps(values), "utf-8")


def expected(
    sides: int, mean: object = (0.485, 0.456, 0.406), std: object = (0.229, 0.224, 0.225), scale: float = 255
) -> Vector:
    """What `make_onnx`'s network gives for three noisy pictures, by hand."""
    planes = ((noisy_pictures(3, (sides, sides)) / scale - np.array(mean)) / np.array(std)).transpose(0, 3, 1, 2)
    kernel = np.random.default_rng(0).normal(size=(5, 3, 2, 2)).astype(np.float32)
    cells = planes.reshape(3, 3, sides // 2, 2, sides // 2, 2)
    vectors = np.einsum("ncyixj,kcij->nkyx", cells, kernel).mean((2, 3)) + 1
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("output", ["map", "vector", "tokens"])
@pytest.mark.parametrize("sides", [("b", 3, 16, 16), (1, 3, 16, 16), (4, 3, 16, 16), ("b", 16, 16, 3), (2, 16, 16, 3)])
def test_shapes_and_outputs(make_onnx: MakeOnnx, sides: tuple[int | str, ...], output: str) -> None:
    path = make_onnx(sides, output)
    np.testing.assert_allclose(embed(path), expected(16), atol=2e-6)
    check_embedder(load_embedder(str(path)))


def test_xml_equals_onnx(make_onnx: MakeOnnx, tmp_path: Path) -> None:
    source = make_onnx()
    ov.save_model(ov.Core().read_model(source), tmp_path / "tiny.xml", compress_to_fp16=False)
    assert embed(tmp_path / "tiny.xml").tobytes() == embed(source).tobytes()


def test_open_sizes_become_the_sidecar_s(make_onnx: MakeOnnx) -> None:
    path = make_onnx(("b", 3, "h", "w"))
    assert load_embedder(str(path)).size == (224, 224)
    tell(path, size=[32, 8])
    assert load_embedder(str(path)).size == (32, 8)


def test_the_sidecar_s_preprocessing_is_used(make_onnx: MakeOnnx) -> None:
    path = make_onnx()
    tell(path, mean=[1, 2, 3], std=[0.5, 1, 2], scale=64)
    np.testing.assert_allclose(embed(path), expected(16, (1, 2, 3), (0.5, 1, 2), 64), atol=2e-6)


@pytest.mark.parametrize("sides", [("b", 3, 16, 16), ("b", 16, 16, 3)])
def test_uint8_models_get_raw_pixels(make_onnx: MakeOnnx, sides: tuple[int | str, ...]) -> None:
    path = make_onnx(sides, kind=TensorProto.UINT8)
    np.testing.assert_allclose(embed(path), expected(16, 0, 1, 1), atol=2e-6)


def test_novelty_distance_comes_from_the_sidecar(make_onnx: MakeOnnx) -> None:
    path = make_onnx()
    with pytest.raises(ModelError, match=r'add "novelty_distance" to .*tiny\.onnx\.json'):
        _ = load_embedder(str(path)).novelty_distance
    tell(path, novelty_distance=0.25)
    assert load_embedder(str(path)).novelty_distance == 0.25


def test_names_change_with_what_they_identify(make_onnx: MakeOnnx) -> None:
    path = make_onnx()
    plain = load_embedder(str(path), precision="f32").name
    assert plain == load_embedder(str(path), precision="f32", threads=1).name
    assert plain.startswith("tiny-")
    assert plain.endswith("/16x16/f32/openvino-cpu")
    tell(path, name="plants", scale=64)
    scaled = load_embedder(str(path), precision="f32").name
    assert scaled.startswith("plants-")
    assert scaled.split("/")[0].split("-")[1] != plain.split("/")[0].split("-")[1]
    tell(path, novelty_distance=1)
    assert load_embedder(str(path), precision="f32").name == plain
    onnx.save(swapped(onnx.load(path)), path)
    assert load_embedder(str(path), precision="f32").name != plain


def swapped(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with another bias."""
    bias = next(weight for weight in model.graph.initializer if weight.name == "bias")
    bias.CopyFrom(numpy_helper.from_array(np.zeros(5, np.float32), "bias"))
    return model


def test_weights_beside_the_file_count_for_the_name(make_onnx: MakeOnnx, tmp_path: Path) -> None:
    names = set()
    for model in (onnx.load(make_onnx()), swapped(onnx.load(make_onnx()))):
        path = tmp_path / "apart.onnx"
        (tmp_path / "apart.onnx.data").unlink(missing_ok=True)
        onnx.save(model, path, save_as_external_data=True, location="apart.onnx.data", size_threshold=0)
        names.add(load_embedder(str(path)).name)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("sides", "output", "complaint"),
    [
        (
            ("b", 1, 28, 28),
            "map",
            r"expected an input of shape \(B, 3, H, W\) or \(B, H, W, 3\), found \(\?, 1, 28, 28\)",
        ),
        (("b", 3, 16, 16), "scalar", r"expected an output of shape .*, found \(\)"),
        (("b", 3, 5000, 16), "map", r"at most 4096 pixels a side, found \(\?, 3, 5000, 16\)"),
    ],
)
def test_unfit_shapes_are_shown(make_onnx: MakeOnnx, sides: tuple[int | str, ...], output: str, complaint: str) -> None:
    path = make_onnx(sides, output, name="unfit.onnx") if sides[1] == 3 else grey(make_onnx())
    with pytest.raises(ModelError, match=complaint) as raised:
        load_embedder(str(path))
    assert str(raised.value).startswith(str(path))


def grey(path: Path) -> Path:
    """A model that takes one channel."""
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("b", 1, 28, 28))
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "grey", [entry], [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_a_contradicting_sidecar_is_an_error(make_onnx: MakeOnnx) -> None:
    path = make_onnx()
    tell(path, size=64)
    with pytest.raises(ModelError, match="takes pictures of 16 x 16, its sidecar says 64 x 64"):
        load_embedder(str(path))
    tell(path, layout="NHWC")
    with pytest.raises(ModelError, match=r"expected an input of shape \(B, H, W, 3\), found \(\?, 3, 16, 16\)"):
        load_embedder(str(path))


def test_a_size_that_the_network_cannot_take_is_an_error(make_onnx: MakeOnnx) -> None:
    path = make_onnx(("b", 3, "h", "w"))
    tell(path, size=1)
    with pytest.raises(ModelError, match=r"does not work with an input of \(1, 3, 1, 1\)"):
        load_embedder(str(path))


@pytest.mark.parametrize("name", ["broken.onnx", "broken.xml"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01garbage", b"<net></net>"])
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        load_embedder(str(path))
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_model_that_fails_is_named(make_onnx: MakeOnnx) -> None:
    path = make_onnx()
    model = onnx.load(path)
    bias = next(weight for weight in model.graph.initializer if weight.name == "bias")
    bias.CopyFrom(numpy_helper.from_array(np.full(5, np.nan, np.float32), "bias"))
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"tiny-.*not finite"):
        embed(path)
