"""What the store kept of a row, as it is needed again: its vector, or the frames of a live source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from streamsel.data import Frame, Vector
from streamsel.embed import Row
from streamsel.embed.judge import Judge
from streamsel.sink.encoded import Encoded
from streamsel.store import Changes, Kept, PickRow
from streamsel.store.embedded import SqliteStore

__all__ = ["recall", "recall_bare", "recall_frames"]

AT_ONCE = 64


def recall(
    store: SqliteStore, judge: Judge, ids: Sequence[int], progress: Callable[[int], None] = lambda count: None
) -> tuple[list[Row], Vector]:
    """The rows, without pictures, and their (N, D) vectors; those not known are embedded and stored."""
    rows: list[Row] = []
    vectors = np.empty((len(ids), judge.embedder.dim), np.float32)
    for start in range(0, len(ids), AT_ONCE):
        kept = [store.kept(row) for row in ids[start : start + AT_ONCE]]
        vectors[start : start + len(kept)] = made = judge.vectors([_row(k, judge.embedder.size) for k in kept])
        new = {k.row: vector for k, vector in zip(kept, made, strict=True) if k.vector is None}
        store.commit(Changes(vectors=new))
        rows += [Row(k.row, k.marks, signals=k.signals) for k in kept]
        progress(len(kept))
    return rows, vectors


def recall_bare(
    store: SqliteStore, judge: Judge, ids: Sequence[int], progress: Callable[[int], None] = lambda count: None
) -> tuple[list[Row], Vector]:
    """The rows of a selection that reads no embeddings, and (N, 0) vectors."""
    rows = [Row(kept.row, kept.marks, signals=kept.signals) for kept in map(store.kept, ids)]
    progress(len(rows))
    return rows, np.empty((len(rows), 0), np.float32)


def _row(kept: Kept, size: tuple[int, int]) -> Row:
    if kept.vector is not None:
        return Row(kept.row, kept.marks, vector=kept.vector)
    width, height = size
    pictures = np.frombuffer(kept.crops, np.uint8).reshape(len(kept.marks), height, width, 3)
    return Row(kept.row, kept.marks, pictures=tuple(pictures))


def recall_frames(store: SqliteStore, row: PickRow | Row) -> list[Frame]:
    """The frames of a live source's row, encoded as they will be written."""
    pictures = store.kept(row.row if isinstance(row, PickRow) else row.id).pictures
    return [Frame(mark, Encoded(data)) for mark, data in zip(row.marks, pictures, strict=True)]
