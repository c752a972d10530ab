"""Every strategy and input that a table can have, alone and together; filters, constraints, what is told of picks."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest

import streamsel as library
from streamsel.choosing.api import check, choose
from streamsel.report.goals import goal_rows
from streamsel.selection.formulas import similarity, typicality
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
from tests.conftest import inside, streamsel

SIMILAR = {**EMBEDDINGS, "query_set": "q"}
GOALS = {
    "diversity": entry(EMBEDDINGS, DIVERSITY),
    "typicality": entry(EMBEDDINGS, TYPICALITY),
    "similarity": entry(SIMILAR, {"type": "SIMILARITY"}),
    "object diversity": entry(OBJECTS, DIVERSITY),
    "object typicality": entry(OBJECTS, TYPICALITY),
    "object similarity": entry({**OBJECTS, "query_set": "q"}, {"type": "SIMILARITY"}),
    "weights of metadata": entry(SPEED, WEIGHTS),
    "weights of whole numbers": entry(LANE, WEIGHTS),
    "weights of scores": entry(ENTROPY, WEIGHTS),
    "weights of counts": entry(COUNT, WEIGHTS),
    "weights at random": entry(RANDOM, WEIGHTS),
    "less of metadata": entry(SPEED, WEIGHTS, strength=-1),
    "uniform classes": entry(CLASSES, UNIFORM),
    "input's classes": entry(CLASSES, {"type": "BALANCE", "distribution": "INPUT"}),
    "categories": entry(WEATHERS, {"type": "BALANCE", "target": {"fog": 0.4, "rain": 0.4}}),
    "whole numbers as categories": entry(LANE, UNIFORM),
    "booleans as categories": entry(WET, {"type": "BALANCE", "target": {"true": 0.5, "false": 0.5}}),
}


@pytest.fixture
def queries(tmp_path):
    np.save(tmp_path / "queries.npy", unit(np.random.default_rng(5).normal(size=(3, 6))))
    return {"q": str(tmp_path / "queries.npy")}


@pytest.mark.parametrize("name", GOALS)
def test_each_strategy_alone(name, table, queries, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(GOALS[name]), query_sets=queries)
    names = [pick["id"] for pick in found.picks]
    assert len(set(names)) == len(names) == found.summary["picks"] == 10
    (label,) = found.summary["strategies"]
    assert all(set(pick["gains"]) <= {label} for pick in found.picks)
    assert found.summary["curve"][-1]["picks"] == 10


@pytest.mark.parametrize("some", list(combinations(list(GOALS), 2))[::7], ids=" and ".join)
def test_strategies_together(some, table, queries, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(*(GOALS[name] for name in some)), query_sets=queries)
    assert len({pick["id"] for pick in found.picks}) == 10
    assert len(found.summary["strategies"]) == 2


def test_all_strategies_together(table, queries, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(*GOALS.values()), query_sets=queries)
    assert len({pick["id"] for pick in found.picks}) == 10
    assert len(found.summary["strategies"]) == len(GOALS)
    signals = found.picks[0]["signals"]
    assert {"gps.speed", "weather", "wet", "lane", "cars.uncertainty_entropy", "cars.CATEGORY_COUNT"} <= set(signals)


def test_weights_pick_the_largest_values(table, tmp_path):
    rows = sorted(records(), key=lambda row: -row["gps"]["speed"])
    assert chosen(table, tmp_path / "most", config(entry(SPEED, WEIGHTS))) == [row["name"] for row in rows[:10]]
    least = chosen(table, tmp_path / "least", config(entry(SPEED, WEIGHTS, strength=-1)))
    assert set(least) == {row["name"] for row in rows[-10:]}


def test_diversity_is_farthest_first(table, tmp_path):
    vectors = np.array([row["embedding"] for row in records()])
    picks, nearest = [0], np.linalg.norm(vectors - vectors[0], axis=1)
    while len(picks) < 10:
        picks.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(vectors - vectors[picks[-1]], axis=1))
    assert chosen(table, tmp_path / "out", n=10) == [records()[row]["name"] for row in picks]


@pytest.mark.parametrize(
    ("what", "operation", "value", "passes"),
    [
        (SPEED, "SMALLER", 40, lambda row: row["gps"]["speed"] < 40),
        (SPEED, "BIGGER_EQUAL", 40, lambda row: row["gps"]["speed"] >= 40),
        (COUNT, "BIGGER", 0, lambda row: row["cars"]["CATEGORY_COUNT"] > 0),
        (ENTROPY, "SMALLER_EQUAL", 0.5, lambda row: row["cars"]["uncertainty_entropy"] <= 0.5),
        (WEATHERS, "IN", ["fog", "rain"], lambda row: row["weather"] in ("fog", "rain")),
        (WEATHERS, "NOT_IN", ["fog"], lambda row: row["weather"] != "fog"),
        (WET, "EQUAL", True, lambda row: row["wet"]),
        (LANE, "EQUAL", 2, lambda row: row["lane"] == 2),
    ],
)
def test_thresholds_come_before_everything(what, operation, value, passes, table, queries, tmp_path):
    """The choice is that of a table which never had the other rows: means, scales and shares are of those that pass."""
    goals = (
        entry(EMBEDDINGS, TYPICALITY),
        GOALS["similarity"],
        entry(CLASSES, {"type": "BALANCE", "distribution": "INPUT"}),
    )
    found = choose(
        table,
        tmp_path / "out",
        selection=config(threshold(what, operation, value), *goals, n_samples=7),
        query_sets=queries,
    )
    rest = written(tmp_path / "rest.jsonl", [row for row in records() if passes(row)])
    alone = choose(rest, tmp_path / "alone", selection=config(*goals, n_samples=7), query_sets=queries)
    assert [pick["id"] for pick in found.picks] == [pick["id"] for pick in alone.picks]
    for pick, other in zip(found.picks, alone.picks, strict=True):
        assert pick["gains"] == pytest.approx(other["gains"])
    assert sum(count for reason, count in found.summary["drops"].items() if reason.startswith("threshold")) == (
        60 - alone.summary["rows"]
    )


def test_the_means_are_those_of_passing_rows(table, queries, tmp_path):
    passing = [row for row in records() if row["weather"] == "rain"]
    vectors = np.array([row["embedding"] for row in passing], np.float32)
    for name, values in {
        "typicality": typicality(vectors, 4),
        "similarity": similarity(vectors, np.load(queries["q"])),
    }.items():
        ranked = [passing[row]["name"] for row in np.argsort(-values, kind="stable")[:3]]
        rule = config(threshold(WEATHERS, "IN", ["rain"]), GOALS[name], n_samples=3)
        assert chosen(table, tmp_path / name, rule, query_sets=queries) == ranked


def test_several_thresholds_are_one_filter(table, tmp_path):
    rules = config(
        entry(EMBEDDINGS, DIVERSITY), threshold(SPEED, "BIGGER", 20), threshold(WET, "EQUAL", False), n_samples=5
    )
    chosen(table, tmp_path / "out", rules)
    told = pq.read_table(tmp_path / "out" / "decisions.parquet").to_pylist()
    for row, decision in zip(records(), told, strict=True):
        fails = row["gps"]["speed"] <= 20, row["wet"]
        expected = {"threshold gps.speed": fails[0], "threshold wet": fails[1] and not fails[0]}
        assert [decision["reason"] == reason for reason in expected] == list(expected.values())


def limited(constraint, table, out, n=20, *goals):
    return choose(
        table,
        out,
        selection=config(*(goals or (entry(SPEED, WEIGHTS),)), constraints=[constraint], n_samples=n),
    )


def picked(found):
    rows = {row["name"]: row for row in records()}
    return [rows[pick["id"]] for pick in found.picks]


def test_min_distance_holds(table, tmp_path):
    found = limited({"type": "MIN_DISTANCE", "distance": 0.8}, table, tmp_path / "out")
    vectors = np.array([row["embedding"] for row in picked(found)])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) + 9 * np.eye(len(vectors))
    assert distances.min() >= 0.8


@pytest.mark.parametrize("key", ["weather", "lane", "wet"])
def test_at_most_holds_for_metadata(key, table, tmp_path):
    found = limited(
        {"type": "AT_MOST", "count": 3, "per": {"type": "METADATA", "key": key}}, table, tmp_path / "out", 9
    )
    values = [row[key] for row in picked(found)]
    assert max(map(values.count, values)) == 3
    assert len(values) == min(9, 3 * len(set(values)))


@pytest.mark.parametrize(("per", "of"), [("SOURCE", "source"), ("DAY", "day")])
def test_at_most_holds_for_places(per, of, table, tmp_path):
    found = limited({"type": "AT_MOST", "count": 2, "per": {"type": per}}, table, tmp_path / "out", 30)
    values = [row[of] for row in picked(found)]
    assert max(map(values.count, values)) == 2
    assert "no row is left that AT_MOST" in found.summary["ended"]


def test_at_least_holds_for_several_at_once(table, tmp_path):
    both = [
        {"type": "AT_LEAST", "count": 3, "per": {"type": "METADATA", "key": "weather"}},
        {"type": "AT_LEAST", "count": 2, "per": {"type": "SOURCE"}},
    ]
    found = choose(table, tmp_path / "out", selection=config(entry(SPEED, WEIGHTS), constraints=both, n_samples=17))
    for key, count in (("weather", 3), ("source", 2)):
        values = [row[key] for row in picked(found)]
        assert {value for value in values if values.count(value) >= count} == {row[key] for row in records()}
    assert found.summary["unmet"] == {}


def test_what_at_least_cannot_have_is_told(table, tmp_path):
    hail = {"type": "METADATA", "key": "weather"}
    found = limited({"type": "AT_LEAST", "count": 2, "per": hail, "classes": ["hail"]}, table, tmp_path / "out")
    assert found.summary["unmet"] == {"AT_LEAST weather": {"hail": 2}}
    assert len(found) == 20
    assert "not met: AT_LEAST weather: hail lacks 2" in inside("inspect", tmp_path / "out").stdout


def test_a_gap_holds(table, tmp_path):
    found = limited({"type": "MIN_GAP", "seconds": 3}, table, tmp_path / "out")
    times = {}
    for row in picked(found):
        times.setdefault(row["source"], []).append(row["time"])
    assert min(np.diff(sorted(of)).min() for of in times.values() if len(of) > 1) >= 3


def test_what_must_be_picked_is_first_and_what_must_not_be_is_not(table, tmp_path):
    (tmp_path / "never.txt").write_text("drive/003\ndrive/004.jpg\n")
    limits = [
        {"type": "INCLUDE", "names": ["drive/007.png", "drive/001"]},
        {"type": "EXCLUDE", "file": str(tmp_path / "never.txt")},
        {"type": "AT_MOST", "count": 1, "per": {"type": "SOURCE"}},
    ]
    found = choose(table, tmp_path / "out", selection=config(entry(SPEED, WEIGHTS), constraints=limits, n_samples=60))
    names = [pick["id"] for pick in found.picks]
    assert names[:2] == ["drive/007.png", "drive/001.png"]
    assert [pick["reason"] for pick in found.picks] == ["constraint INCLUDE", "constraint INCLUDE", "greedy", "greedy"]
    assert found.summary["drops"]["excluded"] == 2
    assert len(names) == 4


def test_the_mean_of_what_only_the_choice_computes_is_told(table, queries, tmp_path):
    alike = entry({**EMBEDDINGS, "query_set": "q"}, {"type": "SIMILARITY"})
    goals = config(alike, entry(EMBEDDINGS, TYPICALITY), entry(OBJECTS, TYPICALITY), n_samples=7)
    found = choose(table, tmp_path / "out", selection=goals, query_sets=queries)
    vectors = unit(np.array([row["embedding"] for row in records()]))
    picked = [pick["row"] for pick in found.picks]
    near, usual = similarity(vectors, np.load(queries["q"])), typicality(vectors, 4)
    for label, values in (("SIMILARITY q", near), ("TYPICALITY", usual)):
        told = found.summary["strategies"][label]
        assert told["reached_mean"] == pytest.approx(values[picked].mean(), abs=1e-5)
        assert told["candidates_mean"] == pytest.approx(values.mean(), abs=1e-5)
    assert "candidates_mean" in found.summary["strategies"]["TYPICALITY cars"]


def test_how_many_rows_each_threshold_lets_through_is_told(table, tmp_path):
    fast, rainy = threshold(SPEED, "BIGGER", 45), threshold(WEATHERS, "IN", ["rain", "fog"])
    found = choose(table, tmp_path / "out", selection=config(entry(EMBEDDINGS, DIVERSITY), fast, rainy, n_samples=3))
    told = found.summary["strategies"]
    rows = records()
    assert told["THRESHOLD gps.speed"] == {
        "asked": "BIGGER 45",
        "passed": sum(row["gps"]["speed"] > 45 for row in rows),
        "rows": 60,
    }
    wet = sum(row["weather"] != "sunny" for row in rows)
    assert told["THRESHOLD weather"] == {"asked": "IN rain, fog", "passed": wet, "rows": 60}
    assert ("THRESHOLD weather", "IN rain, fog", f"{wet} of 60 rows pass") in list(goal_rows(told))


def test_what_some_group_needs_says_so(table, tmp_path):
    rainy = {"type": "AT_LEAST", "count": 3, "per": WEATHERS, "classes": ["fog"]}
    found = choose(table, tmp_path / "out", selection=config(entry(SPEED, WEIGHTS), constraints=[rainy], n_samples=6))
    demanded = [pick for pick in found.picks if pick["reason"] == "constraint AT_LEAST weather"]
    assert demanded
    assert {pick["signals"]["weather"] for pick in demanded} == {"fog"}
    assert found.picks[0]["reason"] == "first"


@pytest.mark.parametrize("seed", range(10))
def test_constraints_hold_together(seed, table, tmp_path):
    random = np.random.default_rng(seed)
    distance, gap, most, least = random.uniform(0.2, 0.7), random.uniform(0.5, 4), *random.integers(1, 9, 2)
    limits = [
        {"type": "MIN_DISTANCE", "distance": float(distance)},
        {"type": "MIN_GAP", "seconds": float(gap)},
        {"type": "AT_MOST", "count": int(most), "per": WEATHERS},
        {"type": "AT_LEAST", "count": int(least), "per": LANE},
        {"type": "EXCLUDE", "names": ["drive/000.png"]},
    ]
    goals = random.permuted([GOALS["diversity"], GOALS["weights of metadata"], GOALS["categories"]])[:2]
    found = choose(table, tmp_path / "out", selection=config(*goals, constraints=limits, n_samples=20))
    rows = picked(found)
    vectors, weather = np.array([row["embedding"] for row in rows]), [row["weather"] for row in rows]
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)[~np.eye(len(rows), dtype=bool)]
    assert apart.min(initial=9) >= distance - 1e-6
    assert max(map(weather.count, weather)) <= most
    for source in {row["source"] for row in rows}:
        times = sorted(row["time"] for row in rows if row["source"] == source)
        assert min(np.diff(times), default=9) >= gap - 1e-6
    lanes = [row["lane"] for row in rows]
    lacks = {str(lane): int(least) - lanes.count(lane) for lane in range(3) if lanes.count(lane) < least}
    assert found.summary["unmet"] == ({"AT_LEAST lane": lacks} if lacks else {})
    assert "drive/000.png" not in {row["name"] for row in rows}


def test_reasons_and_gains_are_told(table, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(entry(EMBEDDINGS, DIVERSITY), entry(SPEED, WEIGHTS)))
    vectors = {row["name"]: np.array(row["embedding"]) for row in records()}
    first, *others = found.picks
    assert (first["reason"], first["distance"], first["nearest"]) == ("first", None, -1)
    before = [first["id"]]
    for pick in others:
        distances = [np.linalg.norm(vectors[pick["id"]] - vectors[name]) for name in before]
        assert pick["reason"] == "greedy"
        assert pick["distance"] == pytest.approx(min(distances), abs=1e-5)
        assert pick["nearest"] == int(np.argmin(distances))
        assert set(pick["gains"]) == {"DIVERSITY", "WEIGHTS gps.speed"}
        before.append(pick["id"])
    total = found.summary["strategies"]["WEIGHTS gps.speed"]
    speeds = [row["gps"]["speed"] for row in picked(found)]
    assert total["reached_sum"] == pytest.approx(sum(speeds))
    gains = sum(pick["gains"]["WEIGHTS gps.speed"] for pick in found.picks)
    assert total["gain"] == pytest.approx(gains) == pytest.approx(np.log(sum(speeds)))
    told = pq.read_table(tmp_path / "out" / "decisions.parquet").to_pylist()
    assert [row["id"] for row in told] == [row["name"] for row in records()]
    assert sorted(row["id"] for row in told if row["decision"] == "pick") == sorted(before)


def test_shares_reached_are_those_of_the_picks(table, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(entry(WEATHERS, UNIFORM)))
    shares = found.summary["strategies"]["BALANCE weather"]["shares"]
    values = [row["weather"] for row in picked(found)]
    assert {name: share["reached"] for name, share in shares.items()} == {
        name: values.count(name) / 10 for name in shares
    }


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (entry(EMBEDDINGS, DIVERSITY, stopping_condition_minimum_distance=1.1), "stopping_condition_minimum_distance"),
        (
            entry(EMBEDDINGS, TYPICALITY, stopping_condition_minimum_typicality=0.37),
            "stopping_condition_minimum_typicality",
        ),
        (entry(SPEED, WEIGHTS, stopping_condition_max_sum=300), "stopping_condition_max_sum"),
    ],
)
def test_stopping_conditions_end_the_choice(goal, says, table, tmp_path):
    found = choose(table, tmp_path / "out", selection=config(goal, n_samples=-1))
    assert 0 < len(found) < 60
    assert says in found.summary["ended"]


def test_everything_may_be_asked_for_or_nothing(table, tmp_path):
    goal = entry(EMBEDDINGS, DIVERSITY)
    assert len(chosen(table, tmp_path / "all", config(goal, n_samples=-1))) == 60
    assert chosen(table, tmp_path / "none", config(goal, n_samples=0)) == []
    assert len(chosen(table, tmp_path / "share", config(goal, proportion_samples=0.11))) == 7
    assert len(chosen(table, tmp_path / "option", config(goal), proportion=0.05)) == 3


def test_no_row_may_be_left(table, tmp_path):
    goals = [entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM), entry(SPEED, WEIGHTS)]
    found = choose(table, tmp_path / "out", selection=config(*goals, threshold(SPEED, "SMALLER", -1)))
    assert len(found) == 0
    assert found.summary["ended"] == "no row is left behind the filters"
    assert found.summary["drops"] == {"threshold gps.speed": 60}


def test_a_folder_of_a_choice_is_a_table(table, tmp_path):
    goals = config(entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM), entry(SPEED, WEIGHTS), n_samples=30)
    first = chosen(table, tmp_path / "first", goals)
    again = chosen(tmp_path / "first", tmp_path / "again", {**goals, "n_samples": 8})
    assert set(again) <= set(first)
    assert len(again) == 8
    rainy = config(threshold(WEATHERS, "IN", ["rain"]), entry(SPEED, WEIGHTS), n_samples=-1)
    weather = {row["name"]: row["weather"] for row in records()}
    assert sorted(chosen(tmp_path / "first", tmp_path / "rain", rainy)) == sorted(
        name for name in first if weather[name] == "rain"
    )


def test_rows_without_embeddings_are_chosen_by_what_is_known(tmp_path):
    rows = [{key: value for key, value in row.items() if key != "embedding"} for row in records()]
    found = choose(written(tmp_path / "r.jsonl", rows), tmp_path / "out", selection=config(entry(SPEED, WEIGHTS)))
    assert len(found) == 10
    assert not (tmp_path / "out" / "embeddings.npy").exists()
    assert found.summary["statistics"] is None


def test_vectors_beside_their_metadata(tmp_path):
    np.save(tmp_path / "v.npy", np.array([row["embedding"] for row in records()], np.float32))
    rows = [{key: value for key, value in row.items() if key != "embedding"} for row in records()]
    more = written(tmp_path / "more.jsonl", rows)
    goals = config(entry(EMBEDDINGS, DIVERSITY), entry(SPEED, WEIGHTS))
    apart = chosen(tmp_path / "v.npy", tmp_path / "out", goals, metadata=more)
    assert apart == chosen(written(tmp_path / "one.jsonl", records()), tmp_path / "one", goals)


def test_counts_in_columns_of_a_csv(tmp_path):
    lines = ["filename,cars.CLASS_DISTRIBUTION.car,cars.CLASS_DISTRIBUTION.truck"]
    lines += [f"{row}.png,{row % 3},{int(row % 5 == 0)}" for row in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    found = choose(tmp_path / "t.csv", tmp_path / "out", selection=config(entry(CLASSES, UNIFORM), n_samples=6))
    shares = found.summary["strategies"]["BALANCE cars"]["shares"]
    assert {name: round(share["reached"], 2) for name, share in shares.items()} == {"car": 0.5, "truck": 0.5}


@pytest.mark.parametrize("column", ["CLASS_DISTRIBUTION", "CLASSES"])
def test_a_row_counts_in_its_most_probable_class(column, tmp_path):
    def light(row):
        return {"bright": 0.7, "dark": 0.3} if row % 3 else {"bright": 0.4, "dark": 0.6}

    told = light if column == "CLASS_DISTRIBUTION" else lambda row: {"bright" if row % 3 else "dark": 1.0}
    table = written(tmp_path / "r.jsonl", [row | {"light": {column: told(at)}} for at, row in enumerate(records())])
    quota = {"type": "AT_MOST", "count": 3, "per": {"type": "PREDICTIONS", "task": "light"}}
    found = choose(table, tmp_path / "out", selection=config(entry(EMBEDDINGS, DIVERSITY), constraints=[quota]))
    assert sorted(pick["row"] % 3 == 0 for pick in found.picks) == [False] * 3 + [True] * 3


def test_categories_of_thresholds_that_never_occur_are_noted(table, tmp_path):
    goals = config(entry(EMBEDDINGS, DIVERSITY), threshold(WEATHERS, "IN", ["raine"]), threshold(LANE, "IN", ["1"]))
    found = choose(table, tmp_path / "out", selection=goals)
    assert (len(found), found.summary["notes"]) == (
        0,
        [
            "strategies[1].strategy.values: no row has 'raine'; did you mean 'rain'?",
            "strategies[2].strategy.values: no row has '1'; did you mean 1?",
        ],
    )


def test_classes_that_never_occur_are_noted(table, tmp_path):
    target = {"type": "BALANCE", "target": {"snow": 0.3, "raine": 0.2}}
    quota = {"type": "AT_LEAST", "count": 1, "per": LANE, "classes": [0, 7]}
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(config(entry(WEATHERS, target), constraints=[quota])))
    done = inside("choose", table, "-o", tmp_path / "out", "--selection", rules, "--query-set", f"night={tmp_path}")
    told = [line.removeprefix("note: ") for line in done.stdout.splitlines() if line.startswith("note: ")]
    assert told == library.Selection.load(tmp_path / "out").summary["notes"]
    assert told == [
        "--query-set night: no strategy compares with it, so it changes nothing",
        "strategies[0].strategy.target: no row behind the filters is of class 'raine'; did you mean 'rain'?",
        "strategies[0].strategy.target: no row behind the filters is of class 'snow'",
        "constraints[0].classes: no row behind the filters is of class 7",
    ]


def test_what_changes_nothing_though_it_was_meant_to_is_noted(table, tmp_path):
    goals = config(
        entry(EMBEDDINGS, DIVERSITY),
        lightly_path_regex=r"town_(?P<town>\w+)",
        constraints=[
            {"type": "EXCLUDE", "names": ["drvie/003.png", "drive/004.jpg"]},
            {"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "town"}},
        ],
    )
    told = library.choose(table, tmp_path / "out", selection=goals).summary["notes"]
    assert told == [
        "constraints[1].per: no row behind the filters is of any class",
        "constraints[0]: EXCLUDE: 1 of 2 names are no rows: 'drvie/003.png' (did you mean 'drive/003.png'?)",
    ]
    found = [(one.place, one.text) for one in check(goals, table) if one.level == "note"]
    assert ("constraints[0]", told[1].partition(": ")[2]) in found
    assert ("constraints[1]", "AT_MOST town: no row is of any class, so it changes nothing") in found


def test_the_command_says_what_it_did(table, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(config(entry(EMBEDDINGS, DIVERSITY), entry(WEATHERS, UNIFORM))))
    done = streamsel("choose", table, "-o", tmp_path / "out", "--selection", rules, "-n", "5")
    assert "chose 5 of 60 rows" in done.stdout
    assert "BALANCE weather: fog" in done.stdout
    told = json.loads(streamsel("choose", table, "-o", tmp_path / "json", "-n", "3", "--json").stdout)
    assert (told["event"], told["picks"]) == ("done", 3)
    assert streamsel("choose", table, "-o", tmp_path / "quiet", "-n", "3", "-q").stdout == ""
    names = (tmp_path / "out" / "filenames.txt").read_text().split()
    assert names == [pick["id"] for pick in library.Selection.load(tmp_path / "out").picks]


def test_vectors_are_made_unit_length_unless_the_worker_was_told_otherwise(tmp_path):
    table = written(tmp_path / "long.jsonl", [{"name": f"{n}", "embedding": [n**2.0, 1.0]} for n in range(1, 9)])
    run = {"selection_config": config(entry(EMBEDDINGS, DIVERSITY), n_samples=3)}
    as_they_are = {**run, "worker_config": {"normalize_embeddings": False}}
    found = {name: chosen(table, tmp_path / name, one) for name, one in {"unit": run, "long": as_they_are}.items()}
    assert found["long"] == chosen(table, tmp_path / "option", run, normalize=False) == ["1", "8", "6"]
    assert found["unit"] == chosen(table, tmp_path / "over it", as_they_are, normalize=True) != found["long"]


def test_the_dimension_that_a_config_tells_is_compared_with_a_table_and_not_with_a_run(table, tmp_path):
    run = {
        "selection_config": config(entry(EMBEDDINGS, DIVERSITY), n_samples=3),
        "lightly_config": {"model": {"num_ftrs": 6}},
    }
    first = choose(table, tmp_path / "six", selection=run)
    assert "ignored" not in first.summary or not first.summary["ignored"]
    run["lightly_config"]["model"]["num_ftrs"] = 7
    again = choose(tmp_path / "six", tmp_path / "again", selection=run)
    assert again.summary["ignored"] == ["lightly_config.model.num_ftrs"]


def test_a_pasted_run_is_taken_as_it_is(table, tmp_path):
    pasted = tmp_path / "run.py"
    pasted.write_text(
        """client.schedule_compute_worker_run(
    worker_config={"pretagging": False, "num_threads": -1},
    selection_config={
        "n_samples": 4,
        "strategies": [
            {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}},  # far apart
        ],
    },
    priority="MID",
)
"""
    )
    done = inside("choose", table, "-o", tmp_path / "out", "--selection", pasted)
    assert "chose 4 of 60 rows" in done.stdout
    assert "these options change nothing here: priority, worker_config.num_threads" in done.stdout
