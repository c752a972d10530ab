"""The selection config as values: which input goes with which strategy, what each entry reads, how many to pick."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import SelectionConfig, read_selection
from streamsel.errors import UsageError

EMBEDDINGS = {"type": "EMBEDDINGS"}
OBJECTS = {"type": "EMBEDDINGS", "task": "cars"}
SCORES = {"type": "SCORES", "task": "cars", "score": "uncertainty_entropy"}
DISTRIBUTION = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
COUNT = {"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT"}
METADATA = {"type": "METADATA", "key": "weather"}
RANDOM = {"type": "RANDOM"}
INPUTS = (EMBEDDINGS, OBJECTS, SCORES, DISTRIBUTION, COUNT, METADATA, RANDOM)

DIVERSITY = {"type": "DIVERSITY"}
TYPICALITY = {"type": "TYPICALITY"}
SIMILARITY = {"type": "SIMILARITY"}
WEIGHTS = {"type": "WEIGHTS"}
THRESHOLD = {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 1}
BALANCE = {"type": "BALANCE", "distribution": "UNIFORM"}
STRATEGIES = (DIVERSITY, TYPICALITY, SIMILARITY, WEIGHTS, THRESHOLD, BALANCE)

FITS = {
    "EMBEDDINGS": {"DIVERSITY", "TYPICALITY", "SIMILARITY"},
    "SCORES": {"WEIGHTS", "THRESHOLD"},
    "CLASS_DISTRIBUTION": {"BALANCE"},
    "CATEGORY_COUNT": {"WEIGHTS", "THRESHOLD"},
    "METADATA": {"WEIGHTS", "THRESHOLD", "BALANCE"},
    "RANDOM": {"WEIGHTS", "THRESHOLD"},
}


def config(*pairs: tuple[dict[str, Any], dict[str, Any]], **top: Any) -> SelectionConfig:
    entries = [{"input": what, "strategy": how} for what, how in pairs or [(RANDOM, WEIGHTS)]]
    return read_selection({"strategies": entries, **top})


def filtered(operation: str, **options: Any) -> dict[str, Any]:
    return {"type": "THRESHOLD", "operation": operation, **options}


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["type"])
@pytest.mark.parametrize("given_input", INPUTS, ids=lambda value: " ".join(map(str, value.values())))
def test_exactly_the_pairs_of_the_table_are_accepted(given_input: dict[str, str], strategy: dict[str, Any]) -> None:
    fits = FITS[given_input.get("name", given_input["type"])]
    queried = strategy is SIMILARITY and given_input["type"] == "EMBEDDINGS"
    what = {**given_input, "query_set": "night"} if queried else given_input
    if strategy["type"] in fits:
        assert config((what, strategy)).strategies[0].strategy.type == strategy["type"]
        return
    with pytest.raises(UsageError, match=r"strategies\[0\]: input .* does not go with strategy") as caught:
        config((what, strategy))
    assert set(str(caught.value).partition("it takes ")[2].split(" or ")) == fits


@pytest.mark.parametrize(
    ("what", "how", "column", "kind", "label"),
    [
        (EMBEDDINGS, DIVERSITY, "EMBEDDINGS", "vectors", "DIVERSITY"),
        (OBJECTS, TYPICALITY, "EMBEDDINGS cars", "objects", "TYPICALITY cars"),
        ({**OBJECTS, "query_set": "night"}, SIMILARITY, "EMBEDDINGS cars", "objects", "SIMILARITY cars night"),
        (SCORES, WEIGHTS, "SCORES cars uncertainty_entropy", "numbers", "WEIGHTS cars uncertainty_entropy"),
        (DISTRIBUTION, BALANCE, "PREDICTIONS cars CLASS_DISTRIBUTION", "counts", "BALANCE cars"),
        (COUNT, WEIGHTS, "PREDICTIONS cars CATEGORY_COUNT", "numbers", "WEIGHTS cars"),
        (
            {**COUNT, "categories": ["person", "car", "a,b"]},
            THRESHOLD,
            r"PREDICTIONS cars CATEGORY_COUNT a\,b,car,person",
            "numbers",
            r"THRESHOLD cars a\,b,car,person",
        ),
        (METADATA, WEIGHTS, "METADATA weather", "numbers", "WEIGHTS weather"),
        (METADATA, BALANCE, "METADATA weather (counts)", "counts", "BALANCE weather"),
        (METADATA, filtered("IN", values=["rain"]), "METADATA weather (labels)", "labels", "THRESHOLD weather"),
        (METADATA, filtered("EQUAL", threshold=False), "METADATA weather (labels)", "labels", "THRESHOLD weather"),
        (METADATA, filtered("EQUAL", threshold=3), "METADATA weather", "numbers", "THRESHOLD weather"),
        (METADATA, filtered("BETWEEN", minimum=1, maximum=2), "METADATA weather", "numbers", "THRESHOLD weather"),
        (RANDOM, WEIGHTS, "RANDOM", "numbers", "WEIGHTS RANDOM"),
        ({**RANDOM, "random_seed": 42}, WEIGHTS, "RANDOM 42", "numbers", "WEIGHTS RANDOM 42"),
    ],
)
def test_an_entry_says_what_it_reads(
    what: dict[str, Any], how: dict[str, Any], column: str, kind: str, label: str
) -> None:
    (entry,) = config((what, how)).strategies
    assert (entry.column, entry.kind, entry.label) == (column, kind, label)


def test_labels_of_equals_are_numbered() -> None:
    read = config((EMBEDDINGS, DIVERSITY), (RANDOM, WEIGHTS), (EMBEDDINGS, DIVERSITY), (EMBEDDINGS, DIVERSITY))
    assert read.labels == ("DIVERSITY", "WEIGHTS RANDOM", "DIVERSITY 2", "DIVERSITY 3")


def test_query_sets_are_named_in_two_ways() -> None:
    theirs = {**EMBEDDINGS, "dataset_id": "0123", "tag_name": "initial-tag"}
    assert config((theirs, SIMILARITY)).strategies[0].query == "0123/initial-tag"
    assert config(({**EMBEDDINGS, "query_set": "night"}, SIMILARITY)).strategies[0].query == "night"
    assert config((EMBEDDINGS, DIVERSITY)).strategies[0].query is None


@pytest.mark.parametrize(
    ("what", "how", "complaint"),
    [
        (EMBEDDINGS, SIMILARITY, "SIMILARITY needs a query set: query_set, or dataset_id and tag_name, in its input"),
        ({**EMBEDDINGS, "query_set": "x"}, DIVERSITY, "DIVERSITY compares with no query set: only SIMILARITY does"),
        ({**EMBEDDINGS, "dataset_id": "x"}, SIMILARITY, "dataset_id and tag_name go together: give both"),
        ({**DISTRIBUTION, "categories": ["a"]}, BALANCE, "categories goes with CATEGORY_COUNT"),
        ({**COUNT, "categories": ["a", "b", "a"]}, WEIGHTS, "'a' is there twice"),
        ({**COUNT, "categories": []}, WEIGHTS, "must hold at least one entry, got []"),
        (METADATA, filtered("BIGGER", threshold="x"), "operation BIGGER takes a number as threshold, got 'x'"),
        (METADATA, filtered("BETWEEN", minimum=1), "operation BETWEEN takes minimum and maximum, got minimum"),
        (METADATA, filtered("BETWEEN", minimum=2, maximum=1), "maximum must be minimum or more, got 2 and 1"),
        (METADATA, filtered("IN", values=[1.5]), "must be a category: a text, a whole number, true or false, got 1.5"),
        (METADATA, filtered("SMALLER"), "operation SMALLER takes threshold, got none"),
        (METADATA, filtered("EQUAL", threshold=math.inf), "must be a number, a text, true or false, got inf"),
        (RANDOM, filtered("IN", values=[1]), "RANDOM holds numbers: compare with a number, or BETWEEN two"),
        ({**METADATA, "key": "lightly.snr"}, BALANCE, "lightly.snr holds numbers, not categories"),
        (METADATA, {"type": "BALANCE", "distribution": "TARGET"}, "distribution TARGET needs target"),
        (METADATA, {**BALANCE, "target": {"a": 1}}, "target goes with distribution TARGET, not with UNIFORM"),
        (METADATA, {"type": "BALANCE", "target": {"a": 30}}, "the share of 'a' must be 0..1, got 30"),
        (METADATA, {"type": "BALANCE", "target": {"a": 0}}, "at least one share must be above 0"),
        (METADATA, {"type": "BALANCE", "target": {True: 1}}, "class True must be a text: put it in quotes"),
        (RANDOM, {**WEIGHTS, "target_range": {"min_sum": 2, "max_sum": 1}}, "max_sum must be min_sum or more"),
        (EMBEDDINGS, {**TYPICALITY, "num_nearest_neighbors": 1}, "must be greater than or equal to 2, got 1"),
    ],
)
def test_what_means_nothing_is_refused(what: dict[str, Any], how: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        config((what, how))
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("selection: strategies[0]")


@pytest.mark.parametrize(
    ("top", "complaint"),
    [
        ({"lightly_path_regex": "("}, "lightly_path_regex: is no regular expression: missing )"),
        ({"lightly_path_regex": "a(b)"}, "lightly_path_regex: must have a named group, (?P<name>...)"),
        ({"auto_tasks": [{"type": "CROP", "name": "a", "bboxs": [[1, 0, 0, 1]]}]}, "auto_tasks[0].bboxs[0]: a box is"),
        ({"auto_tasks": [{"type": "CROP", "name": "a", "bboxs": [[0, 0, 2, 1]]}]}, "auto_tasks[0].bboxs[0][2]: must"),
        ({"constraints": [{"type": "INCLUDE"}]}, "constraints[0]: takes either names or file: give one of them"),
        (
            {"constraints": [{"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "lightly.snr"}}]},
            "constraints[0].per.key: lightly.snr holds numbers, not categories",
        ),
        ({"worker": {"selected_sequence_length": 4}, "n_samples": 2}, "n_samples 2 is no multiple of selected_seque"),
    ],
)
def test_what_means_nothing_at_the_top_is_refused(top: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        config(**top)
    assert str(caught.value).startswith(f"selection: {complaint}")


def test_auto_tasks_have_objects_but_no_classes() -> None:
    tiling = {"type": "TILING", "name": "cars", "num_rows": 2, "num_cols": 3}
    assert config((OBJECTS, DIVERSITY), auto_tasks=[tiling]).auto_tasks[0].name == "cars"
    with pytest.raises(UsageError, match=r"strategies\[0\]\.input\.task: 'cars' is an auto task"):
        config((SCORES, WEIGHTS), auto_tasks=[tiling])
    with pytest.raises(UsageError, match="auto_tasks: two of them are called 'cars'"):
        config(auto_tasks=[tiling, tiling])


def test_one_box_may_stand_without_its_list() -> None:
    one, listed = (
        config(auto_tasks=[{"type": "CROP", "name": "a", "bboxs": b}]) for b in ([0, 0, 1, 1], [[0, 0, 1, 1]])
    )
    assert one == listed


def test_older_spellings_are_the_same_config() -> None:
    older = {
        "strategies": [
            {"input": EMBEDDINGS, "strategy": {"type": "CORESET"}, "strength": 2},
            {"input": METADATA, "strategy": {"type": "BALANCE", "target": {"b": 0.5, "a": 0.25}}},
        ]
    }
    target = {"type": "BALANCE", "distribution": "TARGET", "target": {"a": 0.25, "b": 0.5}}
    assert read_selection(older) == config((EMBEDDINGS, {**DIVERSITY, "strength": 2}), (METADATA, target))


def test_quotas_say_what_they_read() -> None:
    per = [METADATA, {"type": "SOURCE"}, {"type": "DAY"}, {"type": "PREDICTIONS", "task": "cars"}]
    quotas = [{"type": "AT_MOST", "count": 1, "per": each} for each in per]
    read = [(quota.column, quota.kind) for quota in config(constraints=quotas).constraints]
    assert read == [
        ("METADATA weather (labels)", "labels"),
        ("SOURCE", "labels"),
        ("DAY", "labels"),
        ("PREDICTIONS cars CLASSES", "counts"),
    ]


def test_a_pipeline_without_its_kind_is_told_so() -> None:
    with pytest.raises(UsageError, match="kind: ingest"):
        read_selection({"input": {"topic": "frames"}, "output": {"topic": "picks"}})


def test_path_groups_become_metadata_keys() -> None:
    assert config(lightly_path_regex=r"(?P<camera>\w+)/(?P<day>\d+)").path_keys == ("camera", "day")
    assert config().path_keys == ()


def test_seeds_come_from_the_entry_or_the_config() -> None:
    read = config((RANDOM, WEIGHTS), ({**RANDOM, "random_seed": 7}, WEIGHTS), random_seed=3)
    assert [read.seed_of(entry) for entry in read.strategies] == [3, 7]
    assert config().seed_of(config().strategies[0]) == 0


@given(st.integers(0, 10**9), st.integers(0, 1000).map(lambda share: share / 1000), st.integers(1, 100))
def test_a_proportion_is_rounded_up_to_whole_sequences(total: int, share: float, length: int) -> None:
    frames = config(proportion_samples=share, worker={"selected_sequence_length": length}).budget(total)
    assert frames is not None
    assert frames % length == 0
    exact = Fraction(str(share)) * total
    assert frames == total // length * length or exact <= frames < exact + length


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_n_is_never_more_than_there_are(total: int, n: int) -> None:
    assert config(n_samples=n).budget(total) == min(n, total)
    assert config(n_samples=-1).budget(total) == total
    assert config().budget(total) is None


def test_exactly_one_thing_says_how_many() -> None:
    config(n_samples=3).check_goal()
    config(proportion_samples=0.5).check_goal()
    config().check_goal("-n")
    with pytest.raises(UsageError, match="nothing says how many to pick"):
        config().check_goal()
    with pytest.raises(UsageError, match="n_samples and -n exclude each other"):
        config(n_samples=3).check_goal("-n")
