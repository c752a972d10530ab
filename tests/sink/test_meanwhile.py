from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SinkError
from streamsel.sink.meanwhile import Meanwhile


class Watched:
    """Counts what is under way, and notes what was done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def work(self, name: str, number: int, nbytes: int = 1) -> Callable[[], None]:
        def run() -> None:
            with self._lock:
                self._under_way += nbytes
                self.most = max(self.most, self._under_way)
            time.sleep(0.001 * (number % 3))
            with self._lock:
                self._under_way -= nbytes
                self.done.append((name, number))

        return run


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 4))
def test_everything_is_done_and_what_has_one_name_in_order(names: list[str], threads: int) -> None:
    meanwhile, watched = Meanwhile(threads), Watched()
    for number, name in enumerate(names):
        meanwhile.begin(name, watched.work(name, number))
    meanwhile.finish()
    assert sorted(watched.done, key=lambda one: one[1]) == [(name, number) for number, name in enumerate(names)]
    for name in "abc":
        own = [number for called, number in watched.done if called == name]
        assert own == sorted(own)
    assert watched.most <= threads


@given(st.lists(st.integers(0, 12), max_size=12))
def test_no_more_bytes_are_under_way_than_allowed_but_for_one_that_has_more(sizes: list[int]) -> None:
    meanwhile, watched = Meanwhile(threads=4, most_bytes=8), Watched()
    for number, size in enumerate(sizes):
        meanwhile.begin(str(number), watched.work("", number, size), size)
    meanwhile.finish()
    assert watched.most <= max(8, *sizes, 0)


def test_the_first_error_is_raised_once_and_the_rest_is_done() -> None:
    meanwhile, watched = Meanwhile(), Watched()

    def failing(message: str) -> Callable[[], None]:
        def run() -> None:
            raise SinkError(message)

        return run

    meanwhile.begin("a", failing("first"))
    meanwhile.begin("b", failing("second"))
    meanwhile.begin("c", watched.work("c", 0))
    with pytest.raises(SinkError, match="first"):
        meanwhile.finish()
    assert watched.done == [("c", 0)]
    meanwhile.finish()
