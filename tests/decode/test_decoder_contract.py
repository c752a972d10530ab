"""Every kind of decoder keeps the contract, on every nasty video and with every option."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from streamsel.data import Source
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.testing.decoders import check_decoder
from streamsel.testing.nasty import READABLE
from streamsel.testing.servers import web
from streamsel.testing.videos import pictures, scenes

HARD = [
    "plain.mp4",
    "open-gop.ts",
    "mpeg2.mpg",
    "backward-times.avi",
    "repeated-times.mkv",
    "no-times.h264",
    "times-restart.ts",
    "variable-rate.mp4",
    "late-key.ts",
    "damaged.mp4",
]
OPTIONS = {
    "every third": {"looking": Looking(every=3)},
    "twice a second": {"looking": Looking(fps=Fraction(2))},
    "key frames": {"looking": Looking(keyframes=True)},
    "part of the time": {"start": Fraction(7, 10), "end": Fraction(12, 10)},
    "part of the time, sparsely": {"start": Fraction(1, 2), "looking": Looking(fps=Fraction(7))},
    "part of the picture": {"crop": (50, 40, 9, 11)},
    "one thread": {"threads": 1},
}


@pytest.mark.parametrize("name", READABLE)
def test_each_video(name, nasty):
    check_decoder(lambda: open_decoder(nasty(name)))


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_each_option(name, options, nasty):
    if name == "repeated-times.mkv" and "start" in options:
        options = {"start": Fraction(7, 1000), "end": Fraction(12, 1000)}  # the whole clip lasts 15 ms
    check_decoder(lambda: open_decoder(nasty(name), **options))


@pytest.mark.parametrize("options", [{}, {"looking": Looking(every=2)}, {"crop": (20, 30, 3, 4)}])
def test_folder_of_pictures(options, tmp_path):
    source = Source("photos", str(pictures(tmp_path / "photos")), "images")
    check_decoder(lambda: open_decoder(source, **options))


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_video_from_the_web(ranges, tmp_path):
    scenes(tmp_path / "a clip.mp4", muxing={"movflags": "faststart"})
    with web(tmp_path, ranges=ranges) as url:
        check_decoder(lambda: open_decoder(Source("clip", f"{url}/a%20clip.mp4")))


def test_long_groups_of_pictures(tmp_path: Path):
    path = scenes(tmp_path / "long.mkv", range(5), 30, gop=60, size=(96, 64))
    check_decoder(lambda: open_decoder(Source("long", str(path))))
