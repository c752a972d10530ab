"""From a model's name or file to an Embedder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from streamsel.embed import Embedder
from streamsel.errors import ModelError

__all__ = ["Device", "Precision", "load_embedder"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32"]

TORCHVISION = "torchvision:"
GPU_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")
"""What the kernel shows where there may be a CUDA device: desktop and server, WSL, Jetson."""


def load_embedder(
    model: str = "default",
    *,
    device: Device = "auto",
    weights: Path | str | None = None,
    precision: Precision = "auto",
    threads: int | None = None,
) -> Embedder:
    """The embedder for a model's name or file.

    model:     `default`, `torchvision:NAME`, or a file: `.onnx` and `.xml` (OpenVINO), `.pt2` (torch.export).
    device:    `auto` takes CUDA, by torch, where both are there, else the CPU; `.onnx` and `.xml` run on the CPU only.
    weights:   a state dict for `torchvision:NAME`.
    precision: `auto` computes in bf16 where the device does so natively, `f32` always in float32.
    threads:   how many CPU threads to use; None: as many as there are cores.
    Raises ModelError: unknown model, file that does not fit, missing package or device.
    """
    check_options(device, precision, threads)
    if weights is not None and not model.startswith(TORCHVISION):
        raise ModelError(f"weights go with {TORCHVISION}NAME only, not with {model}")
    if model == "default":
        return load_default(device, precision, threads)
    if model.startswith(TORCHVISION) or model.lower().endswith(".pt2"):
        from streamsel.embed import on_torch

        where = choose_device(device)
        if model.startswith(TORCHVISION):
            file = None if weights is None else Path(weights)
            return on_torch.load_torchvision(model.removeprefix(TORCHVISION), file, where, precision, threads)
        return on_torch.load_exported(Path(model), where, precision, threads)
    return load_openvino(model, device, precision, threads)


def load_default(device: Device, precision: Precision, threads: int | None) -> Embedder:
    """EfficientNet-Lite0 in torch on CUDA, else in OpenVINO on the CPU."""
    if choose_device(device) == "cuda":
        from streamsel.embed import on_torch

        return on_torch.load_lite0("cuda", precision, threads)
    from streamsel.embed import on_openvino

    return on_openvino.load_lite0(precision, threads)


def load_openvino(model: str, device: Device, precision: Precision, threads: int | None) -> Embedder:
    """A user's `.onnx` or `.xml`; any other name is an error."""
    ending = Path(model).suffix.lower()
    if ending in (".pt", ".pth", ".safetensors"):
        raise ModelError(f"{model}: weights without a network: give {TORCHVISION}NAME and these as its weights")
    if ending not in (".onnx", ".xml"):
        raise ModelError(f"unknown model {model!r}: expected default, {TORCHVISION}NAME, or a .onnx, .xml or .pt2 file")
    if device == "cuda":
        raise ModelError(f"{model}: {ending} runs on the CPU only; for CUDA give a .pt2 file of torch.export")
    from streamsel.embed import on_openvino

    return on_openvino.load_file(Path(model), precision, threads)


def check_options(device: str, precision: str, threads: int | None) -> None:
    """Raises ModelError for values outside of their sets."""
    for name, value, allowed in (("device", device, Device), ("precision", precision, Precision)):
        if value not in get_args(allowed):
            raise ModelError(f"{name} must be one of {', '.join(get_args(allowed))}, got {value!r}")
    if threads is not None and threads < 1:
        raise ModelError(f"threads must be 1 or more, got {threads}")


def choose_device(device: Device) -> Literal["cpu", "cuda"]:
    """Where torch would run; looks for CUDA without importing torch where there can be none."""
    if device == "cpu" or (device == "auto" and not may_have_cuda()):
        return "cpu"
    from streamsel.embed.on_torch import has_cuda

    if has_cuda():
        return "cuda"
    if device == "cuda":
        raise ModelError("there is no CUDA device that torch can use: choose the device cpu")
    return "cpu"


def may_have_cuda() -> bool:
    """Whether it is worth importing torch to look for CUDA."""
    return find_spec("torch") is not None and any(Path(node).exists() for node in GPU_NODES)
