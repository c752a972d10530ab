"""What a run that sends its picks must survive, done to `streamsel select --kafka`; each ends when the run does.

A fault is done to a fresh trial; `Trial.findings` then says what came of it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_cluster import TRANSACTIONS, Cluster
from streamsel.testing.sending_trial import Trial
from streamsel.testing.service_process import wait_for

__all__ = ["away", "away_from_the_start", "disk_filled", "killed", "killed_as_it_arrives", "leaders_killed"]

LATE: Final = 5
"""One kill of so many comes when all is picked, and what waits is delivered."""

WHILE_DELIVERING: Final = 4.0
"""Seconds in which a process starts, and delivers what was left."""

WHILE_LOST: Final = 0.2
"""Of the picks: so many are made while a broker is away whose part others take over."""

FULL: Final = 1
"""The exit code of a run whose disk is full."""


def killed(trial: Trial, kills: int, dice: random.Random, what: Callable[[], object] = bool) -> int:
    """kill -9 at random moments while picks are made, and while the last ones are delivered; how many hit a process.

    what: is called all the while.
    """
    late, hit = kills // LATE, 0
    for moment in _moments(trial, kills - late, dice):
        with trial.run() as run:
            run.picks(moment, what)
            hit += run.kill()
    for _ in range(late):
        with trial.run() as run:
            run.until(lambda: what() or trial.made == trial.total)
            time.sleep(dice.uniform(0.0, WHILE_DELIVERING))
            hit += run.kill()
    _ends(trial, what)
    return hit


def killed_as_it_arrives(trial: Trial, kills: int) -> int:
    """kill -9 in turn right before and right after what has arrived is deleted from the outbox; how many."""
    for number in range(kills):
        with trial.run(dying=("before", "after")[number % 2]) as run:
            assert run.ended() == -signal.SIGKILL, run.text
    _ends(trial)
    return kills


def away(trial: Trial, broker: Broker, kills: int, dice: random.Random) -> int:
    """The broker is away from the tenth of the picks until nine tenths are made; kills as in `killed`."""
    return killed(trial, kills, dice, _Due(trial, [(0.1, broker.stop), (0.9, broker.start)]))


def away_from_the_start(trial: Trial, broker: Broker, kills: int, dice: random.Random) -> int:
    """The broker comes back when all is picked, and what the outbox had no room for is gone; kills as in `killed`."""
    broker.stop()
    return killed(trial, kills, dice, _Due(trial, [(1.0, broker.start)]))


def disk_filled(trial: Trial, broker: Broker, times: int, dice: random.Random) -> int:
    """At random moments there is no room left; how many of them stopped a run, which must say so in one line.

    The broker is away until half is picked. The trial is one that has a disk.
    """
    assert trial.disk
    broker.stop()
    what, stopped = _Due(trial, [(0.5, broker.start)]), 0
    for moment in _moments(trial, times, dice):
        with trial.run() as run:
            run.picks(moment, what)
            trial.disk.fill()
            stopped += run.ended() == FULL
        trial.disk.free()
        told = [line for line in run.text.splitlines() if not line.startswith("delivery: ")]
        assert len(told) == (run.process.returncode == FULL), run.text
    _ends(trial, what)
    return stopped


def leaders_killed(trial: Trial, cluster: Cluster) -> int:
    """kill -9 of the broker that leads a partition of the topic, then of the one that leads transactions; how many.

    Each comes back later.
    """
    _ends(trial, _Due(trial, [*_loss(cluster, trial.topic, 0.1), *_loss(cluster, TRANSACTIONS, 0.5)]))
    return 2


def _loss(cluster: Cluster, topic: str, share: float) -> list[tuple[float, Callable[[], object]]]:
    """The leader of a topic is killed when such a part of the picks is made, and comes back a while later."""
    lost: list[Broker] = []

    def kill() -> None:
        wait_for(cluster.in_sync)
        lost.append(cluster.members[cluster.leader(topic)])
        lost[0].kill()

    return [(share, kill), (share + WHILE_LOST, lambda: lost[0].start())]


class _Due:
    """Does things when such a part of the picks is made, in order. Called often."""

    def __init__(self, trial: Trial, due: Sequence[tuple[float, Callable[[], object]]]) -> None:
        self._trial, self._due = trial, list(due)

    def __call__(self) -> None:
        if self._due and self._trial.made >= self._due[0][0] * self._trial.total:
            self._due.pop(0)[1]()


def _moments(trial: Trial, count: int, dice: random.Random) -> list[int]:
    """So many numbers of picks in order, none at the end: a run is over before one sees it there."""
    return sorted(dice.sample(range(1, trial.total * 4 // 5), count))


def _ends(trial: Trial, what: Callable[[], object] = bool) -> None:
    with trial.run() as run:
        assert run.ended(what) == 0, run.text
