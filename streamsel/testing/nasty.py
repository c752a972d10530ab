"""Nasty videos: what real folders hold and decoders trip over. Each is a function from a path to the written file.

`READABLE`: all decode, perhaps with counted problems. `UNREADABLE`: none holds a picture. Keys are file names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from streamsel.testing.ogg import jpegs_in_ogg
from streamsel.testing.videos import packets_of, scenes

__all__ = ["READABLE", "UNREADABLE", "write_all"]

Writer = Callable[[Path], Path]


def write_all(folder: Path, clips: Mapping[str, Writer]) -> list[Path]:
    """Write every clip of a table into a folder."""
    return [write(folder / name) for name, write in clips.items()]


def clip(**encoding: object) -> Writer:
    """A writer of `scenes` with these arguments."""
    return lambda path: scenes(path, **encoding)  # type: ignore[arg-type]


def truncated(path: Path) -> Path:
    """An mp4 whose index says 36 frames and whose data end after about half of them."""
    scenes(path, muxing={"movflags": "faststart"})
    return _cut(path, 0.6)


def truncated_ts(path: Path) -> Path:
    """A transport stream that breaks off."""
    return _cut(scenes(path), 0.6)


def without_index(path: Path) -> Path:
    """An mp4 whose index, which lies at its end, was never written: a camera that lost power."""
    return _cut(scenes(path), 0.6)


def damaged(path: Path) -> Path:
    """An mp4 with bytes flipped in the data of every fifth frame of its first two scenes."""
    scenes(path)
    data = bytearray(path.read_bytes())
    for packet in packets_of(path)[3:24:5]:
        for place in range(packet.size // 3, packet.size, 7):
            data[(packet.pos or 0) + place] ^= 0x5A
    path.write_bytes(data)
    return path


def sizes_change(path: Path) -> Path:
    """Two streams of different sizes, one after the other, as a camera writes that is switched over."""
    return _joined(path, scenes(_beside(path, 1)), scenes(_beside(path, 2), (3, 4), size=(96, 64)))


def times_restart(path: Path) -> Path:
    """The same clip twice: the second copy's times begin anew, and so each picture and time is there twice."""
    return _joined(path, scenes(_beside(path, 1)), scenes(_beside(path, 2)))


def clip_twice(path: Path) -> Path:
    """The same MPEG-2 programme stream twice."""
    return _joined(path, *(scenes(_beside(path, number), codec="mpeg2video") for number in (1, 2)))


def late_key(path: Path) -> Path:
    """A transport stream that begins in the middle of a group of pictures."""
    scenes(path)
    data = path.read_bytes()
    path.write_bytes(data[packets_of(path)[5].pos or 0 :])
    return path


def empty_packets(path: Path) -> Path:
    """An Ogg file in which packets of no bytes say 'show the last picture again', as Theora encoders write them."""
    plain = scenes(path.with_suffix(".mov"), codec="mjpeg", pixel_format="yuvj420p")
    packets = [bytes(packet) for packet in packets_of(plain)]
    plain.unlink()
    for place in (20, 9, 4):
        packets.insert(place, b"")
    path.write_bytes(jpegs_in_ogg(packets, (160, 120), 25))
    return path


