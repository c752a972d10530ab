"""Sequences on a real broker: two devices in each partition, killed in the midst of them, shared out anew."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from streamsel.lanes.sequences import FRAMES
from streamsel.testing.ingest_faults import group_changed, killed
from streamsel.testing.ingest_material import by_device, small_pictures
from streamsel.testing.ingest_service import Service
from streamsel.testing.ingest_trial import PARTITIONS, Trial
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, header

pytestmark = pytest.mark.xdist_group("ingest")

LENGTH = 3


def assert_exact(trial: Trial) -> None:
    findings = trial.findings()
    assert not findings.flaws
    assert (findings.missing, findings.twice) == (0, 0)
    assert findings.records > findings.seen == findings.expected > 5 * LENGTH
    records = committed(trial.broker.servers, trial.picks)
    of = [(one.key, header(one, "ce_source"), header(one, "ce_sequencenumber")) for one in records]
    assert {*Counter(of).values()} == {LENGTH}
    assert [header(one, "ce_sequenceplace") for one in records if one.key == records[0].key][:LENGTH] == ["0", "1", "2"]


def test_killed_in_the_midst_of_sequences(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial.sequential(broker, topic_name, tmp_path, 4, LENGTH, min_distance=1.0)
    killed(trial, list(by_device(small_pictures(PARTITIONS * 40, scene=12))), 3, random.Random(0))
    assert_exact(trial)
    assert any(key.startswith(FRAMES) for state in trial.reference().state.values() for key in state)


def test_shared_out_anew(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial.sequential(broker, topic_name, tmp_path, 8, LENGTH, min_distance=1.0)
    group_changed(trial, list(by_device(small_pictures(PARTITIONS * 60, scene=12))), rate=60, names=("a", "b"))
    assert_exact(trial)


def test_a_folder_has_all_pictures_of_a_sequence(broker: Served, topic_name: str, tmp_path: Path) -> None:
    trial = Trial.sequential(broker, topic_name, tmp_path, 8, LENGTH, output={"folder": "picks"})
    trial.send(by_device(small_pictures(PARTITIONS * 20, scene=12)))
    with Service(trial) as service:
        service.wait(trial.all_read)
        assert service.stop() == 0
    facts = [json.loads(file.read_text()) for file in (tmp_path / "picks").rglob("*.json")]
    places = Counter((one["partition"], one["source"], one["sequence"]["number"]) for one in facts)
    assert {*places.values()} == {LENGTH}
    assert {one["sequence"]["place"] for one in facts} == {*range(LENGTH)}
    assert all((tmp_path / "picks" / one["file"]).is_file() for one in facts)
