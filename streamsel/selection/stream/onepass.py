"""OnePass: the stream driver. Each row is decided once, as it comes, for good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from streamsel.data import Decision, Vector
from streamsel.errors import UsageError
from streamsel.selection import State, Strategy
from streamsel.selection.columns import Batch, Vectors
from streamsel.selection.rows import check_row, check_rows
from streamsel.selection.stream import StreamConstraint
from streamsel.selection.stream.blocks import Blocks
from streamsel.selection.stream.diversity import Diversity
from streamsel.selection.stream.goals import Goals, Worth
from streamsel.selection.stream.object_diversity import ObjectDiversity
from streamsel.selection.stream.promises import check_decisive, check_distance, check_looked
from streamsel.selection.stream.rate import Rate
from streamsel.selection.stream.standing import level_of

__all__ = ["EMBEDDINGS", "OnePass"]

EMBEDDINGS: Final = "EMBEDDINGS"
"""The column of the rows' own vectors, by which distances between picks are told."""
BLOCK: Final = 128
"""Rows measured at once: enough for a fast matrix product, few enough to catch up with each pick."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row when its turn has come. worth: None where its distance alone decides."""

    batch: Batch
    place: int
    measured: Sequence[Any]
    distance: float
    nearest: int
    worth: Worth | None

    @property
    def gains(self) -> Mapping[str, float]:
        bare = {"DIVERSITY": self.distance**2} if self.nearest >= 0 else {}
        return self.worth.shares if self.worth else bare


