"""The embedded Store: all or nothing, exact restore, one process at a time."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Mark
from streamsel.errors import StateError
from streamsel.store import Changes, Kept, PickRow, dump_marks, load_marks
from streamsel.store.embedded import SqliteStore

MARK = Mark("a b/ü\n.mp4", 3, -7, Fraction(1, 90000), 77, "x.png")


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


def reopened(store):
    store.close()
    return SqliteStore(store.path)


arrays = st.sampled_from(["<f4", "<i8", "|b1", "|u1"]).flatmap(
    lambda dtype: st.tuples(st.just(dtype), st.integers(0, 40_000), st.integers(0, 2**32 - 1))
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "b/c"]), arrays, max_size=3), min_size=1, max_size=4))
def test_arrays_come_back_as_last_committed(tmp_path_factory, commits):
    store = SqliteStore(tmp_path_factory.mktemp("store") / "state.db")
    last = {}
    for commit in commits:
        made = {
            name: np.random.default_rng(seed).integers(0, 2, size).astype(dtype)
            for name, (dtype, size, seed) in commit.items()
        }
        store.commit(Changes(arrays=made))
        last |= made
    store = reopened(store)
    found = store.arrays()
    assert found.keys() == last.keys()
    for name, array in last.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    store.close()


def test_shapes_are_kept(store):
    made = {"m": np.arange(12.0, dtype=np.float32).reshape(3, 4), "s": np.array(7), "e": np.zeros((0, 5), np.int64)}
    store.commit(Changes(arrays=made))
    for name, array in reopened(store).arrays().items():
        assert array.shape == made[name].shape


def test_only_changed_chunks_are_written(store):
    big = np.zeros(1 << 20, np.uint8)
    store.commit(Changes(arrays={"big": big}))
    before = next(store.query("SELECT total_changes()"))[0]
    big[-1] = 1
    store.commit(Changes(arrays={"big": big}))
    assert next(store.query("SELECT total_changes()"))[0] - before == 1


def test_a_failing_commit_changes_nothing(store):
    store.commit(Changes(stream="v", position=MARK, facts={"frames": 1}, arrays={"a": np.zeros(3)}))
    with pytest.raises(Exception, match="object"):
        store.commit(Changes(stream="v", facts={"frames": 2}, arrays={"a": np.ones(3)}, notes={"bad": object()}))
    assert store.restore("v").facts == {"frames": 1}
    np.testing.assert_array_equal(store.arrays()["a"], np.zeros(3))
    store.commit(Changes(arrays={"a": np.ones(3)}))
    np.testing.assert_array_equal(reopened(store).arrays()["a"], np.ones(3))


def test_position_and_kept_rows_round_trip(store):
    vector = np.array([0.6, 0.8], np.float32)
    pick = PickRow(0, 5, (MARK,), "first", np.inf, -1, {"DIVERSITY": 1.5}, vector)
    store.commit(Changes(stream="v", position=MARK, kept=[Kept(5, (MARK,), b"abc", (b"jpg",))], picks=[pick]))
    store = reopened(store)
    assert store.restore("v").position == MARK
    assert not store.restore("v").done
    assert store.kept(5) == Kept(5, (MARK,), b"abc", (b"jpg",), None)
    found = next(store.picks())
    assert (found.marks, found.distance, found.gains, found.files) == ((MARK,), np.inf, {"DIVERSITY": 1.5}, None)
    np.testing.assert_array_equal(found.vector, vector)
    store.delivered(0, ["frames/a.jpg"], vector)
    assert next(store.picks()).files == ("frames/a.jpg",)
    assert not store.undelivered(MARK.source)


def test_released_rows_are_gone_and_vectors_replace_pictures(store):
    store.commit(Changes(kept=[Kept(1, (MARK,), b"x"), Kept(2, (MARK,), b"y")]))
    store.commit(Changes(released=[1], vectors={2: np.ones(2, np.float32)}))
    assert store.kept(2).crops == b""
    np.testing.assert_array_equal(store.kept(2).vector, np.ones(2, np.float32))
    with pytest.raises(StateError, match="row 1 is missing"):
        store.kept(1)


def test_marks_round_trip():
    marks = (MARK, Mark("live", 0, 2**60, Fraction(1, 12288)))
    assert load_marks(dump_marks(marks)) == marks


def test_a_second_process_is_refused(store, tmp_path):
    code = f"from streamsel.store.embedded import *; import pathlib; SqliteStore(pathlib.Path({str(store.path)!r}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another streamsel is using this output folder" in found.stderr


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path):
    (tmp_path / "state.db").write_bytes(b"not a database, but long enough to be read as one" * 30)
    with pytest.raises(StateError, match="damaged or not written by streamsel"):
        SqliteStore(tmp_path / "state.db")


def test_state_of_another_version_is_refused(store):
    store.commit(Changes(notes={"version": 999}))
    store.close()
    with pytest.raises(StateError, match="another version"):
        SqliteStore(store.path)


WRITER = """
import sys
from pathlib import Path
import numpy as np
from streamsel.store import Changes, Span
from streamsel.store.embedded import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
start = store.note("n") or 0
for n in range(start + 1, 1_000_000):
    spans = [Span("v", n, n, n, float(n), n, 1)]
    store.commit(Changes(arrays={"a": np.full(30_000, n)}, spans=spans, notes={"n": n}))
    print(n, flush=True)
"""


def test_killed_at_any_moment_it_holds_all_of_a_commit_or_nothing(tmp_path):
    path = tmp_path / "state.db"
    for round_ in range(6):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3 + round_):
            last = int(child.stdout.readline())
        time.sleep(0.003 * round_)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        store = SqliteStore(path)
        n = store.note("n")
        assert n >= last
        assert (store.arrays()["a"] == n).all()
        assert next(store.query("SELECT COUNT(*), MAX(first) FROM span")) == (n, n)
        store.close()
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_closed_it_is_free_though_somebody_is_still_reading(tmp_path):
    store = SqliteStore(tmp_path / "state.db")
    reading = store.query("SELECT 1 UNION SELECT 2")
    assert next(reading) == (1,)
    store.close()
    SqliteStore(tmp_path / "state.db").close()
