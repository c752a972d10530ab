"""State that another selection made is never gone on with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsel.config import IngestConfig
from streamsel.errors import StateError
from streamsel.lanes.file_digest import digest_of_files
from streamsel.lanes.making import Lanes
from tests.lanes.made_lanes import Flat, lanes, predictions, rows, settled


class Other(Flat):
    name = "flat/8x8/other"


def test_other_query_vectors_are_another_selection(tmp_path: Path) -> None:
    predictions(tmp_path, 1)
    _, state = settled(lanes("similarity", tmp_path).lane(0), [rows(20)])
    assert len(lanes("similarity", tmp_path).lane(0, state)) > 0
    np.save(tmp_path / "wanted.npy", -np.load(tmp_path / "wanted.npy"))
    with pytest.raises(StateError, match="query set"):
        lanes("similarity", tmp_path).lane(0, state)


def test_another_model_is_told_by_name() -> None:
    _, state = settled(lanes("distance").lane(0), [rows(3)])
    with pytest.raises(StateError, match="is of model flat/8x8, and this is flat/8x8/other;"):
        Lanes(None, Other(), min_distance=0.4).lane(0, state)


def test_the_group_is_part_of_it() -> None:
    told = {"kind": "ingest", "output": {"topic": "picks"}}
    configs = [
        IngestConfig.model_validate({**told, "input": {"servers": "a:1", "topic": "pictures", "group": group}})
        for group in ("one", "other")
    ]
    assert configs[0].identity() != configs[1].identity()


def test_files_are_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"1")
    (tmp_path / "b" / "a.jpg").write_bytes(b"2")
    before = digest_of_files(tmp_path)
    assert digest_of_files(tmp_path) == before
    (tmp_path / "b" / "a.jpg").rename(tmp_path / "b" / "c.jpg")
    assert digest_of_files(tmp_path) != before
    assert digest_of_files(tmp_path / "a.jpg") != digest_of_files(tmp_path / "b" / "c.jpg")
    np.save(tmp_path / "embeddings.npy", np.zeros((1, 2), np.float32))
    run = digest_of_files(tmp_path)
    (tmp_path / "state.db").write_bytes(b"3")
    assert digest_of_files(tmp_path) == run
