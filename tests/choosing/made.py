"""Tables to choose from, with something of every kind, and what configs of them look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from streamsel.choosing.api import choose

DIM = 6
WEATHER = ("sunny", "rain", "fog")

EMBEDDINGS = {"type": "EMBEDDINGS"}
OBJECTS = {"type": "EMBEDDINGS", "task": "cars"}
RANDOM = {"type": "RANDOM", "random_seed": 3}
SPEED = {"type": "METADATA", "key": "gps.speed"}
WEATHERS = {"type": "METADATA", "key": "weather"}
WET = {"type": "METADATA", "key": "wet"}
LANE = {"type": "METADATA", "key": "lane"}
ENTROPY = {"type": "SCORES", "task": "cars", "score": "uncertainty_entropy"}
COUNT = {"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT"}
CLASSES = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}

DIVERSITY = {"type": "DIVERSITY"}
TYPICALITY = {"type": "TYPICALITY", "num_nearest_neighbors": 4}
WEIGHTS = {"type": "WEIGHTS"}
UNIFORM = {"type": "BALANCE", "distribution": "UNIFORM"}


def entry(what: dict[str, Any], how: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"input": what, "strategy": {**how, **options}}


def config(*entries: dict[str, Any], **top: Any) -> dict[str, Any]:
    goal = {} if {"n_samples", "proportion_samples"} & set(top) else {"n_samples": 10}
    return {**goal, **top, "strategies": list(entries)}


def threshold(what: dict[str, Any], operation: str, value: Any) -> dict[str, Any]:
    key = {"IN": "values", "NOT_IN": "values"}.get(operation, "threshold")
    return entry(what, {"type": "THRESHOLD", "operation": operation, key: value})


def unit(rows: Any) -> Any:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def record(row: int, random: np.random.Generator) -> dict[str, Any]:
    objects = unit(random.normal(size=(row % 3, DIM)) + 0.1).tolist() if row % 3 else []
    return {
        "name": f"drive/{row:03d}.png",
        "embedding": unit(random.normal(size=DIM)).tolist(),
        "gps": {"speed": round(float(random.uniform(1, 90)), 3)},
        "weather": str(random.choice(WEATHER, p=(0.6, 0.3, 0.1))),
        "wet": bool(random.random() < 0.3),
        "lane": int(random.integers(3)),
        "source": f"camera{row % 4}",
        "time": float(row // 4),
        "day": f"2024-05-{1 + row // 20:02d}",
        "cars": {
            "embeddings": objects,
            "uncertainty_entropy": round(float(random.random()), 4),
            "CATEGORY_COUNT": len(objects),
            "CLASS_DISTRIBUTION": {"car": float(row % 3), "truck": float(row % 2)},
        },
    }


def records(rows: int = 60, seed: int = 1) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [record(row, random) for row in range(rows)]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def chosen(table: Path, out: Path, selection: Any = None, **options: Any) -> list[str]:
    """The names of the picks, in order."""
    return [pick["id"] for pick in choose(table, out, selection=selection, **options).picks]
