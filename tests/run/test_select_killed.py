"""Stop and resume equals one go, whatever the selection reads and asks for."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time

import pytest

from tests.conftest import command, outputs, streamsel
from tests.run.drive import (
    BUSES,
    CLASSES,
    DIVERSE,
    DIVERSITY,
    EMBEDDINGS,
    LUMINANCE,
    RANDOM,
    SPEED,
    TYPICALITY,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    drive,
    entry,
    name,
    threshold,
)

KILLS = 4

EVERYTHING = config(
    DIVERSE,
    entry(EMBEDDINGS, TYPICALITY),
    entry(SPEED, WEIGHTS),
    entry(BUSES, WEIGHTS),
    entry(RANDOM, WEIGHTS, strength=0.5),
    entry(CLASSES, UNIFORM),
    entry(WEATHER, UNIFORM),
    entry({**EMBEDDINGS, "task": "cars"}, DIVERSITY),
    entry({**EMBEDDINGS, "task": "tiles"}, DIVERSITY),
    threshold(LUMINANCE, "BIGGER", 20),
    threshold(SPEED, "BIGGER", 35),
    auto_tasks=[{"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 1}],
    constraints=[
        {"type": "AT_MOST", "count": 6, "per": {"type": "SOURCE"}},
        {"type": "AT_MOST", "count": 3, "per": WEATHER, "classes": ["rain"]},
        {"type": "MIN_GAP", "seconds": 0.04},
        {"type": "INCLUDE", "names": [name(30), name(31)]},
        {"type": "EXCLUDE", "names": [name(6)]},
    ],
)
BARE = config(
    entry(SPEED, WEIGHTS),
    entry(CLASSES, UNIFORM),
    threshold(WEATHER, "NOT_IN", ["fog"]),
    constraints=[{"type": "MIN_GAP", "seconds": 0.1}],
)

RUNS = {
    "budget": (EVERYTHING, ["-n", "8"]),
    "stream": (EVERYTHING, ["--target-ratio", "0.15"]),
    "budget of sequences": (EVERYTHING, ["-n", "16", "--sequence-length", "4"]),
    "stream of sequences": (EVERYTHING, ["--target-ratio", "0.2", "--sequence-length", "2"]),
    "budget without embeddings": (BARE, ["-n", "8", "--no-table"]),
    "stream without embeddings": (BARE, ["--target-ratio", "0.1"]),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return drive(tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize("run", RUNS)
def test_killed_runs_end_like_one_that_was_not(run, sources, tmp_path):
    selection, options = RUNS[run]
    (tmp_path / "selection.json").write_text(json.dumps(selection))
    line = ["select", sources, *options, "--selection", tmp_path / "selection.json", "-q", "-o"]
    began = time.monotonic()
    streamsel(*line, tmp_path / "whole")
    whole = time.monotonic() - began
    dice = random.Random(run)
    for _ in range(KILLS):
        child = subprocess.Popen(command(*line, tmp_path / "killed"))
        try:
            child.wait(whole * dice.uniform(0.3, 0.95))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
    streamsel(*line, tmp_path / "killed")
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    ours, theirs = (json.loads((tmp_path / place / "summary.json").read_text()) for place in ("killed", "whole"))
    ours.pop("seconds"), theirs.pop("seconds")
    for key in theirs:
        assert ours[key] == theirs[key], key
    assert theirs["picks"] > 0
