"""What a pool does not know counts nothing, or is said with the pool's name."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.errors import StateError, UsageError
from streamsel.pool import Entry, Run
from streamsel.pool.datapool import Pool
from streamsel.rules.material import batch_of
from streamsel.rules.pool_rows import PoolRows, check_pool
from streamsel.rules.values import labels_of
from streamsel.selection.columns import Batch, Objects, Vectors

ROWS = Batch(
    {
        "EMBEDDINGS": Vectors(np.eye(4, dtype=np.float32)),
        "EMBEDDINGS cars": Objects(np.eye(2, 7, dtype=np.float32), np.array([0, 1, 1, 2])),
    },
    4,
)
VALUES = {"a": {"speed": 3.0, "road": "city", "TIME": 1.0}, "b": {"road": {"land": 1.0}, "SOURCE": "cam"}}


@pytest.fixture
def pool(tmp_path):
    with Pool.open(tmp_path / "pool.parquet", "m", 4) as opened:
        vectors = np.eye(2, 4, dtype=np.float32)
        entries = [Entry(name, "s.csv", name, vector, VALUES[name]) for name, vector in zip("ab", vectors, strict=True)]
        opened.append(Run("one", datetime(2024, 1, 1, tzinfo=UTC)), entries)
        yield opened


def test_what_is_known_and_what_is_not(pool):
    config = read_selection(
        {
            "n_samples": 1,
            "strategies": [
                {"input": {"type": "METADATA", "key": "speed"}, "strategy": {"type": "WEIGHTS"}},
                {"input": {"type": "METADATA", "key": "road"}, "strategy": {"type": "BALANCE", "target": {"city": 1}}},
                {"input": {"type": "EMBEDDINGS", "task": "cars"}, "strategy": {"type": "DIVERSITY"}},
                {"input": {"type": "SCORES", "task": "t", "score": "s"}, "strategy": {"type": "WEIGHTS"}},
            ],
            "constraints": [{"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "road"}}],
        }
    )
    batch = batch_of(config, PoolRows(pool, ROWS))
    assert batch["METADATA speed"].values.tolist() == [3, 0]
    assert batch["SCORES t s"].values.tolist() == [0, 0]
    assert batch["METADATA road (labels)"].values.tolist() == ["city", "land"]
    assert batch["METADATA road (counts)"].values.tolist() == [[1, 0], [0, 1]]
    assert batch["EMBEDDINGS cars"].rows.shape == (0, 7)
    assert batch["EMBEDDINGS"].rows.shape == (2, 4)


def test_classes_are_read_of_probabilities_where_a_pool_knows_only_them(tmp_path):
    told = {
        "a": {"cars.CLASS_DISTRIBUTION": {"dark": 0.8, "bright": 0.2}},
        "b": {"cars.CLASS_DISTRIBUTION": {"dark": 2.0, "bright": 1.0}},
        "c": {"cars.CLASSES": {"bright": 1.0}, "cars.CLASS_DISTRIBUTION": {"dark": 1.0}},
        "d": {},
    }
    with Pool.open(tmp_path / "pool.parquet", "m", 4) as opened:
        vectors = np.eye(4, dtype=np.float32)
        entries = [Entry(name, "s.csv", name, vector, told[name]) for name, vector in zip(told, vectors, strict=True)]
        opened.append(Run("one", datetime(2024, 1, 1, tzinfo=UTC)), entries)
        per = {"type": "PREDICTIONS", "task": "cars"}
        config = read_selection(
            {
                "n_samples": 1,
                "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}],
                "constraints": [{"type": "AT_MOST", "count": 1, "per": per}],
            }
        )
        (column,) = [batch_of(config, PoolRows(opened, ROWS)).columns[one.column] for one in config.constraints]
    rows = [{name for name, held in zip(column.classes, row, strict=True) if held} for row in column.values]
    assert rows == [{"dark"}, {"dark", "bright"}, {"bright"}, set()]


def test_numbers_of_objects_are_scaled_as_those_of_frames_are(tmp_path):
    score = {"type": "SCORES", "task": "t", "score": "object_frequency"}
    (entry,) = read_selection({"strategies": [{"input": score, "strategy": {"type": "WEIGHTS"}}]}).strategies
    counted = {"a": 4.0, "b": 1.0, "c": 2.5, "d": None}
    with Pool.open(tmp_path / "pool.parquet", "m", 4) as pool:
        known = {name: {"t.object_frequency": value} for name, value in counted.items()}
        entries = [Entry(name, "s", name, np.eye(1, 4, dtype=np.float32)[0], known[name]) for name in counted]
        pool.append(Run("one", datetime(2024, 1, 1, tzinfo=UTC)), entries)
        found = PoolRows(pool, ROWS).value(entry.column, "numbers", entry.input)
    assert found.values.tolist() == pytest.approx([1, 0.9, 0.95, 0])


def test_places(pool):
    rows = PoolRows(pool, ROWS)
    assert rows.place("SOURCE").values.tolist() == ["s.csv", "cam"]
    for what in ("TIME", "DAY"):
        with pytest.raises(UsageError, match=r"pool\.parquet: does not know the (time|day) of"):
            rows.place(what)


def test_values_of_another_kind_name_the_pool(pool):
    (entry,) = read_selection(
        {
            "n_samples": 1,
            "strategies": [{"input": {"type": "METADATA", "key": "road"}, "strategy": {"type": "WEIGHTS"}}],
        }
    ).strategies
    with pytest.raises(UsageError, match=r"pool\.parquet: a: .*must be a number"):
        PoolRows(pool, ROWS).value(entry.column, "numbers", entry.input)


def test_pools_of_other_vectors(pool):
    check_pool(pool, ROWS)
    check_pool(pool, ROWS, "m")
    with pytest.raises(StateError, match="model m, these are of other"):
        check_pool(pool, ROWS, "other")
    with pytest.raises(StateError, match="4 numbers, the rows have vectors of 3"):
        check_pool(pool, Batch({"EMBEDDINGS": Vectors(np.eye(3, dtype=np.float32))}, 3))
    with pytest.raises(StateError, match="the rows have no vectors"):
        check_pool(pool, Batch({"NAME": labels_of(["x"])}, 1))
