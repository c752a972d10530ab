"""Stop and resume equals one go, whatever the selection reads and asks for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import streamsel as library
from streamsel.run.going import Interrupted
from tests.conftest import killed, outputs
from tests.run.drive import (
    BUSES,
    CLASSES,
    DIVERSE,
    DIVERSITY,
    EMBEDDINGS,
    FRAMES,
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

pytestmark = pytest.mark.usefixtures("quick_model")

KILLS = 3

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
    "budget": (EVERYTHING, {"n": 8}),
    "stream": (EVERYTHING, {"target_ratio": 0.15}),
    "budget of sequences": (EVERYTHING, {"n": 16, "sequence_length": 4}),
    "stream of sequences": (EVERYTHING, {"target_ratio": 0.2, "sequence_length": 2}),
    "budget without embeddings": (BARE, {"n": 8}),
    "stream without embeddings": (BARE, {"target_ratio": 0.1}),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return drive(tmp_path_factory.mktemp("killed"))


def same(ours: Path, theirs: Path) -> None:
    """All outputs, and all of the summary but what it took."""
    assert outputs(ours) == outputs(theirs)
    summaries = [json.loads((place / "summary.json").read_text()) for place in (ours, theirs)]
    for key in summaries[0].keys() - {"seconds", "watched"}:
        assert summaries[0][key] == summaries[1][key], key
    assert summaries[0]["picks"] > 0


@pytest.mark.parametrize("run", ["budget", "stream of sequences"])
def test_killed_at_any_moment_it_ends_like_one_that_was_not(run, sources, tiny, tmp_path):
    selection, options = RUNS[run]
    (tmp_path / "selection.json").write_text(json.dumps(selection))
    spelled = [f"--{name.replace('_', '-')}={value}".replace("--n=", "-n") for name, value in options.items()]
    model = () if run == "budget" else ("--model", tiny)
    line = ["select", sources, *spelled, *model, "--selection", tmp_path / "selection.json", "-q", "-o"]
    dice = random.Random(run)
    killed(line, tmp_path, [dice.uniform(0.3, 0.95) for _ in range(KILLS)])
    same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize("run", RUNS)
def test_stopped_after_every_block_it_ends_like_one_that_was_not(run, sources, tmp_path):
    selection, options = RUNS[run]
    library.select(sources, tmp_path / "whole", selection=selection, **options)
    stops = 0
    while True:
        try:
            library.select(sources, tmp_path / "out", selection=selection, stopping=lambda: True, **options)
        except Interrupted:
            stops += 1
        else:
            break
    assert stops >= FRAMES // 16
    same(tmp_path / "out", tmp_path / "whole")
