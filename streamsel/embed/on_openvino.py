"""Models run by OpenVINO on the CPU: the default one, and users' `.onnx` and `.xml` files."""

from __future__ import annotations

import sys

import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.embed.pooling import unit

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as ov  # noqa: E402

BATCH = 8


class OpenvinoEmbedder:
    """An Embedder over a compiled graph of static batch."""

    def __init__(self, model: ov.CompiledModel, name: str, novelty_distance: float) -> None:
        self.model = model
        self.name = name
        self.novelty_distance = novelty_distance
        self.batch, height, width, _ = tuple(model.input(0).shape)
        self.size = (width, height)
        self.dim = int(model.output(0).shape[1])
        self.request = model.create_infer_request()

    def embed(self, pictures: Pixels) -> Vector:
        """(B, height, width, 3) uint8 RGB to (B, dim) float32 of unit norm."""
        vectors = np.empty((len(pictures), self.dim), np.float32)
        block = np.zeros((self.batch, self.size[1], self.size[0], 3), np.uint8)
        for start in range(0, len(pictures), self.batch):
            part = pictures[start : start + self.batch]
            block[: len(part)] = part
            vectors[start : start + len(part)] = self.request.infer({0: block}, share_inputs=True)[0][: len(part)]
        return unit(vectors)


def load_lite0(precision: str = "auto", threads: int | None = None) -> OpenvinoEmbedder:
    """The default model."""
    from streamsel.embed.checkpoint import lite0_path, read_checkpoint
    from streamsel.embed.lite0 import build_lite0

    core = ov.Core()
    bf16 = precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    settings = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": "1"}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    compiled = core.compile_model(build_lite0(read_checkpoint(lite0_path()), BATCH), "CPU", settings)
    name = f"efficientnet-lite0-imagenet/224/{'bf16' if bf16 else 'f32'}/openvino-cpu"
    return OpenvinoEmbedder(compiled, name, 0.35)
