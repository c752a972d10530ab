"""Live sources of a config, opened: real streams by RTSP, HTTP and standard input, and cameras that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from signal import SIGSTOP

import pytest

from streamsel.config.edge_source import EdgeSource
from streamsel.edge.feeds import opening
from streamsel.edge.feeds.opening import opened
from streamsel.errors import SourceError
from streamsel.testing.servers import camera, web
from streamsel.testing.videos import scenes


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return scenes(tmp_path_factory.mktemp("film") / "film.mp4", range(3), 25, options={"bf": "0"}, gop=25)


def rtsp(port, user="", **settings):
    return EdgeSource(name="yard", url=f"rtsp://{user}127.0.0.1:{port}/camera", **settings)


def until_lost(decoder, each=lambda count: None):
    """The frames, and the error that ended them."""
    frames = []
    with decoder:
        try:
            for frame in decoder.read():
                frames.append(frame)
                each(len(frames))
        except SourceError as error:
            return frames, str(error)
    return frames, ""


@contextmanager
def standard_input(data, pauses=0.0):
    """What is read from standard input meanwhile: real bytes through a real pipe, seconds before each half of them."""
    reading, writing = os.pipe()
    kept = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)

    def write():
        half = len(data) // 2
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as pipe:
            for part in (data[:half], data[half:]):
                time.sleep(pauses)
                pipe.write(part)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        writer.join()


def test_a_camera_by_rtsp(film):
    with camera(film) as (port, _):
        frames, error = until_lost(opened(rtsp(port, fps=5), threads=1))
    assert error.startswith("yard: the stream ended")
    assert [frame.mark.index for frame in frames] == [*range(0, 75, 5)]
    assert {(frame.picture.width, frame.picture.height) for frame in frames} == {(160, 120)}


@pytest.mark.parametrize(
    ("settings", "indexes"),
    [
        ({"fps": 5}, [*range(0, 75, 5)]),
        ({"fps": "5/2"}, [*range(0, 75, 10)]),
        ({"every": 30}, [0, 30, 60]),
        ({"keyframes": True}, [0, 1, 2]),
    ],
)
def test_the_frames_that_are_looked_at(tmp_path, settings, indexes):
    data = scenes(tmp_path / "film.ts", range(3), 25, gop=25).read_bytes()
    with standard_input(data):
        frames, _ = until_lost(opened(EdgeSource(name="mast", pipe="mpegts", **settings), threads=1))
    assert [frame.mark.index for frame in frames] == indexes


def test_the_part_that_is_looked_at(film):
    with camera(film) as (port, _):
        with opened(rtsp(port, crop="64:48:10:20"), threads=1) as decoder:
            picture = next(decoder.read()).picture
        with pytest.raises(SourceError, match=r"^yard: the crop .* does not lie inside its 160 x 120 picture$"):
            opened(rtsp(port, crop="640:480:0:0"), threads=1)
    assert (picture.width, picture.height) == (64, 48)


def test_a_camera_that_stalls_is_noticed_in_time(film):
    halted = []

    def halt(count):
        if count == 10:
            process.send_signal(SIGSTOP)
            halted.append(time.monotonic())

    with camera(film) as (port, process):
        frames, error = until_lost(opened(rtsp(port, stall=1), threads=1), halt)
        noticed = time.monotonic() - halted[0]
    assert error.startswith("yard: the connection was lost (nothing came for too long)")
    assert 10 <= len(frames) < 75
    assert noticed >= 1


def test_no_line_shows_a_password(film):
    with camera(film, password="sesame") as (port, _):
        with pytest.raises(SourceError, match=r"^yard: .*401") as caught:
            opened(rtsp(port, "camera:hush@"), threads=1)
        with opened(rtsp(port, "camera:sesame@"), threads=1) as decoder:
            assert next(decoder.read()).mark.source == "yard"
    assert "hush" not in f"{caught.value!r} {rtsp(1, 'camera:hush@')!r}"


def test_a_stream_by_http_ends(tmp_path):
    scenes(tmp_path / "live.ts", range(2), 25)
    with web(tmp_path) as url:
        frames, error = until_lost(opened(EdgeSource(name="yard", url=f"{url}/live.ts"), threads=1))
    assert (len(frames), error) == (50, "")


@pytest.mark.parametrize(("form", "ending"), [("mpegts", "ts"), ("matroska", "mkv"), ("h264", "h264")])
def test_a_pipe_ends_when_it_is_closed(tmp_path, form, ending):
    path = scenes(tmp_path / f"film.{ending}", range(3), 25, options={"bf": "0"})
    with standard_input(path.read_bytes()):
        frames, error = until_lost(opened(EdgeSource(name="mast", pipe=form), threads=1))
    assert error == ""
    assert [frame.mark.index for frame in frames] == list(range(75))
    assert {frame.mark.source for frame in frames} == {"mast"}


def test_a_pipe_from_another_process(tmp_path):
    path = scenes(tmp_path / "film.ts", range(3), 25)
    code = """
