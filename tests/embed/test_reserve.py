"""The reserve beside the coreset: what each shelf keeps, how shelves share a room, stop and resume."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.embed.reserve import TURN, Claim, Reserve
from streamsel.testing.sinks import FlatPicture

ROOM = 24

shelf = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from("klmnop"))
"""Case and key."""
offered = st.lists(st.tuples(st.lists(shelf, max_size=3, unique=True), st.integers(-2, 2)), max_size=150)
places = st.dictionaries(shelf, st.integers(0, 30))


def window(*claims):
    mark = Mark("v", 0, 0, Fraction(1))
    return (Frame(mark, FlatPicture((1, 2, 3), 4, 4), signals={"claims": claims}),)


def made() -> Reserve:
    return Reserve(lambda window: window[0].signals["claims"], {"a": ROOM, "b": ROOM})


def feed(reserve: Reserve, rows, sizes, first: int = 0) -> Counter[int]:
    """How often each row is held, by what the reserve told."""
    held: Counter[int] = Counter()
    for row, (shelves, worth) in enumerate(rows, first):
        claims = [Claim(*one, sizes.get(one, ROOM)) for one in shelves]
        joined, left = reserve.offer(row, window(*claims), worth)
        held[row] += joined
        held.subtract(left)
    return +held


def shelves_of(reserve: Reserve) -> dict[tuple[str, str], set[int]]:
    """What stands on each shelf, as its state tells."""
    state = reserve.state()
    named = json.loads(state["shelves"].tobytes())
    told: dict[tuple[str, str], set[int]] = {}
    for place, row in zip(state["places"].tolist(), state["rows"].tolist(), strict=True):
        told.setdefault(tuple(named[place]), set()).add(row)
    return told


def best(rows, one, count):
    """The rows worth most of those that claimed a shelf, among equals those that come first after turning."""
    claimed = [(worth, -(row * TURN % 2**64), row) for row, (shelves, worth) in enumerate(rows) if one in shelves]
    return {row for _, _, row in sorted(claimed, reverse=True)[:count]}


@given(offered, places)
def test_each_shelf_holds_the_best_and_shelves_share_their_room(rows, sizes):
    reserve = made()
    held = feed(reserve, rows, sizes)
    assert held == Counter(reserve.rows())
    kept = shelves_of(reserve)
    for case in "ab":
        claimed = {one for shelves, _ in rows for one in shelves if one[0] == case}
        asked = {one: min(sum(one in shelves for shelves, _ in rows), sizes.get(one, ROOM)) for one in claimed}
        found = {one: kept.get(one, set()) for one in claimed}
        assert sum(map(len, found.values())) == min(ROOM, sum(asked.values()))
        for one in claimed:
            assert found[one] == best(rows, one, len(found[one]))
            assert min(asked[one], ROOM // len(claimed)) <= len(found[one]) <= asked[one]


@given(offered, places, st.integers(0, 150))
def test_stop_and_resume_equals_one_go(rows, sizes, cut):
    whole, first, second = made(), made(), made()
    feed(whole, rows, sizes)
    feed(first, rows[:cut], sizes)
    second.restore({name: array.copy() for name, array in first.state().items()})
    feed(second, rows[cut:], sizes, min(cut, len(rows)))
    assert shelves_of(second) == shelves_of(whole)


def test_among_equals_rows_are_spread_evenly():
    reserve = made()
    feed(reserve, [([("a", "k")], 0)] * 1000, {})
    rows = sorted(reserve.rows())
    gaps = [b - a for a, b in pairwise(rows)]
    assert len(rows) == ROOM
    assert max(gaps) <= 3 * 1000 / ROOM
