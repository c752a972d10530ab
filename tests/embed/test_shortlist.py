"""The budget mode's scout: what it keeps, how sources join, stop and resume."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.embed.baseline import Samples
from streamsel.embed.larder import Larder
from streamsel.embed.reserve import Claim, Reserve
from streamsel.embed.shortlist import Shape, Shortlist
from streamsel.testing.sinks import FlatPicture

DIM = 12


def rows(seed: int, count: int) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def claims(window):
    return [Claim("worth", "", 5), Claim("class", str(window[0].mark.index % 3), 4)]


class Shown:
    """Windows whose descriptors are known by their index."""

    def __init__(self, table: np.ndarray, reserved: bool = False) -> None:
        self.table, self.reserved = table, reserved
        self.larder = Larder((4, 4))
        reserve = Reserve(claims, {"worth": 5, "class": 8}) if reserved else None
        self.scout = Shortlist(self.describe, Shape(16, DIM), Samples(self.larder, 4), reserve=reserve)
        self.stand_ins: dict[int, int] = {}
        self.heirs: dict[int, int] = {}

    def describe(self, block):
        return self.table[[window[0].mark.pts for window in block]]

    def look(self, first: int, last: int) -> None:
        picture = FlatPicture((1, 2, 3), 4, 4)
        block = [(Frame(Mark("v", i, i, Fraction(1)), picture),) for i in range(first, last)]
        worth = np.array([number * 7 % 11 for number in range(first, last)], np.float32) if self.reserved else None
        looked = self.scout.look(block, worth)
        assert len(looked.ids) == len(looked.holders) == len(block)
        self.stand_ins.update(zip(looked.ids, looked.holders, strict=True))
        self.heirs.update(looked.heirs)

    def stand_in(self, row: int, judged: list[int]) -> int:
        """What the records tell: itself where it is judged, else who stands for it in the end."""
        now = row if row in judged else self.stand_ins[row]
        while now not in judged:
            now = self.heirs[now]
        return now

    def again(self) -> Shown:
        other = Shown(self.table, self.reserved)
        other.scout.restore(self.scout.state())
        return other


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 40), min_size=1, max_size=6), st.booleans())
def test_members_are_what_is_kept_and_weights_count_every_row(seed, sizes, reserved):
    shown = Shown(rows(seed, sum(sizes)), reserved)
    start, held = 0, set()
    for size in sizes:
        shown.scout.begin(size)
        shown.look(start, start + size)
        shown.heirs.update(shown.scout.end())
        start += size
        fresh, gone = shown.larder.take()
        held = (held | {stored.row for stored in fresh}) - set(gone)
    ids, weights = shown.scout.finish()
    assert len(ids) <= 16 + (13 if reserved else 0)
    assert {shown.stand_in(row, ids) for row in range(sum(sizes))} == set(ids)
    assert sum(weights) == shown.scout.seen == sum(sizes)
    assert held == set(ids) | set(shown.scout.samples.users())
    assert reserved or 0 in ids


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(0, 60), st.booleans())
def test_stop_and_resume_equals_one_go(seed, first, second, reserved):
    table = rows(seed, first + second)
    whole, cut = Shown(table, reserved), Shown(table, reserved)
    for shown in (whole, cut):
        shown.scout.begin(first + second)
        shown.look(0, first)
    cut = cut.again()
    for shown in (whole, cut):
        if second:
            shown.look(first, first + second)
        shown.scout.end()
    assert whole.scout.finish() == cut.scout.finish()
    for name, array in whole.scout.state().items():
        np.testing.assert_array_equal(array, cut.scout.state()[name])
