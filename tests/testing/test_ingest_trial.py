"""A trial must see what is wrong: else it proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaProducer

from streamsel.testing.ingest_material import Given, small_pictures
from streamsel.testing.ingest_trial import PARTITIONS, Trial
from streamsel.testing.kafka_broker import Served

pytestmark = pytest.mark.xdist_group("brokers")


def send(trial: Trial, names: list[str]) -> None:
    """Picks that nobody picked, by the names that their events have."""
    producer = KafkaProducer(bootstrap_servers=list(trial.broker.servers))
    for name in names:
        partition = name.removeprefix(f"{trial.name}-")[0]
        headers = [("ce_subject", name.encode())]
        producer.send(trial.picks, b"", key=f"camera-{partition}".encode(), headers=headers).get(timeout=30)
    producer.close()


@pytest.fixture
def trial(broker: Served, topic_name: str, tmp_path: Path) -> Trial:
    made = Trial(broker, topic_name, tmp_path)
    for topic in (made.dead, made.state):
        broker.create(topic, PARTITIONS)
    made.send(small_pictures(40))
    return made


def test_what_is_missing_and_what_is_there_twice_is_counted(trial: Trial) -> None:
    wanted = [name for names in trial.reference().picks.values() for name in names]
    nothing = trial.findings()
    assert (nothing.records, nothing.expected, nothing.seen) == (40, len(wanted), 0)
    assert (nothing.missing, nothing.twice) == (len(wanted), 0)
    send(trial, [*wanted[1:], wanted[-1]])
    some = trial.findings()
    assert (some.seen, some.missing, some.twice) == (len(wanted), 1, 1)
    assert [line.split(",")[0] for line in some.flaws[:2]] == ["1 picks are missing", "1 picks too many"]


def test_order_offsets_letters_and_state_are_looked_at(trial: Trial) -> None:
    trial.send([Given(b"no picture", usable=False)])
    picks = trial.reference().picks
    assert any(len(names) > 1 for names in picks.values())
    send(trial, [name for names in picks.values() for name in reversed(names)])
    found = trial.findings()
    assert (found.missing, found.twice) == (0, 0)
    told = "\n".join(found.flaws)
    for word in ("order", "0 dead letters", "offsets {}", "state of partition 0"):
        assert word in told
