"""The judge: embeds the pictures of rows and gives each row one unit vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Mark, Vector
from streamsel.embed import Embedder, Row, Window
from streamsel.embed.pooling import of_window

__all__ = ["Judge", "KnowingJudge"]


class Judge:
    """Embeds rows in the embedder's batches; a frame that the scout held lends the vector embedded last."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.last: Vector = np.zeros((0, embedder.dim), np.float32)
        """(0 or 1, D): the vector embedded last; state of the stream."""

    def vectors(self, rows: Sequence[Row]) -> Vector:
        """(B, D) float32, unit norm, one per row."""
        pictures = [picture for row in rows if row.vector is None for picture in row.pictures if picture is not None]
        fresh = iter(self.embedder.embed(np.stack(pictures)) if pictures else self.last)
        made = [row.vector if row.vector is not None else self._pool(row, fresh) for row in rows]
        return np.stack(made) if made else np.zeros((0, self.embedder.dim), np.float32)

    def of_windows(self, block: Sequence[Window]) -> Vector:
        """(B, D) of whole windows, whatever the scout would make of them."""
        size = self.embedder.size
        return self.vectors([Row(0, (), tuple(frame.picture.rgb(*size) for frame in window)) for window in block])

    def _pool(self, row: Row, fresh: Iterator[Vector]) -> Vector:
        vectors = []
        for picture in row.pictures:
            if picture is not None:
                self.last = next(fresh)[None]
            vectors.append(self.last[0])
        return of_window(np.stack(vectors))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The vector embedded last."""
        return {"last": self.last}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self.last = arrays["last"]


class KnowingJudge(Judge):
    """Knows the vectors of windows and never looks at a picture. vectors_of: (L, D) unit vectors of L frames."""

    def __init__(self, embedder: Embedder, vectors_of: Callable[[Sequence[Mark]], Vector]) -> None:
        super().__init__(embedder)
        self._vectors_of = vectors_of

    def of_windows(self, block: Sequence[Window]) -> Vector:
        """(B, D): of sequences the mean of all their frames."""
        return np.stack([of_window(self._vectors_of([frame.mark for frame in window])) for window in block])
