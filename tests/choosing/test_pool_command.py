"""`streamsel pool`: what it shows, forgets and joins."""

from __future__ import annotations

import json

import pytest

from streamsel.choosing.api import choose
from streamsel.pool.datapool import Pool
from tests.choosing.made import records, written
from tests.conftest import inside


@pytest.fixture
def pool(table, tmp_path):
    for n in (3, 4):
        choose(table, tmp_path / f"out{n}", n=n, pool=tmp_path / "pool.parquet")
    return tmp_path / "pool.parquet"


def told(*arguments):
    return json.loads(inside("pool", *arguments, "--json").stdout)


def test_show(pool):
    found = told("show", pool)
    assert (found["picks"], found["dim"], [run["picks"] for run in found["runs"]]) == (7, 6, [3, 4])
    assert found["runs"][0]["sources"] == ["rows.jsonl"]
    shown = inside("pool", "show", pool).stdout
    assert "choose rows.jsonl" in shown
    assert "7 picks of 2 runs" in shown


def test_undo_forgets_run_by_run(pool):
    said = inside("pool", "undo", pool).stdout
    assert "forgot 4 picks" in said
    assert "3 are left" in said
    assert told("undo", pool)["run"]["picks"] == 3
    assert told("show", pool)["runs"] == []
    nothing = inside("pool", "undo", pool, check=False)
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)


def test_what_was_undone_comes_back_with_the_same_command(pool, table, tmp_path):
    inside("pool", "undo", pool)
    choose(table, tmp_path / "out4", n=4, pool=pool)
    assert told("show", pool)["picks"] == 7


def test_merge(pool, tmp_path):
    other = written(tmp_path / "other.jsonl", [row | {"name": f"b{row['name']}"} for row in records(20, 5)])
    choose(other, tmp_path / "out", n=5, pool=tmp_path / "other.parquet")
    found = told("merge", pool, tmp_path / "other.parquet", "-o", tmp_path / "both.parquet")
    assert found["picks"] == 12
    with Pool.open(tmp_path / "both.parquet") as both:
        assert len({row.id for row in both.rows()}) == 12


@pytest.mark.parametrize("command", [("show",), ("undo",), ("merge", "-o", "out.parquet")])
def test_a_pool_that_is_not_there(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = inside("pool", *command, tmp_path / "none.parquet", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no such pool" in done.stderr
    assert list(tmp_path.iterdir()) == []
