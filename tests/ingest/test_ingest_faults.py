"""The service on a real broker, while things go wrong: a reader of committed records sees each expected pick once.

The full forms, of 5,000 records and more each, are in benchmarks/ingest_faults.py.
"""

from __future__ import annotations

import random
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from streamsel.testing.ingest_faults import (
    broker_stopped,
    group_changed,
    killed,
    leaders_killed,
    poisoned,
    process_stopped,
)
from streamsel.testing.ingest_material import path_tricks, poison, small_pictures
from streamsel.testing.ingest_trial import PARTITIONS, Trial
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.kafka_cluster import Cluster

pytestmark = pytest.mark.xdist_group("ingest")

SESSION = 6.0
"""Seconds after which a member that shows no life is taken for dead, in a trial."""
TRANSACTION = 10.0
"""Seconds after which a broker aborts what was left open."""


def assert_exact(trial: Trial, records: int) -> None:
    findings = trial.findings()
    assert not findings.flaws
    assert (findings.records, findings.missing, findings.twice) == (records, 0, 0)
    assert findings.seen == findings.expected > records / 100


def test_killed_at_random_moments(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial(broker, topic_name, tmp_path, records=8)
    killed(trial, list(small_pictures(600)), 4, random.Random())
    assert_exact(trial, 600)


def test_a_broker_that_is_away_under_load(topic_name: str, tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker:
        trial = Trial(broker, topic_name, tmp_path)
        broker_stopped(trial, broker, list(small_pictures(1000)), rate=60, seconds=10)
        assert_exact(trial, 1000)


def test_a_leader_that_is_killed_under_load(topic_name: str, tmp_path: Path) -> None:
    with Cluster(tmp_path / "brokers") as cluster:
        trial = Trial(cluster, topic_name, tmp_path)
        leaders_killed(trial, cluster, list(small_pictures(1000)), rate=60, seconds=1, times=1)
        assert_exact(trial, 1000)


def test_one_member_then_three_then_two(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial(broker, topic_name, tmp_path)
    group_changed(trial, list(small_pictures(1000)), rate=60, names=("a", "b", "c"))
    assert_exact(trial, 1000)


def test_a_process_that_stood_still(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial(broker, topic_name, tmp_path)
    process_stopped(trial, list(small_pictures(1000)), rate=60, seconds=TRANSACTION - SESSION + 2)
    assert_exact(trial, 1000)


def test_poison_among_pictures(broker: Served, topic_name: str, tmp_path: Path) -> None:
    output = {"topic": f"{topic_name}.picks", "inline_limit": 0, "claims": "claims"}
    trial = Trial(broker, topic_name, tmp_path, options={"output": output})
    pictures = path_tricks(list(small_pictures(300)))
    bad = poison(trial.references)
    before = set(tmp_path.rglob("*"))
    mixed = [one for one in chain.from_iterable(zip_longest(pictures, bad)) if one is not None]
    poisoned(trial, mixed)
    assert len(trial.unusable) == len(bad)
    assert_exact(trial, 300 + len(bad))
    made = {path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("*")) - before}
    assert {name for name in made if not name.startswith(("log-", "ingest-"))} == {"claims"}
    assert sum(path.is_file() for path in (tmp_path / "claims").rglob("*")) == trial.findings().expected
    assert len(list((tmp_path / "claims").iterdir())) == PARTITIONS
