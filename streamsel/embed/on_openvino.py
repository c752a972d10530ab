"""Embedders that OpenVINO runs on the CPU: the default model, and users' `.onnx` and `.xml` files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamsel.data import Pixels, Vector
from streamsel.embed.checkpoint import lite0_path, read_checkpoint
from streamsel.embed.file_graph import companions, file_graph
from streamsel.embed.files import check_file, digest, reason
from streamsel.embed.lite0 import NAME, NOVELTY_DISTANCE
from streamsel.embed.lite0_graph import lite0_graph
from streamsel.embed.model import ModelEmbedder, full_name
from streamsel.embed.runtime import ov
from streamsel.embed.sidecar import read_sidecar, sidecar_path
from streamsel.errors import ModelError

__all__ = ["OpenvinoEmbedder", "load_file", "load_lite0"]

ROUNDS = 8
"""Pictures liked at once, for each stream: enough that the last ones hardly wait for each other."""
MOST_STREAMS = 16
"""Unless more threads are asked for: each has buffers of its own, and nothing decodes fast enough to feed more."""


class OpenvinoEmbedder(ModelEmbedder):
    """An Embedder over a compiled graph from (b, H, W, 3) uint8 to (b, D) float32, with b fixed, mostly 1.

    Every stream runs on one thread and every graph has one shape, so a row's bits depend neither on its neighbours
    nor on how many threads there are.
    """

    def __init__(self, graph: ov.CompiledModel, name: str, novelty: float | str) -> None:
        step, height, width, _ = graph.input(0).shape
        self.queue = ov.AsyncInferQueue(graph, graph.get_property("NUM_STREAMS"))
        self.queue.set_callback(keep)
        batch = step * ROUNDS * len(self.queue)
        super().__init__(name, (width, height), graph.output(0).shape[1], step, batch, novelty)

    def run(self, pictures: Pixels, vectors: Vector) -> None:
        """See the base class. Requests share the pictures' memory until all are done."""
        for start in range(0, len(pictures), self.step):
            rows = slice(start, start + self.step)
            self.queue.start_async({0: pictures[rows]}, vectors[rows], share_inputs=True)
        self.queue.wait_all()


def keep(request: ov.InferRequest, rows: Vector) -> None:
    """Take the vectors of a request that is done."""
    rows[:] = request.get_output_tensor(0).data


def load_lite0(precision: str = "auto", threads: int | None = None) -> OpenvinoEmbedder:
    """The default model: EfficientNet-Lite0 without classifier, 1280-d, 224 x 224 pixels."""
    core = ov.Core()
    arithmetic = choose_precision(core, precision)
    graph = compile_graph(core, lite0_graph(read_checkpoint(lite0_path())), arithmetic, threads)
    return OpenvinoEmbedder(graph, full_name(NAME, (224, 224), arithmetic, "openvino-cpu"), NOVELTY_DISTANCE)


def load_file(path: Path, precision: str = "auto", threads: int | None = None) -> OpenvinoEmbedder:
    """A user's `.onnx` or `.xml` model; what is supported stands in `file_graph`, its sidecar in `read_sidecar`."""
    core = ov.Core()
    recipe = read_sidecar(check_file(path))
    arithmetic = choose_precision(core, precision)
    graph = compile_graph(core, file_graph(core, path, recipe), arithmetic, threads)
    _, height, width, _ = graph.input(0).shape
    name = f"{recipe.name or path.stem}-{digest(companions(path), recipe)}"
    novelty = recipe.novelty_distance or str(sidecar_path(path))
    return OpenvinoEmbedder(graph, full_name(name, (width, height), arithmetic, "openvino-cpu"), novelty)


def choose_precision(core: ov.Core, precision: str) -> str:
    """`bf16` where the CPU computes in it and nobody forbids, else `f32`."""
    able: Sequence[str] = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if precision == "auto" and "BF16" in able else "f32"


def compile_graph(core: ov.Core, graph: ov.Model, arithmetic: str, threads: int | None) -> ov.CompiledModel:
    """Compiled for as many streams of one thread as there are cores to use; the threads stay free to move."""
    streams = threads or min(usable_cores(), MOST_STREAMS)
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": arithmetic,
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(streams),
        "ENABLE_CPU_PINNING": False,
    }
    try:
        return core.compile_model(graph, "CPU", settings)
    except RuntimeError as error:
        raise ModelError(f"{graph.get_friendly_name()}: OpenVINO cannot compile it: {reason(error, -1)}") from error


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
