"""EfficientNet-Lite0 without its classifier, as an OpenVINO graph made from a state dict.

Tan and Le, EfficientNet (ICML 2019), in the Lite form of 2020: no squeeze-and-excitation, ReLU6 for swish.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from streamsel.embed.checkpoint import Weights

__all__ = ["DIM", "SIZE", "build_lite0"]

SIZE = 224
DIM = 1280
MEAN, SCALE = 127.0, 128.0
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""(blocks, stride of the first one); channels and kernels are those of the weights."""
BATCH_NORM_EPSILON = 1e-3


def build_lite0(weights: Weights, batch: int) -> ov.Model:
    """A graph from (batch, 224, 224, 3) uint8 RGB to (batch, 1280) float32: pooled features, of any norm."""
    pictures = ops.parameter([batch, SIZE, SIZE, 3], np.uint8, name="pictures")
    node = relu6(convolve(normalise(pictures), weights, "_conv_stem", "_bn0", stride=2))
    block = 0
    for count, stride in STAGES:
        for position in range(count):
            node = inverted_residual(node, weights, f"_blocks.{block}.", stride if position == 0 else 1)
            block += 1
    node = relu6(convolve(node, weights, "_conv_head", "_bn1"))
    return ov.Model([ops.reduce_mean(node, np.array([2, 3]))], [pictures], "efficientnet-lite0")


def normalise(pictures: ov.Node) -> ov.Node:
    """NHWC uint8 to NCHW float32, about -1 to 1."""
    planes = ops.transpose(ops.convert(pictures, "f32"), np.array([0, 3, 1, 2]))
    return ops.divide(ops.subtract(planes, np.float32(MEAN)), np.float32(SCALE))


def inverted_residual(node: ov.Node, weights: Weights, prefix: str, stride: int) -> ov.Node:
    """Expand (absent in the first block), filter each channel, project; add the input where shapes allow."""
    entry = node
    if prefix + "_expand_conv.weight" in weights:
        node = relu6(convolve(node, weights, prefix + "_expand_conv", prefix + "_bn0"))
    node = relu6(convolve(node, weights, prefix + "_depthwise_conv", prefix + "_bn1", stride))
    node = convolve(node, weights, prefix + "_project_conv", prefix + "_bn2")
    return ops.add(node, entry) if node.shape == entry.shape else node


def convolve(node: ov.Node, weights: Weights, conv: str, norm: str, stride: int = 1) -> ov.Node:
    """A convolution, dense or depthwise, padded as TensorFlow does (SAME), with its batch norm folded in."""
    kernel, bias = fold(weights, conv, norm)
    steps, none = [stride, stride], [0, 0]
    if kernel.shape[1] == 1 and node.shape[1] == kernel.shape[0]:
        grouped = np.ascontiguousarray(kernel)[:, None]
        out = ops.group_convolution(node, grouped, steps, none, none, [1, 1], "same_upper")
    else:
        out = ops.convolution(node, np.ascontiguousarray(kernel), steps, none, none, [1, 1], "same_upper")
    return ops.add(out, bias[None, :, None, None])


def fold(weights: Weights, conv: str, norm: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Kernel and bias of a convolution followed by its batch norm, as one."""
    gain = weights[norm + ".weight"] / np.sqrt(weights[norm + ".running_var"] + np.float32(BATCH_NORM_EPSILON))
    return (
        weights[conv + ".weight"] * gain[:, None, None, None],
        weights[norm + ".bias"] - weights[norm + ".running_mean"] * gain,
    )


def relu6(node: ov.Node) -> ov.Node:
    """Clamped to 0..6."""
    return ops.clamp(node, 0.0, 6.0)
