"""The user's own embeddings in place of a model: found by the names of frames, and as good as the model that made them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import streamsel as library
from streamsel.embed.pooling import pool
from streamsel.errors import ModelError, SourceError, StateError, UsageError
from streamsel.run.parts import Interrupted
from tests.conftest import outputs
from tests.run.drive import (
    DAY,
    DIVERSE,
    EMBEDDINGS,
    FRAMES,
    LUMINANCE,
    SIMILARITY,
    SPEED,
    TYPICALITY,
    WEATHER,
    WEIGHTS,
    config,
    decisions,
    entry,
    name,
    number,
    numbers,
    threshold,
)

pytestmark = pytest.mark.usefixtures("quick_model")

RUNS = {
    "diversity": ({"selection": config(DIVERSE)}, {"n": 9}),
    "a proportion": ({}, {"proportion": 0.1}),
    "several goals": (
        {
            "selection": config(
                DIVERSE,
                entry(EMBEDDINGS, TYPICALITY),
                entry(SPEED, WEIGHTS),
                threshold(WEATHER, "NOT_IN", ["fog"]),
                constraints=[{"type": "AT_MOST", "count": 4, "per": {"type": "SOURCE"}}],
            )
        },
        {"n": 8},
    ),
    "sequences": ({"selection": config(DIVERSE)}, {"n": 12, "sequence_length": 4}),
    "no embeddings read": ({"selection": config(entry(SPEED, WEIGHTS))}, {"n": 5}),
}
STREAMS = {
    "distance": {"min_distance": 0.5},
    "ratio": {"target_ratio": 0.2},
    "sequences": {"target_ratio": 0.25, "sequence_length": 2},
}


@pytest.fixture(scope="module")
def vectors(data_set, tmp_path_factory, quick_model):
    """Of every frame, by the model, in the order looked at."""
    found = library.select(data_set, tmp_path_factory.mktemp("all") / "out", n=FRAMES, effort="exact")
    made = np.empty((FRAMES, quick_model.dim), np.float32)
    made[list(map(number, found.picks))] = np.load(found.folder / "embeddings.npy")
    return made


@pytest.fixture(scope="module")
def own(vectors, tmp_path_factory):
    return written(tmp_path_factory.mktemp("own") / "own.csv", map(name, range(FRAMES)), vectors)


def written(path: Path, names, vectors) -> Path:
    """As the product's users have it."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["filenames", *(f"embedding_{place}" for place in range(vectors.shape[1])), "labels"])
        lines.writerows([called, *map(str, row), 0] for called, row in zip(names, vectors, strict=True))
    return path


def same_choice(ours, theirs):
    """Picks and all that is told of them."""
    assert [{**pick, "file": ""} for pick in ours.picks] == [{**pick, "file": ""} for pick in theirs.picks]
    assert (ours.folder / "embeddings.npy").read_bytes() == (theirs.folder / "embeddings.npy").read_bytes()
    assert ours.summary["statistics"] == theirs.summary["statistics"]


@pytest.mark.parametrize("run", RUNS)
def test_vectors_of_the_model_choose_as_the_model_does(run, data_set, own, tmp_path):
    selection, goal = RUNS[run]
    theirs = library.select(data_set, tmp_path / "model", effort="exact", **selection, **goal)
    ours = library.select(data_set, tmp_path / "own", embeddings=own, **selection, **goal)
    same_choice(ours, theirs)
    assert len(ours) > 2
    assert ours.summary["embeddings"]["rows"] == FRAMES
    assert ours.summary["model"] == f"table of {ours.summary['embeddings']['dim']} numbers"


@pytest.mark.parametrize("mode", STREAMS)
def test_a_stream_decides_on_every_frame_as_a_selector_does_that_is_offered_all(mode, data_set, own, vectors, tmp_path):
    goal = dict(STREAMS[mode])
    ours = library.select(data_set, tmp_path / "own", embeddings=own, **goal)
    length = goal.pop("sequence_length", 1)
    rows = np.stack([pool(vectors[at : at + length]) if length > 1 else vectors[at] for at in range(0, FRAMES, length)])
    selector = library.Selector(rows.shape[1], **goal)
    kept = [place * length for place, row in enumerate(rows) if selector.offer(row)]
    assert numbers(ours) == kept
    assert 2 < len(kept) < FRAMES
    assert "held" not in {row["reason"] for row in decisions(ours)}
