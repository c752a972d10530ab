"""The formulas, against their words written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.signals.schema import Category, TaskKind, TaskSchema
from streamsel.signals.scores import (
    UNCERTAINTIES,
    check_score,
    mean_uncertainty,
    object_frequency,
    objectness_least_confidence,
    scale_object_frequency,
    scores_of,
)


def by_words(score: str, p: list[float]) -> float:
    first, second = sorted(p, reverse=True)[:2]
    if score == "uncertainty_least_confidence":
        return (1 - first) / (1 - 1 / len(p))
    if score == "uncertainty_margin":
        return 1 - (first - second)
    return -sum(one * math.log2(one) for one in p if one) / math.log2(len(p))


@st.composite
def distributions(draw: st.DrawFn) -> list[float]:
    weights = draw(st.lists(st.integers(0, 100), min_size=2, max_size=9).filter(any))
    return [weight / sum(weights) for weight in weights]


@given(distributions(), st.sampled_from(sorted(UNCERTAINTIES)))
def test_uncertainties_are_their_formulas(p: list[float], score: str) -> None:
    value = UNCERTAINTIES[score](np.array([p])).item()
    assert value == pytest.approx(by_words(score, p), abs=1e-12)
    assert 0 <= value <= 1


@pytest.mark.parametrize("score", sorted(UNCERTAINTIES))
@pytest.mark.parametrize("classes", [2, 3, 80])
def test_one_hot_is_certain_and_uniform_is_not(score: str, classes: int) -> None:
    rows = np.array([np.eye(classes)[0], np.full(classes, 1 / classes)])
    assert UNCERTAINTIES[score](rows) == pytest.approx([0, 1])


@pytest.mark.parametrize("score", sorted(UNCERTAINTIES))
def test_a_single_probability_is_binary(score: str) -> None:
    alone, both = np.array([[0.3], [1.0]]), np.array([[0.3, 0.7], [1.0, 0.0]])
    assert UNCERTAINTIES[score](alone) == pytest.approx(UNCERTAINTIES[score](both))


@pytest.mark.parametrize("score", sorted(UNCERTAINTIES))
def test_rounding_never_leaves_the_range(score: str) -> None:
    rounded = np.array([[0.333, 0.333, 0.333], [1.0000001, 0, 0], [-1e-7, 0.5, 0.5]])
    values = UNCERTAINTIES[score](rounded)
    assert np.all((values >= 0) & (values <= 1))
    assert values[0] == pytest.approx(1)


def test_objectness_is_one_less_the_mean_score() -> None:
    assert objectness_least_confidence([0.9, 0.5]) == pytest.approx(0.3)
    assert objectness_least_confidence([]) == 0


def test_further_objects_of_a_class_count_a_quarter() -> None:
    assert object_frequency([]) == 0
    assert object_frequency([7]) == 1
    assert object_frequency([7, 7, 7, 2]) == 2.5
    assert object_frequency([7, 7, 7, 2], penalty=1.0) == 4


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_frequencies_are_scaled_between_their_extremes(values: list[float]) -> None:
    scaled = scale_object_frequency(values)
    assert np.all((scaled >= 0.9) & (scaled <= 1 + 1e-12))
    assert scaled[int(np.argmax(values))] == pytest.approx(1)
    if min(values) < max(values):
        assert scaled[int(np.argmin(values))] == pytest.approx(0.9)


def test_a_stream_scales_by_what_it_has_seen() -> None:
    assert scale_object_frequency([2.0, 9.0], low=0, high=4) == pytest.approx([0.95, 1])
    assert scale_object_frequency([]).shape == (0,)


def test_keypoints_are_averaged_by_instance_first() -> None:
    assert mean_uncertainty([[1.0, 1.0, 1.0, 1.0], [0.5]]) == pytest.approx(0.25)
    assert mean_uncertainty([]) == 0


def schema(kind: TaskKind) -> TaskSchema:
    return TaskSchema("poses", kind, (Category(0, "person"),))


def test_a_score_of_another_task_type_names_those_that_fit() -> None:
    with pytest.raises(UsageError, match="which is keypoint-detection; it has mean_uncertainty"):
        check_score(schema("keypoint-detection"), "uncertainty_entropy")


def test_an_unknown_score_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'uncertainty_entropy'"):
        check_score(schema("classification"), "uncertainty_entrophy")


def test_all_six_scores_have_a_task() -> None:
    kinds: list[TaskKind] = ["object-detection", "keypoint-detection"]
    assert len({score for kind in kinds for score in scores_of(schema(kind))}) == 6
