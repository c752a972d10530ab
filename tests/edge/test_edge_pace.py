"""How the rate of frames follows a machine that is too slow, on a simulated clock."""

from __future__ import annotations

from itertools import pairwise

import pytest

from streamsel.edge.feeds.pace import BEHIND, CALM, MOST_CALM, Pace
from streamsel.edge.feeds.retrying import LIVED, LONGEST, SHORTEST, Retrying


class Machine:
    """A camera of so many frames a second, before a queue that a loop empties at `speed` frames a second."""

    def __init__(self, rate: float = 25.0, queue: int = 50) -> None:
        self.now = self.waiting = 0.0
        self.rate, self.queue, self.dropped = rate, queue, 0
        self.pace = Pace(lambda: self.now)
        self.steps: list[tuple[float, int]] = []

    def run(self, seconds: float, speed: float) -> Machine:
        until = self.now + seconds
        while self.now < until:
            before = self.pace.thinned
            looks = self.pace.looks(self.dropped, self.waiting <= self.queue / 2)
            if self.pace.thinned != before:
                self.steps.append((self.now, self.pace.thinned))
            self.waiting += looks
            if self.waiting > self.queue:
                self.waiting, self.dropped = self.queue, self.dropped + 1
            self.now += 1 / self.rate
            self.waiting = max(0.0, self.waiting - speed / self.rate)
        return self


def test_a_machine_that_is_fast_enough_looks_at_all():
    machine = Machine().run(600, speed=25)
    assert (machine.pace.thinned, machine.dropped, machine.steps) == (1, 0, [])


def test_a_hiccup_changes_nothing():
    machine = Machine()
    for _ in range(10):
        machine.run(60, speed=25).run(3, speed=0)
    assert machine.dropped > 0
    assert machine.steps == []


@pytest.mark.parametrize(("speed", "thinned"), [(13, 2), (7, 4), (4, 8), (1, 8)])
def test_it_finds_the_rate_that_can_be_kept(speed, thinned):
    machine = Machine().run(40, speed)
    assert max(step for _, step in machine.steps) == thinned
    assert [step for _, step in machine.steps[: thinned.bit_length() - 1]] == [2, 4, 8][: thinned.bit_length() - 1]


@pytest.mark.parametrize("speed", [3.2, 6, 7, 12, 13, 20, 24])
def test_it_does_not_swing(speed):
    """Of a machine that is always too slow: a step each few minutes, once it knows, and few drops."""
    machine = Machine().run(3600, speed)
    assert all(later - step >= min(BEHIND, CALM) for (step, _), (later, _) in pairwise(machine.steps))
    machine.steps.clear()
    dropped, began = machine.dropped, machine.now
    machine.run(3600, speed)
    assert len(machine.steps) <= 4 * 3600 / MOST_CALM
    assert machine.dropped - dropped < 0.02 * 25 * (machine.now - began)


def test_it_comes_back_step_by_step_when_the_machine_is_free():
    machine = Machine().run(40, speed=2).run(20 * CALM, speed=25)
    assert [thinned for _, thinned in machine.steps] == [2, 4, 8, 4, 2, 1]


def test_after_a_day_of_overload_it_comes_back_within_the_hour():
    machine = Machine().run(86400, speed=4)
    machine.run(4 * MOST_CALM, speed=25)
    assert machine.pace.thinned == 1


@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_a_slow_source_that_loses_frames_is_thinned_too(rate):
    machine = Machine(rate, queue=4).run(100 / rate, speed=rate / 3)
    assert machine.pace.thinned >= 2


def test_each_second_frame_is_each_second_frame():
    machine = Machine().run(20, speed=13)
    assert machine.pace.thinned == 2
    looks = [machine.pace.looks(machine.dropped, True) for _ in range(10)]
    assert looks in ([True, False] * 5, [False, True] * 5)


def test_pauses_grow_to_a_minute_and_never_end():
    retrying = Retrying()
    waits = [retrying.lost(0.0) for _ in range(500)]
    assert SHORTEST / 2 <= waits[0] <= SHORTEST
    assert all(LONGEST / 2 <= pause <= LONGEST for pause in waits[7:])
    assert len(set(waits)) > 100


def test_pauses_begin_anew_after_a_connection_that_lived():
    retrying = Retrying()
    for _ in range(20):
        retrying.lost(LIVED / 2)
    assert retrying.lost(LIVED / 2) > SHORTEST
    assert retrying.lost(LIVED) <= SHORTEST
