"""What `streamsel check` tells, and that it holds: what it calls possible can be chosen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamsel.choosing.api import check, choose
from streamsel.choosing.finding import Finding
from streamsel.errors import StreamselError, UsageError
from tests.choosing.made import (
    CLASSES,
    COUNT,
    DIVERSITY,
    EMBEDDINGS,
    ENTROPY,
    LANE,
    OBJECTS,
    RANDOM,
    SPEED,
    TYPICALITY,
    UNIFORM,
    WEATHERS,
    WEIGHTS,
    WET,
    chosen,
    config,
    entry,
    records,
    threshold,
    unit,
    written,
)
from tests.choosing.test_choose_refuses import REFUSED
from tests.conftest import streamsel


def told(findings: list[Finding], *levels: str) -> list[tuple[str, str]]:
    return [(one.place, one.text) for one in findings if one.level in levels]


def one(findings: list[Finding], level: str, place: str, *parts: str) -> Finding:
    found = [finding for finding in findings if (finding.level, finding.place) == (level, place)]
    right = [finding for finding in found if all(part in finding.text for part in parts)]
    assert len(right) == 1, findings
    return right[0]


def test_a_config_alone(tmp_path):
    goals = config(
        entry(EMBEDDINGS, DIVERSITY),
        entry({**OBJECTS, "query_set": "night"}, {"type": "SIMILARITY"}),
        entry(COUNT, WEIGHTS),
        entry(CLASSES, UNIFORM),
        entry(RANDOM, WEIGHTS, strength=0),
        entry(EMBEDDINGS, DIVERSITY, strength=-1, stopping_condition_minimum_distance=0.1),
        threshold(WEATHERS, "IN", ["rain"]),
        constraints=[{"type": "AT_MOST", "count": 1, "per": {"type": "SOURCE"}}, {"type": "EXCLUDE", "names": ["x"]}],
    )
    found = check(goals)
    assert told(found, "problem") == []
    one(found, "fine", "strategies[0]", "needs an embedding of each row")
    one(found, "fine", "strategies[1]", "objects of task cars", "query set night")
    one(found, "fine", "strategies[2]", "a number of each row: cars.CATEGORY_COUNT")
    one(found, "fine", "strategies[3]", "amounts by class: cars.CLASS_DISTRIBUTION")
    one(found, "note", "strategies[4]", "strength of 0")
    one(found, "note", "strategies[5]", "fights strategies[0]")
    one(found, "fine", "strategies[6]", "a category of each row: weather")
    one(found, "fine", "constraints[0]", "SOURCE")
    one(found, "fine", "constraints[1]", "1 names")


def test_a_config_that_cannot_run(tmp_path):
    found = check({"strategies": [entry(WEATHERS, {"type": "BALANCE", "target": {"a": 0.9, "b": 0.9}})]})
    one(found, "problem", "n_samples", "nothing says how many")
    one(found, "problem", "strategies[0]", "add up to 1.8")
    lost = check(config(entry(SPEED, WEIGHTS), constraints=[{"type": "EXCLUDE", "file": str(tmp_path / "no.txt")}]))
    one(lost, "problem", "constraints[0]", "no.txt")
    with pytest.raises(UsageError, match="n_sample"):
        check({"n_sample": 3, "strategies": []})


def test_options_that_change_nothing():
    run = {
        "selection_config": config(entry(EMBEDDINGS, DIVERSITY)),
        "worker_config": {"pretagging": True, "embeddings": "e.csv", "use_datapool": True},
    }
    found = check(run)
    for name in ("pretagging", "use_datapool"):
        one(found, "note", f"worker_config.{name}", "changes nothing")
    one(
        found, "note", "worker_config.embeddings", "select looks the vectors of frames up there; choose reads the table"
    )


def test_filters_alone_nothing_ranks(table):
    one(check(config(threshold(SPEED, "BIGGER", 3))), "note", "strategies", "nothing ranks")


@pytest.mark.parametrize("name", sorted(set(REFUSED) - {"key"}))
def test_what_choose_refuses_is_a_problem(name, tmp_path):
    rows = [{key: value for key, value in row.items() if key != "time"} for row in records()]
    table = written(tmp_path / "rows.jsonl", rows)
    selection, says = REFUSED[name]
    found = check(selection, table)
    problems = told(found, "problem")
    assert problems, found
    assert name in ("nothing says n", "target") or any(says in text for _, text in problems)


def test_tables_that_cannot_be_read(tmp_path):
    for table, says in (
        (tmp_path / "no.csv", "does not exist"),
        (written(tmp_path / "e.jsonl", []), "holds no row"),
        (written(tmp_path / "d.jsonl", [{"name": "a"}, {"name": "a"}]), "both named"),
    ):
        one(check(config(entry(EMBEDDINGS, DIVERSITY)), table), "problem", "TABLE", says)


def test_everything_that_is_missing_is_told(table):
    goals = config(
        entry({"type": "METADATA", "key": "sped"}, WEIGHTS),
        entry({**OBJECTS, "task": "cats"}, DIVERSITY),
        entry({**EMBEDDINGS, "query_set": "q"}, {"type": "SIMILARITY"}),
        constraints=[{"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "wether"}}],
        n_samples=100,
    )
    found = told(check(goals, table), "problem")
    assert [place for place, _ in found] == [
        "strategies[0].input.key",
        "strategies[1].input.task",
        "strategies[2].input",
        "constraints[0].per.key",
        "n_samples",
    ]


def test_classes_that_never_occur_are_noted_whether_a_number_is_known_or_not(table):
    target = {"type": "BALANCE", "target": {"snow": 0.5}}
    quota = {"type": "AT_MOST", "count": 1, "per": WEATHERS, "classes": ["hail"]}
    goals = {"strategies": [entry(WEATHERS, target)], "constraints": [quota]}
    for options in ({}, {"n": 5}):
        found = check(goals, table, **options)
        for place, name in (("strategies[0]", "snow"), ("constraints[0]", "hail")):
            assert [
                one for one in found if one.level == "note" and one.place.startswith(place) and repr(name) in one.text
            ]


def test_rows_that_pass(table):
    rows = records()
    fast = [row for row in rows if row["gps"]["speed"] > 30]
    both = [row for row in fast if row["weather"] == "rain"]
    goals = config(
        entry(EMBEDDINGS, DIVERSITY),
        threshold(SPEED, "BIGGER", 30),
        threshold(WEATHERS, "IN", ["rain", "snow"]),
        threshold(SPEED, "BIGGER", 0),
        n_samples=50,
    )
    found = check(goals, table)
    one(found, "fine", "strategies[1]", f"{len(fast)} of 60 rows pass")
    one(found, "note", "strategies[2].strategy.values", "no row has 'snow'")
    one(found, "note", "strategies[3]", "60 of 60 rows pass, so it changes nothing")
    one(found, "note", "TABLE", f"{len(both)} of 60 rows pass all filters", "50 picks are asked for")


def test_no_row_passes(table):
    found = check(config(entry(EMBEDDINGS, DIVERSITY), threshold(SPEED, "BIGGER", 500)), table)
    one(found, "problem", "TABLE", "0 of 60 rows pass all filters", "nothing can be picked")


def test_ten_ambulances_of_a_thousand(tmp_path):
    rows = [{"name": str(row), "kind": "ambulance" if row < 10 else "car"} for row in range(3000)]
    table = written(tmp_path / "rows.jsonl", rows)
    balance = {"type": "BALANCE", "target": {"ambulance": 0.5, "car": 0.5}}
    found = check(config(entry({"type": "METADATA", "key": "kind"}, balance), n_samples=1000), table)
    one(found, "note", "strategies[0]", "ambulance: target 50.0%, all rows 0.3%", "1000 picks reach 0.0% to 1.0%")
    one(found, "note", "strategies[0]", "car: target 50.0%", "reach 99.0% to 100.0%")


def test_classes_that_do_not_occur_and_single_ones(table):
    balance = {"type": "BALANCE", "target": {"sunny": 0.2, "rian": 0.5}}
    found = check(config(entry(WEATHERS, balance)), table)
    one(found, "note", "strategies[0]", "class 'rian' occurs in no row; did you mean 'rain'?")
    alone = check(config(entry(WEATHERS, UNIFORM), threshold(WEATHERS, "IN", ["rain"])), table)
    one(alone, "note", "strategies[0]", "all rows are of one class")


def test_sums(table):
    speeds = sorted(row["gps"]["speed"] for row in records())
    goals = config(
        entry(SPEED, WEIGHTS, stopping_condition_max_sum=1e6),
        entry(SPEED, WEIGHTS, stopping_condition_max_sum=speeds[-1] + speeds[-2]),
        entry(SPEED, WEIGHTS, target_range={"min_sum": 1e5, "max_sum": 1e6}),
        entry(SPEED, WEIGHTS, target_range={"min_sum": 100, "max_sum": 400}),
    )
    found = check(goals, table)
    one(found, "fine", "strategies[0]", f"10 picks is {sum(speeds[:10]):.6g} to {sum(speeds[-10:]):.6g}")
    one(found, "fine", "strategies[0]", "is not reached before all picks are made")
    one(found, "note", "strategies[1]", "is reached after 2 to")
    one(found, "note", "strategies[2]", "cannot be reached with 10 picks")
    one(found, "fine", "strategies[3]", "can be reached with 10 picks")


def test_values_that_rank_nothing(tmp_path):
    rows = [row | {"lane": 7} for row in records()]
    table = written(tmp_path / "rows.jsonl", rows)
    one(check(config(entry(LANE, WEIGHTS)), table), "note", "strategies[0]", "all rows have the value 7")
    same = [row | {"embedding": rows[0]["embedding"]} for row in rows]
    found = check(config(entry(EMBEDDINGS, DIVERSITY)), written(tmp_path / "same.jsonl", same))
    one(found, "note", "strategies[0]", "all embeddings are equal")


def test_values_below_zero_beside_others(tmp_path):
    rows = [row | {"lane": place - 3} for place, row in enumerate(records())]
    found = check(config(entry(LANE, WEIGHTS), entry(EMBEDDINGS, DIVERSITY)), written(tmp_path / "r.jsonl", rows))
    one(found, "note", "strategies[0]", "some values are below 0")


@pytest.mark.parametrize("distance", [0.3, 0.7, 1.0, 1.3])
def test_as_many_picks_fit_at_a_distance_as_diversity_alone_makes(distance, table, tmp_path):
    stop = entry(EMBEDDINGS, DIVERSITY, stopping_condition_minimum_distance=distance)
    made = len(chosen(table, tmp_path / "out", config(stop, n_samples=-1)))
    found = check(config(stop, constraints=[{"type": "MIN_DISTANCE", "distance": distance}], n_samples=20), table)
    level = "fine" if made >= 20 else "note"
    one(found, level, "strategies[0]", f"{made} rows that far apart are found farthest-first, a lower bound")
    one(found, level, "constraints[0]", f"{made} rows that far apart")


def test_the_curve_is_that_of_a_choice(table, tmp_path):
    found = check(config(entry(EMBEDDINGS, DIVERSITY), n_samples=20), table)
    picks = choose(table, tmp_path / "out", n=20).picks
    curve = ", ".join(f"{n}: {picks[n - 1]['distance']:.3g}" for n in (2, 5, 10, 20))
    one(found, "fine", "strategies[0]", curve)


def test_typicality_and_similarity(table, tmp_path):
    np.save(tmp_path / "q.npy", unit(np.eye(3, 6)))
    goals = config(
        entry(EMBEDDINGS, TYPICALITY, num_nearest_neighbors=70, stopping_condition_minimum_typicality=0.99),
        entry({**EMBEDDINGS, "query_set": "q"}, {"type": "SIMILARITY"}),
        entry(OBJECTS, TYPICALITY),
        entry(OBJECTS, DIVERSITY),
        entry(ENTROPY, WEIGHTS),
    )
    found = check(goals, table, query_sets={"q": str(tmp_path / "q.npy")})
    one(found, "note", "strategies[0]", "more than the 59 others")
    one(found, "note", "strategies[0]", "stops below 0.99: 0 rows")
    one(found, "fine", "strategies[1]", "3 queries")
    one(found, "fine", "strategies[2]", "60 objects")
    one(found, "fine", "strategies[3]", "20 of 60 rows have no object")


def limits(*constraints, n=10):
    return config(entry(SPEED, WEIGHTS), constraints=list(constraints), n_samples=n)


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2, 7])
def test_as_many_rows_fit_a_gap_as_can_be_chosen_in_order_of_time(seconds, table, tmp_path):
    gap = {"type": "MIN_GAP", "seconds": seconds}
    found = check(limits(gap, n=30), table)
    earliest = entry({"type": "METADATA", "key": "time"}, WEIGHTS, strength=-1)
    made = len(chosen(table, tmp_path / "out", config(earliest, constraints=[gap], n_samples=-1)))
    one(found, "fine" if made >= 30 else "note", "constraints[0]", f"{made} rows fit; 30 picks")


@pytest.mark.parametrize("per", [WEATHERS, WET, LANE, {"type": "SOURCE"}, {"type": "DAY"}])
@pytest.mark.parametrize("pooled", [False, True])
def test_as_many_rows_fit_a_quota_as_can_be_chosen(per, pooled, table, tmp_path):
    pool = tmp_path / "pool.parquet" if pooled else None
    most = {"type": "AT_MOST", "count": 4, "per": per}
    if pool:
        choose(table, tmp_path / "first", selection=limits(most, n=5), pool=pool)
    found = check(limits(most, n=25), table, pool=pool)
    made = len(chosen(table, tmp_path / "out", limits(most, n=-1), pool=pool))
    one(found, "fine" if made >= 25 else "note", "constraints[0]", f": {made} rows fit; 25 picks")


def test_groups_that_cannot_be_met(table):
    least = {"type": "AT_LEAST", "count": 4, "per": WEATHERS, "classes": ["rain", "hail"]}
    found = check(limits(least, n=3), table)
    one(found, "note", "constraints[0]", "class 'hail' occurs in no row")
    one(found, "note", "constraints[0]", "hail: 4 of 4 are not there")
    one(found, "note", "constraints[0]", "4 picks are kept for it; 3 are asked for")
    per_class = {"type": "AT_LEAST", "count": 1, "per": {"type": "PREDICTIONS", "task": "cars"}}
    one(check(limits(per_class), table), "fine", "constraints[0]", "fewer where a row is in several classes")


def test_many_names_that_cannot_be_included_are_counted(table):
    found = check(limits({"type": "INCLUDE", "names": [f"no{k}" for k in range(30)]}), table)
    assert len(told(found, "problem")) == 13
    one(found, "problem", "constraints", "18 more like these")


def test_quotas_that_fight():
    per = {"type": "SOURCE"}
    fight = [{"type": "AT_LEAST", "count": 4, "per": per}, {"type": "AT_MOST", "count": 3, "per": per}]
    one(check(limits(*fight)), "note", "constraints[0]", "constraints[1] allows 3 at most")


def test_a_pool_is_only_read(table, tmp_path):
    pool = tmp_path / "pool.parquet"
    choose(table, tmp_path / "first", n=12, pool=pool)
    before = pool.read_bytes()
    found = check(config(entry(EMBEDDINGS, DIVERSITY), n_samples=20), table, pool=pool)
    one(found, "fine", "TABLE", "48 of 60 rows pass all filters; 12 out: in the pool")
    one(found, "fine", "strategies[0]", "distance of the last")
    assert pool.read_bytes() == before
    check(config(entry(EMBEDDINGS, DIVERSITY)), table, pool=tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()


@pytest.mark.parametrize("seed", range(12))
def test_what_has_no_problem_can_be_chosen(seed, table, tmp_path):
    random = np.random.default_rng(seed)
    goals = [entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM), entry(SPEED, WEIGHTS), entry(COUNT, WEIGHTS)]
    filters = [threshold(SPEED, "BIGGER", 85), threshold(WET, "EQUAL", True), threshold(LANE, "IN", [5])]
    rules = config(
        *random.permuted(goals)[: random.integers(1, 4)],
        *random.permuted(filters)[: random.integers(0, 3)],
        constraints=[{"type": "INCLUDE", "names": [f"drive/{random.integers(80):03d}.png"]}][: random.integers(2)],
        n_samples=int(random.integers(1, 80)),
    )
    runs = not told(check(rules, table), "problem")
    try:
        found = choose(table, tmp_path / "out", selection=rules)
    except StreamselError:
        assert not runs
        return
    assert runs == (len(found) > 0)


def test_the_command(table, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(config(entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM))))
    assert "it can run" in streamsel("check", rules).stdout
    done = streamsel("check", rules, table, "-n", "4")
    assert "4 picks are asked for" in done.stdout
    failed = streamsel("check", rules, table, "-n", "400", "--json", check=False)
    told = json.loads(failed.stdout)
    assert (failed.returncode, told["event"], told["runs"]) == (2, "check", False)
    assert {"level", "place", "text"} == set(told["findings"][0])
    missing = streamsel("check", tmp_path / "no.json", check=False)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
