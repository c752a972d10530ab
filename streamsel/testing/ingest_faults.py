"""What a consumer must survive, done to `streamsel run` while records come in; each ends when all of them are read.

A fault is done to a fresh trial; `Trial.findings` then says what came of it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle, islice
from typing import Final

from streamsel.testing.ingest_feed import Feed
from streamsel.testing.ingest_material import Given
from streamsel.testing.ingest_service import Service
from streamsel.testing.ingest_trial import PARTITIONS, Trial
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_cluster import GROUPS, TRANSACTIONS, Cluster
from streamsel.testing.service_process import wait_for

__all__ = [
    "broker_stopped",
    "group_changed",
    "killed",
    "killed_while_owing",
    "leaders_killed",
    "poisoned",
    "process_stopped",
]

PATIENCE: Final = 500.0
WHILE_STARTING: Final = 4
"""One kill of so many comes while a process may still be starting."""


def killed(trial: Trial, records: Sequence[Given], kills: int, dice: random.Random) -> int:
    """kill -9 at random moments, with a part of the records before each; how many came inside an open transaction."""
    share = len(records) // (kills + 1)
    inside = 0
    for kill in range(kills):
        trial.send(records[kill * share : (kill + 1) * share])
        with Service(trial) as service:
            if kill % WHILE_STARTING < WHILE_STARTING - 1:
                service.wait(partial(service.owns, PARTITIONS))
                time.sleep(dice.uniform(0.0, 1.0))
            else:
                time.sleep(dice.uniform(0.0, 3.0))
            service.kill()
        inside += trial.in_transaction()
    with _serving(trial):
        trial.send(records[kills * share :])
    return inside


def killed_while_owing(trial: Trial, kills: int = 2) -> int:
    """kill -9 when a window was chosen, whose picks are being sent then; how many were owed at most after a kill."""
    owed = 0
    for _ in range(kills):
        with Service(trial) as service:
            service.wait(partial(service.events, "chosen"))
            service.kill()
        owed = max(owed, trial.owed_by_now())
    with Service(trial) as service:
        service.wait(trial.all_read)
        assert service.stop() == 0
    return owed


def broker_stopped(
    trial: Trial, broker: Broker, records: Sequence[Given], *, rate: float, seconds: float, kill: bool = False
) -> None:
    """The trial's broker, a whole one, is away for so long while a producer goes on. kill: with kill -9."""
    with _serving(trial), trial.feed(records, rate) as feed:
        wait_for(lambda: sum(trial.offsets().values()) > PARTITIONS * trial.records)
        broker.kill() if kill else broker.stop()
        time.sleep(seconds)
        broker.start()
        feed.finish()


def leaders_killed(
    trial: Trial, cluster: Cluster, records: Sequence[Given], *, rate: float, seconds: float, times: int = 3
) -> None:
    """kill -9 of the broker that leads while a producer goes on, and it comes back after so long; so many times.

    In turn: the one that leads a partition which is read, the one that leads the group, that of the transactions.
    """
    topics = islice(cycle((trial.name, GROUPS, TRANSACTIONS)), times)
    with _serving(trial), trial.feed(records, rate) as feed:
        for topic in topics:
            wait_for(partial(_reads_on, trial, sum(trial.offsets().values())))
            wait_for(cluster.in_sync)
            leader = cluster.members[cluster.leader(topic)]
            leader.kill()
            time.sleep(seconds)
            leader.start()
        wait_for(cluster.in_sync)
        feed.finish()


def group_changed(trial: Trial, records: Sequence[Given], *, rate: float, names: Sequence[str | None]) -> None:
    """One member, then three, then two. names: of the three; None: without a name."""
    with ExitStack() as stack:
        feed = stack.enter_context(trial.feed(records, rate))
        members = [_joined(stack, trial, names[0])]
        _own(members)
        members += [_joined(stack, trial, name) for name in names[1:]]
        _own(members)
        assert members.pop().stop() == 0
        _own(members)
        _end(trial, feed, members)


def process_stopped(trial: Trial, records: Sequence[Given], *, rate: float, seconds: float) -> None:
    """One of two members gets SIGSTOP in the midst of its work, later SIGCONT; then it takes part again.

    seconds: that it stands still after the other one has its partitions.
    """
    with ExitStack() as stack:
        feed = stack.enter_context(trial.feed(records, rate))
        members = [_joined(stack, trial, name) for name in ("a", "b")]
        _own(members)
        members[0].send_signal(signal.SIGSTOP)
        members[1].wait(partial(members[1].owns, PARTITIONS))
        time.sleep(seconds)
        members[0].send_signal(signal.SIGCONT)
        _until(members, lambda: len(members[1].owned) < PARTITIONS)
        _own(members)
        _end(trial, feed, members)


def poisoned(trial: Trial, records: Sequence[Given]) -> None:
    """Records among which there are some that cannot be used."""
    with _serving(trial):
        trial.send(records)


def _reads_on(trial: Trial, read: int) -> bool:
    return sum(trial.offsets().values()) > read + PARTITIONS * trial.records


@contextmanager
def _serving(trial: Trial) -> Iterator[None]:
    """A member that reads all that is sent meanwhile, and then leaves."""
    with Service(trial) as service:
        yield
        service.wait(trial.all_read, PATIENCE)
        assert service.stop() == 0, service.text


def _joined(stack: ExitStack, trial: Trial, name: str | None) -> Service:
    return stack.enter_context(Service(trial, name))


def _own(members: Sequence[Service]) -> None:
    """Waits until all partitions are shared out among all members."""
    _until(members, lambda: all(one.owned for one in members) and sum(len(one.owned) for one in members) == PARTITIONS)


def _end(trial: Trial, feed: Feed, members: Sequence[Service]) -> None:
    feed.finish()
    _until(members, trial.all_read)
    assert [member.stop() for member in members] == [0] * len(members), [member.text for member in members]


def _until(members: Sequence[Service], what: Callable[[], object]) -> None:
    """Waits for it. Raises AssertionError with what all members logged, at once where one has ended."""
    try:
        members[0].wait(lambda: what() or any(one.process.poll() is not None for one in members), PATIENCE)
        assert what(), "a member has ended"
    except AssertionError as error:
        others = "\n".join(f"{member.instance}: {member.text}" for member in members[1:])
        raise AssertionError(f"{error}\n{others}") from None
