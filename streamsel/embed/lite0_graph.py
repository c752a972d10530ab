"""The default model as an OpenVINO graph."""

from __future__ import annotations

import numpy as np

from streamsel.embed.checkpoint import Weights
from streamsel.embed.lite0 import MEAN, NAME, SCALE, SIZE, Block, Conv, Floats, lite0_blocks
from streamsel.embed.runtime import ops, ov

__all__ = ["lite0_graph"]


def lite0_graph(weights: Weights) -> ov.Model:
    """A graph from (1, 224, 224, 3) uint8 RGB to (1, 1280) float32, not normalised."""
    picture = ops.parameter([1, SIZE, SIZE, 3], np.uint8, name="picture")
    node = normalise(picture)
    for block in lite0_blocks(weights):
        node = add_block(node, block)
    return ov.Model([ops.reduce_mean(node, np.array([2, 3]))], [picture], NAME)


def normalise(picture: ov.Node) -> ov.Node:
    """NHWC uint8 to NCHW float32, about -1 to 1."""
    planes = ops.transpose(ops.convert(picture, "f32"), np.array([0, 3, 1, 2]))
    return ops.divide(ops.subtract(planes, np.float32(MEAN)), np.float32(SCALE))


def add_block(node: ov.Node, block: Block) -> ov.Node:
    """The node behind a block."""
    out = node
    for conv in block.convs:
        out = add_conv(out, conv)
    return ops.add(out, node) if block.residual else out


def add_conv(node: ov.Node, conv: Conv) -> ov.Node:
    """The node behind a convolution."""
    steps, none = [conv.stride, conv.stride], [0, 0]
    if conv.groups > 1:
        grouped = conv.kernel.reshape(conv.groups, -1, *conv.kernel.shape[1:])
        out = ops.group_convolution(node, constant(grouped), steps, none, none, [1, 1], "same_upper")
    else:
        out = ops.convolution(node, constant(conv.kernel), steps, none, none, [1, 1], "same_upper")
    out = ops.add(out, constant(conv.bias[None, :, None, None]))
    return ops.clamp(out, 0.0, 6.0) if conv.clamp else out


def constant(values: Floats) -> ov.Node:
    """A constant over the array's own memory: a bare array would be copied by way of a list of numbers."""
    return ops.constant(values, shared_memory=True)
