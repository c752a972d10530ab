from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamsel.signals.recent import Recent


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40)), min_size=1))
def test_it_never_holds_more_than_allowed(asked: list[tuple[int, int]]) -> None:
    recent: Recent[int] = Recent(entries=5, nbytes=60)
    sizes: dict[str, int] = {}
    for number, nbytes in asked:
        key = str(number)
        if key not in recent or nbytes % 3 == 0:  # some come again
            recent.put(key, number, nbytes)
            sizes[key] = nbytes
        assert recent[key] == number
        held = [sizes[str(one)] for one in range(21) if str(one) in recent]
        assert len(held) == len(recent) <= 5
        assert sum(held) <= 60


def test_what_was_used_last_stays_and_the_newest_always() -> None:
    recent: Recent[str] = Recent(entries=2, nbytes=10)
    recent.put("a", "A", 1)
    recent.put("b", "B", 1)
    assert recent["a"] == "A"
    recent.put("c", "C", 1)
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)
    assert recent.put("large", "L", 99) == "L"
    assert len(recent) == 1
