"""Merging: the order of pools, and merging twice, change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import InUseError, StateError, UsageError
from streamsel.pool.datapool import Pool
from streamsel.pool.merging import merge
from tests.pool.remembered import DIM, MODEL, content, entries, run

RUNS = {number: [number * 3 % 10, number, number + 1, 11 - number] for number in range(8)}
"""What each run picks, whatever pool it adds to: some ids in several runs."""


def pool(path: Path, runs: list[int]) -> Path:
    with Pool.open(path, MODEL, DIM) as made:
        for number in runs:
            made.append(run(number), entries(RUNS[number]))
    return path


def told(path: Path) -> list[object]:
    with Pool.open(path, write=False) as made:
        return content(made)


some_runs = st.lists(st.sampled_from(sorted(RUNS)), unique=True, max_size=5)


@given(some_runs, some_runs, some_runs)
@settings(max_examples=12)
def test_the_order_of_pools_does_not_matter(tmp_path_factory, one, two, three):
    folder = tmp_path_factory.mktemp("pools")
    a, b, c = (pool(folder / name, runs) for name, runs in zip("abc", (one, two, three), strict=True))
    for path in (path for path, runs in ((a, one), (b, two), (c, three)) if not runs):
        with Pool.open(path, MODEL, DIM) as made:  # a pool that nothing is in
            made.append(run(9), [])
            made.undo()
    merge([a, b, c], folder / "abc")
    merge([c, a, b], folder / "cab")
    merge([a, b], folder / "ab")
    merge([folder / "ab", c], folder / "ab c")
    merge([b, c], folder / "bc")
    merge([folder / "bc", a], folder / "bc a")
    merge([folder / "abc", folder / "abc", a], folder / "again")
    assert (folder / "abc").read_bytes() == (folder / "cab").read_bytes()
    assert {run.id for run in Pool.open(folder / "abc", write=False).history} == {
        f"run-{n}" for n in {*one, *two, *three}
    }
    ids = [row.id for row in Pool.open(folder / "abc", write=False).rows()]
    assert len(ids) == len(set(ids))
    assert set(ids) == {entry.id for n in {*one, *two, *three} for entry in entries(RUNS[n])}
    for other in ("ab c", "bc a", "again"):
        assert sorted(row.id for row in Pool.open(folder / other, write=False).rows()) == sorted(ids)


def test_pools_with_nothing_in_common_are_merged_in_time(tmp_path):
    with Pool.open(tmp_path / "late", MODEL, DIM) as late:
        late.append(run(5), entries([5, 6]))
    with Pool.open(tmp_path / "early", MODEL, DIM) as early:
        early.append(run(1), entries([9, 1]))
    merge([tmp_path / "late", tmp_path / "early"], tmp_path / "both")
    with Pool.open(tmp_path / "both", MODEL, DIM) as both:
        assert [row.name for row in both.rows()] == [entry.name for entry in entries([9, 1, 5, 6])]
        assert both.undo().id == "run-5"
        assert content(both) == told(tmp_path / "early")


def test_an_id_stays_with_the_earliest_run(tmp_path):
    pool(tmp_path / "a", [3])
    with Pool.open(tmp_path / "b", MODEL, DIM) as other:
        other.append(replace(run(3), id="before", time=run(3).time - timedelta(hours=1)), entries(RUNS[3][:2]))
    header = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert [(run.id, run.count) for run in header.history] == [("before", 2), ("run-3", 2)]


def test_a_pool_may_be_merged_into_itself(tmp_path):
    a, b = pool(tmp_path / "a", [1]), pool(tmp_path / "b", [2])
    merge([a, b], a)
    merge([a, b], tmp_path / "out")
    assert told(a) == told(tmp_path / "out")


def test_what_cannot_be_merged_is_said(tmp_path):
    a = pool(tmp_path / "a", [1])
    with Pool.open(tmp_path / "b", "resnet", DIM) as other:
        other.append(run(2), entries([1]))
    with pytest.raises(StateError, match="only pools of one model can be merged"):
        merge([a, tmp_path / "b"], tmp_path / "out")
    with pytest.raises(StateError, match="is there already"):
        merge([a], tmp_path / "b")
    with pytest.raises(StateError, match="does not exist"):
        merge([a, tmp_path / "none"], tmp_path / "out")
    with pytest.raises(UsageError, match="at least one"):
        merge([], tmp_path / "out")
    with Pool.open(tmp_path / "out", MODEL, DIM), pytest.raises(InUseError):
        merge([a], tmp_path / "out")
    assert not (tmp_path / "out").exists()
