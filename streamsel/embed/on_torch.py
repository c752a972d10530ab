"""Embedders that torch runs, on CUDA or the CPU: the default model, torchvision's networks, users' `.pt2` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.embed.checkpoint import lite0_path, read_checkpoint
from streamsel.embed.exported_network import exported_network
from streamsel.embed.files import check_file, digest, reason
from streamsel.embed.lite0 import MEAN, NAME, NOVELTY_DISTANCE, SCALE, SIZE
from streamsel.embed.lite0_module import Lite0
from streamsel.embed.model import ModelEmbedder, full_name
from streamsel.embed.prepared import Prepared
from streamsel.embed.shapes import InputShape, input_shape
from streamsel.embed.sidecar import Recipe, read_sidecar, sidecar_path
from streamsel.embed.torch_runtime import torch
from streamsel.embed.vision_network import cached_weights, published_recipe, vision_network
from streamsel.errors import ModelError

__all__ = ["TorchEmbedder", "has_cuda", "load_exported", "load_lite0", "load_torchvision"]

STEPS = {"cuda": 32, "cpu": 1}
"""Pictures a pass where the model leaves it open: on the CPU one is as fast as many, and has no neighbours."""
ROUNDS = 8


class TorchEmbedder(ModelEmbedder):
    """An Embedder over a network on one device. CUDA kernels are chosen to repeat themselves, and never use TF32."""

    def __init__(self, model: Prepared, device: str, name: str, novelty: float | str) -> None:
        """Moves the model to the device and tries it once; raises ModelError where that fails."""
        self.model, self.device = model.to(device), device
        size, step = model.shape.size, model.shape.batch
        full = full_name(name, size, "bf16" if model.low else "f32", f"torch-{device}")
        super().__init__(full, size, self.try_once(model.shape), step, max(step, ROUNDS), novelty)

    def try_once(self, shape: InputShape) -> int:
        """Dimension of a vector, found by embedding black pictures."""
        width, height = shape.size
        try:
            answer = self.answer(np.zeros((shape.batch, height, width, 3), np.uint8))
        except ModelError:
            raise
        except Exception as error:  # the network is the user's and may raise anything
            blank = f"{shape.batch} x {width} x {height}"
            raise ModelError(f"{self.model.where}: fails on {blank} black pixels: {reason(error)}") from error
        return int(answer.shape[1])

    def run(self, pictures: Pixels, vectors: Vector) -> None:
        """See the base class."""
        for start in range(0, len(pictures), self.step):
            rows = slice(start, start + self.step)
            vectors[rows] = self.answer(pictures[rows])

    def answer(self, pictures: Pixels) -> Vector:
        """(step, D) of (step, H, W, 3)."""
        repeatable = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), repeatable:
            found: Vector = self.model(torch.from_numpy(pictures).to(self.device)).cpu().numpy()
        return found


def load_lite0(device: str, precision: str = "auto", threads: int | None = None) -> TorchEmbedder:
    """The default model: EfficientNet-Lite0 without classifier, 1280-d, 224 x 224 pixels."""
    use_threads(threads)
    recipe = Recipe(NAME, mean=(MEAN / SCALE,) * 3, std=(1, 1, 1), scale=SCALE)
    network = Lite0(read_checkpoint(lite0_path()))
    shape = InputShape(STEPS[device], (SIZE, SIZE), "NCHW")
    model = Prepared(NAME, network, shape, recipe, torch.float32, computes_bf16(device, precision))
    return TorchEmbedder(model, device, NAME, NOVELTY_DISTANCE)


def load_torchvision(
    network: str, weights: Path | None, device: str, precision: str = "auto", threads: int | None = None
) -> TorchEmbedder:
    """A network of `vision_network`; without weights, torchvision's own where torch has them in its cache.

    Preprocessing is what torchvision documents for its weights, unless a sidecar beside the weights says otherwise.
    """
    use_threads(threads)
    weights = weights or cached_weights(network)
    recipe = read_sidecar(check_file(weights), published_recipe(network))
    where = f"torchvision:{network}"
    shape = input_shape(where, (STEPS[device], 3, None, None), recipe)
    cut = vision_network(network, weights)
    model = Prepared(where, cut, shape, recipe, torch.float32, computes_bf16(device, precision))
    name = f"{recipe.name}-{digest([weights], recipe)}"
    return TorchEmbedder(model, device, name, recipe.novelty_distance or str(sidecar_path(weights)))


def load_exported(path: Path, device: str, precision: str = "auto", threads: int | None = None) -> TorchEmbedder:
    """A user's `.pt2` file, with its preprocessing in a sidecar as for `.onnx`; open it only if you trust it."""
    use_threads(threads)
    recipe = read_sidecar(check_file(path))
    network, sides, dtype = exported_network(path, device)
    shape = input_shape(str(path), (sides[0] or STEPS[device], *sides[1:]) if sides else sides, recipe)
    model = Prepared(str(path), network, shape, recipe, dtype, computes_bf16(device, precision))
    name = f"{recipe.name or path.stem}-{digest([path], recipe)}"
    return TorchEmbedder(model, device, name, recipe.novelty_distance or str(sidecar_path(path)))


def has_cuda() -> bool:
    """Whether torch finds a CUDA device that it can use."""
    return bool(torch.cuda.is_available())


def computes_bf16(device: str, precision: str) -> bool:
    """Whether to compute in bfloat16: on CUDA devices that do so natively, unless float32 is asked for."""
    return precision == "auto" and device == "cuda" and torch.cuda.is_bf16_supported()


def use_threads(threads: int | None) -> None:
    """CPU threads that torch uses, in the whole process."""
    if threads is not None:
        torch.set_num_threads(threads)
