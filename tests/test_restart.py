"""Stop and resume equals one go: kill -9 at any moment, the same command again, the same bytes."""

from __future__ import annotations

import json
import random
import signal
import subprocess

import pytest

from streamsel.testing.videos import scenes
from tests.conftest import command, killed, outputs, streamsel

KILLS = 3

MODES = {
    "budget": ["-n", "8"],
    "sequences": ["-n", "12", "--sequence-length", "4"],
    "clips": ["-n", "8", "--sequence-length", "4", "--format", "clip", "--no-table"],
    "distance": ["--min-distance", "0.5"],
    "ratio": ["--target-ratio", "0.1"],
    "stream sequences": ["--min-distance", "0.4", "--sequence-length", "3"],
    "exact": ["-n", "8", "--effort", "exact", "--every", "5"],
}


WITH_THE_DEFAULT_MODEL = ("budget", "ratio")
"""Modes in which frames are embedded at the end, and as they come; the others have one that costs less."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("restart")
    scenes(folder / "a.mp4", (0, 1, 2, 0, 3), 40)
    scenes(folder / "b.mkv", (1, 4, 5), 40)
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_killed_runs_end_like_one_that_was_not(mode, sources, tiny, tmp_path):
    model = () if mode in WITH_THE_DEFAULT_MODEL else ("--model", tiny)
    line = ["select", sources, *MODES[mode], *model, "-q", "-o"]
    dice = random.Random(mode)
    killed(line, tmp_path, [dice.uniform(*((0.1, 0.95) if kill % 2 else (0.3, 0.7))) for kill in range(KILLS)])
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    ours, theirs = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("killed", "whole"))
    for summary in (ours, theirs):
        del summary["seconds"], summary["watched"]
    assert ours == theirs


def test_interrupted_it_saves_says_so_and_goes_on(sources, tiny, tmp_path):
    line = ["select", sources, "-n", "8", "--model", tiny, "-o"]
    child = subprocess.Popen(command(*line, tmp_path / "out"), stderr=subprocess.PIPE, text=True)
    child.stderr.readline()
    child.send_signal(signal.SIGINT)
    text = child.stderr.read()
    assert child.wait() in (130, 0)
    if child.returncode == 130:
        assert "run the same command again to continue" in text
        assert "Traceback" not in text
    streamsel(*line, tmp_path / "out")
    streamsel(*line, tmp_path / "whole")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
