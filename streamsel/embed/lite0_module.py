"""The default model as a torch module."""

from __future__ import annotations

from streamsel.embed.checkpoint import Weights
from streamsel.embed.lite0 import Block, Conv, lite0_blocks
from streamsel.embed.torch_runtime import Tensor, nn, torch

__all__ = ["Lite0"]


class Lite0(nn.Module):
    """From (B, 3, 224, 224) float32 of about -1..1 to (B, 1280) float32, not normalised."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*map(BlockModule, lite0_blocks(weights)))

    def forward(self, planes: Tensor) -> Tensor:
        """See the class."""
        features: Tensor = self.blocks(planes)
        return features.mean((2, 3))


class BlockModule(nn.Module):
    """A block of the network."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.convs = nn.Sequential(*map(ConvModule, block.convs))
        self.residual = block.residual

    def forward(self, planes: Tensor) -> Tensor:
        """Its convolutions in a row."""
        out: Tensor = self.convs(planes)
        return out + planes if self.residual else out


class ConvModule(nn.Module):
    """A convolution of the network."""

    kernel: Tensor
    bias: Tensor

    def __init__(self, conv: Conv) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.from_numpy(conv.kernel))
        self.register_buffer("bias", torch.from_numpy(conv.bias))
        self.stride, self.groups, self.clamp = conv.stride, conv.groups, conv.clamp

    def forward(self, planes: Tensor) -> Tensor:
        """Pad, convolve, clamp."""
        height, width = planes.shape[2:]
        side = self.kernel.shape[-1]
        padded = nn.functional.pad(planes, [*same(width, side, self.stride), *same(height, side, self.stride)])
        out = nn.functional.conv2d(padded, self.kernel, self.bias, self.stride, groups=self.groups)
        return nn.functional.relu6(out) if self.clamp else out


def same(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after, so that ceil(length / stride) places come out; the odd one goes behind."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2
