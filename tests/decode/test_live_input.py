"""Live streams whose times or packets say less than those of files: bare H.264, and sound without pictures."""

from __future__ import annotations

import os
import socket
import threading
import time
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from streamsel.data import Source
from streamsel.decode.live import LiveDecoder
from streamsel.decode.pipe import Pipe
from streamsel.errors import SourceError
from streamsel.testing.videos import moving_picture, packets_of, scenes


@pytest.fixture
def pipe():
    """Both ends of a pipe: the first one is standard input meanwhile."""
    reading, writing = os.pipe()
    kept = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as end:
        yield end
    os.dup2(kept, 0)
    os.close(kept)


def test_frames_without_times_have_those_at_which_they_come(tmp_path, pipe):
    path = scenes(tmp_path / "film.h264", (0, 1, 2, 3), 30, options={"bf": "0", "tune": "zerolatency"})
    packets = [bytes(packet) for packet in packets_of(path)]

    def write():
        pipe.write(b"".join(packets[:100]))
        for packet in packets[100:]:
            time.sleep(0.06)
            pipe.write(packet)
        pipe.close()

    writer = threading.Thread(target=write)
    writer.start()
    begun, times, came = time.monotonic(), [], []
    with LiveDecoder(Source("mast", "-", "live"), container="h264", threads=1) as decoder:
        for frame in decoder.read():
            times.append(frame.mark.time)
            came.append(time.monotonic())
    writer.join()
    assert len(times) == 120
    assert all(after > before for before, after in pairwise(times))
    since = [one - times[0] for one in times[1:]]
    asked = zip(since, came, came[1:], strict=False)
    assert all(before - came[0] - 1e-3 <= one <= after - begun + 1e-3 for one, before, after in asked)


def film_with_sound(path, pictures, seconds):
    """MPEG-TS of so many pictures, 25 a second, and of sound that goes on for so many seconds."""
    with av.open(str(path), "w", format="mpegts") as output:
        video = output.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "12"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        audio = output.add_stream("mp2", rate=48_000, layout="mono")
        for step in range(pictures):
            frame = av.VideoFrame.from_ndarray(moving_picture(0, step), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = step, Fraction(1, 25)
            output.mux(video.encode(frame))
            if step < pictures - 1:
                output.mux(sound(audio, step * 1920, 1920))
        output.mux(video.encode(None))
        for start in range(pictures * 1920, seconds * 48_000, 1920):
            output.mux(sound(audio, start, 1920))
    return path.read_bytes()


def sound(stream, start, count):
    noise = np.random.default_rng(start).integers(-9000, 9000, (1, count), np.int16)
    frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
    return stream.encode(frame)


def lost(decoder):
    """The frames that came, the error, and the seconds that it took."""
    begun, frames = time.monotonic(), []
    with decoder, pytest.raises(SourceError) as caught:
        frames.extend(decoder.read())
    return frames, str(caught.value), time.monotonic() - begun


def trickle(data, write, until):
    """Half of the data at once, the rest little by little, and that again and again."""
    half = len(data) // 2 // 188 * 188
    write(data[:half])
    while not until.wait(0.05):
        write(data[half : half + 188 * 20])
        half = half + 188 * 20 if half + 188 * 40 < len(data) else half


@pytest.mark.parametrize("way", ["pipe", "tcp"])
def test_sound_does_not_hide_that_pictures_have_stopped(tmp_path, pipe, way):
    data, until = film_with_sound(tmp_path / "film.ts", 50, 20), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send():
            with server.accept()[0] as client:
                trickle(data, client.sendall, until)

        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        sender = threading.Thread(target=send if way == "tcp" else lambda: trickle(data, pipe.write, until))
        sender.start()
        source = Source("yard", url if way == "tcp" else "-", "live")
        decoder = LiveDecoder(source, container="mpegts", timeouts=(10, 0.6))
        frames, error, seconds = lost(decoder)
        until.set()
        sender.join()
    assert 40 <= len(frames) <= 50
    assert error.startswith("yard: the connection was lost (nothing came for too long)")
    assert seconds > 0.6


def test_a_pipe_from_which_nothing_comes(pipe):
    with pytest.raises(SourceError, match=r"^mast: .*no answer in 0.3 s"):
        LiveDecoder(Source("mast", "-", "live"), container="mpegts", timeouts=(0.3, 0.3))


def test_a_pipe_from_which_nothing_comes_any_more(tmp_path, pipe):
    pipe.write(scenes(tmp_path / "film.ts", (0,), 25).read_bytes())
    frames, error, _ = lost(LiveDecoder(Source("mast", "-", "live"), container="mpegts", timeouts=(0.5, 0.5)))
    assert 20 <= len(frames) <= 25, "the latest ones wait for what is shown after them"
    assert error.startswith("mast: the connection was lost (nothing came for too long)")


def test_a_pipe_waits_so_long_for_all_that_is_read(pipe):
    inlet = Pipe(0, 0.2)
    pipe.write(b"abc")
    assert (inlet.read(2), inlet.read(9)) == (b"ab", b"c")
    assert inlet.read(9) == b""
    assert (inlet.silent, inlet.ended) == (True, False)
    inlet.wait(5)
    pipe.write(b"d")
    assert inlet.read(9) == b"d"
    pipe.close()
    assert inlet.read(9) == b""
    assert inlet.ended