def audio_only(path: Path) -> Path:
    """A tenth of a second of silence."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=44100)
        silence = AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
        silence.rate = 44100
        output.mux(stream.encode(silence))
        output.mux(stream.encode(None))
    return path


def text(path: Path) -> Path:
    """Words."""
    path.write_text("This is no video.\n" * 500)
    return path


def playlist(path: Path) -> Path:
    """A text that libav would follow to other files."""
    scenes(path.with_name("other.mp4"), (0,))
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    return path


def nothing(path: Path) -> Path:
    """A file of no bytes."""
    path.touch()
    return path


def noise(path: Path) -> Path:
    """Random bytes."""
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    return path


def folder(path: Path) -> Path:
    """A folder with the name of a video."""
    path.mkdir()
    return path


def _cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def _beside(path: Path, number: int) -> Path:
    return path.with_name(f"part-{number}-{path.name}")


def _joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


QUIET_X265 = {"x265-params": "log-level=none:pools=1"}
FAST_VP9 = {"deadline": "realtime", "cpu-used": "8"}

READABLE: Mapping[str, Writer] = {
    "plain.mp4": clip(),
    "plain.mkv": clip(),
    "mpeg2.mpg": clip(codec="mpeg2video"),
    "mpeg4.avi": clip(codec="mpeg4"),
    "motion-jpeg.mov": clip(codec="mjpeg", pixel_format="yuvj420p"),
    "vp9.webm": clip(codec="libvpx-vp9", options=FAST_VP9),
    "wmv2.wmv": clip(codec="wmv2"),
    "sorenson.flv": clip(codec="flv"),
    "palette.gif": clip(codec="gif", pixel_format="rgb8"),
    "turned-90.mp4": clip(rotation=90),
    "turned-180.mp4": clip(rotation=180),
    "turned-270.mp4": clip(rotation=-90),
    "ten-bit-h264.mkv": clip(pixel_format="yuv420p10le"),
    "ten-bit-hevc.mp4": clip(codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265),
    "twelve-bit.mkv": clip(codec="ffv1", pixel_format="yuv444p12le"),
    "grey.mkv": clip(codec="ffv1", pixel_format="gray"),
    "grey-16.mkv": clip(codec="ffv1", pixel_format="gray16le"),
    "alpha.mov": clip(codec="png", pixel_format="rgba"),
    "alpha-yuv.mkv": clip(codec="ffv1", pixel_format="yuva420p"),
    "rgb.mp4": clip(codec="libx264rgb", pixel_format="rgb24"),
    "bottom-up.avi": clip(codec="rawvideo", pixel_format="bgr24"),
    "odd-size.mkv": clip(codec="ffv1", size=(131, 77)),
    "odd-size.mp4": clip(pixel_format="yuv444p", size=(131, 77)),
    "three-by-one.mkv": clip(codec="ffv1", size=(3, 1)),
    "one-frame.mp4": clip(scenes=(0,), frames_per_scene=1),
    "interlaced.mpg": clip(codec="mpeg2video", options={"flags": "+ildct+ilme", "top": "1"}),
    "interlaced.mp4": clip(options={"x264-params": "tff=1"}),
    "open-gop.mp4": clip(options={"x264-params": "open-gop=1:bframes=3:b-adapt=0"}),
    "open-gop-hevc.mp4": clip(codec="libx265", options={"x265-params": "log-level=none:pools=1:open-gop=1"}),
    "open-gop.ts": clip(options={"x264-params": "open-gop=1:bframes=3:b-adapt=0"}),
    "variable-rate.mp4": clip(times=[number * number for number in range(36)]),
    "late-start.ts": clip(times=[number + 90_000 for number in range(36)]),
    "negative-times.mp4": clip(times=[number - 10 for number in range(36)]),
    "no-times.h264": clip(container="h264"),
    "no-times.hevc": clip(codec="libx265", container="hevc", options=QUIET_X265),
    "backward-times.avi": clip(),
    "b-frames.avi": clip(codec="mpeg4", options={"bf": "2"}),
    "repeated-times.mkv": clip(codec="mpeg4", rate=Fraction(2500)),
    "times-restart.ts": times_restart,
    "times-restart.mpg": clip_twice,
    "sizes-change.ts": sizes_change,
    "sizes-change.h264": sizes_change,
    "empty-packets.ogm": empty_packets,
    "late-key.ts": late_key,
    "truncated.mp4": truncated,
    "truncated.ts": truncated_ts,
    "damaged.mp4": damaged,
    "name with spaces, ünïcode 画, 100%03d\nand a newline.mp4": clip(),
}

UNREADABLE: Mapping[str, Writer] = {
    "without-index.mp4": without_index,
    "sound-only.mp4": audio_only,
    "words.mp4": text,
    "words.txt": text,
    "playlist.mp4": playlist,
    "nothing.mp4": nothing,
    "noise.mp4": noise,
    "folder.mp4": folder,
}
