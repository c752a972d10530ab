"""Users' `.pt2` models, as `torch.export.save` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamsel.embed.file_kinds import check_kind
from streamsel.embed.files import reason
from streamsel.embed.shapes import Sides
from streamsel.embed.silence import silence
from streamsel.embed.torch_runtime import move_to_device_pass, nn, torch
from streamsel.errors import ModelError

__all__ = ["exported_network"]


def exported_network(path: Path, device: str) -> tuple[nn.Module, Sides, Any]:
    """The network on a device, the sides of its only input (None: open) and that input's dtype.

    torch reads part of such a file as pickle: open only files that you trust. Raises ModelError naming the file.
    """
    check_kind(path)
    try:
        with silence("torch.export"):
            program = move_to_device_pass(torch.export.load(path), device)
    except Exception as error:  # a damaged archive may raise nearly anything
        why = reason(error.__context__ or error)  # torch's own says that its log tells
        raise ModelError(f"{path}: torch.export cannot load it, save it anew with this torch: {why}") from error
    inputs = program.graph_signature.user_inputs
    if len(inputs) != 1:
        raise ModelError(f"{path}: expected one input, found {len(inputs)}")
    example = next(node for node in program.graph.nodes if node.name == inputs[0]).meta["val"]
    if not (example.dtype.is_floating_point or example.dtype == torch.uint8):
        raise ModelError(f"{path}: expected an input of floating-point or uint8 values, found {example.dtype}")
    sides = [side if isinstance(side, int) else None for side in example.shape]
    return program.module(), sides, example.dtype
