"""Laws of reading a selection config, over configs made of everything that one may hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.errors import UsageError

Plain = dict[str, Any]

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
metadata_keys = words.filter(lambda word: not word.startswith("lightly."))
tasks = st.text("abcXYZ019_+=,.@:/-", min_size=1, max_size=8)
numbers = st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-1000, 1000)
positive = st.floats(1e-6, 1e6)
wholes = st.integers(-(2**63), 2**63 - 1)
labels = words | st.booleans() | st.integers(-5, 5)


def made(type_: str, required: Plain | None = None, **optional: Any) -> st.SearchStrategy[Plain]:
    return st.fixed_dictionaries({"type": st.just(type_), **(required or {})}, optional=optional)


def entry(inputs: st.SearchStrategy[Plain], *strategies: st.SearchStrategy[Plain]) -> st.SearchStrategy[Plain]:
    return st.fixed_dictionaries({"input": inputs, "strategy": st.one_of(*strategies)})


ranges = st.tuples(numbers, numbers).map(sorted)
compare = made(
    "THRESHOLD",
    {"operation": st.sampled_from(["SMALLER", "SMALLER_EQUAL", "BIGGER", "BIGGER_EQUAL"]), "threshold": numbers},
)
between = ranges.map(lambda pair: {"type": "THRESHOLD", "operation": "BETWEEN", "minimum": pair[0], "maximum": pair[1]})
equal = made("THRESHOLD", {"operation": st.sampled_from(["EQUAL", "NOT_EQUAL"]), "threshold": labels})
within = made(
    "THRESHOLD", {"operation": st.sampled_from(["IN", "NOT_IN"]), "values": st.lists(labels, min_size=1, max_size=3)}
)
weights = made(
    "WEIGHTS",
    strength=numbers,
    stopping_condition_max_sum=positive,
    target_range=ranges.map(lambda pair: {"min_sum": pair[0], "max_sum": pair[1]}),
)
diversity = made("DIVERSITY", strength=numbers, stopping_condition_minimum_distance=st.floats(0, 2))
typicality = made(
    "TYPICALITY",
    num_nearest_neighbors=st.integers(2, 99),
    stopping_condition_minimum_typicality=st.floats(0.01, 1),
    strength=numbers,
)
balance = made("BALANCE", {"distribution": st.sampled_from(["UNIFORM", "INPUT"])}, strength=numbers) | made(
    "BALANCE", {"target": st.dictionaries(words, st.floats(0.01, 1), min_size=1, max_size=3)}
)
embeddings = made("EMBEDDINGS", task=tasks)
queries = made("EMBEDDINGS", {"query_set": words}, task=tasks) | made(
    "EMBEDDINGS", {"dataset_id": st.just("0123456789abcdef01234567"), "tag_name": st.just("initial-tag")}
)
metadata = made("METADATA", {"key": metadata_keys})
numeric = (
    made("SCORES", {"task": tasks, "score": tasks})
    | made("METADATA", {"key": st.just("lightly.sharpness")})
    | made("RANDOM", random_seed=wholes)
    | made(
        "PREDICTIONS",
        {"task": tasks, "name": st.just("CATEGORY_COUNT")},
        categories=st.lists(words, min_size=1, max_size=3, unique=True),
    )
)
distribution = made("PREDICTIONS", {"task": tasks, "name": st.just("CLASS_DISTRIBUTION")})
entries = st.one_of(
    entry(embeddings, diversity, typicality),
    entry(queries, made("SIMILARITY", strength=numbers)),
    entry(numeric, weights, compare, between),
    entry(metadata, weights, balance, compare, between, equal, within),
    entry(distribution, balance),
)
per = st.one_of(metadata, made("SOURCE"), made("DAY"), made("PREDICTIONS", {"task": tasks}))
names = st.lists(words, min_size=1, max_size=3)
constraints = st.one_of(
    made("MIN_DISTANCE", {"distance": positive}),
    made("MIN_GAP", {"seconds": positive}),
    made("AT_MOST", {"count": st.integers(0, 99), "per": per}, classes=st.lists(labels, min_size=1, max_size=3)),
    made("AT_LEAST", {"count": st.integers(0, 99), "per": per}),
    made("INCLUDE", {"names": names}) | made("EXCLUDE", {"file": words}),
)
tiling = made(
    "TILING",
    {"name": st.just("tiles"), "num_rows": st.integers(1, 9), "num_cols": st.integers(1, 9)},
    overlap=st.floats(0, 1),
)
crop = made("CROP", {"name": st.just("middle"), "bboxs": st.just([[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]])})
configs = st.fixed_dictionaries(
    {"strategies": st.lists(entries, min_size=1, max_size=3)},
    optional={
        "n_samples": st.integers(-1, 10**6),
        "auto_tasks": st.tuples(tiling, crop).map(list),
        "lightly_path_regex": st.just(r"(?P<camera>\w+)/(?P<day>[0-9]+)"),
        "constraints": st.lists(constraints, max_size=3),
        "random_seed": wholes,
        "worker": st.fixed_dictionaries({}, optional={"embeddings": words, "use_datapool": st.booleans()}),
    },
)


def turned(value: Any) -> Any:
    """The same with the keys of every mapping in the opposite order."""
    if isinstance(value, Mapping):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(part) for part in value] if isinstance(value, list) else value


def mappings(value: Any, place: str = "") -> Iterator[tuple[str, Plain]]:
    """Every mapping inside whose keys are ours, by its place."""
    if isinstance(value, dict):
        yield place, value
        for key, part in value.items():
            if key != "target":
                yield from mappings(part, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from mappings(part, f"{place}[{position}]")


@given(configs)
def test_what_is_written_reads_as_the_same_config(config: Plain) -> None:
    read = read_selection(config)
    assert read_selection(read.written()) == read
    assert read_selection(json.dumps(read.written())) == read
    assert read_selection(read.model_dump(mode="json")) == read
    assert hash(read_selection(read.written())) == hash(read)


@given(configs)
def test_reading_leaves_its_argument_alone(config: Plain) -> None:
    before = copy.deepcopy(config)
    read_selection(config)
    assert config == before


@given(configs)
def test_the_order_of_keys_does_not_matter(config: Plain) -> None:
    assert read_selection(turned(config)) == read_selection(config)


@given(configs)
def test_json_yaml_and_what_python_prints_agree(config: Plain) -> None:
    expected = read_selection(config)
    texts = [
        json.dumps(config),
        json.dumps(config, indent="\t", ensure_ascii=False),
        repr(config),
        f"selection_config = {config!r}",
        yaml.safe_dump(config, width=10**6),
        yaml.safe_dump(config, allow_unicode=True, sort_keys=False),
        yaml.safe_dump(config, default_flow_style=True),
    ]
    assert [text for text in texts if read_selection(text) != expected] == []


@given(configs, st.data())
def test_an_unknown_key_anywhere_is_an_error_that_names_its_place(config: Plain, data: st.DataObject) -> None:
    place, inside = data.draw(st.sampled_from(list(mappings(config))))
    inside["no_such_key"] = 1
    with pytest.raises(UsageError) as caught:
        read_selection(config)
    assert str(caught.value).startswith(f"selection: {place}.no_such_key: unknown key".replace(": .", ": "))
    assert "\n" not in str(caught.value)


@given(configs)
def test_labels_are_distinct_and_columns_have_one_kind(config: Plain) -> None:
    read = read_selection(config)
    assert len(set(read.labels)) == len(read.strategies)
    kinds = {(entry.column, entry.kind) for entry in read.strategies}
    assert len(kinds) == len({column for column, _ in kinds})


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_that_is_no_config_is_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_selection(f"{text}\n")
    assert str(caught.value).isprintable()
