"""Which scout a run has: a shortlist for a budget, a gate for a stream, or none that decides anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from streamsel.config import SelectConfig
from streamsel.data import Vector
from streamsel.embed import Scout, Window
from streamsel.embed.baseline import NoSamples, Samples
from streamsel.embed.everyone import Everyone
from streamsel.embed.gate import Gate
from streamsel.embed.judge import Judge
from streamsel.embed.larder import Larder
from streamsel.embed.pooling import pool
from streamsel.embed.reserve import Reserve
from streamsel.embed.room import room_of
from streamsel.embed.scout import DIM, describe
from streamsel.embed.shortlist import Shape, Shortlist
from streamsel.embed.watch import Watch
from streamsel.rules.claims import Claims
from streamsel.rules.own_values import of_frames

__all__ = ["scout_of"]

FACTOR: Final = {"fast": 3, "normal": 6}
LEAST: Final = 144
"""Members of the scout's coreset however few are wanted: embedding them takes a third of a second."""
OBJECTS: Final = 4
"""So many times the candidates where objects are compared, which the scout cannot see."""
JUDGED: Final = 8192
STREAM_SAMPLES: Final = 512


def scout_of(
    config: SelectConfig, frames: int, judge: Judge, larder: Larder, first: int, distance: float | None
) -> Scout:
    """The scout that a run needs. frames: about how many will come; first: number of the first row.

    distance: how far from all picks a row of a stream must be, where that decides.
    """
    if not config.rules.reads_vectors or (config.own and not config.budget):
        wanted = min(STREAM_SAMPLES, _wanted(config, frames)) if config.budget else STREAM_SAMPLES
        return Everyone(
            Samples(larder, wanted) if config.compares else NoSamples(larder),
            keeps=config.budget,
            first=first,
            vectors=judge.of_windows if config.own else None,
        )
    return (
        _shortlist(config, frames, judge, larder, first) if config.budget else _watch(config, judge, larder, distance)
    )


def _wanted(config: SelectConfig, frames: int) -> int:
    """About how many rows will be picked."""
    return max(1, config.picks_among(frames // config.sequence_length))


def _shortlist(config: SelectConfig, frames: int, judge: Judge, larder: Larder, first: int) -> Shortlist:
    rows = frames // config.sequence_length
    n = max(1, config.picks_among(rows) if config.n is None else config.n // config.sequence_length)
    samples, reserve = _samples(config, larder, n), _reserve(config, n)
    if config.judges_all:
        shape = Shape(max(FACTOR["normal"] * n, JUDGED), judge.embedder.dim, 1 / FACTOR["normal"])
        return Shortlist(judge.of_windows, shape, samples, keep_vectors=True, first=first, reserve=reserve)
    wanted = max(FACTOR[config.effort] * n, LEAST) * (OBJECTS if config.rules.reads_objects else 1)
    return Shortlist(_describe, Shape(wanted, DIM), samples, first=first, reserve=reserve)


def _reserve(config: SelectConfig, n: int) -> Reserve | None:
    """For what a selection reads of frames by themselves; None where it reads nothing."""
    claims = Claims(of_frames(config.rules, config.objects) if config.objects else config.rules, n)
    return Reserve(claims.of, claims.rooms) if claims.rooms else None


def _watch(config: SelectConfig, judge: Judge, larder: Larder, distance: float | None) -> Watch:
    gate = Gate(target_ratio=config.target_ratio)
    single = config.sequence_length == 1 and not config.objects
    room = room_of(judge.embedder, distance) if single and not config.target_ratio else None
    return Watch(gate, _samples(config, larder, STREAM_SAMPLES), judge.embedder.size, room)


def _samples(config: SelectConfig, larder: Larder, capacity: int) -> Samples:
    return NoSamples(larder) if config.objects else Samples(larder, capacity)


def _describe(block: Sequence[Window]) -> Vector:
    """The scout's descriptors of a block of windows, (B, DIM)."""
    rows = describe(np.stack([frame.picture.i420() for window in block for frame in window]))
    length = len(block[0])
    return rows if length == 1 else np.stack([pool(part) for part in rows.reshape(len(block), length, -1)])
