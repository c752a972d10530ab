"""What is owed comes back from a state as it was, in the order of frames."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from streamsel.data import Decision
from streamsel.errors import StateError
from streamsel.ingest.owed import OWED, Owed
from streamsel.lanes.deciding import Gathered, Span, Verdict

SPAN = Span(1.7e9, 1.7e9 + 60)


def verdict(ordinal: int, distance: float = 0.1234567890123) -> Verdict:
    gains = {"DIVERSITY of EMBEDDINGS": distance**2}
    decision = Decision(True, "greedy", distance, ordinal - 1, gains)
    return Verdict(decision, ordinal, {"weather": "rain", "speed": 5}, window=SPAN, order=ordinal)


PICKS = [((10, 0), verdict(0, math.inf)), ((9, 12), verdict(1)), ((9, 2), verdict(2)), ((100, 0), verdict(3))]


def finite(one: Verdict) -> Verdict:
    """Gains that are infinite are told as none."""
    gains = {name: gain if math.isfinite(gain) else None for name, gain in one.decision.gains.items()}
    decision = one.decision
    told = Decision(True, decision.reason, decision.distance, decision.nearest, gains)
    return Verdict(told, one.ordinal, one.signals, window=one.window, order=one.order)


def test_it_is_restored_as_it_was() -> None:
    owed = Owed()
    owed.add(PICKS)
    entries = {key: value for key, value in owed.entries().items() if value is not None}
    assert owed.entries() == {}
    for one in (owed, Owed.restored({**entries, b"#lane": b"{}"})):
        assert list(one.picks()) == [(9, 2), (9, 12), (10, 0), (100, 0)]
        assert one.picks() == {place: finite(told) for place, told in PICKS}


def test_what_is_settled_is_crossed_out() -> None:
    owed = Owed()
    owed.add(PICKS)
    owed.entries()
    owed.settle((9, 12))
    assert owed.entries() == {OWED + b"9/12": None}
    assert list(owed.picks()) == [(9, 2), (10, 0), (100, 0)]


def test_of_a_sequence_each_frame_is_owed_and_all_come_where_the_last_one_lies() -> None:
    """Frames of two sequences lie between each other."""
    first = replace(verdict(0), sequence=Gathered(7, ((1, 0), (4, 0), (6, 0)), 1.5))
    second = replace(verdict(1), sequence=Gathered(2, ((2, 0), (3, 0), (5, 0)), 2.5))
    owed = Owed()
    owed.add([((5, 0), second), ((6, 0), first)])
    entries = {key: value for key, value in owed.entries().items() if value is not None}
    for one in (owed, Owed.restored(entries)):
        assert [offset for offset, _ in one.picks()] == [2, 3, 5, 1, 4, 6]
        told = [pick.sequence for pick in one.picks().values()]
        assert [(each.number, each.first, each.when) for each in told] == [
            (2, 0, 2.5), (2, 1, 2.5), (2, 2, 2.5), (7, 0, 1.5), (7, 1, 1.5), (7, 2, 1.5),
        ]  # fmt: skip
    owed.settle((3, 0))
    assert [offset for offset, _ in owed.picks()] == [2, 5, 1, 4, 6]
    assert max(map(len, entries.values())) < 400


@pytest.mark.parametrize(("key", "value"), [(b"9", b"{}"), (b"9/1", b"{}"), (b"9/1", b"\xff"), (b"a/b", b"{}")])
def test_damage_is_told(key: bytes, value: bytes) -> None:
    with pytest.raises(StateError, match="a pick that is to be sent cannot be read"):
        Owed.restored({OWED + key: value})
