"""Lanes of every kind, and the frames that they take: from seeds, without decoding or embedding anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from streamsel.config import read_selection
from streamsel.data import Frame, Mark, Pixels, Value, Vector
from streamsel.decode.picture import StillPicture
from streamsel.lanes.lane import Lane, Taken, Verdict
from streamsel.lanes.making import Lanes
from streamsel.testing.streams import scene_stream

T = TypeVar("T")
DIM = 8
PACE = 7_200_000
"""Milliseconds between frames: two hours, so that some days come."""

VECTORS = {"type": "EMBEDDINGS"}
DIVERSITY = {"input": VECTORS, "strategy": {"type": "DIVERSITY"}}
FREQUENCY = {"type": "SCORES", "task": "cars", "score": "object_frequency"}


def metadata(key: str, kind: str, **how: Any) -> dict[str, Any]:
    return {"input": {"type": "METADATA", "key": key}, "strategy": {"type": kind, **how}}


SELECTIONS: dict[str, dict[str, Any]] = {
    "ratio": {"proportion_samples": 0.2, "strategies": [DIVERSITY]},
    "distance": {"strategies": [DIVERSITY], "constraints": [{"type": "MIN_DISTANCE", "distance": 0.4}]},
    "weights": {"proportion_samples": 0.3, "strategies": [metadata("speed", "WEIGHTS"), DIVERSITY]},
    "balance": {
        "proportion_samples": 0.4,
        "strategies": [metadata("weather", "BALANCE", target={"rain": 0.5, "sun": 0.3}), DIVERSITY],
    },
    "natural balance": {
        "proportion_samples": 0.4,
        "strategies": [metadata("weather", "BALANCE", distribution="UNIFORM"), DIVERSITY],
    },
    "typicality": {
        "proportion_samples": 0.3,
        "strategies": [
            {"input": VECTORS, "strategy": {"type": "TYPICALITY", "num_nearest_neighbors": 3}},
            DIVERSITY,
        ],
    },
    "similarity": {
        "proportion_samples": 0.3,
        "strategies": [
            {"input": {**VECTORS, "query_set": "wanted"}, "strategy": {"type": "SIMILARITY"}},
            DIVERSITY,
        ],
    },
    "constraints": {
        "proportion_samples": 0.5,
        "strategies": [metadata("speed", "THRESHOLD", operation="BIGGER", threshold=3), DIVERSITY],
        "constraints": [
            {"type": "AT_MOST", "count": 4, "per": {"type": "METADATA", "key": "weather"}},
            {"type": "MIN_GAP", "seconds": 2},
            {"type": "INCLUDE", "names": ["cam-7.jpg"]},
            {"type": "EXCLUDE", "names": ["cam-5.jpg"]},
        ],
    },
    "days": {
        "proportion_samples": 0.5,
        "strategies": [DIVERSITY],
        "constraints": [{"type": "AT_MOST", "count": 3, "per": {"type": "DAY"}}],
    },
    "duplicates": {
        "proportion_samples": 0.4,
        "strategies": [metadata("lightly.sharpness", "WEIGHTS"), DIVERSITY],
        "worker": {"remove_exact_duplicates": True},
    },
    "objects": {
        "proportion_samples": 0.3,
        "strategies": [{"input": {"type": "EMBEDDINGS", "task": "tiles"}, "strategy": {"type": "DIVERSITY"}}],
        "auto_tasks": [{"type": "TILING", "name": "tiles", "num_rows": 1, "num_cols": 2}],
    },
    "frequency": {"proportion_samples": 0.4, "strategies": [{"input": FREQUENCY, "strategy": {"type": "WEIGHTS"}}]},
    "random": {
        "proportion_samples": 0.3,
        "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}],
    },
    "filters": {"strategies": [metadata("speed", "THRESHOLD", operation="BIGGER", threshold=5)]},
}
"""One selection of each kind that a stream can have; all but the last two that have no vectors read them."""


class Flat:
    """An Embedder of mean colours: (DIM,)."""

    name, dim, size, batch, novelty_distance = "flat/8x8", DIM, (8, 8), 16, 0.3

    def embed(self, pictures: Pixels) -> Vector:
        cells = pictures.reshape(len(pictures), DIM, -1).mean(axis=2) + 1.0
        return np.asarray(cells / np.linalg.norm(cells, axis=1, keepdims=True), np.float32)


def days(taken: Sequence[Taken]) -> list[str]:
    """Of each frame, by its own time."""
    return [datetime.fromtimestamp(row.frame.mark.time, UTC).date().isoformat() for row in taken]


def lanes(kind: str, folder: Path | None = None, **options: Any) -> Lanes:
    """folder: holds a `.lightly` folder with the task `cars`, and the query set `wanted`."""
    written = dict(SELECTIONS[kind])
    worker = written.pop("worker", {})
    selection = read_selection({**written, "worker": worker} if worker else written)
    if kind == "similarity":
        assert folder is not None
        options["query_sets"] = {"wanted": folder / "wanted.npy"}
    return Lanes(selection, Flat(), lightly=folder if kind == "frequency" else None, **options)


def predictions(folder: Path, count: int) -> Path:
    """Cars and buses on frames of the names that `rows` gives, and three queries."""
    np.save(folder / "wanted.npy", scene_stream(3, dim=DIM, seed=9))
    task = folder / ".lightly" / "predictions" / "cars"
    task.mkdir(parents=True)
    (task.parent / "tasks.json").write_text(json.dumps(["cars"]))
    schema = {"task_type": "object-detection", "categories": [{"id": 0, "name": "car"}, {"id": 1, "name": "bus"}]}
    (task / "schema.json").write_text(json.dumps(schema))
    for number in range(count):
        boxes = [{"category_id": i % 2, "bbox": [0, 0, 2, 2], "score": 0.5} for i in range(number * 7 % 5)]
        (task / f"cam-{number}.json").write_text(json.dumps({"file_name": f"cam-{number}.jpg", "predictions": boxes}))
    return folder


def rows(count: int, seed: int = 0, parts: int = 1) -> list[Taken]:
    """Frames of two cameras that carry `speed` and `weather`; now and then one lacks what it should carry.

    parts: frames of each record.
    """
    random = np.random.default_rng(seed)
    vectors = scene_stream(max(count, 1), dim=DIM, seed=seed, scenes=8)
    weather = random.choice(["rain", "sun", "fog"], count)
    taken = []
    for number in range(count):
        signals: dict[str, Value] = {"speed": int(random.integers(0, 10)), "weather": str(weather[number])}
        if number % 11 == 9:
            signals = {"speed": "fast"}
        mark = Mark(f"cam{number % 2}", number, number * PACE, Fraction(1, 1000), 0, f"cam-{number}.jpg")
        picture = StillPicture(np.full((8, 8, 3), random.integers(0, 12) * 20, np.uint8))
        last = number % parts == parts - 1 or number == count - 1
        taken.append(
            Taken(Frame(mark, picture, True, signals), vectors[number], 3 * (number // parts), number % parts, last)
        )
    return taken


def settled(lane: Lane, batches: Sequence[Sequence[Taken]]) -> tuple[list[Verdict], dict[bytes, bytes]]:
    """All verdicts, and the state as a compacted changelog has it, told after each batch."""
    verdicts: list[Verdict] = []
    state: dict[bytes, bytes] = {}
    for batch in batches:
        verdicts += lane.take(batch)
        compact(state, lane.entries())
    return verdicts, state


def compact(state: dict[bytes, bytes], entries: Mapping[bytes, bytes | None]) -> None:
    """What the entries make of it."""
    for key, value in entries.items():
        if value is None:
            del state[key]
        else:
            state[key] = value


def cut(taken: Sequence[T], places: Sequence[int]) -> list[Sequence[T]]:
    """Batches between these places."""
    ends = [0, *sorted(min(place, len(taken)) for place in places), len(taken)]
    return [taken[start:end] for start, end in pairwise(ends)]
