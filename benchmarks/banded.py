"""Offline references for a target ratio: farthest-first order over all rows, free, or inside the band of the ratio."""

from __future__ import annotations

import numpy as np

from streamsel.selection.stream.rate import SETTLED, band


def farthest_first(rows: np.ndarray, k: int) -> list[int]:
    """Exact k-center by farthest-first traversal of (N, D) unit rows, fast enough for 100,000 of them."""
    return _traverse(rows, k, None)


def farthest_in_band(rows: np.ndarray, k: int, ratio: float) -> list[int]:
    """The same, with only such picks as leave every moment t >= SETTLED of the stream inside the band of the ratio.

    It sees the whole stream before it picks, which nothing that decides at once can; what it cannot reach, nobody can.
    Gives fewer than k picks when greed has used up the room of every row.
    """
    t = np.maximum(np.arange(1, len(rows) + 1), SETTLED)
    width = np.array([band(ratio, moment) for moment in t])
    most = np.minimum(np.floor(ratio * t + width), k)
    least = np.where(np.arange(1, len(rows) + 1) < SETTLED, 0, np.ceil(ratio * t - width))
    return _traverse(rows, k, (most, k - np.minimum(least, k)))


def _traverse(rows: np.ndarray, k: int, room: tuple[np.ndarray, np.ndarray] | None) -> list[int]:
    """room: how many more picks fit up to each row, and after it."""
    squares = np.full(len(rows), np.inf, np.float32)
    order = [0]
    while len(order) < min(k, len(rows)):
        np.minimum(squares, 2 - 2 * (rows @ rows[order[-1]]), out=squares)
        squares[order[-1]] = -1
        open_rows = squares if room is None else np.where(_fits(order[-1], *room), squares, -1)
        best = int(open_rows.argmax())
        if open_rows[best] == -1:
            break
        order.append(best)
    return order


def _fits(latest: int, upto: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which rows may still be picked, once the latest pick is counted in."""
    upto[latest:] -= 1
    after[:latest] -= 1
    before_each = np.minimum.accumulate(after)
    return (np.minimum.accumulate(upto[::-1])[::-1] >= 1) & (np.append(1, before_each[:-1]) >= 1)
