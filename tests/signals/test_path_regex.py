from __future__ import annotations

import pytest

from streamsel.errors import SourceError, UsageError
from streamsel.signals.path_regex import PathSignal

EXPRESSION = r"(?P<day>\d{8})/(?P<camera>\w+?)_(?P<part>\d+)?"


def test_groups_are_labels_or_numbers() -> None:
    names = ["20240131/front_07-000-mp4.png", "20240131/rear_-000-mp4.png", "elsewhere.png"]
    assert PathSignal(EXPRESSION, "camera").of([], names) == ["front", "rear", None]
    assert PathSignal(EXPRESSION, "day").of([], names) == ["20240131", "20240131", None]
    assert PathSignal(EXPRESSION, "part", "number").of([], names) == [7.0, None, None]


def test_a_group_that_is_missing_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'camera'"):
        PathSignal(EXPRESSION, "camara")


def test_an_expression_that_is_none_says_why() -> None:
    with pytest.raises(UsageError, match="lightly_path_regex '\\(': missing \\)"):
        PathSignal("(", "day")


def test_a_label_is_no_number() -> None:
    with pytest.raises(SourceError, match="group 'camera' of lightly_path_regex is 'front', not a number"):
        PathSignal(EXPRESSION, "camera", "number").of([], ["20240131/front_07.png"])
