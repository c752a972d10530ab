"""Where a config comes from, what may be around it, and how its errors read."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamsel.config import read_selection
from streamsel.errors import UsageError

BASE: dict[str, Any] = {
    "n_samples": 8,
    "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}],
}


def changed(path: str, value: Any, base: dict[str, Any] = BASE) -> dict[str, Any]:
    """A copy in which the value at a dotted path is another."""
    config = copy.deepcopy(base)
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    inside: Any = config
    for part in way:
        inside = inside[part]
    inside[last] = value
    return config


def complaint(source: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read_selection(source)
    return str(caught.value)


def test_a_file_is_read_and_named_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "selection.json"
    file.write_text("\ufeff" + json.dumps(BASE))
    assert read_selection(file) == read_selection(str(file)) == read_selection(BASE)
    file.write_text(json.dumps(changed("n_samples", -2)))
    assert complaint(file) == f"{file}: n_samples: must be greater than or equal to -1, got -2"


def test_files_that_are_none_are_one_line(tmp_path: Path) -> None:
    latin, large = tmp_path / "latin", tmp_path / "large"
    latin.write_bytes(b"n_samples: \xe9")
    large.write_bytes(b" " * 1_000_001)
    assert complaint(tmp_path / "none.yaml") == f"{tmp_path}/none.yaml: cannot be read: No such file or directory"
    assert complaint(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert complaint(latin) == f"{latin}: is no UTF-8 text: unexpected end of data at byte 11"
    assert complaint(large) == f"{large}: is larger than 1 MB, which no config is"
    assert complaint("{" + " " * 1_000_001) == "selection: is larger than 1 MB, which no config is"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("n_sample", 3, "n_sample: unknown key 'n_sample'; did you mean 'n_samples'? allowed: n_samples, proportion"),
        ("n_samples", "8", "n_samples: must be a valid integer, got '8'"),
        ("n_samples", True, "n_samples: must be a valid integer, got True"),
        ("proportion_samples", 0.5, "n_samples and proportion_samples exclude each other: give one of them"),
        ("strategies", [], "strategies: must hold at least one entry, got []"),
        ("strategies", {}, "strategies: must be a list, got {}"),
        ("strategies.0", 3, "strategies[0]: must be a mapping, got 3"),
        ("strategies.0", {"input": {"type": "RANDOM"}}, "strategies[0].strategy: is missing"),
        ("strategies.0.input", {}, "strategies[0].input.type: is missing; allowed: EMBEDDINGS, SCORES, PREDICTIONS"),
        ("strategies.0.input", None, "strategies[0].input: must be a mapping, got None"),
        (
            "strategies.0.strategy.type",
            "WEIGHT",
            "strategies[0].strategy.type: unknown type 'WEIGHT'; did you mean 'WEIGHTS'? allowed: DIVERSITY, TYPIC",
        ),
        ("strategies.0.strategy.strength", float("nan"), "strategies[0].strategy.strength: must be a finite number"),
        ("strategies.0.strategy.strength", 1e10, "strategies[0].strategy.strength: must be less than or equal to 1"),
        ("strategies.0.strength", "x", "strategies[0].strategy.strength: must be a valid number, got 'x'"),
        (
            "strategies.0.strategy",
            {"type": "THRESHOLD", "operation": "BIGER", "threshold": 1},
            "strategies[0].strategy.operation: unknown value 'BIGER'; did you mean 'BIGGER'? allowed: SMALLER, SMALLER",
        ),
        (
            "strategies.0.input",
            {"type": "METADATA", "key": "lightly.uniformrowratio"},
            "strategies[0].input.key: unknown key 'lightly.uniformrowratio'; did you mean 'lightly.uniformRowRatio'?",
        ),
        ("auto_tasks", [{"type": "TILE", "name": "x"}], "auto_tasks[0].type: unknown type 'TILE'; did you mean 'TILIN"),
        (
            "constraints",
            [{"type": "MIN_GAP", "second": 2}],
            "constraints[0].second: unknown key 'second'; did you mean",
        ),
        ("constraints", [{"type": "MIN_GAP", "seconds": 0}], "constraints[0].seconds: must be greater than 0, got 0"),
        ("random_seed", 1.5, "random_seed: must be a valid integer"),
        ("two\nlines", 1, "'two\\nlines': unknown key 'two\\nlines'; allowed: n_samples"),
        ("k" * 999, 1, f"'{'k' * 56}...: unknown key '{'k' * 56}...; allowed"),
    ],
)
def test_errors_say_where_what_and_what_is_allowed(path: str, value: Any, expected: str) -> None:
    text = complaint(changed(path, value))
    assert text.startswith(f"selection: {expected}")
    assert text.isprintable()


def test_what_is_nested_beyond_all_reason_is_one_line() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": deep}
    assert complaint({"selection_config": BASE, "worker_config": deep}) == "selection: is nested too deeply"
    assert complaint({**BASE, "n_samples": deep}).startswith("selection: ")


RUN: dict[str, Any] = {
    "worker_config": {
        "selected_sequence_length": 4,
        "relevant_filenames_file": ".lightly/relevant.txt",
        "embeddings": None,
        "normalize_embeddings": False,
        "use_datapool": True,
        "pretagging": False,
        "datasource": {"process_all": True, "input_expiration": {"min_days_to_expiration": 3}},
        "object_level": {"task_name": "vehicles", "padding": 0.1},
        "training": {},
    },
    "lightly_config": {
        "loader": {"batch_size": 16},
        "collate": {"cj_prob": 0.8},
        "seed": 1,
        "model": {"num_ftrs": 32, "out_dim": 128},
    },
    "priority": "MID",
    "runs_on": ["gpu"],
    "selection_config": BASE,
}


def test_the_arguments_of_a_run_hold_the_config_and_what_the_worker_was_told() -> None:
    worker = read_selection(RUN).worker
    assert (worker.selected_sequence_length, worker.use_datapool, worker.embeddings) == (4, True, "")
    assert worker.relevant_filenames_file == ".lightly/relevant.txt"
    assert (worker.object_level.task_name, worker.object_level.padding) == ("vehicles", 0.1)
    assert (worker.normalize_embeddings, worker.num_ftrs) == (False, 32)
    assert worker.ignored == (
        "lightly_config.collate.cj_prob",
        "lightly_config.loader.batch_size",
        "lightly_config.model.out_dim",
        "lightly_config.seed",
        "priority",
        "runs_on",
        "worker_config.datasource.input_expiration.min_days_to_expiration",
        "worker_config.datasource.process_all",
        "worker_config.pretagging",
        "worker_config.training",
    )


@pytest.mark.parametrize("wrong", [0, -1, 32.5, "32", True])
def test_a_dimension_is_a_whole_number(wrong: Any) -> None:
    said = complaint({"selection_config": BASE, "lightly_config": {"model.num_ftrs": wrong}})
    assert said.startswith("selection: lightly_config.model.num_ftrs: must be a whole number of 1 or more, got ")


def test_a_run_without_worker_options_is_its_selection_config() -> None:
    assert read_selection({"selection_config": BASE, "worker_config": {}}) == read_selection(BASE)
    assert read_selection({"selection_config": BASE, "worker_config": None}) == read_selection(BASE)


def test_dotted_options_are_the_same_as_nested_ones() -> None:
    dotted = {"object_level.task_name": "cars", "datasource.process_all": True}
    nested = {"object_level": {"task_name": "cars"}, "datasource": {"process_all": True}}
    read = [read_selection({"selection_config": BASE, "worker_config": options}) for options in (dotted, nested)]
    assert read[0] == read[1]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "worker_config.pretaging",
            True,
            "worker_config.pretaging: unknown key 'pretaging'; did you mean 'pretagging'",
        ),
        ("worker_config.datasource.proces_all", 1, "worker_config.datasource.proces_all: unknown key 'datasource.proc"),
        ("worker_config.selected_sequence_length", 0, "worker_config.selected_sequence_length: must be greater than"),
        ("worker_config.object_level.padding", -1, "worker_config.object_level.padding: must be greater than or equal"),
        ("worker_config.object_level", 3, "worker_config.object_level: must be a mapping, got 3"),
        ("worker_config", [], "worker_config: must be a mapping, got []"),
        ("lightly_config.loader.batchsize", 1, "lightly_config.loader.batchsize: unknown key 'loader.batchsize'; did"),
        ("prioritt", "LOW", "prioritt: unknown key 'prioritt'; did you mean 'priority'?"),
        ("selection_config", None, "selection_config must be a mapping with strategies in it, got None"),
        ("selection_config.n_sample", 1, "selection_config.n_sample: unknown key 'n_sample'; did you mean 'n_samples'"),
        ("selection_config.n_samples", 6, "selection_config: n_samples 6 is no multiple of selected_sequence_length 4"),
        ("selection_config.worker", {}, "selection_config.worker: goes without worker_config and lightly_config"),
    ],
)
def test_errors_in_a_run_name_their_place(path: str, value: Any, expected: str) -> None:
    assert complaint(changed(path, value, RUN)).startswith(f"selection: {expected}")


def test_a_run_without_a_selection_config_says_so() -> None:
    assert complaint({"worker_config": {}}) == "selection: selection_config: is missing"


def test_the_room_opens_without_pydantic_and_yaml() -> None:
    code = "import sys, streamsel.config; print({'pydantic', 'yaml'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
