"""From a model's name or file to an Embedder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from streamsel.embed import Embedder
from streamsel.errors import ModelError

__all__ = ["Device", "Precision", "default_embedder", "load_embedder"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32"]


def default_embedder() -> Embedder:
    """EfficientNet-Lite0 on the best device there is."""
    return load_embedder()


def load_embedder(
    model: str = "default",
    *,
    device: Device = "auto",
    weights: Path | str | None = None,
    precision: Precision = "auto",
    threads: int | None = None,
) -> Embedder:
    """The embedder for a model's name or file; raises ModelError."""
    from streamsel.embed.on_openvino import load_lite0

    if model != "default":
        raise ModelError(f"unknown model {model!r}")
    return load_lite0(precision, threads)
