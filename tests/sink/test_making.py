from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SinkError
from streamsel.sink.making import Making


class Watched:
    """Counts what is under way, and notes what was put, and by whom."""

    def __init__(self) -> None:
        self.put: list[tuple[str, bytes]] = []
        self.threads: set[int] = set()
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def take(self, name: str, data: bytes) -> None:
        self.put.append((name, data))
        self.threads.add(threading.get_ident())

    def made(self, number: int, nbytes: int = 1) -> Callable[[], bytes]:
        def run() -> bytes:
            with self._lock:
                self._under_way += nbytes
                self.most = max(self.most, self._under_way)
            time.sleep(0.001 * (number % 3))
            with self._lock:
                self._under_way -= nbytes
            return bytes([number])

        return run


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 4))
def test_all_is_put_in_order_by_the_caller(names: list[str], threads: int) -> None:
    watched = Watched()
    making = Making(watched.take, threads)
    for number, name in enumerate(names):
        making.begin(name, watched.made(number))
    making.finish()
    assert watched.put == [(name, bytes([number])) for number, name in enumerate(names)]
    assert watched.threads <= {threading.get_ident()}
    assert watched.most <= threads


@given(st.lists(st.integers(0, 12), max_size=12))
def test_no_more_bytes_are_under_way_than_allowed_but_for_one_that_has_more(sizes: list[int]) -> None:
    watched = Watched()
    making = Making(watched.take, threads=4, most_bytes=8)
    for number, size in enumerate(sizes):
        making.begin("", watched.made(number, size), size)
    making.finish()
    assert watched.most <= max(8, *sizes, 0)


def test_an_error_is_raised_once_and_the_rest_is_put() -> None:
    def failing() -> bytes:
        raise SinkError("cannot be made")

    watched = Watched()
    making = Making(watched.take)
    making.begin("a", failing)
    making.begin("b", watched.made(1))
    with pytest.raises(SinkError, match="cannot be made"):
        making.begin("c", watched.made(2))
    making.finish()
    assert watched.put == [("b", b"\1")]
