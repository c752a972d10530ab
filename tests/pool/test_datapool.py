"""The pool: what is appended is there once, what is undone is gone, what is wrong is said."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import InUseError, SinkError, StateError, UsageError
from streamsel.pool import Entry, Run
from streamsel.pool.datapool import Pool
from tests.pool.remembered import DIM, MODEL, content, entries, entry, run, vector


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "pool.parquet"


def opened(path: Path, **others) -> Pool:
    return Pool.open(path, MODEL, DIM, **others)


def fill(path: Path, *runs: list[int]) -> None:
    with opened(path) as pool:
        for number, numbers in enumerate(runs):
            pool.append(run(number), entries(numbers))


def test_a_pool_that_is_not_there_is_empty_and_not_made_by_looking(path):
    with opened(path) as pool:
        assert (len(pool), list(pool.rows()), pool.vectors.shape) == (0, [], (0, DIM))
    assert not path.exists()


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=5))
@settings(max_examples=20)
def test_what_is_appended_is_read_again_each_id_once(tmp_path_factory, runs):
    path = tmp_path_factory.mktemp("pool") / "pool.parquet"
    fill(path, *runs)
    once = list(dict.fromkeys(number for numbers in runs for number in numbers))
    with opened(path, write=False) as pool:
        assert [row.id for row in pool.rows()] == [entry(number).id for number in once]
        assert all(row.values == entry(number).values for row, number in zip(pool.rows(), once, strict=True))
        assert np.array_equal(pool.vectors, np.array([vector(n) for n in once], np.float32).reshape(-1, DIM))
        assert [known.id for known in pool.history] == [run(number).id for number in range(len(runs))]
        assert sum(known.count for known in pool.history) == len(pool) == len(once)


@given(st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=4))
@settings(max_examples=20)
def test_undo_after_append_is_as_before(tmp_path_factory, runs):
    path = tmp_path_factory.mktemp("pool") / "pool.parquet"
    fill(path, *runs[:-1])
    before = path.read_bytes() if path.exists() else None
    with opened(path) as pool:
        told = content(pool)
        pool.append(run(99), entries(runs[-1]))
        assert pool.undo().id == "run-99"
        assert content(pool) == told
    assert before in (None, path.read_bytes())


def test_the_same_run_again_adds_nothing(path):
    fill(path, [1, 2, 3])
    before = path.read_bytes()
    with opened(path) as pool:
        assert pool.append(run(0), entries([7, 8])) == 0
        assert run(0).id in {known.id for known in pool.history}
        assert len(pool) == 3
    assert path.read_bytes() == before


def test_an_open_pool_knows_what_it_was_given(path):
    with opened(path) as pool:
        assert pool.append(run(0), entries([1, 2, 1])) == 2
        assert pool.append(run(1), entries([2, 3])) == 1
        assert entry(3).id in pool
        assert entry(4).id not in pool
        assert pool.vectors.shape == (3, DIM)
        with pytest.raises(ValueError, match="read-only"):
            pool.vectors[0] = 0


def test_sources_looked_at_are_remembered_even_where_nothing_was_picked(path):
    with opened(path) as pool:
        pool.append(run(0, sources=("dull.mp4", "sub/näh e\n.mp4")), [])
    with opened(path) as pool:
        assert pool.remembers("dull.mp4")
        assert pool.remembers("sub/näh e\n.mp4")
        assert not pool.remembers("new.mp4")
        pool.undo()
        assert not pool.remembers("dull.mp4")


def test_many_entries_stream_through(path):
    def endless() -> Iterator[Entry]:
        number = 0
        while True:
            yield entry(number)
            number += 1

    with opened(path) as pool:
        pool.append(run(0), islice(endless(), 20_000))
        pool.append(run(1), entries(range(19_990, 20_010)))
        pool.undo()
        assert [row.id for row in pool.rows()] == [entry(number).id for number in range(20_000)]
    assert pq.ParquetFile(path).num_row_groups == 2


def test_how_it_was_appended_does_not_show_in_the_rows(tmp_path):
    fill(tmp_path / "many", *[[number] for number in range(20)])
    with opened(tmp_path / "many", write=False) as pool:
        assert pq.ParquetFile(tmp_path / "many").num_row_groups == 1
        assert [row.id for row in pool.rows()] == [entry(number).id for number in range(20)]


def test_any_parquet_reader_reads_it(path):
    fill(path, [1, 2])
    table = pq.read_table(path)
    assert table.column_names == ["id", "source", "name", "vector", "values", "run", "added"]
    assert table["vector"].type.list_size == DIM
    assert table["added"].to_pylist() == [datetime(2025, 1, 1, tzinfo=UTC)] * 2
    assert pq.read_metadata(path).metadata[b"streamsel.pool.model"] == MODEL.encode()


def test_picks_without_vectors_are_remembered_too(path):
    with Pool.open(path, "none", 0) as pool:
        pool.append(run(0), entries([1, 2], dim=0))
        pool.append(run(1), entries([3], dim=0))
    with Pool.open(path) as pool:
        assert (pool.dim, pool.vectors.shape, len(list(pool.rows()))) == (0, (3, 0), 3)


def test_a_pool_of_another_model_is_refused(path):
    fill(path, [1])
    with pytest.raises(StateError, match="holds vectors of model lite0 fp32 cpu, this is resnet"):
        Pool.open(path, "resnet", DIM)
    with pytest.raises(StateError, match="holds vectors of 4 numbers, these have 8"):
        Pool.open(path, MODEL, 8)
    with opened(path) as pool:  # the lock of those that failed is gone
        pool.undo()
    with Pool.open(path, "resnet", 8) as pool:
        assert pool.append(run(5), entries([1], dim=8)) == 1


def test_one_at_a_time(path):
    with opened(path):
        with pytest.raises(InUseError, match="another process is working on this pool"):
            opened(path)
        assert len(opened(path, write=False)) == 0
    opened(path).close()


def test_a_reader_changes_nothing(path):
    fill(path, [1])
    with opened(path, write=False) as pool:
        with pytest.raises(UsageError, match="for reading only"):
            pool.append(run(1), [])
        with pytest.raises(UsageError, match="for reading only"):
            pool.undo()


def test_undo_of_nothing_is_an_error(path):
    with opened(path) as pool, pytest.raises(StateError, match="remembers no run"):
        pool.undo()


def test_a_pool_behind_a_link_stays_behind_it(tmp_path):
    link = tmp_path / "link.parquet"
    link.symlink_to(tmp_path / "real.parquet")
    fill(link, [1])
    assert link.is_symlink()
    assert (tmp_path / "real.parquet").is_file()


def test_rights_of_the_file_stay(path):
    fill(path, [1])
    path.chmod(0o640)
    with opened(path) as pool:
        pool.append(run(7), entries([2]))
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("wrong", [np.float32([1, 2]), np.float32([1, np.nan, 0, 0])])
def test_an_entry_that_does_not_fit_leaves_the_pool_as_it_was(path, wrong):
    fill(path, [1, 2])
    before = path.read_bytes()

    def broken() -> Iterator[Entry]:
        yield entry(3)
        yield Entry("bad", "a", "b", wrong)

    with opened(path) as pool:
        told = content(pool)
        with pytest.raises(UsageError, match="bad: "):
            pool.append(run(1), broken())
        assert content(pool) == told
        assert pool.append(run(1), entries([3])) == 1
        pool.undo()
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


@pytest.mark.parametrize("value", [float("nan"), object(), {"car": float("inf")}])
def test_values_that_are_no_json_are_refused(path, value):
    with opened(path) as pool, pytest.raises(UsageError, match="cannot be remembered as JSON"):
        pool.append(run(0), [Entry("a", "b", "c", vector(1), {"k": value})])


def test_a_new_pool_needs_a_model(path):
    with Pool.open(path) as pool, pytest.raises(UsageError, match="say of which model"):
        pool.append(run(0), entries([1]))


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StateError, match="its folder must be there and writable"):
        opened(tmp_path / "none" / "pool.parquet")


def test_a_full_disk_is_said_and_changes_nothing(path):
    fill(path, [1])
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path) as pool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(SinkError, match="File too large; the pool is as it was"):
                pool.append(run(1), entries(range(20_000)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert len(pool) == 1
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
@settings(max_examples=20)
def test_damage_is_found_and_told_in_one_line(tmp_path_factory, place, change, cut):
    path = tmp_path_factory.mktemp("pool") / "pool.parquet"
    fill(path, list(range(20)), [30])
    with opened(path) as pool:
        told = content(pool)
    data = bytearray(path.read_bytes())
    place %= len(data)
    if cut:
        path.write_bytes(data[:place])
    else:
        data[place] ^= change
        path.write_bytes(data)
    error, found = read(path)
    assert error is None or (str(path) in error and "\n" not in error)
    assert error or (found == told and not cut)


def read(path: Path) -> tuple[str | None, list[object] | None]:
    try:
        with Pool.open(path, write=False) as pool:
            return None, content(pool)
    except StateError as error:
        return str(error), None


def test_names_that_are_no_text_are_spelled_out(path):
    odd = "sub/\udcff.mp4"
    with opened(path) as pool:
        pool.append(run(0, sources=(odd,)), [Entry("a", odd, odd, vector(1), {"label": odd})])
    with opened(path) as pool:
        assert pool.remembers(odd)
        assert [(row.source, row.values) for row in pool.rows()] == [("sub/\\udcff.mp4", {"label": odd})]


def test_another_parquet_file_is_no_pool(path, tmp_path):
    import pyarrow as pa

    pq.write_table(pa.table({"id": ["a"]}), path)
    with pytest.raises(StateError, match="is no pool"):
        opened(path)
    shutil.copy(__file__, path)
    with pytest.raises(StateError, match="is damaged or no pool"):
        opened(path)


def test_runs_have_ids_and_zones():
    with pytest.raises(UsageError, match="must have a zone"):
        Run("a", datetime(2025, 1, 1))
    with pytest.raises(UsageError, match="id of a run"):
        Run("a b", datetime(2025, 1, 1, tzinfo=UTC))
    there = Run("a", datetime(2025, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert there.time == datetime(2025, 1, 1, tzinfo=UTC)