class OnePass:
    """Keeps rows by what they add to the picks; the first row that no constraint forbids is always kept.

    dim: length of the EMBEDDINGS; None where rows have none: then no distance is told (infinity, nearest -1).
    strategies: with their strengths, finite, of any sign; DIVERSITY of the EMBEDDINGS unless given.
    min_distance: keep only what is at least so far from all picks (Euclidean, above 0; 2 is the largest between unit
    vectors). Alone it decides: any two picks are so far or more apart, and every row offered is nearer to a pick.
    target_ratio: keep about that share of all frames looked at, those that gain most; `rate` says how closely.
    constraints: asked of every row in turn, whatever it gains.

    With DIVERSITY alone the gain is the squared distance; else it is the sum in `goals`, judged by `standing`. Raises
    UsageError for goals that cannot be, for none, and for strategies that need a target ratio and have none.
    """

    def __init__(
        self,
        dim: int | None = None,
        strategies: Sequence[tuple[Strategy, float]] | None = None,
        *,
        min_distance: float | None = None,
        target_ratio: float | None = None,
        constraints: Sequence[StreamConstraint] = (),
    ) -> None:
        weighted = [(Diversity(dim or 0), 1.0)] if strategies is None else list(strategies)
        self.diversity = _ruler(dim, [strategy for strategy, _ in weighted])
        plain = all(strategy is self.diversity and strength > 0 for strategy, strength in weighted)
        check_distance(min_distance, self.diversity)
        hard = min_distance is not None or bool(constraints and not weighted)
        check_decisive([strategy.name for strategy, _ in weighted], plain, target_ratio is not None, hard)
        self.looked = self._kept = self.forgotten = 0
        """forgotten: picks, the oldest, that are not known any more; ordinals count them."""
        self.min_distance, self._constraints = min_distance, tuple(constraints)
        self._goals = None if plain else Goals(weighted)
        start = None if plain or target_ratio is None else level_of(min(1.0, max(target_ratio, 1e-9)))
        self.rate = None if target_ratio is None else Rate(target_ratio, start)
        self._strategies: list[Strategy] = [strategy for strategy, _ in weighted]
        if self.diversity and self.diversity not in self._strategies:
            self._strategies.append(self.diversity)

    def __len__(self) -> int:
        return self.forgotten + (len(self.diversity.index) if self.diversity else self._kept)

    @property
    def picks(self) -> Vector:
        """(M, dim) float32, read-only: EMBEDDINGS of the picks that are known, in the order picked.

        M: len less those forgotten. (len, 0) where rows have none.
        """
        return self.diversity.index.picks if self.diversity else np.empty((self._kept, 0), np.float32)

    def offer(self, rows: Vector | Batch, looked: Sequence[int] | None = None) -> list[Decision]:
        """Decide on rows one after the other, and take in those kept. rows: a Batch, or EMBEDDINGS, (B, dim), B >= 0.

        looked[i]: number of frames looked at since the previous row offered, this one included; 1 each unless given.
        Raises UsageError, with nothing changed, when a row cannot be used.
        """
        batch = self._batch(rows)
        steps = check_looked(looked, len(batch))
        decisions: list[Decision] = []
        for block in batch.blocks(BLOCK):
            measured = self._measure(block)
            for place in range(len(block)):
                decisions.append(self._decide(self._row(block, place, measured), steps[len(decisions)]))
        return decisions

    def peek(self, rows: Vector | Batch) -> list[Decision]:
        """What `offer` would decide on each row if it came next; changes nothing."""
        batch = self._batch(rows)
        measured = self._measure(batch)
        return [self._judged(self._row(batch, place, measured), 1, copy(self.rate)) for place in range(len(batch))]

    def add(self, row: Vector | Batch, looked: int = 1) -> int:
        """Take one row, (dim,) or a Batch of one, in as a pick, whatever the decision would be; gives its ordinal.

        looked: as in `offer`; 0 for a row that was counted already, because it was offered and dropped.
        """
        if self.diversity and not isinstance(row, Batch):
            row = check_row(row, self.diversity.index.dim)
        batch = self._batch(row)
        if len(batch) != 1:
            raise UsageError(f"add takes one row, got {len(batch)}: call it for each")
        taken = self._row(batch, 0, self._measure(batch))
        self.looked += looked
        if self.rate:
            self.rate.add(looked)
        if looked:
            self._see(taken)
        self._take(taken)
        return len(self) - 1

    def know(self, rows: Batch) -> None:
        """Take rows in as picks that were made elsewhere: nothing of them counts for the target ratio."""
        for block in rows.blocks(BLOCK):
            for strategy in self._strategies:
                strategy.know(block)
            for constraint in self._constraints:
                for place in range(len(block)):
                    constraint.add(block, place)
        self._kept += len(rows)

    def skip(self, count: int = 1) -> None:
        """Count frames that were looked at and not offered, at the end of a stream for instance."""
        (count,) = check_looked([count], 1)
        self.looked += count
        if self.rate:
            self.rate.skip(count)

    def forget(self, count: int) -> None:
        """Forget the oldest picks: rows like them are new again. What other goals than distances count stays counted.

        count: fewer than are known. Raises ValueError for others.
        """
        if not 0 <= count < max(1, known := len(self) - self.forgotten):
            raise ValueError(f"forget takes a count below {known}, got {count}")
        if count and self.diversity:
            self.diversity.index.forget(count)
            self.forgotten += count

    def finish(self, n: int) -> tuple[list[int], list[Decision]]:
        """Nothing is left for the end of a stream."""
        return [], []

    def _batch(self, rows: Vector | Batch) -> Batch:
        if isinstance(rows, Batch):
            return rows
        if not self.diversity:
            raise UsageError("rows must be a Batch: no strategy here reads EMBEDDINGS")
        table = check_rows(rows, self.diversity.index.dim)
        return Batch({EMBEDDINGS: Vectors(table)}, len(table))

    def _measure(self, batch: Batch) -> list[Any]:
        return [strategy.measure(batch) for strategy in self._strategies]

    def _row(self, batch: Batch, place: int, measured: Sequence[Any]) -> _Row:
        distance, nearest = math.inf, -1
        if self.diversity:
            near = measured[self._strategies.index(self.diversity)]
            distance, nearest = self.diversity.index.now(near, place)
            nearest += self.forgotten if nearest >= 0 else 0
        worth = self._goals.weigh(measured, place) if self._goals else None
        return _Row(batch, place, measured, distance, nearest, worth)

    def _decide(self, row: _Row, step: int) -> Decision:
        decision = self._judged(row, step, self.rate)
        self.looked += step
        if row.worth and self._goals:
            self._goals.see(row.worth, free=decision.reason == "ratio")
        self._see(row)
        if decision:
            self._take(row)
        return decision

    def _see(self, row: _Row) -> None:
        for strategy, measured in zip(self._strategies, row.measured, strict=True):
            strategy.see(measured, row.place)

    def _take(self, row: _Row) -> None:
        for strategy, measured in zip(self._strategies, row.measured, strict=True):
            strategy.add(measured, row.place)
        for constraint in self._constraints:
            constraint.add(row.batch, row.place)
        self._kept += 1

    def _judged(self, row: _Row, step: int, rate: Rate | None) -> Decision:
        """The decision; only the rate given is told of it."""
        keep, reason = self._verdict(row, step, rate)
        return Decision(keep, reason, row.distance, row.nearest, row.gains if len(self) else {})

    def _verdict(self, row: _Row, step: int, rate: Rate | None) -> tuple[bool, str]:
        for constraint in self._constraints:
            if constraint.must(row.batch, row.place):
                if rate:
                    rate.add(step)
                return True, f"constraint {constraint.name}"
        if forbidden := self._forbidden(row):
            if rate:
                rate.forbid(step)
            return False, forbidden
        keep = rate.decide(self._gain(row), step) if rate else True
        if not len(self):
            return True, "first"
        return keep, "ratio" if rate else "distance" if self.min_distance is not None else "allowed"

    def _forbidden(self, row: _Row) -> str:
        """Why this row may not be kept whatever it gains, or nothing."""
        for constraint in self._constraints:
            if not constraint.allows(row.batch, row.place):
                return f"constraint {constraint.name}"
        return "near" if self.min_distance is not None and row.distance < self.min_distance else ""

    def _gain(self, row: _Row) -> float:
        """What `Rate` takes. A squared distance is relative to the first pick's squared norm: the same at any scale."""
        if not len(self):
            return math.inf
        if row.worth and self._goals:
            return self._goals.standing(row.worth)
        assert self.diversity
        first = self.diversity.index.rows[0].astype(np.float64)
        return row.distance**2 / (float(np.square(first).sum()) or 1.0)

    def _parts(self, *, grow: bool) -> dict[str, Any]:
        """By the name under which it is saved, all that has a state of its own; grow: whose state is an index."""
        own = [strategy for strategy in self._strategies if strategy is not self.diversity]
        parts: dict[str, Any] = {f"strategy.{number}": part for number, part in enumerate(own)}
        parts |= {f"constraint.{number}": part for number, part in enumerate(self._constraints)}
        return {name: part for name, part in parts.items() if isinstance(part, Diversity | ObjectDiversity) == grow}

    def grown(self) -> dict[str, Blocks]:
        """The tables of `state` to which rows are added, and `picks`: themselves, not copied; not to be changed."""
        own = {"picks": self.diversity.index.rows} if self.diversity else {}
        return own | {f"{name}.picks": part.index.rows for name, part in self._parts(grow=True).items()}

    def state(self) -> State:
        """What `restore` needs beside the picks' EMBEDDINGS: `looked`, and what each part learned."""
        grown = self.grown()
        return {**self.learned(), **{name: grown[name].copy() for name in grown if name != "picks"}}

    def learned(self) -> State:
        """`state` without the tables that `grown` tells."""
        parts = self._parts(grow=False)
        held = {f"{name}.{key}": array for name, part in parts.items() for key, array in part.state().items()}
        held |= {} if self.diversity else {"kept": np.array(self._kept)}
        held |= {"forgotten": np.array(self.forgotten)} if self.forgotten else {}
        held |= {} if self.rate is None else self.rate.state()
        held |= {} if self._goals is None else self._goals.state()
        return {"looked": np.array(self.looked), **held}

    def restore(self, state: State) -> Self:
        """Go on from `state`, to which `picks`, (M, dim) float32 in the order picked, have been added."""
        for name, part in (self._parts(grow=False) | self._parts(grow=True)).items():
            part.restore({key.removeprefix(f"{name}."): state[key] for key in state if key.startswith(f"{name}.")})
        if self.diversity:
            self.diversity.restore({"picks": state["picks"]})
        else:
            self._kept = int(state["kept"])
        self.looked, self.forgotten = int(state["looked"]), int(state.get("forgotten", 0))
        if self.rate:
            self.rate.restore(state)
        if self._goals:
            self._goals.restore(state)
        return self


def _ruler(dim: int | None, strategies: Sequence[Strategy]) -> Diversity | None:
    """The DIVERSITY of the EMBEDDINGS, from which distances are told; one that is no goal where none is given."""
    found = [one for one in strategies if isinstance(one, Diversity) and one.column == EMBEDDINGS]
    if found and dim not in (None, found[0].index.dim):
        raise UsageError(f"EMBEDDINGS have {dim} numbers, and DIVERSITY is for {found[0].index.dim}")
    return found[0] if found else None if dim is None else Diversity(dim)
