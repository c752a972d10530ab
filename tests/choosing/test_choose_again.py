"""The same command again, another one in its folder, pools, and processes that are killed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from streamsel.choosing.api import choose
from streamsel.errors import StateError, UsageError
from streamsel.pool.datapool import Pool
from tests.choosing.made import (
    DIVERSITY,
    EMBEDDINGS,
    OBJECTS,
    SPEED,
    UNIFORM,
    WEATHERS,
    WEIGHTS,
    chosen,
    config,
    entry,
    records,
    unit,
    written,
)
from tests.conftest import command, inside, outputs, streamsel

FRAMES = {"type": "MIN_GAP", "seconds": 0.5}

GOALS = config(entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM), entry(SPEED, WEIGHTS))


def remembered(pool):
    with Pool.open(pool) as opened:  # takes the lock: nobody holds it any more
        return [row.id for row in opened.rows()]


def everything(folder):
    return outputs(folder) | {"summary.json": (folder / "summary.json").read_bytes()}


def test_the_same_again_changes_nothing(table, tmp_path):
    choose(table, tmp_path / "out", selection=GOALS, pool=tmp_path / "pool.parquet")
    before = everything(tmp_path / "out"), (tmp_path / "pool.parquet").read_bytes()
    choose(table, tmp_path / "out", selection=GOALS, pool=tmp_path / "pool.parquet")
    assert (everything(tmp_path / "out"), (tmp_path / "pool.parquet").read_bytes()) == before


def test_choices_do_not_depend_on_the_run(table, tmp_path):
    for out in ("a", "b"):
        choose(table, tmp_path / out, selection=GOALS)
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b")


@pytest.mark.parametrize(
    "other",
    [
        {"n": 4},
        {"selection": config(entry(SPEED, WEIGHTS))},
        {"normalize": False},
        {"pool": "pool.parquet"},
        {"metadata": "more.jsonl"},
    ],
    ids=str,
)
def test_another_choice_in_the_same_folder_is_refused(other, table, tmp_path):
    written(tmp_path / "more.jsonl", [{"name": "drive/001.png", "x": 1}])
    choose(table, tmp_path / "out", selection=GOALS)
    before = everything(tmp_path / "out")
    paths = {key: tmp_path / value if key in ("pool", "metadata") else value for key, value in other.items()}
    with pytest.raises(StateError, match="holds another choice"):
        choose(**{"table": table, "out": tmp_path / "out", "selection": GOALS, **paths})
    assert everything(tmp_path / "out") == before
    choose(**{"table": table, "out": tmp_path / "out", "selection": GOALS, **paths}, fresh=True)


def test_a_table_that_changed_is_another_choice(table, tmp_path):
    (tmp_path / "names.txt").write_text("drive/001.png\n")
    goals = {**GOALS, "constraints": [{"type": "EXCLUDE", "file": str(tmp_path / "names.txt")}]}
    choose(table, tmp_path / "first", selection=goals)
    choose(tmp_path / "first", tmp_path / "second", n=3)
    (tmp_path / "names.txt").write_text("drive/001.png\ndrive/002.png\n")
    with pytest.raises(StateError, match="holds another choice"):
        choose(table, tmp_path / "first", selection=goals)
    choose(table, tmp_path / "first", selection=goals, fresh=True)
    with pytest.raises(StateError, match="holds another choice"):
        choose(tmp_path / "first", tmp_path / "second", n=3)


def test_fresh_leaves_nothing_of_the_earlier_choice(table, tmp_path):
    choose(table, tmp_path / "out", selection=GOALS)
    rows = [{key: value for key, value in row.items() if key != "embedding"} for row in records()]
    plain = written(tmp_path / "plain.jsonl", rows)
    choose(plain, tmp_path / "out", selection=config(entry(SPEED, WEIGHTS)), fresh=True)
    assert not (tmp_path / "out" / "embeddings.npy").exists()


def test_a_failed_fresh_keeps_the_earlier_choice(table, tmp_path):
    choose(table, tmp_path / "out", selection=GOALS)
    before = everything(tmp_path / "out")
    with pytest.raises(UsageError):
        choose(table, tmp_path / "out", n=61, fresh=True)
    assert everything(tmp_path / "out") == before


def test_picks_of_a_pool_count_and_are_not_picked_again(table, tmp_path):
    """With DIVERSITY alone farthest-first goes on where it was: two runs pick what one would."""
    pool = tmp_path / "pool.parquet"
    one = chosen(table, tmp_path / "one", n=20)
    first = chosen(table, tmp_path / "first", n=12, pool=pool)
    second = choose(table, tmp_path / "second", n=8, pool=pool)
    assert first + [pick["id"] for pick in second.picks] == one == remembered(pool)
    assert second.summary["drops"]["in the pool"] == 12
    assert second.picks[0]["reason"] == "greedy"
    distances = [pick["distance"] for pick in second.picks]
    whole = [pick["distance"] for pick in choose(table, tmp_path / "one", n=20).picks]
    assert distances == pytest.approx(whole[12:])


def test_a_pool_and_new_rows_are_as_one_run_over_both(tmp_path):
    rows = records(80)
    both = written(tmp_path / "both.jsonl", rows)
    first = chosen(both, tmp_path / "first", n=10, pool=tmp_path / "pool.parquet")
    later = written(tmp_path / "later.jsonl", [row for row in rows if row["name"] not in first])
    assert first + chosen(later, tmp_path / "out", n=10, pool=tmp_path / "pool.parquet") == chosen(
        both, tmp_path / "one", n=20
    )


def test_sums_and_shares_of_a_pool_count(table, tmp_path):
    pool = tmp_path / "pool.parquet"
    goals = config(entry(WEATHERS, UNIFORM), entry(SPEED, WEIGHTS, stopping_condition_max_sum=1200))
    first = choose(table, tmp_path / "first", selection=goals, pool=pool)
    second = choose(table, tmp_path / "second", selection=goals, pool=pool)
    sums = [run.summary["strategies"]["WEIGHTS gps.speed"]["reached_sum"] for run in (first, second)]
    assert sums[0] < 1200 <= sums[1] < 1300
    weather = {row["name"]: row["weather"] for row in records()}
    values = [weather[name] for name in remembered(pool)]
    shares = second.summary["strategies"]["BALANCE weather"]["shares"]
    assert shares["rain"]["reached"] == pytest.approx(values.count("rain") / len(values))


def test_constraints_know_a_pool(table, tmp_path):
    limits = [
        {"type": "AT_MOST", "count": 3, "per": {"type": "SOURCE"}},
        {"type": "AT_MOST", "count": 5, "per": {"type": "DAY"}},
        {"type": "AT_MOST", "count": 8, "per": {"type": "METADATA", "key": "weather"}},
        {"type": "MIN_GAP", "seconds": 1.5},
    ]
    goals = config(entry(SPEED, WEIGHTS), constraints=limits, n_samples=5)
    for out in "ab":
        choose(table, tmp_path / out, selection=goals, pool=tmp_path / "pool.parquet")
    rows = {row["name"]: row for row in records()}
    picks = [rows[name] for name in remembered(tmp_path / "pool.parquet")]
    assert len(picks) == 10
    for key, most in (("source", 3), ("day", 5), ("weather", 8)):
        values = [row[key] for row in picks]
        assert max(map(values.count, values)) <= most
    times = {}
    for row in picks:
        times.setdefault(row["source"], []).append(row["time"])
    assert min(np.diff(sorted(of)).min() for of in times.values() if len(of) > 1) >= 1.5


def test_a_pool_that_does_not_know_is_said_so(table, tmp_path):
    pool = tmp_path / "pool.parquet"
    choose(table, tmp_path / "a", n=3, pool=pool)
    goals = config(entry(SPEED, WEIGHTS), constraints=[{"type": "MIN_GAP", "seconds": 1}])
    with pytest.raises(UsageError, match=r"pool.parquet: does not know the time of drive/"):
        choose(table, tmp_path / "b", selection=goals, pool=pool)


def test_objects_of_another_length_than_vectors(tmp_path):
    rows = [row | {"cars": {"embeddings": [[*one, 0.5] for one in row["cars"]["embeddings"]]}} for row in records()]
    table = written(tmp_path / "rows.jsonl", rows)
    for out in "ab":
        choose(table, tmp_path / out, selection=config(entry(OBJECTS, DIVERSITY)), pool=tmp_path / "pool.parquet")
    assert len(remembered(tmp_path / "pool.parquet")) == 20


def test_the_same_choice_into_two_folders_is_two_runs(table, tmp_path):
    for out in "ab":
        choose(table, tmp_path / out, selection=GOALS, pool=tmp_path / "pool.parquet")
    assert len(set(remembered(tmp_path / "pool.parquet"))) == 20


def test_what_is_in_the_pool_may_be_included(table, tmp_path):
    pool, limits = tmp_path / "pool.parquet", [{"type": "INCLUDE", "names": ["drive/000.png"]}]
    assert chosen(table, tmp_path / "a", n=3, pool=pool)[0] == "drive/000.png"
    again = config(entry(EMBEDDINGS, DIVERSITY), constraints=limits, n_samples=3)
    assert "drive/000.png" not in chosen(table, tmp_path / "b", again, pool=pool)


def test_a_pool_of_other_vectors_is_refused(table, tmp_path):
    pool = tmp_path / "pool.parquet"
    vectors = unit(np.random.default_rng(1).normal(size=(9, 5))).tolist()
    other = written(tmp_path / "r.jsonl", [{"name": f"o{k}", "embedding": row} for k, row in enumerate(vectors)])
    choose(other, tmp_path / "other", n=3, pool=pool)
    with pytest.raises(StateError, match="holds vectors of 5 numbers, the rows have vectors of 6 numbers"):
        choose(table, tmp_path / "out", n=3, pool=pool)
    bare = written(tmp_path / "bare.jsonl", [{"name": "a", "gps": {"speed": 1}}])
    with pytest.raises(StateError, match="the rows have no vectors"):
        choose(bare, tmp_path / "bare", selection=config(entry(SPEED, WEIGHTS), n_samples=1), pool=pool)
    assert len(remembered(pool)) == 3


def test_rows_without_names_join_no_pool(tmp_path):
    """Row 3 of one table is not row 3 of the next."""
    np.save(tmp_path / "v.npy", unit(np.random.default_rng(1).normal(size=(9, 5))))
    with pytest.raises(UsageError, match=r"v\.npy: its rows have no names"):
        choose(tmp_path / "v.npy", tmp_path / "out", n=3, pool=tmp_path / "pool.parquet")
    assert not (tmp_path / "pool.parquet").exists()


def test_a_pool_of_another_model_is_refused(table, tmp_path):
    pool = tmp_path / "pool.parquet"
    for name in ("one", "two"):
        choose(table, tmp_path / name, n=12)
        told = json.loads((tmp_path / name / "summary.json").read_text())
        (tmp_path / name / "summary.json").write_text(json.dumps({**told, "model": f"model {name}"}))
    choose(tmp_path / "one", tmp_path / "a", n=3, pool=pool)
    with pytest.raises(StateError, match="holds vectors of model model one, these are of model two"):
        choose(tmp_path / "two", tmp_path / "b", n=3, pool=pool)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments(seed, tmp_path):
    """The same command until one of them ends: the pool has each pick once, and the folder is that of one run."""
    table = written(tmp_path / "rows.jsonl", records(300))
    pool, out, moments = tmp_path / "pool.parquet", tmp_path / "out", random.Random(seed)
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({**GOALS, "n_samples": 60}))
    choose(table, tmp_path / "before", n=7, pool=pool)
    shutil.copy(pool, tmp_path / "copy.parquet")
    arguments = ["choose", table, "--selection", rules, "-q"]
    inside(*arguments, "-o", tmp_path / "whole", "--pool", tmp_path / "copy.parquet")
    begun = time.monotonic()
    streamsel(*arguments, "-o", tmp_path / "timed")
    needed = time.monotonic() - begun
    for _ in range(4):
        process = subprocess.Popen(command(*arguments, "-o", out, "--pool", pool))
        time.sleep(needed * moments.uniform(0.3, 1.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    streamsel(*arguments, "-o", out, "--pool", pool)
    names = remembered(pool)
    assert names == remembered(tmp_path / "copy.parquet")
    assert len(set(names)) == len(names) == 67
    assert outputs(out) == outputs(tmp_path / "whole")


def test_killed_between_the_folder_and_the_pool(table, tmp_path, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("streamsel.choosing.api.remember", die)
        with pytest.raises(KeyboardInterrupt):
            choose(table, tmp_path / "out", selection=GOALS, pool=tmp_path / "pool.parquet")
    assert not (tmp_path / "pool.parquet").exists()
    found = choose(table, tmp_path / "out", selection=GOALS, pool=tmp_path / "pool.parquet")
    assert remembered(tmp_path / "pool.parquet") == [pick["id"] for pick in found.picks]


def test_the_picks_of_a_run_are_a_table(clip, tiny, tmp_path):
    """Frames picked from a video, with their places, as rows, as a query set, and in a pool of their model."""
    inside("select", clip, "--model", tiny, "-o", tmp_path / "run", "-n", "12", "-q")
    run, pool = tmp_path / "run", tmp_path / "pool.parquet"
    goals = config(entry({**EMBEDDINGS, "query_set": "q"}, {"type": "SIMILARITY"}), constraints=[FRAMES], n_samples=4)
    found = choose(run, tmp_path / "out", selection=goals, query_sets={"q": str(run)}, pool=pool)
    told = {json.loads(line)["id"]: json.loads(line) for line in (run / "manifest.jsonl").read_text().splitlines()}
    times = sorted(told[pick["id"]]["time"] for pick in found.picks)
    assert len(found) == 4
    assert min(np.diff(times)) >= 0.5
    assert found.summary["model"] == json.loads((run / "summary.json").read_text())["model"]
    with Pool.open(pool) as opened:
        assert opened.model == found.summary["model"]
        assert {row.source for row in opened.rows()} == {"six.mp4"}
    again = choose(tmp_path / "out", tmp_path / "again", n=2)
    assert again.summary["model"] == found.summary["model"]
    assert again.picks[0]["id"] == found.picks[0]["id"]
