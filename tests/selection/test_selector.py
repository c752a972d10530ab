"""The public Selector: any vectors in, decisions out, saved and loaded and merged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamsel
from streamsel import Selector
from streamsel.data import Vector
from streamsel.errors import SinkError, StateError, UsageError
from streamsel.selection.quality import covering, pairwise
from streamsel.testing.strategies import varied_rows
from streamsel.testing.streams import scene_stream

GOALS = [{"min_distance": 0.7}, {"target_ratio": 0.05}]
goals = pytest.mark.parametrize("goal", GOALS)
seeds = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def film() -> Vector:
    return scene_stream(3000, 16)


def filled(rows: Vector, **options: Any) -> Selector:
    selector = Selector(**options)
    selector.offer(rows)
    return selector


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def same(left: Selector, right: Selector) -> bool:
    return left.picks.tobytes() == right.picks.tobytes() and repr(left) == repr(right)


@goals
def test_one_vector_gives_a_decision_and_a_batch_a_list(film: Vector, goal: dict[str, float]) -> None:
    batch, single = Selector(**goal), Selector(**goal)
    decisions = [decision for start in range(0, 3000, 700) for decision in batch.offer(film[start : start + 700])]
    assert [single.offer(row) for row in film] == decisions
    assert same(batch, single)
    assert (len(batch), batch.looked) == (sum(map(bool, decisions)), 3000)
    assert batch.offer(film[:0]) == []
    assert np.array_equal(batch.picks, film[[i for i, decision in enumerate(decisions) if decision]])


@goals
def test_vectors_of_any_length_and_kind_are_made_unit(film: Vector, goal: dict[str, float]) -> None:
    expected = filled(film[:500], **goal).picks
    for rows in (film[:500] * 1024, film[:500].astype(np.float64) * 2**-40, film[:500].tolist()):
        picks = filled(rows, **goal).picks
        assert picks.dtype == np.float32
        np.testing.assert_allclose(picks, expected, atol=1e-7)


def test_without_normalizing_lengths_count() -> None:
    selector = Selector(min_distance=1.5, normalize=False)
    decisions = selector.offer(np.array([[1, 0], [2, 0], [3, 0]]))
    assert [decision.distance for decision in decisions] == [np.inf, 1.0, 2.0]
    assert selector.picks.tolist() == [[1, 0], [3, 0]]


@goals
def test_a_peek_tells_the_next_decision(film: Vector, goal: dict[str, float]) -> None:
    selector = Selector(**goal)
    for row in film[:200]:
        told = selector.peek(row)
        assert selector.offer(row) == told
    assert selector.looked == 200
    assert Selector(**goal).peek(film[:2]) == [streamsel.Decision(True, "first", np.inf)] * 2


def test_add_keeps_what_would_be_dropped(film: Vector) -> None:
    selector = Selector(min_distance=0.5)
    assert [selector.add(film[0]), selector.add(film[0])] == [0, 1]
    selector.skip(3)
    assert (len(selector), selector.looked) == (2, 5)
    with pytest.raises(UsageError, match=r"add takes one vector, got shape \(2, 16\)"):
        selector.add(film[:2])


def test_a_selector_knows_its_length_from_the_first_vector_on() -> None:
    selector = Selector(target_ratio=0.5)
    selector.skip(4)
    assert selector.picks.shape == (0, 0)
    selector.offer([1, 2, 3])
    assert (selector.picks.shape, selector.looked) == ((1, 3), 5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give either min_distance or target_ratio"),
        ({"min_distance": 0.5, "target_ratio": 0.1}, "give either min_distance or target_ratio"),
        ({"target_ratio": 2}, r"target_ratio must be above 0 and at most 1 .*, got 2"),
        ({"min_distance": "x"}, "min_distance must be a number, got 'x'"),
        ({"target_ratio": [1]}, r"target_ratio must be a number, got \[1\]"),
        ({"min_distance": 0}, "min_distance must be above 0 and finite, got 0"),
        ({"min_distance": 1, "dim": 0}, "dim must be 1 or more, got 0"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        Selector(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ([1, 2], r"a vector must be \(3,\) numbers, a batch \(B, 3\), got shape \(2,\)"),
        ([], r"got shape \(0,\)"),
        (np.ones((1, 1, 3)), r"got shape \(1, 1, 3\)"),
        ([0, 0, 0], "row 0 holds only zeros, which have no direction"),
        ([[1, 0, 0], [0, np.nan, 0]], "row 1 holds NaN or infinity"),
        ([1e300, 0, 0], "row 0 holds NaN or infinity"),
        (["a", "b", "c"], r"a vector must be \(3,\) numbers"),
        ([[1, 2, 3], [4]], r"a vector must be \(3,\) numbers"),
        (None, r"got shape \(\)"),
    ],
)
def test_vectors_that_cannot_be_used_are_refused_and_change_nothing(vector: Any, said: str) -> None:
    selector = Selector(min_distance=0.5, dim=3)
    for call in (selector.offer, selector.peek, selector.add):
        with pytest.raises(UsageError, match=said):
            call(vector)
    assert (len(selector), selector.looked) == (0, 0)


@goals
@pytest.mark.parametrize("at", [0, 1, 1500])
def test_a_saved_selector_goes_on_as_if_nothing_had_been(
    film: Vector, goal: dict[str, float], at: int, tmp_path: Path
) -> None:
    selector = filled(film[:at], **goal) if at else Selector(**goal)
    selector.save(tmp_path / "selector.npz")
    loaded = Selector.load(tmp_path / "selector.npz")
    assert same(selector, loaded)
    assert loaded.offer(film[at:]) == selector.offer(film[at:])
    assert names_in(tmp_path) == ["selector.npz"]


def test_saving_again_replaces_the_file_whole(film: Vector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "selector"
    filled(film[:100], min_distance=0.5).save(path)
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SinkError, match=r"selector: cannot be written \(No space"):
            filled(film, min_distance=0.5).save(path)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["selector"]
    filled(film, min_distance=0.5).save(path)
    assert Selector.load(path).looked == 3000


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="No such file or directory"):
        Selector(min_distance=1).save(tmp_path / "nowhere" / "selector.npz")
    with pytest.raises(StateError, match=r"selector\.npz: there is no such file"):
        Selector.load(tmp_path / "selector.npz")


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_damaged_file_is_refused_or_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    selector = filled(varied_rows(40, 3), target_ratio=0.3)
    selector.save(path)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255))
    shorter = data.draw(st.booleans())
    path.write_bytes(whole[:place] if shorter else whole[:place] + bytes([value]) + whole[place + 1 :])
    with contextlib.suppress(StateError):
        assert same(Selector.load(path), selector)


def written(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "streamsel selector 99"}, "holds 'streamsel selector 99', this version reads"),
        ({"min_distance": -1}, "does not hold what a Selector saves"),
        ({"colour": "red"}, "does not hold what a Selector saves"),
        ({"dim": 5}, "does not hold what a Selector saves"),
    ],
)
def test_a_file_that_says_something_else_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    filled(varied_rows(9, 3), min_distance=0.1).save(tmp_path / "good")
    with np.load(tmp_path / "good") as stored:
        arrays = dict(stored)
    arrays["header"] = np.array(json.dumps({**json.loads(str(arrays["header"])), **change}))
    with pytest.raises(StateError, match=said):
        Selector.load(written(tmp_path / "other", **arrays))


def test_other_files_are_refused_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (tmp_path / "text").write_text("not a selector")
    (tmp_path / "pickle").write_bytes(pickle.dumps(Trap()))
    written(tmp_path / "objects", header=np.array([Trap()], object))
    written(tmp_path / "table", rows=np.eye(3))
    np.save(tmp_path / "array.npy", np.eye(3))
    for name in ("text", "pickle", "objects", "table", "array.npy", "."):
        with pytest.raises(StateError, match="is no saved Selector"):
            Selector.load(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def merged(parts: Sequence[Vector], **goal: float) -> Selector:
    first, *others = [filled(part, **goal) for part in parts]
    for other in others:
        first.merge(other)
    return first


@goals
@given(seed=seeds)
@settings(deadline=None, max_examples=20)
def test_a_merge_is_the_same_whichever_is_asked(goal: dict[str, float], seed: int) -> None:
    left, right = varied_rows(120, 6, seed), varied_rows(150, 6, seed + 1)
    one, other = merged([left, right], **goal), merged([right, left], **goal)
    assert same(one, other)
    later = varied_rows(50, 6, seed + 2)
    assert one.offer(later) == other.offer(later)


@given(seeds, st.sampled_from([0.2, 0.6, 1.0]))
@settings(deadline=None, max_examples=20)
def test_merged_picks_are_a_distance_apart_and_cover_what_both_have_seen(seed: int, distance: float) -> None:
    left, right = varied_rows(120, 6, seed), varied_rows(150, 6, seed + 1)
    selector = merged([left, right], min_distance=distance)
    assert len(selector) < 2 or pairwise(selector.picks).min >= distance * (1 - 1e-7)
    seen = filled(np.concatenate([left, right]), min_distance=1e-9).picks
    assert covering(seen, selector.picks).radius < 2 * distance
    assert selector.looked == 270


def test_merged_counts_add_up_and_keep_the_ratio(film: Vector) -> None:
    left, right = filled(film[:2000], target_ratio=0.05), filled(film[2000:], target_ratio=0.05)
    kept = len(left) + len(right)
    assert left.merge(right) is left
    assert (len(left), left.looked) == (kept, 3000)
    left.offer(film[::-1])
    assert abs(len(left) - 300) <= np.sqrt(300) + 1e-9


@goals
def test_merging_with_an_empty_one_keeps_everything(film: Vector, goal: dict[str, float]) -> None:
    full, empty = filled(film, **goal), Selector(**goal)
    expected = full.picks[np.lexsort(full.picks.T[::-1])]
    assert np.array_equal(Selector(**goal).merge(full).picks, expected)
    assert np.array_equal(full.merge(empty).picks, expected)
    assert len(Selector(**goal).merge(empty)) == 0


def test_what_does_not_fit_is_not_merged() -> None:
    one = filled(np.eye(3), min_distance=0.5)
    with pytest.raises(UsageError, match="only selectors with one goal can be merged"):
        one.merge(Selector(min_distance=0.6))
    with pytest.raises(UsageError, match="vectors of 3 and of 4 numbers cannot be merged"):
        one.merge(filled(np.eye(4), min_distance=0.5))
    assert len(one) == 3
