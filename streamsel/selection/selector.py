"""Selection for people who have their own loop and their own embeddings: offer vectors, get decisions."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.selection.saved import read_arrays, write_arrays
from streamsel.selection.stream.onepass import OnePass

__all__ = ["Selector"]


class _Goal(TypedDict):
    min_distance: float | None
    target_ratio: float | None


class Selector:
    """Decides on vectors as they come, once and for good, and remembers those kept.

    min_distance: keep what is at least so far from everything kept (Euclidean; 2 is the largest between unit
    vectors). target_ratio: keep about that share of what is offered, the most distant. Give one of the two.
    dim: length of the vectors, else that of the first. Vectors are L2-normalised unless normalize=False.

    A vector is (D,) numbers and gives a Decision, a batch is (B, D) and gives a list of them; cutting a batch
    otherwise changes no decision. Raises UsageError for a goal that cannot be, and for vectors of another length,
    with NaN, or of zeros only; then nothing has changed.
    """

    def __init__(
        self,
        *,
        min_distance: float | None = None,
        target_ratio: float | None = None,
        dim: int | None = None,
        normalize: bool = True,
    ) -> None:
        if (min_distance is None) == (target_ratio is None):
            raise UsageError("give either min_distance or target_ratio, and not both")
        for name, value in (("min_distance", min_distance), ("target_ratio", target_ratio)):
            if value is not None and not isinstance(value, Real):
                raise UsageError(f"{name} must be a number, got {value!r}")
        self._goal = _Goal(min_distance=min_distance, target_ratio=target_ratio)
        self._normalize = normalize
        self._driver = OnePass(1 if dim is None else dim, **self._goal)
        self._dim = dim

    def __len__(self) -> int:
        """Vectors kept."""
        return len(self._driver)

    @property
    def looked(self) -> int:
        """Vectors offered, added or skipped."""
        return self._driver.looked

    @property
    def picks(self) -> Vector:
        """(len, D) float32: the vectors kept, in the order kept."""
        return self._driver.picks.copy() if self._dim else np.zeros((0, 0), np.float32)

    def offer(self, embedding: npt.ArrayLike) -> Any:
        """Decide on one vector, or on a batch one after the other, and take in what is kept."""
        rows, one = self._rows(embedding)
        decisions = self._prepared(rows).offer(rows)
        return decisions[0] if one else decisions

    def peek(self, embedding: npt.ArrayLike) -> Any:
        """What `offer` would decide on a vector, or on each of a batch, if it came next; changes nothing."""
        rows, one = self._rows(embedding)
        driver = self._driver if self._dim else OnePass(rows.shape[1], **self._goal)
        decisions = driver.peek(rows)
        return decisions[0] if one else decisions

    def add(self, embedding: npt.ArrayLike, *, looked: int = 1) -> int:
        """Keep one vector whatever would be decided; gives its place among the picks.

        looked: 0 when it was offered and dropped before, so that a target ratio does not count it twice.
        """
        rows, one = self._rows(embedding)
        if not one:
            raise UsageError(f"add takes one vector, got shape {rows.shape}: call it for each")
        return self._prepared(rows).add(rows[0], looked)

    def skip(self, count: int = 1) -> None:
        """Count vectors that were not offered, such as those peeked at and not added, for a target ratio."""
        self._driver.skip(count)

    def merge(self, other: Selector) -> Self:
        """Take in what a selector with the same goal has kept, on another camera or machine; gives self.

        The picks of both are put in one order, that of their values, so a.merge(b) and b.merge(a) are equal and the
        places of picks change. With min_distance D they are thinned, in that order, to D: whatever either had been
        offered is then within 2 D of a pick. With target_ratio all stay, and counts add up.
        """
        if other._goal != self._goal or other._normalize != self._normalize:
            raise UsageError(f"only selectors with one goal can be merged, these are {self!r} and {other!r}")
        if self._dim and other._dim and self._dim != other._dim:
            raise UsageError(f"vectors of {self._dim} and of {other._dim} numbers cannot be merged")
        self._dim = self._dim or other._dim
        self._driver = _merged(self._dim, self._goal, self._driver, other._driver)
        return self

    def save(self, path: str | Path) -> None:
        """Write all of it to one file (NumPy's .npz, no pickle); the file is replaced whole or not at all.

        Raises SinkError where it cannot be written.
        """
        header = {**self._goal, "normalize": self._normalize, "dim": self._dim}
        write_arrays(Path(path), header, {**self._driver.state(), "picks": self._driver.picks})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The selector that `save` wrote. Raises StateError for a file that is missing, damaged or something else."""
        header, arrays = read_arrays(Path(path))
        try:
            made = cls(**header)
            made._driver.restore(arrays)
        except (StateError, UsageError, KeyError, TypeError, ValueError) as error:
            raise StateError(f"{path}: does not hold what a Selector saves ({error}): save it anew") from error
        return made

    def __repr__(self) -> str:
        goal = ", ".join(f"{name}={value}" for name, value in self._goal.items() if value is not None)
        return f"Selector({goal}, dim={self._dim}, normalize={self._normalize}: {len(self)} of {self.looked} kept)"

    def _prepared(self, rows: Vector) -> OnePass:
        """The driver, made for vectors of the length that came first."""
        if not self._dim:
            self._dim = rows.shape[1]
            looked, self._driver = self._driver.looked, OnePass(self._dim, **self._goal)
            self._driver.skip(looked)
        return self._driver

    def _rows(self, embedding: npt.ArrayLike) -> tuple[Vector, bool]:
        """(B, D) float32 and whether it was one vector."""
        want = self._dim or "D"
        try:
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
                rows = np.asarray(embedding, np.float32)
        except (TypeError, ValueError) as error:
            raise UsageError(f"a vector must be ({want},) numbers, a batch (B, {want}): {error}") from error
        one = rows.ndim == 1
        rows = rows[None] if one else rows
        if rows.ndim != 2 or not rows.shape[1] or rows.shape[1] != (self._dim or rows.shape[1]):
            raise UsageError(
                f"a vector must be ({want},) numbers, a batch (B, {want}), got shape {np.shape(embedding)}"
            )
        return (_unit(rows) if self._normalize else rows), one


def _unit(rows: Vector) -> Vector:
    norms = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    wrong = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if wrong.size:
        what = "holds only zeros, which have no direction" if norms[wrong[0]] == 0 else "holds NaN or infinity"
        raise UsageError(f"row {wrong[0]} {what}: leave it out")
    unit: Vector = (rows / norms[:, None]).astype(np.float32)
    return unit


def _merged(dim: int | None, goal: _Goal, left: OnePass, right: OnePass) -> OnePass:
    made = OnePass(dim or 1, **goal)
    picks = np.concatenate([driver.picks for driver in (left, right) if len(driver)] or [made.picks])
    picks = picks[np.lexsort(picks.T[::-1])]
    if made.rate and left.rate and right.rate:
        for pick in picks:
            made.add(pick)
        made.rate.restore(left.rate.state()).join(right.rate)
    else:
        made.offer(picks)
    made.looked = left.looked + right.looked
    return made
