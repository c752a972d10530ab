"""Videos from the web, and live streams, from real servers on this machine."""

from __future__ import annotations

import socket
from fractions import Fraction
from itertools import pairwise
from signal import SIGSTOP

import pytest

from streamsel.data import Source
from streamsel.decode.live import LiveDecoder
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.errors import SourceError
from streamsel.testing.servers import camera, web
from streamsel.testing.videos import scenes


def read(decoder, most=10**6):
    with decoder:
        return [frame.mark for frame, _ in zip(decoder.read(), range(most), strict=False)]


def until_lost(decoder, each=lambda count: None):
    """What came, and the error that ended it."""
    marks = []
    with decoder:
        try:
            for frame in decoder.read():
                marks.append(frame.mark)
                each(len(marks))
        except SourceError as error:
            return marks, error
    return marks, None


def test_a_web_video_is_the_file(tmp_path):
    path = scenes(tmp_path / "clip.mp4")
    with web(tmp_path) as url:
        found = read(open_decoder(Source("clip", f"{url}/clip.mp4")))
    assert found == read(open_decoder(Source("clip", str(path))))


def test_an_index_at_the_end_needs_ranges(tmp_path):
    scenes(tmp_path / "clip.mp4", range(20), codec="mjpeg", pixel_format="yuvj420p")
    with web(tmp_path, ranges=False) as url, pytest.raises(SourceError, match=r"clip: .*copied here first"):
        open_decoder(Source("clip", f"{url}/clip.mp4"))


def test_a_missing_web_video_is_one_line_without_secrets(tmp_path):
    with web(tmp_path) as url:
        secret = url.replace("http://", "http://user:secret@") + "/gone.mp4?token=secret"
        with pytest.raises(SourceError, match=r"^gone.mp4: .*404") as caught:
            open_decoder(Source("gone.mp4", secret))
    assert "secret" not in str(caught.value)


def test_a_web_video_that_breaks_off_is_an_error_after_what_came(tmp_path):
    path = scenes(tmp_path / "clip.mp4", range(40), muxing={"movflags": "faststart"})
    with web(tmp_path, most=path.stat().st_size // 2) as url:
        marks, error = until_lost(open_decoder(Source("clip", f"{url}/clip.mp4")))
    assert str(error).startswith("clip: the connection was lost")
    assert 100 < len(marks) < 480


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return scenes(tmp_path_factory.mktemp("film") / "film.mp4", range(3), 25, options={"bf": "0"})


def live(port, user=""):
    return Source("camera", f"rtsp://{user}127.0.0.1:{port}/camera", "live")


def test_a_camera_gives_its_frames_and_then_hangs_up(film):
    whole = read(open_decoder(Source("camera", str(film))))
    with camera(film) as (port, _):
        decoder = open_decoder(live(port))
        marks, error = until_lost(decoder)
    assert not decoder.seekable
    assert str(error).startswith("camera: the stream ended")
    assert [mark.index for mark in marks] == list(range(75))
    assert [mark.check for mark in marks] == [mark.check for mark in whole]
    steps = {round(later.time - mark.time, 3) for mark, later in pairwise(marks)}
    assert steps == {0.04}


def test_a_camera_that_dies_is_told_after_what_came(film):
    with camera(film) as (port, process):
        marks, error = until_lost(open_decoder(live(port)), lambda count: process.kill() if count == 20 else None)
    assert str(error).startswith("camera: ")
    assert 20 <= len(marks) < 75


def test_a_duration_ends_the_stream(film):
    with camera(film) as (port, _):
        decoder = open_decoder(live(port), duration=Fraction(1, 2), looking=Looking(fps=Fraction(10)))
        marks = read(decoder)
    assert len(marks) == 5


def test_what_has_passed_is_gone(film):
    with camera(film) as (port, _), open_decoder(live(port)) as decoder:
        first = next(decoder.read()).mark
        with pytest.raises(SourceError, match="cannot go back"):
            decoder.fetch([first])
        onward = next(decoder.read(first))
    assert onward.mark.index == first.index + 1


def test_passwords(film):
    with camera(film, password="sesame") as (port, _):
        assert len(read(open_decoder(live(port, "camera:sesame@")), most=3)) == 3
        with pytest.raises(SourceError, match=r"^camera: .*401") as caught:
            open_decoder(live(port, "camera:hush@"))
    assert "hush" not in str(caught.value)


def test_a_camera_that_does_not_answer():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SourceError, match=r"camera: .*no answer in 0.3 s"):
            LiveDecoder(live(silent.getsockname()[1]), timeouts=(0.3, 0.3))


def test_a_camera_that_falls_silent(film):
    with camera(film) as (port, process):
        decoder = LiveDecoder(live(port), timeouts=(10, 0.5))
        marks, error = until_lost(decoder, lambda count: process.send_signal(SIGSTOP) if count == 20 else None)
    assert str(error).startswith("camera: the connection was lost (nothing came for too long)")
    assert 20 <= len(marks) < 75


def test_no_camera_there():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match=r"camera: .*connection refused"):
            open_decoder(live(closed.getsockname()[1]))
