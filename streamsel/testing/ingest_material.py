"""What an ingest trial is fed with: pictures of a kilobyte, records that cannot be used, and a model that costs little.

A thousand pictures are decoded and embedded in a second, so that a trial is about what happens around them.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import onnx  # type: ignore[import-untyped, unused-ignore]
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

__all__ = [
    "CLOUD_EVENT",
    "Given",
    "by_device",
    "by_the_minute",
    "path_tricks",
    "poison",
    "small_pictures",
    "tiny_model",
]

Headers = Sequence[tuple[str, bytes]]

CLOUD_EVENT: Final = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"camera"),
    ("ce_type", b"picture"),
)
HALF_HOUR: Final = 1800
TWENTY_MB: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """A record that is sent. usable: whether it holds a picture. time: milliseconds since 1970; None: of sending."""

    value: bytes | None = field(repr=False)
    headers: Headers = ()
    usable: bool = True
    time: int | None = None


def tiny_model(folder: Path) -> Path:
    """A model of 48 numbers: the mean colours of the sixteenths of a picture, seen through a mirror of sorts."""
    kernel = np.random.default_rng(0).normal(size=(48, 48)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["pictures"], ["coarse"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["coarse"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("MatMul", ["centred", "kernel"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ("b", 3, 16, 16))],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    path = folder / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def small_pictures(number: int, *, scene: int = 10, seed: int = 0) -> Iterator[Given]:
    """JPEGs of 32 x 32: a new scene each so many pictures, a little noise between."""
    random = np.random.default_rng(seed)
    for index in range(number):
        if index % scene == 0:
            patches = random.integers(30, 226, (4, 4, 3))
        yield Given(_jpeg(patches.repeat(8, 0).repeat(8, 1) + random.integers(-8, 9, (32, 32, 3))))


def by_the_minute(records: Iterable[Given], partitions: int) -> Iterator[Given]:
    """Records that go to so many partitions in turn: in each a minute apart, from a half hour of yesterday on.

    So windows of half an hour are ended by records: no trial is silent for as long.
    """
    begin = (int(time.time()) // HALF_HOUR - 48) * HALF_HOUR
    for number, one in enumerate(records):
        yield replace(one, time=(begin + 60 * (number // partitions)) * 1000)


def by_device(records: Iterable[Given], devices: int = 2, seed: int = 0) -> Iterator[Given]:
    """Records of so many devices, as they come of a partition: whichever has one sends it."""
    random = np.random.default_rng(seed)
    for number, one in enumerate(records):
        said = {**dict(CLOUD_EVENT), "ce_id": b"%d" % number, "ce_source": b"device-%d" % random.integers(devices)}
        yield replace(one, headers=tuple(said.items()))


def poison(references: Path) -> list[Given]:
    """Records that can never be used. references: the folder of references, in which a link is made."""
    (references / "out.jpg").symlink_to("/etc/hostname")
    picture = next(iter(small_pictures(1)))
    wrong: list[tuple[bytes | None, Headers]] = [
        (b"", ()),
        (None, ()),
        (b"this is no picture", ()),
        (b"GIF89a" + bytes(100), ()),
        ((picture.value or b"")[:200], ()),
        ((picture.value or b"") + bytes(TWENTY_MB), ()),
        (picture.value, [("content-type", b"text/plain")]),
        (picture.value, [("ce_specversion", b"7.0"), *CLOUD_EVENT[1:]]),
        (picture.value, [*CLOUD_EVENT, ("ce_time", b"soon")]),
        (picture.value, [*CLOUD_EVENT, ("ce_subject", b"\xff\xfe")]),
        (picture.value, [*CLOUD_EVENT, ("metadata", b"{")]),
    ]
    paths = ["gone.jpg", "out.jpg", "../secret.jpg", "/etc/hostname", "file:///etc/hostname", "%2e%2e/secret.jpg"]
    paths += ["a/../../secret.jpg", "http://127.0.0.1/a.jpg", "a\0b", "."]
    wrong += [(None, [*CLOUD_EVENT, ("ce_dataref", path.encode())]) for path in paths]
    return [Given(value, headers, usable=False) for value, headers in wrong]


def path_tricks(pictures: Sequence[Given]) -> list[Given]:
    """The same pictures under names that lead elsewhere, if one lets them."""
    names = ["../../{}.jpg", "/tmp/{}.jpg", "a/../../{}.jpg", "~/{}", "..\\{}.jpg", "{}.jpg/..", "con {}:*?", ".{}"]
    return [
        replace(one, headers=[*CLOUD_EVENT, ("ce_subject", names[number % len(names)].format(number).encode())])
        for number, one in enumerate(pictures)
    ]


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()
