"""What `select --kafka` sends while things go wrong: a reader of committed records sees each expected pick once.

The full forms, of 5,200 records each, are in benchmarks/delivery.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.sending_faults import away_from_the_start, disk_filled, killed_as_it_arrives
from streamsel.testing.sending_trial import Footage, Trial
from streamsel.testing.small_disk import SmallDisk

pytestmark = pytest.mark.xdist_group("brokers")

FRAMES = 400
SMALL = 1_000_000


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return Footage(tmp_path_factory.mktemp("trials") / "footage", FRAMES)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that may be stopped."""
    with Broker(tmp_path_factory.mktemp("own")) as made:
        yield made


def assert_exact(trial: Trial, listed: bool = False) -> None:
    found = trial.findings()
    assert not found.flaws
    assert (found.records, found.missing, found.twice) == (FRAMES, 0, 0)
    assert found.ordered
    assert found.seen == found.expected == FRAMES - found.listed
    assert bool(found.listed) == listed


def test_killed_around_the_deletion_of_what_arrived(
    broker: Served, topic_name: str, tmp_path: Path, footage: Footage
) -> None:
    trial = Trial(broker, topic_name, tmp_path, footage)
    assert killed_as_it_arrives(trial, 2) == 2
    assert_exact(trial)


def test_a_small_outbox_keeps_what_its_policy_says_whatever_is_killed(
    own: Broker, topic_name: str, tmp_path: Path, footage: Footage
) -> None:
    trial = Trial(own, topic_name, tmp_path, footage, (SMALL, "least_novel"))
    assert away_from_the_start(trial, own, 2, random.Random())
    assert_exact(trial, listed=True)


def test_no_room_on_the_disk(own: Broker, topic_name: str, tmp_path: Path, footage: Footage) -> None:
    with SmallDisk(tmp_path / "disk", 64 << 20) as disk:
        trial = Trial(own, topic_name, tmp_path, footage, disk=disk)
        assert disk_filled(trial, own, 2, random.Random())
        assert_exact(trial)
