"""Configs as documents and notebooks print them: comments, tabs, trailing commas, names and calls around them."""

from __future__ import annotations

from typing import Any

import pytest

from streamsel.config import read_fragment, read_selection
from streamsel.errors import UsageError

FRAGMENTS: list[tuple[str, dict[str, Any]]] = [
    ('"input": {\n  "type": "EMBEDDINGS"\n}', {"type": "EMBEDDINGS"}),
    (
        '"input": {\n'
        '    "type": "EMBEDDINGS",\n'
        '    "dataset_id": "DATASET_ID_OF_THE_QUERY_IMAGES",\n'
        '    "tag_name": "TAG_NAME_OF_THE_QUERY_IMAGES" # e.g. "initial-tag"\n'
        "},\n",
        {
            "type": "EMBEDDINGS",
            "dataset_id": "DATASET_ID_OF_THE_QUERY_IMAGES",
            "tag_name": "TAG_NAME_OF_THE_QUERY_IMAGES",
        },
    ),
    (
        '"input": {\n    "type": "EMBEDDINGS",\n    "task": "my_detection_task",   # or "lightly_pretagging"\n},\n',
        {"type": "EMBEDDINGS", "task": "my_detection_task"},
    ),
    (
        '# using your own predictions\n"input": {\n    "type": "SCORES",\n    "task": "YOUR_TASK_NAME",\n'
        '    "score": "uncertainty_entropy"\n}\n',
        {"type": "SCORES", "task": "YOUR_TASK_NAME", "score": "uncertainty_entropy"},
    ),
    (
        '# using the built-in model\n"input": {\n    "type": "SCORES",\n    "task": "lightly_pretagging",\n'
        '    "score": "uncertainty_entropy"\n}\n',
        {"type": "SCORES", "task": "lightly_pretagging", "score": "uncertainty_entropy"},
    ),
    (
        "# using your own predictions\n"
        '"input": {\n    "type": "PREDICTIONS",\n    "task": "my_object_detection_task",\n'
        '    "name": "CLASS_DISTRIBUTION"\n}',
        {"type": "PREDICTIONS", "task": "my_object_detection_task", "name": "CLASS_DISTRIBUTION"},
    ),
    (
        '# using the built-in model\n"input": {\n    "type": "PREDICTIONS",\n    "task": "lightly_pretagging",\n'
        '    "name": "CLASS_DISTRIBUTION"\n}',
        {"type": "PREDICTIONS", "task": "lightly_pretagging", "name": "CLASS_DISTRIBUTION"},
    ),
    (
        '"input": {\n    "type": "PREDICTIONS",\n    "task": "my_object_detection_task",\n'
        '    "name": "CATEGORY_COUNT",\n'
        '    "categories": ["car", "person"] # optional since worker v2.11 with defaults being all categories\n}',
        {
            "type": "PREDICTIONS",
            "task": "my_object_detection_task",
            "name": "CATEGORY_COUNT",
            "categories": ["car", "person"],
        },
    ),
    (
        '"input": {\n    "type": "METADATA",\n    "key": "weather.temperature"\n}',
        {"type": "METADATA", "key": "weather.temperature"},
    ),
    (
        '"input": {\n    "type": "METADATA",\n    "key": "lightly.sharpness"\n}',
        {"type": "METADATA", "key": "lightly.sharpness"},
    ),
    (
        '"input": {\n\t"type": "RANDOM", \n\t"random_seed": 42\t# Optional\n}',
        {"type": "RANDOM", "random_seed": 42},
    ),
]


@pytest.mark.parametrize(("text", "expected"), FRAGMENTS)
def test_fragments_are_read_as_printed(text: str, expected: dict[str, Any]) -> None:
    assert read_fragment(text).model_dump(mode="json", exclude_none=True) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"input": {"type": "RANDOM"', "selection: line 1: '{' was never closed"),
        ('"inputs": {"type": "RANDOM"}', "selection: expected \"input\": {...}, got {'inputs'"),
        ('"input": {"type": "RANDM"}', "selection: input.type: unknown type 'RANDM'; did you mean 'RANDOM'?"),
    ],
)
def test_a_wrong_fragment_is_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_fragment(text)
    assert str(caught.value).startswith(complaint)


