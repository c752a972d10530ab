from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.decode.picture import StillPicture
from streamsel.embed import Window
from streamsel.rules.inspection import DUPLICATE, Inspection

OUT = "excluded"


class Damaged(StillPicture):
    damaged = True


def called(mark: Mark) -> str:
    return mark.name or f"v-{mark.index:03d}-mp4.png"


def frame(index: int, value: int, *, damaged: bool = False) -> Frame:
    pixels = np.full((4, 4, 3), value, np.uint8)
    return Frame(Mark("v.mp4", index, index, Fraction(1, 25)), (Damaged if damaged else StillPicture)(pixels))


def stream(values: list[tuple[int, bool, bool]]) -> list[tuple[Window, str]]:
    """Windows of one frame: (value of the picture, damaged, turned away by a filter)."""
    frames = [frame(i, value, damaged=damaged) for i, (value, damaged, _) in enumerate(values)]
    return [((one,), OUT if out else "") for one, (_, _, out) in zip(frames, values, strict=True)]


def offer(inspection: Inspection, rows: list[tuple[Window, str]]) -> list[str]:
    """One block."""
    looked = [inspection.look(window) for window, _ in rows]
    return [inspection.repeats(window, reason) for window, (_, reason) in zip(looked, rows, strict=True)]


Rows = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=30)


@given(Rows, st.lists(st.integers(0, 30), max_size=4))
def test_any_cut_and_any_restart_give_the_same(values: list[tuple[int, bool, bool]], cuts: list[int]) -> None:
    rows = stream(values)
    whole, part = Inspection(called, remove_duplicates=True), Inspection(called, remove_duplicates=True)
    told = offer(whole, rows)
    ends = sorted({0, *(min(cut, len(rows)) for cut in cuts), len(rows)})
    parts: list[str] = []
    for first, last in pairwise(ends):
        state = {name: array.copy() for name, array in part.state().items()}
        part = Inspection(called, remove_duplicates=True)
        part.restore(state)
        parts += offer(part, rows[first:last])
    assert parts == told
    assert {k: (v.rows, v.total) for k, v in part.listings.items()} == {
        k: (v.rows, v.total) for k, v in whole.listings.items()
    }


@given(Rows)
def test_a_duplicate_is_what_an_earlier_one_shows_that_was_let_through(values: list[tuple[int, bool, bool]]) -> None:
    inspection = Inspection(called, remove_duplicates=True)
    told = offer(inspection, stream(values))
    first: dict[int, int] = {}
    for place, (value, _, out) in enumerate(values):
        if out:
            assert told[place] == OUT
        else:
            assert told[place] == (DUPLICATE if value in first else "")
            first.setdefault(value, place)
    again = [place for place, reason in enumerate(told) if reason == DUPLICATE]
    names = {f"v-{place:03d}-mp4.png": f"v-{first[values[place][0]]:03d}-mp4.png" for place in again}
    assert inspection.listings["duplicates"].rows == names
    assert inspection.listings["corrupt_samples"].total == sum(damaged for _, damaged, _ in values)


def test_without_the_option_no_picture_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("a digest was taken")

    monkeypatch.setattr("streamsel.rules.inspection.digest_of", refuse)
    inspection = Inspection(called)
    assert offer(inspection, stream([(1, False, False), (1, True, False)])) == ["", ""]
    assert list(inspection.listings) == ["corrupt_samples"]


def test_what_grows_grows_at_its_end() -> None:
    """A store writes only those parts of an array that changed."""
    inspection = Inspection(called, remove_duplicates=True)
    offer(inspection, [((frame(i, i),), "") for i in range(100)])
    before = inspection.state()["fresh"].tobytes()
    offer(inspection, [((frame(i, i),), "") for i in range(100, 200)])
    assert inspection.state()["fresh"].tobytes().startswith(before)
