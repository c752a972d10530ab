"""Windows of time on a real broker: killed while picks are owed, shared out anew, ended by silence, records removed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from streamsel.testing.ingest_faults import group_changed, killed_while_owing
from streamsel.testing.ingest_material import Given, by_the_minute, small_pictures
from streamsel.testing.ingest_service import Service
from streamsel.testing.ingest_trial import PARTITIONS, Trial
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, header

pytestmark = pytest.mark.xdist_group("ingest")


def timed(count: int) -> list[Given]:
    return list(by_the_minute(small_pictures(count, scene=8), PARTITIONS))


def assert_exact(trial: Trial, picks: int) -> None:
    findings = trial.findings()
    assert not findings.flaws
    assert (findings.missing, findings.twice) == (0, 0)
    assert findings.seen == findings.expected == picks


INSIDE: dict[str, Any] = {
    "strategies": [{"input": {"type": "EMBEDDINGS", "task": "tiles"}, "strategy": {"type": "DIVERSITY"}}],
    "auto_tasks": [{"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 2}],
}


@pytest.mark.parametrize("more", [{}, {"selection": INSIDE}], ids=["pictures", "embeddings of objects"])
def test_killed_while_picks_are_owed(broker: Served, topic_name: str, tmp_path: Path, more: dict[str, Any]) -> None:
    """Each kill comes when a window was chosen; then its picks are being sent, one in each transaction."""
    trial = Trial.windowed(broker, topic_name, tmp_path, 1, picks=12, minutes=15)
    trial.options = {**trial.options, **more}
    trial.send(timed(PARTITIONS * 32))
    assert killed_while_owing(trial) > 0
    assert_exact(trial, PARTITIONS * 2 * 12)


def test_shared_out_anew_while_picks_are_owed(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial.windowed(broker, topic_name, tmp_path, 2, picks=20, minutes=30)
    group_changed(trial, timed(PARTITIONS * 92), rate=60, names=("a", "b"))
    assert_exact(trial, PARTITIONS * 3 * 20)


def remove(trial: Trial, partition: int, before: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(trial.broker.servers))
    admin.delete_records({TopicPartition(trial.name, partition): before})
    admin.close()


def told(records: Sequence[object]) -> list[tuple[int, int]]:
    return [tuple(map(int, header(one, "ce_subject").removesuffix(".jpg").split("-")[-2:])) for one in records]


def test_a_window_of_a_silent_partition_ends_once_and_what_is_gone_is_told(
    broker: Served, topic_name: str, tmp_path: Path
) -> None:
    trial = Trial.windowed(broker, topic_name, tmp_path, 32, picks=4, minutes=0.05)
    begin = int(time.time() * 1000) // 3000 * 3000
    trial.send(replace(one, time=begin + 500) for one in small_pictures(PARTITIONS * 8, scene=1))
    with Service(trial) as service:
        service.wait(lambda: trial.offsets() == trial.sent)
        remove(trial, 0, 8)
        remove(trial, 1, 4)
        service.wait(lambda: len(service.events("chosen")) == PARTITIONS)
        service.wait(trial.all_read)
        time.sleep(1)
        assert service.stop() == 0
        assert {one["picks"] for one in service.events("chosen")} == {4}
        assert {one["candidates"] for one in service.events("chosen")} == {8}
    picks = told(committed(broker.servers, trial.picks))
    letters = committed(broker.servers, trial.dead)
    lost = [(int(header(one, "ce_originpartition")), int(header(one, "ce_originoffset"))) for one in letters]
    assert len({*picks, *lost}) == len(picks) + len(lost) == PARTITIONS * 4
    assert all(partition == 0 or (partition == 1 and offset < 4) for partition, offset in lost)
    assert [partition for partition, _ in lost].count(0) == 4
    assert {header(one, "ce_reason") for one in letters} == {
        "was picked when its window ended, but the topic does not have it any more: raise its retention.ms"
    }
