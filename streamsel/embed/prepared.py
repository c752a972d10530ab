"""A torch network with what goes before and after it."""

from __future__ import annotations

from streamsel.embed.shapes import InputShape, pooled_axes
from streamsel.embed.sidecar import Recipe
from streamsel.embed.torch_runtime import Tensor, nn, torch
from streamsel.errors import ModelError

__all__ = ["Prepared"]


class Prepared(nn.Module):
    """From (b, H, W, 3) uint8 to (b, D) float32, not normalised: preprocessing, network, average.

    The network takes `dtype` (uint8: raw pixels) in the layout of `shape` and gives (b, D), (b, T, D) or a map, alone
    or first in a tuple. `low`: it computes in bfloat16 (autocast); the rest is always float32. `where` names the
    model in the ModelError that another answer raises.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, where: str, network: nn.Module, shape: InputShape, recipe: Recipe, dtype: torch.dtype, low: bool
    ) -> None:
        super().__init__()
        self.where, self.network, self.shape = where, network, shape
        self.dtype, self.low, self.scale = dtype, low, recipe.scale
        sides = (1, 3, 1, 1) if shape.layout == "NCHW" else (1, 1, 1, 3)
        self.register_buffer("mean", torch.tensor(recipe.mean).reshape(sides))
        self.register_buffer("std", torch.tensor(recipe.std).reshape(sides))

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        planes = pictures.permute(0, 3, 1, 2) if self.shape.layout == "NCHW" else pictures
        if self.dtype != torch.uint8:
            planes = ((planes / self.scale - self.mean) / self.std).to(self.dtype)
        with torch.autocast(planes.device.type, torch.bfloat16, enabled=self.low):
            return self.averaged(self.network(planes))

    def averaged(self, answer: object) -> Tensor:
        """One row a picture."""
        first = answer[0] if isinstance(answer, tuple | list) and answer else answer
        if not isinstance(first, Tensor):
            raise ModelError(f"{self.where}: expected a tensor as output, found {type(first).__name__}")
        axes = pooled_axes(self.where, first.shape, self.shape)
        return first.float().mean(axes) if axes else first.float()
