"""The page about selection names every field, option and operation that there is, and its example can be chosen by."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from streamsel.choosing.api import check, choose
from streamsel.choosing.chosen import OUTPUTS
from streamsel.config import SelectionConfig, read_selection
from streamsel.config.constraints import MinDistance, MinGap, Names, Quota
from streamsel.config.inputs import MEASURED, Embeddings, Metadata, Predictions, Random, Scores
from streamsel.config.strategies import Balance, Diversity, Operation, Similarity, Threshold, Typicality, Weights
from streamsel.signals.schema import KINDS, Category, TaskSchema
from streamsel.signals.scores import scores_of
from tests.choosing.made import EMBEDDINGS, SPEED, WEATHERS, WEIGHTS, config, entry

PAGE = (Path(__file__).parents[2] / "docs" / "selection.md").read_text()
SAID = set(re.findall(r"`([^`\n]+)`", PAGE))
MODELS = (Embeddings, Scores, Predictions, Metadata, Random, MinDistance, MinGap, Names, Quota)
STRATEGIES = (Diversity, Typicality, Similarity, Weights, Balance, Threshold)


def test_every_key_is_named():
    fields = {field for model in (*MODELS, *STRATEGIES) for field in model.model_fields} - {"type"}
    assert fields <= SAID
    assert set(SelectionConfig.model_fields) - {"worker"} <= SAID


def test_every_type_operation_measure_and_score_is_named():
    types = {name for model in (*MODELS, *STRATEGIES) for name in get_args(model.model_fields["type"].annotation)}
    assert {name for name in (*types, *get_args(Operation)) if not re.search(rf"\b{name}\b", PAGE)} == set()
    assert {key.removeprefix("lightly.") for key in MEASURED} <= SAID
    tasks = [TaskSchema("task", kind, (Category(0, "car"),)) for kind in KINDS]
    assert {score for task in tasks for score in scores_of(task)} <= SAID


def test_every_output_is_named(table, tmp_path):
    goals = [entry(EMBEDDINGS, {"type": "DIVERSITY"}), entry(WEATHERS, {"type": "BALANCE", "distribution": "UNIFORM"})]
    found = choose(table, tmp_path / "out", selection=config(*goals, entry(SPEED, WEIGHTS)))
    told = {key for strategy in found.summary["strategies"].values() for key in strategy}
    share = next(iter(found.summary["strategies"]["BALANCE weather"]["shares"].values()))
    assert {*OUTPUTS, *found.summary, *found.picks[0], *found.summary["curve"][0], *told, *share} <= SAID


def test_the_example_is_one():
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    assert len(read_selection(json.loads(example)).strategies) == 4
    assert all(finding.level == "fine" for finding in check(json.loads(example)))