PLAIN = {
    "n_samples": 50,
    "strategies": [
        {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY", "strength": -0.5}},
        {
            "input": {"type": "METADATA", "key": "http://x # no comment, nor // this"},
            "strategy": {"type": "THRESHOLD", "operation": "IN", "values": [True, "don't", 3]},
        },
    ],
}
BODY = """{
\t"n_samples": 50,  # frames
\t'strategies': [
\t\t{   // the first
\t\t\t"input": {"type": 'EMBEDDINGS'},
\t\t\t"strategy": {"type": "DIVERSITY", "strength": -0.5,},
\t\t},
\t\t/* the
\t\t   second */
\t\t{
\t\t\t"input": {"type": "METADATA", "key": "http://x # no comment, nor // this"},
\t\t\t"strategy": {"type": "THRESHOLD", "operation": "IN", "values": [True, "don't", 3], "threshold": None},
\t\t},
\t],
\t"lightly_path_regex": null,
}"""


@pytest.mark.parametrize(
    "text",
    [
        BODY,
        f"\n\n  # a comment\n\t{BODY}\n",
        f"selection_config = {BODY}\n",
        f"    selection_config={BODY},\n",
        f"selection_config = {BODY}\nworker_config = {{}}\n",
        f"client.schedule_compute_worker_run(\n    selection_config={BODY},\n)",
        f"run_id = client.schedule_compute_worker_run(worker_config=None, selection_config={BODY})"[9:],
        f"{{'selection_config': {BODY}}}",
    ],
)
def test_a_config_is_read_whatever_is_around_it(text: str) -> None:
    assert read_selection(text) == read_selection(PLAIN)


def test_yaml_in_lines_has_comments_and_texts_without_quotes() -> None:
    text = """
# how many
"n_samples": 50
strategies:
  - input: {type: EMBEDDINGS}   # frames
    strategy: {type: DIVERSITY, strength: -5e-1}
  - input:
      type: METADATA
      key: "http://x # no comment, nor // this"
    strategy: {type: THRESHOLD, operation: IN, values: [true, don't, 3]}
"""
    assert read_selection(text) == read_selection(PLAIN)


def test_yaml_is_of_the_version_in_which_no_is_a_text() -> None:
    text = """n_samples: 1
strategies:
- input: {type: METADATA, key: country}
  strategy: {type: THRESHOLD, operation: IN, values: [no, 2024-01-01, 1:30, on, 08]}
"""
    assert read_selection(text).strategies[0].strategy.values == ("no", "2024-01-01", "1:30", "on", "08")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{\n"n_samples": 5\n"strategies": []}', "line 2: invalid syntax. Perhaps you forgot a comma?"),
        ('{"n_samples": [\n"a"\n"b"]}', "line 3: a comma is missing before '\"b\"'"),
        ('{"n_samples": 5,\n"n_samples": 6}', "line 2: key 'n_samples' is given twice"),
        ("n_samples: 5\nn_samples: 6\n", "line 2: key 'n_samples' is given twice"),
        ("n_samples: 5\n strategies: 6\n", "line 2: mapping values are not allowed here"),
        ("n_samples: 5\nstrategies: &all []\nconstraints: *all\n", "line 2: anchors, aliases and tags are not read"),
        ("n_samples: !!python/name:os.system ''\n", "line 1: anchors, aliases and tags are not read"),
        ("config = {'n_samples': open('x')}", "line 1: \"open('x')\" is no plain value: put texts in quotes"),
        ("os = os = {}\n", "line 1: no config: expected {...}, name = {...} or the call of a run"),
        ("a = {}\nimport os\n", "line 2: no config: expected {...}, name = {...} or the call of a run"),
        ("run({})", "line 1: no config: expected {...}, name = {...} or the call of a run"),
        ("run(**{})", "**: unknown key"),
        ("{'a': {[1]: 2}}", "line 1: [1] cannot be a key: a key is a text"),
        ("{" * 50_000, "line 1: too many nested parentheses"),
        ("- " * 50_000 + "\n", "line 1: nested too deeply"),
        ("just\nwords\n", "the config must be a mapping with strategies in it, got 'just words'"),
        ("\x00\n", "line 1: nested too deeply, or with characters"),
        ("[]\n", "the config must be a mapping with strategies in it, got []"),
        ("", "the config must be a mapping with strategies in it, got None"),
    ],
)
def test_mistakes_of_notation_name_the_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_selection(text)
    assert str(caught.value).startswith(f"selection: {complaint}")
    assert str(caught.value).isprintable()
