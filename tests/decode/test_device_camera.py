"""Cameras of this machine: libav's V4L2 format, as it is, on a device that a preloaded library plays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("made_camera.c")

READ = """
import json, sys
from fractions import Fraction
from streamsel.data import Source
from streamsel.decode.live import LiveDecoder
from streamsel.decode.looking import Looking
from streamsel.errors import SourceError

frames, error = [], ""
looking = Looking(fps=Fraction(sys.argv[2])) if len(sys.argv) > 2 else None
try:
    with LiveDecoder(
        Source("door", "/dev/null", "live"), container="v4l2", threads=1, timeouts=(10, 1), looking=looking
    ) as decoder:
        for frame in decoder.read():
            frames.append(frame)
            if len(frames) == int(sys.argv[1]):
                break
except SourceError as failed:
    error = str(failed)
pictures = [frame.picture.rgb() for frame in frames]
told = [(frame.mark.index, frame.mark.time, rgb.shape, rgb.mean()) for frame, rgb in zip(frames, pictures)]
print(json.dumps([told, error]))
"""


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """The library that plays the camera."""
    library = tmp_path_factory.mktemp("camera") / "made_camera.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.fail("a C compiler is missing on this system: install gcc and libc6-dev", pytrace=False)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def read(camera, count, *looking, **faults):
    """(index, seconds, shape, mean colour) of each frame that came, after it was closed, and the error."""
    environment = {**os.environ, **faults, "LD_PRELOAD": str(camera), "CAMERA": "/dev/null"}
    command = [sys.executable, "-c", READ, str(count), *looking]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"
    return json.loads(done.stdout)


def test_frames_outlive_the_camera(camera):
    frames, error = read(camera, 30)
    assert error == ""
    assert [index for index, *_ in frames] == list(range(30))
    assert {tuple(shape) for _, _, shape, _ in frames} == {(240, 320, 3)}
    assert len({colour for *_, colour in frames}) > 20, "each is another picture"


def test_frames_have_the_times_of_the_camera(camera):
    frames, _ = read(camera, 5, "5")
    assert [index for index, *_ in frames] == [0, 5, 10, 15, 20]
    assert [round(seconds - frames[0][1], 2) for _, seconds, *_ in frames] == [0, 0.2, 0.4, 0.6, 0.8]


def test_a_camera_that_stalls(camera):
    frames, error = read(camera, 1000, STALLS_AFTER="10")
    assert len(frames) == 10
    assert error.startswith("door: the connection was lost (nothing came for too long)")


def test_a_camera_that_is_unplugged(camera):
    frames, error = read(camera, 1000, GONE_AFTER="10")
    assert len(frames) == 10
    assert error.startswith("door: the connection was lost (No such device)")


def test_a_camera_that_never_sends_anything(camera):
    frames, error = read(camera, 1000, STALLS_AFTER="0")
    assert frames == []
    assert error.startswith("door: ")
    assert "nothing came for too long" in error


def test_a_camera_that_needs_a_while(camera):
    frames, error = read(camera, 10, BEGINS_AFTER="1.5")
    assert error == ""
    assert [index for index, *_ in frames] == list(range(10))
