"""Objects on a real broker, killed while crops are owed: each comes once, byte for byte as `select` writes it."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import streamsel as library
from streamsel.testing.ingest_faults import killed, killed_while_owing
from streamsel.testing.ingest_material import CLOUD_EVENT, Given, by_the_minute, small_pictures
from streamsel.testing.ingest_trial import PARTITIONS, Trial, objects_of
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, header

pytestmark = pytest.mark.xdist_group("ingest")

PADDING = 0.25
CATEGORIES = ("car", "bus")
BARE = 5
"""Each of so many pictures has no object in it."""


def named(records: Iterator[Given]) -> Iterator[Given]:
    """Records whose pictures have names."""
    for number, one in enumerate(records):
        said = {**dict(CLOUD_EVENT), "ce_id": b"%d" % number, "ce_subject": b"day/%04d.jpg" % number}
        yield replace(one, headers=tuple(said.items()))


def data_set(folder: Path, pictures: list[Given]) -> Path:
    """The same pictures as files, beside predictions of up to three objects of each."""
    task = folder / ".lightly" / "predictions" / "cars"
    (task / "day").mkdir(parents=True)
    (folder / "day").mkdir()
    (task.parent / "tasks.json").write_text('["cars"]')
    categories = [{"id": number, "name": name} for number, name in enumerate(CATEGORIES)]
    (task / "schema.json").write_text(json.dumps({"task_type": "object-detection", "categories": categories}))
    chance = random.Random(0)
    for number, one in enumerate(pictures):
        (folder / "day" / f"{number:04}.jpg").write_bytes(one.value or b"")
        found = [_prediction(chance) for _ in range(chance.randint(1, 3) if number % BARE else 0)]
        (task / "day" / f"{number:04}.json").write_text(json.dumps({"file_name": "", "predictions": found}))
    return folder


def _prediction(chance: random.Random) -> dict[str, Any]:
    bbox = [round(chance.uniform(0, 20), 2) for _ in range(2)] + [round(chance.uniform(4, 14), 2) for _ in range(2)]
    return {"category_id": chance.randrange(2), "score": round(chance.random(), 3), "bbox": bbox}


def all_crops(folder: Path, model: Path, out: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Name -> what `select --objects` writes of every object there is, and its crop."""
    found = library.select(folder, out, objects="cars", padding=PADDING, proportion=1.0, model=str(model), device="cpu")
    return {
        f"{told['parent'].removeprefix(folder.name + '/')}-{told['object']}": (told, (out / told["file"]).read_bytes())
        for line in (found.folder / "crops.jsonl").read_text().splitlines()
        for told in [json.loads(line)]
    }


def assert_exact(trial: Trial, crops: dict[str, tuple[dict[str, Any], bytes]]) -> list[Any]:
    findings = trial.findings()
    assert not findings.flaws
    assert (findings.missing, findings.twice) == (0, 0)
    records = committed(trial.broker.servers, trial.picks)
    for record in records:
        told, crop = crops[header(record, "ce_subject")]
        assert record.value == crop
        assert json.loads(header(record, "ce_box")) == told["box"]
        assert header(record, "ce_label") == told["label"]
        with Image.open(io.BytesIO(record.value)) as image:
            assert max(image.size) < 32
    assert len({header(record, "ce_id") for record in records}) == len(records) == findings.expected
    return records


def prepared(trial: Trial, pictures: list[Given]) -> dict[str, tuple[dict[str, Any], bytes]]:
    folder = data_set(trial.folder / "data", pictures)
    return all_crops(folder, trial.folder / "tiny.onnx", trial.folder / "selected")


def test_windows_killed_while_crops_are_owed(broker: Served, topic_name: str, tmp_path: Path) -> None:
    options = {
        "min_distance": None,
        "window": {"picks": 15, "minutes": 15},
        "selection": objects_of("cars", PADDING),
        "lightly": "data",
    }
    trial = Trial(broker, topic_name, tmp_path, 1, options)
    pictures = list(named(by_the_minute(small_pictures(PARTITIONS * 32, scene=8), PARTITIONS)))
    crops = prepared(trial, pictures)
    trial.send(pictures)
    assert killed_while_owing(trial) > 0
    records = assert_exact(trial, crops)
    assert len(records) == PARTITIONS * 2 * 15
    frames = {(one.partition, header(one, "ce_index")) for one in records}
    assert len(frames) < len(records)


def test_killed_at_random_moments(broker: Served, topic_name: str, tmp_path: Path) -> None:
    options = {"min_distance": 0.6, "selection": objects_of("cars", PADDING), "lightly": "data"}
    trial = Trial(broker, topic_name, tmp_path, 4, options)
    pictures = list(named(small_pictures(PARTITIONS * 40, scene=6)))
    crops = prepared(trial, pictures)
    killed(trial, pictures, 3, random.Random(0))
    records = assert_exact(trial, crops)
    assert PARTITIONS < len(records) < len(crops)
    bare = {f"day/{number:04}.jpg" for number in range(0, len(pictures), BARE)}
    assert not {header(one, "ce_subject").rpartition("-")[0] for one in records} & bare
