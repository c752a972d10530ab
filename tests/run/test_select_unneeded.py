"""A selection that reads no embeddings, without a table: no model is loaded, and none is missed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import streamsel as library
from streamsel.errors import ModelError
from tests.run.drive import DIVERSE, MODES, SPEED, UNIFORM, WEATHER, WEIGHTS, config, entry, numbers

FASTEST = config(entry(SPEED, WEIGHTS), entry(WEATHER, UNIFORM))


@pytest.fixture
def no_model(monkeypatch):
    def load(*names, **options):
        raise ModelError("the model was loaded")

    monkeypatch.setattr("streamsel.build.load_embedder", load)


@pytest.mark.parametrize("goal", MODES.values(), ids=MODES)
@pytest.mark.parametrize(
    "more", [{}, {"sequence_length": 2}, {"objects": "cars"}], ids=["frames", "sequences", "objects"]
)
def test_no_model_is_loaded_where_nothing_is_embedded(goal, more, data_set, tmp_path, no_model):
    found = library.select(data_set, tmp_path / "out", selection=FASTEST, table=False, **goal, **more)
    assert len(found) > 0
    assert found.summary["model"] == "none"
    assert not (tmp_path / "out" / "embeddings.npy").exists()


def test_the_picks_are_those_of_a_run_with_a_model(data_set, tmp_path, no_model, monkeypatch):
    bare = library.select(data_set, tmp_path / "bare", selection=FASTEST, table=False, n=8)
    monkeypatch.undo()
    full = library.select(data_set, tmp_path / "full", selection=FASTEST, n=8)
    assert numbers(bare) == numbers(full)


def test_it_goes_on_with_a_table(data_set, tmp_path, quick_model):
    library.select(data_set / "day.mp4", tmp_path / "out", selection=FASTEST, table=False, n=6)
    again = library.select(data_set / "day.mp4", tmp_path / "out", selection=FASTEST, n=6)
    assert len(again) == 6


@pytest.mark.parametrize(
    "more",
    [{"table": True}, {"model": "mine.onnx"}, {"selection": config(DIVERSE)}, {"pool": "pool.parquet"}],
    ids=["table", "named", "vectors", "pool"],
)
def test_a_model_is_loaded_where_it_is_needed_or_named(more, data_set, tmp_path, no_model):
    more = {**more, **({"pool": tmp_path / "pool.parquet"} if "pool" in more else {})}
    with pytest.raises(ModelError, match="the model was loaded"):
        library.select(data_set, tmp_path / "out", **{"selection": FASTEST, "table": False, "n": 4, **more})


def test_openvino_stays_out(data_set, tmp_path):
    code = (
        "import sys, json, streamsel\n"
        f"streamsel.select({str(data_set)!r}, {str(tmp_path / 'out')!r}, selection=json.loads({json.dumps(FASTEST)!r}),"
        " n=4, table=False)\n"
        "print([name for name in ('openvino', 'torch') if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