from streamsel.config.edge_source import EdgeSource
from streamsel.edge.feeds.opening import opened
with opened(EdgeSource(name="mast", pipe="mpegts", every=10), threads=1) as decoder:
    print([frame.mark.index for frame in decoder.read()])
"""
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as writer:
        done = subprocess.run([sys.executable, "-c", code], stdin=writer.stdout, capture_output=True, text=True)
    assert done.stdout.strip() == str([*range(0, 75, 10)]), done.stderr


def test_a_pipe_is_waited_for(tmp_path):
    data = scenes(tmp_path / "film.ts", range(3), 25).read_bytes()
    with standard_input(data, pauses=1.2):
        frames, error = until_lost(opened(EdgeSource(name="mast", pipe="mpegts", stall=1), threads=1))
    assert (len(frames), error) == (75, "")


@pytest.mark.parametrize("data", [b"", b"neither"])
def test_a_pipe_that_is_closed_already(data):
    with standard_input(data), pytest.raises(SourceError, match=r"^mast: .*(without a|sent no) picture"):
        opened(EdgeSource(name="mast", pipe="h264"), threads=1)


def test_the_format_of_a_pipe_is_not_guessed(tmp_path):
    data = scenes(tmp_path / "film.mkv", range(3), 25).read_bytes()
    with standard_input(data), pytest.raises(SourceError, match=r"^mast: "):
        opened(EdgeSource(name="mast", pipe="mpegts"), threads=1)
    with standard_input(data), pytest.raises(SourceError, match=r"^mast: 'mpegst' is no format .* mpegts"):
        opened(EdgeSource(name="mast", pipe="mpegst"), threads=1)


def test_a_stream_may_change_its_resolution(tmp_path):
    small = scenes(tmp_path / "small.ts", (0,), 25, size=(160, 120)).read_bytes()
    large = scenes(tmp_path / "large.ts", (1,), 25, size=(320, 240)).read_bytes()
    with standard_input(small + large):
        decoder = opened(EdgeSource(name="mast", pipe="mpegts"), threads=1)
        frames, _ = until_lost(decoder)
    sizes = [(frame.picture.width, frame.picture.height) for frame in frames]
    assert sizes == [(160, 120)] * 25 + [(320, 240)] * 25
    assert decoder.problems["resolution change"] == 1


def test_no_such_camera(tmp_path, monkeypatch):
    source = EdgeSource(name="door", device=str(tmp_path / "video7"))
    monkeypatch.setattr(opening, "CAMERAS", tmp_path / "none")
    with pytest.raises(SourceError, match=r"^door: no camera at .*video7 \(No such .*\); this machine has no camera"):
        opened(source, threads=1)
    (tmp_path / "video0").mkdir()
    (tmp_path / "video0" / "name").write_text("HD Cam\n")
    monkeypatch.setattr(opening, "CAMERAS", tmp_path)
    with pytest.raises(SourceError, match=r"there are /dev/video0 \(HD Cam\): name one of them$"):
        opened(source, threads=1)


def test_what_is_no_camera(tmp_path):
    (tmp_path / "video0").touch()
    with pytest.raises(SourceError, match=r"^door: .*video0 is no camera's device file"):
        opened(EdgeSource(name="door", device=str(tmp_path / "video0")), threads=1)
    with pytest.raises(SourceError, match=r"^door: cannot be opened as a video \(Inappropriate ioctl for device\)"):
        opened(EdgeSource(name="door", device="/dev/null"), threads=1)


def test_a_camera_is_asked_for_by_its_format_and_without_waiting(monkeypatch):
    asked = {}

    def refuse(location, mode, **settings):
        asked.update(settings, location=location)
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr("av.open", refuse)
    with pytest.raises(SourceError, match=r"^door: cannot be opened as a video \(Device or resource busy\)"):
        opened(EdgeSource(name="door", device="/dev/null", stall=20), threads=1)
    expected = {"location": "/dev/null", "format": "v4l2", "options": {"fflags": "+4"}, "timeout": (1.0, 20.0)}
    assert asked == expected


def test_a_folder_is_not_opened_as_a_stream(tmp_path):
    with pytest.raises(SourceError, match=r"^lane: a folder is no live source"):
        opened(EdgeSource(name="lane", folder=tmp_path), threads=1)
