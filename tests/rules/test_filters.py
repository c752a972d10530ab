"""What is out, why, and by which of its names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.errors import SourceError
from streamsel.rules.filters import Filter, listed, same_name
from streamsel.rules.values import labels_of
from streamsel.selection.columns import Batch, Numbers

SPEED = {"type": "METADATA", "key": "speed"}


def rules(*goals, **top):
    every = [{"input": what, "strategy": how} for what, how in goals]
    fallback = [{"input": SPEED, "strategy": {"type": "WEIGHTS"}}]
    return read_selection({"n_samples": 1, "strategies": every or fallback, **top})


def batch(names, speeds=None):
    speeds = range(len(names)) if speeds is None else speeds
    return Batch(
        {"NAME": labels_of(names), "METADATA speed": Numbers(np.array(speeds, np.float64))},
        len(names),
    )


def names_of(kind, **how):
    return rules(constraints=[{"type": kind, **how}])


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9), st.integers(-9, 9), st.integers(-9, 9))
def test_rows_are_out_by_the_first_threshold_that_they_fail(speeds, low, high):
    both = rules(
        (SPEED, {"type": "THRESHOLD", "operation": "BIGGER", "threshold": low}),
        (SPEED, {"type": "THRESHOLD", "operation": "SMALLER", "threshold": high}),
    )
    filter = Filter(both)
    reasons = filter.reasons(batch([str(row) for row in range(len(speeds))], speeds))
    assert filter
    for speed, reason in zip(speeds, reasons, strict=True):
        expected = None if low < speed < high else "threshold speed" if speed <= low else "threshold speed 2"
        assert reason == expected


def test_nothing_is_out_without_a_filter():
    filter = Filter(rules())
    assert not filter
    assert filter.reasons(batch(["a", "b"])).tolist() == [None, None]


def test_excluded_and_not_relevant():
    filter = Filter(names_of("EXCLUDE", names=["b.jpg", "none"]), lambda name: name != "c.png")
    assert filter.reasons(batch(["a.png", "b.png", "c.png"])).tolist() == [None, "excluded", "not relevant"]


@pytest.mark.parametrize("spelled", ["d/one-007-mp4.png", "d/one-007-mp4.JPG", "d/one-007-mp4"])
def test_a_frame_is_the_same_in_every_format(spelled):
    assert same_name(["d/one-007-mp4.png", "d/two"], ["d/two", spelled, "d/three"]) == [1, 0, None]


def test_of_two_formats_the_one_that_is_named_is_excluded():
    filter = Filter(names_of("EXCLUDE", names=["a.jpg", "b.bmp"]))
    assert filter.reasons(batch(["a.png", "a.jpg", "b.png"])).tolist() == [None, "excluded", "excluded"]


def test_the_very_name_goes_before_another_format():
    assert same_name(["a.png", "a.jpg"], ["a.png", "a.jpg"]) == [0, 1]


@given(st.permutations(["a", "b.png", "c.mp4", "c.png"]))
def test_every_name_finds_itself(names):
    assert same_name(names, names) == list(range(len(names)))


def test_lists_come_from_files(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("a.png\n\n  b c.png \n")
    (constraint,) = names_of("EXCLUDE", file=str(path)).constraints
    assert list(listed(constraint)) == ["a.png", "b c.png"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_what_is_no_list_is_named(content, tmp_path):
    path = tmp_path / "names.txt"
    if content:
        path.write_bytes(content)
    (constraint,) = names_of("INCLUDE", file=str(path)).constraints
    with pytest.raises(SourceError, match=r"names\.txt: cannot be read as a list of names"):
        listed(constraint)
