"""Synthetic videos: scenes of moving texture, told apart easily, in any codec and container that PyAV can write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from streamsel.data import Pixels

__all__ = ["encode", "moving_picture", "packets_of", "pictures", "scenes"]

STEADY = {"libx264": {"mbtree": "0"}, "libx264rgb": {"mbtree": "0"}}
"""Options by encoder, without which the same pictures do not always give the same bytes."""

BLOCK = 8
"""Side of the texture's squares, in pixels."""


def moving_picture(scene: int, step: int, size: tuple[int, int] = (160, 120)) -> Pixels:
    """(height, width, 3) uint8 RGB: picture `step` of a scene, a coloured texture that drifts two pixels a step.

    The same arguments give the same picture; two scenes have nothing in common.
    """
    width, height = size
    across, down = 2 * step % (4 * BLOCK), step % (4 * BLOCK)
    return _texture(scene, width, height)[down : down + height, across : across + width].copy()


@lru_cache(64)
def _texture(scene: int, width: int, height: int) -> Pixels:
    """What a scene moves over, somewhat larger than its pictures."""
    rng = np.random.default_rng(scene)
    colour = rng.integers(30, 226, 3)
    squares = rng.integers(-30, 31, (height // BLOCK + 6, width // BLOCK + 6, 1)) + rng.integers(
        -12, 13, (height // BLOCK + 6, width // BLOCK + 6, 3)
    )
    texture: Pixels = np.clip(squares + colour, 0, 255).astype(np.uint8)
    return texture.repeat(BLOCK, 0).repeat(BLOCK, 1)


def scenes(
    path: Path,
    scenes: Sequence[int] = (0, 1, 2),
    frames_per_scene: int = 12,
    *,
    size: tuple[int, int] = (160, 120),
    codec: str = "libx264",
    gop: int = 12,
    options: Mapping[str, str] | None = None,
    pixel_format: str = "yuv420p",
    rate: Fraction = Fraction(25),
    times: Sequence[int] | None = None,
    container: str | None = None,
    muxing: Mapping[str, str] | None = None,
    rotation: int = 0,
) -> Path:
    """Write a video of scenes one after the other, `frames_per_scene` frames each; a scene may come twice.

    gop: frames from one key frame to the next. times: presentation time of each frame in 1 / rate seconds (else
    0, 1, 2, ...). container: libav's name of the format (else from the path's ending), muxing: its options.
    rotation: degrees counter-clockwise that a player turns the picture by. Returns the path.
    """
    shown = (moving_picture(scene, step, size) for scene in scenes for step in range(frames_per_scene))
    settings = {"g": str(gop), **STEADY.get(codec, {}), **(options or {})}
    with av.open(str(path), "w", format=container, options=dict(muxing or {})) as output:
        stream = cast(VideoStream, output.add_stream(codec, rate=rate, options=settings))
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        encode(output, stream, shown, times)
    return path


def encode(
    output: OutputContainer, stream: VideoStream, shown: Iterable[Pixels], times: Sequence[int] | None = None
) -> None:
    """Encode RGB pictures into a stream, at the given times in 1 / rate seconds, and flush it."""
    reformatter = VideoReformatter()
    for position, pixels in enumerate(shown):
        # By one thread: more of them only wait for each other, over pictures that small.
        frame = reformatter.reformat(VideoFrame.from_ndarray(pixels, format="rgb24"), format=stream.pix_fmt, threads=1)
        frame.pts = times[position] if times else position
        frame.time_base = 1 / Fraction(stream.codec_context.framerate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def packets_of(path: Path) -> list[Packet[VideoStream]]:
    """The video packets of a file that hold something, in the order in which they lie there."""
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(container.streams.video[0]) if packet.size]


def pictures(folder: Path, count: int = 6, *, size: tuple[int, int] = (96, 64), kind: str = "png") -> Path:
    """Fill a folder with still pictures `000.png`, `001.png`, ...: one scene each. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene in range(count):
        Image.fromarray(moving_picture(scene, 0, size)).save(folder / f"{scene:03}.{kind}")
    return folder
