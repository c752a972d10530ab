"""Vectors by name: an index is a dictionary, and a frame has the vector of its own name or none."""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.embed.judge import KnowingJudge
from streamsel.errors import SourceError
from streamsel.rules.name_index import NameIndex
from streamsel.rules.own_vectors import OwnVectors
from streamsel.tables import Table

NAMES = st.lists(st.sampled_from(["", "a", "b.png", "a-1-mp4", "ä", "\ud800", "c" * 300]), max_size=12)


def of(*names: str, below: str = "") -> OwnVectors:
    rows = np.random.default_rng(1).normal(size=(len(names), 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return OwnVectors(Table(names, rows), Path("own.csv"), "", below)


def video(index: int, source: str = "sub/v.mp4") -> Mark:
    return Mark(source, index, index, Fraction(1, 25))


def still(name: str) -> Mark:
    return Mark("sub", 0, 0, Fraction(1), 0, name)


@given(NAMES)
def test_an_index_is_a_dictionary_of_what_is_named_once(names):
    index = NameIndex(iter(names))
    times = Counter(names)
    known = {name: place for place, name in enumerate(names) if name and times[name] == 1}
    assert len(index) == len(known)
    assert all(index.place(name) == known.get(name, -1) for name in [*names, "else"])


def test_a_name_as_it_stands_goes_before_one_that_means_the_same():
    own = of("sub/v-7-mp4.png", "sub/v-07-mp4.png", "sub/v-8-mp4.jpg")
    rows = own.of([video(7)] * 2, called=lambda mark: "sub/v-07-mp4.png")
    assert (rows == own._vectors[[1, 1]]).all()
    assert own.holds(video(7), "sub/v-7-mp4.png")
    assert not own.holds(video(7), "sub/v-007-mp4.png"), "either could be meant"
    assert own.holds(video(8), "sub/v-008-MP4.png")
    assert not own.holds(video(8, "sub/v.avi"), "sub/v-8-avi.png")
    assert not own.holds(video(8), "v-8-mp4.png")


def test_pictures_are_never_taken_for_others():
    own = of("sub/a.jpg", "sub/b", "sub/shot-1-left.png")
    assert own.holds(still("a.jpg"), "sub/a.jpg")
    assert not own.holds(still("a.png"), "sub/a.png")
    assert own.holds(still("b.png"), "sub/b.png")
    assert not own.holds(still("shot-01-left.png"), "sub/shot-01-left.png")


def test_names_lack_what_the_folder_is_below():
    own = of("cars/sub/v-1-mp4.png", below="cars/")
    assert own.holds(video(1), "sub/v-1-mp4.png")
    assert not own.holds(video(1), "cars/sub/v-1-mp4.png")


@given(st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=1, max_size=6), st.integers(1, 2))
def test_one_by_one_equals_all_at_once(places, length):
    own = of(*(f"sub/v-{index}-mp4.png" for index in range(10)))
    judge = KnowingJudge(own, lambda marks: own.of(marks, lambda mark: f"sub/v-{mark.index}-mp4.png"))
    block = [tuple(Frame(video(place), None) for place in window[:length]) for window in places]  # type: ignore[arg-type]
    at_once = judge.of_windows(block)
    assert np.array_equal(at_once, np.concatenate([judge.of_windows([window]) for window in block]))
    assert np.allclose(np.linalg.norm(at_once, axis=1), 1, atol=1e-6)
    if length == 1:
        assert np.array_equal(at_once, own._vectors[[window[0] for window in places]])


def test_the_digest_is_that_of_the_file(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("filenames,embedding_0,embedding_1\nsub/v-1-mp4.png,3,4\n")
    own = OwnVectors.load(path)
    assert own.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert own.of([video(1)], lambda mark: "sub/v-1-mp4.png").tolist() == [[np.float32(0.6), np.float32(0.8)]]
    with pytest.raises(SourceError, match="does not exist"):
        OwnVectors.load(tmp_path / "else.csv")
