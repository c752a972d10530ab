"""A data set as users have it: two videos with predictions and metadata, and configs that select from it.

`day.mp4` has the scenes 0 to 3, `sub/night.mp4` the scenes 4 and 5, twelve frames each. What is known of a frame
follows from its number, so that tests can say what must come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import streamsel as library
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskSchema
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task
from streamsel.testing.videos import scenes

DAY, NIGHT, FRAMES = 48, 24, 72

CARS = TaskSchema("cars", "object-detection", (Category(0, "car"), Category(1, "bus"), Category(4, "tram")))
LIGHT = TaskSchema("light", "classification", (Category(0, "bright"), Category(1, "dark")))

EMBEDDINGS = {"type": "EMBEDDINGS"}
LUMINANCE = {"type": "METADATA", "key": "lightly.luminance"}
SHARPNESS = {"type": "METADATA", "key": "lightly.sharpness"}
SPEED = {"type": "METADATA", "key": "gps.speed"}
WEATHER = {"type": "METADATA", "key": "weather"}
WET = {"type": "METADATA", "key": "wet"}
LANE = {"type": "METADATA", "key": "lane"}
ENTROPY = {"type": "SCORES", "task": "cars", "score": "uncertainty_entropy"}
COUNT = {"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT"}
BUSES = {**COUNT, "categories": ["bus"]}
CLASSES = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
LIGHTS = {"type": "PREDICTIONS", "task": "light", "name": "CLASS_DISTRIBUTION"}
RANDOM = {"type": "RANDOM", "random_seed": 5}

DIVERSITY = {"type": "DIVERSITY"}
WEIGHTS = {"type": "WEIGHTS"}
UNIFORM = {"type": "BALANCE", "distribution": "UNIFORM"}
TYPICALITY = {"type": "TYPICALITY", "num_nearest_neighbors": 4}
SIMILARITY = {"type": "SIMILARITY"}

BUDGET: dict[str, Any] = {"n": 8}
STREAM: dict[str, Any] = {"target_ratio": 0.2}
MODES = {"budget": BUDGET, "stream": STREAM}


def entry(what: dict[str, Any], how: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"input": what, "strategy": {**how, **options}}


def threshold(what: dict[str, Any], operation: str, value: Any) -> dict[str, Any]:
    key = {"IN": "values", "NOT_IN": "values"}.get(operation, "threshold")
    return entry(what, {"type": "THRESHOLD", "operation": operation, key: value})


def config(*entries: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {**top, "strategies": list(entries)}


DIVERSE = entry(EMBEDDINGS, DIVERSITY)


def speed(frame: int) -> float:
    """Of frames in the order looked at; most in the middle of each scene."""
    return 100.0 - 10 * abs(frame % 12 - 6)


def weather(frame: int) -> str:
    return ("sunny", "sunny", "sunny", "rain", "fog")[frame % 5]


def objects(frame: int) -> list[int]:
    """Categories of the objects there: none to three, a tram in every eighth frame."""
    return [4] if frame % 8 == 7 else [(frame + k) % 2 for k in range(frame % 4)]


def probabilities(frame: int, category: int) -> tuple[float, ...]:
    """Surer with every frame."""
    sure = 0.34 + 0.6 * frame / FRAMES
    return tuple(sure if one.id == category else (1 - sure) / 2 for one in CARS.categories)


def name(frame: int) -> str:
    return f"day-{frame:02d}-mp4.png" if frame < DAY else f"sub/night-{frame - DAY:02d}-mp4.png"


def drive(folder: Path, lightly: Path | None = None, prefix: str = "") -> Path:
    """Make the videos in `folder`, and the files about them in `lightly`; names there begin with `prefix`."""
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    scenes(folder / "day.mp4", (0, 1, 2, 3), 12)
    scenes(folder / "sub/night.mp4", (4, 5), 12)
    told(lightly or folder / ".lightly", prefix)
    return folder


def told(lightly: Path, prefix: str = "") -> None:
    for task in (CARS, LIGHT):
        write_task(lightly, task)
    kinds = {"gps.speed": "NUMERIC_FLOAT", "weather": "CATEGORICAL_STRING", "wet": "CATEGORICAL_BOOLEAN"}
    write_metadata_schema(lightly, [*(Entry(*kind) for kind in kinds.items()), Entry("lane", "CATEGORICAL_INT", 1)])
    for frame in range(FRAMES):
        found = [_object(frame, place, category) for place, category in enumerate(objects(frame))]
        write_prediction(lightly, CARS, prefix + name(frame), found)
        shares = (0.75, 0.25) if frame % 3 else (0.25, 0.75)
        light = Prediction(0 if frame % 3 else 1, probabilities=shares)
        write_prediction(lightly, LIGHT, prefix + name(frame), [light])
        known = {"gps": {"speed": speed(frame)}, "weather": weather(frame), "wet": frame % 6 == 0}
        write_metadata(lightly, prefix + name(frame), known, "frame")


def _object(frame: int, place: int, category: int) -> Prediction:
    box = (10.0 + 40 * place, 20.0 + frame % 30, 32.0, 40.0)
    return Prediction(category, 0.9, probabilities(frame, category), bbox=box)


def number(pick: Mapping[str, Any]) -> int:
    """The frame of a pick, in the order looked at."""
    return int(pick["index"]) + (DAY if pick["source"].endswith("night.mp4") else 0)


def numbers(found: library.Selection) -> list[int]:
    return [number(pick) for pick in found.picks]


def decisions(found: library.Selection) -> list[dict[str, Any]]:
    return pq.read_table(found.folder / "decisions.parquet").to_pylist()


def turned_away(found: library.Selection, beginning: str) -> set[int]:
    """The frames that were dropped for a reason that begins so."""
    rows = [row for row in decisions(found) if row["decision"] == "drop" and row["reason"].startswith(beginning)]
    return {number({**row, "index": index}) for row in rows for index in range(row["first"], row["last"] + 1)}
