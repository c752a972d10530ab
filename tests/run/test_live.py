"""A live source, from a real RTSP server: decided as it comes, or the best of a given time; no way back."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from streamsel.testing.servers import camera
from streamsel.testing.videos import scenes
from tests.conftest import streamsel

GOALS = {
    "stream": ["--min-distance", "0.4"],
    "budget": ["-n", "3", "--duration", "2.5"],
    "sequences": ["-n", "4", "--sequence-length", "2", "--duration", "2.5"],
    "clips": ["-n", "4", "--sequence-length", "2", "--format", "clip", "--duration", "2.5"],
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return scenes(tmp_path_factory.mktemp("live") / "three.mp4", (0, 1, 2), 30)


@pytest.mark.parametrize("goal", GOALS)
def test_select_from_a_camera(goal, video, tiny, tmp_path):
    with camera(video, "secret") as (port, _):
        url = f"rtsp://camera:secret@127.0.0.1:{port}/camera"
        done = streamsel("select", url, "--model", tiny, "-o", tmp_path / "out", *GOALS[goal], check=False)
    assert done.returncode in (0, 3), done.stderr
    picks = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert len(picks) == (2 if "sequence-length" in str(GOALS[goal]) else 3) or goal == "stream"
    assert picks
    files = [frame["file"] for pick in picks for frame in pick.get("frames", [pick])]
    for file in set(files):
        assert file.startswith(f"frames/127.0.0.1_{port}/camera-20")
        if goal != "clips":
            assert Image.open(tmp_path / "out" / file).size == (160, 120)
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"secret" not in written
    assert "secret" not in done.stdout + done.stderr
