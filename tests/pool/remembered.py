"""Runs and picks to remember."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from streamsel.data import Vector
from streamsel.pool import Entry, Run
from streamsel.pool.datapool import Pool

MODEL, DIM = "lite0 fp32 cpu", 4


def vector(seed: int, dim: int = DIM) -> Vector:
    rows = np.random.default_rng(seed).normal(size=dim).astype(np.float32)
    return rows / np.linalg.norm(rows)


def entry(number: int, dim: int = DIM) -> Entry:
    values = {"lightly.sharpness": number / 3, "weather": "sunny", "objects": {"car": number}, "unknown": None}
    return Entry(f"day/clip-{number}-mp4", "day/clip.mp4", f"day/clip-{number}-mp4.png", vector(number, dim), values)


def entries(numbers: Sequence[int], dim: int = DIM) -> list[Entry]:
    return [entry(number, dim) for number in numbers]


def run(number: int, **others: Any) -> Run:
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return Run(f"run-{number}", at, f"-n {number}", others.pop("sources", (f"day/{number}.mp4",)), **others)


def content(pool: Pool) -> list[Any]:
    """Everything that a pool tells, comparable."""
    rows = [(row.id, row.source, row.name, row.vector.tobytes(), row.values) for row in pool.rows()]
    return [pool.model, pool.dim, pool.history, rows, pool.vectors.tobytes()]
