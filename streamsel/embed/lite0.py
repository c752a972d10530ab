"""EfficientNet-Lite0 without its classifier, as plain layers from which each backend builds its graph.

Tan and Le, EfficientNet (ICML 2019), in the Lite form of 2020: no squeeze-and-excitation, ReLU6 instead of swish.
Pictures enter as (pixel - 127) / 128; the last layer's map is averaged over the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamsel.embed.checkpoint import Weights

__all__ = ["DIM", "MEAN", "NAME", "NOVELTY_DISTANCE", "SCALE", "SIZE", "Block", "Conv", "lite0_blocks"]

NAME = "efficientnet-lite0-57934424"
SIZE = 224
DIM = 1280
MEAN, SCALE = 127.0, 128.0
NOVELTY_DISTANCE = 0.76
"""Found by `benchmarks/novelty.py`: .76 in float32, .77 in bfloat16."""

STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""(blocks, stride of the first one); channels and kernel sizes are those of the weights."""
BATCH_NORM_EPSILON = 1e-3

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution padded as TensorFlow pads (SAME: the odd row or column at the end), with its batch norm folded in.

    kernel: (out, in / groups, k, k) float32. bias: (out,) float32. clamp: the result goes through ReLU6.
    """

    kernel: Floats = field(repr=False)
    bias: Floats = field(repr=False)
    stride: int
    groups: int
    clamp: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Convolutions in a row; `residual`: what went in is added to what comes out."""

    convs: tuple[Conv, ...]
    residual: bool = False


def lite0_blocks(weights: Weights) -> Iterator[Block]:
    """The network from stem to head, folded as it is asked for; the state dict's classifier is not touched."""
    yield Block((fold(weights, "_conv_stem", "_bn0", stride=2),))
    strides = [stride if first == 0 else 1 for count, stride in STAGES for first in range(count)]
    for number, stride in enumerate(strides):
        yield inverted_residual(weights, f"_blocks.{number}.", stride)
    yield Block((fold(weights, "_conv_head", "_bn1"),))


def inverted_residual(weights: Weights, prefix: str, stride: int) -> Block:
    """Expand (absent in the first block), filter each channel, project."""
    convs = [fold(weights, prefix + "_depthwise_conv", prefix + "_bn1", stride)]
    if prefix + "_expand_conv.weight" in weights:
        convs.insert(0, fold(weights, prefix + "_expand_conv", prefix + "_bn0"))
    convs.append(fold(weights, prefix + "_project_conv", prefix + "_bn2", clamp=False))
    entering = convs[0].kernel.shape[1] * convs[0].groups
    return Block(tuple(convs), residual=stride == 1 and entering == len(convs[-1].bias))


def fold(weights: Weights, conv: str, norm: str, stride: int = 1, clamp: bool = True) -> Conv:
    """A convolution and the batch norm behind it as one."""
    gain = weights[norm + ".weight"] / np.sqrt(weights[norm + ".running_var"] + np.float32(BATCH_NORM_EPSILON))
    kernel = np.ascontiguousarray(weights[conv + ".weight"] * gain[:, None, None, None], np.float32)
    bias = np.asarray(weights[norm + ".bias"] - weights[norm + ".running_mean"] * gain, np.float32)
    return Conv(kernel, bias, stride, groups=len(kernel) if "depthwise" in conv else 1, clamp=clamp)
