"""Pool: the picks of all earlier runs in one Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from streamsel.data import Vector
from streamsel.errors import StateError, UsageError
from streamsel.pool import Entry, Run
from streamsel.pool.layout import Header, batches_of, entries_of, explained, opened, rows_of, shown, vectors_of
from streamsel.pool.locking import Lock
from streamsel.pool.rewriting import rewritten

__all__ = ["Pool"]


class Pool:
    """An open pool; made by `open`, closed by `close` or at the end of a `with` block.

    path: the file, links followed. model, dim: what its vectors are of; None while there is nothing in it and none was
    given. history: its runs in order. sources: ids of all that they have looked at.
    """

    path: Path
    model: str | None
    dim: int | None
    history: tuple[Run, ...]
    sources: frozenset[str]

    def __init__(self, path: Path, lock: Lock | None, model: str | None, dim: int | None) -> None:
        self.path, self._lock = path, lock
        self.model, self.dim = model, dim
        self._ids: set[str] | None = None
        self._vectors: Vector | None = None
        self._adopt(())

    @classmethod
    def open(cls, path: Path, model: str | None = None, dim: int | None = None, *, write: bool = True) -> Pool:
        """Open a pool; one that is not there yet is empty, and made by the first `append`.

        model, dim: name of the model whose vectors are meant, and how many numbers they have (0: picks have no
        vectors); None takes what is there. write: hold the lock until `close`; without it the pool can be read only.

        Raises StateError for a pool of another model or dimension and a damaged file, InUseError where another
        process holds the lock.
        """
        path = path.resolve()
        pool = cls(path, Lock(path) if write else None, model, dim)
        try:
            pool._load(model, dim)
        except BaseException:
            pool.close()
            raise
        return pool

    def close(self) -> None:
        """Let others in."""
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(run.count for run in self.history)

    def __contains__(self, id: object) -> bool:
        """Whether it remembers a pick of this id."""
        return id in self._known()

    def remembers(self, source: str) -> bool:
        """Whether a run has looked at this source, whether it picked there or not."""
        return source in self.sources

    @property
    def vectors(self) -> Vector:
        """(N, D) float32, read once and not writeable: the vector of each row, in the order of `rows`."""
        if self._vectors is None:
            vectors, start = np.empty((len(self), self.dim or 0), np.float32), 0
            for batch in self._batches(["vector"]) if self.dim else ():
                vectors[start : start + len(batch)] = vectors_of(batch)
                start += len(batch)
            vectors.flags.writeable = False
            self._vectors = vectors
        return self._vectors

    def rows(self) -> Iterator[Entry]:
        """Its entries, run by run, read as they are asked for."""
        for batch in self._batches():
            yield from entries_of(batch)

    def append(self, run: Run, entries: Iterable[Entry]) -> int:
        """Remember a run and its picks, all or nothing, durable when this returns; gives the number of picks added.

        A run that is remembered already changes nothing, and an id that is there already is not added again. Entries
        are read once; a few row groups (32 MB of vectors each) and all ids are held in memory, whatever the size.
        Raises UsageError for entries of another dimension, SinkError when the file cannot be written; the pool is as
        it was then.
        """
        self._must_write()
        if any(run.id == known.id for known in self.history):
            return 0
        if self.model is None or self.dim is None:
            raise UsageError(f"{shown(self.path)}: say of which model and dimension the vectors of a new pool are")
        ids, before = set(self._known()), len(self)
        with rewritten(self.path, self.dim) as writer:
            for old in self._batches():
                writer.add(old)
            for new in batches_of(run, self.dim, _unknown(entries, ids)):
                writer.add(new)
            added = replace(run, count=len(ids) - before)
            writer.close(Header(self.model, self.dim, (*self.history, added)))
        self._adopt((*self.history, added))
        return added.count

    def undo(self) -> Run:
        """Forget the last run with its picks and sources, in one step; gives that run.

        Raises StateError where there is none.
        """
        self._must_write()
        if not self.history or self.model is None or self.dim is None:
            raise StateError(f"{shown(self.path)}: remembers no run that could be undone")
        *history, last = self.history
        with rewritten(self.path, self.dim) as writer:
            for batch in self._batches(stop=len(self) - last.count):
                writer.add(batch)
            writer.close(Header(self.model, self.dim, tuple(history)))
        self._adopt(tuple(history))
        return last

    def _load(self, model: str | None, dim: int | None) -> None:
        if not self.path.exists():
            return
        with explained(self.path), opened(self.path) as file:
            header = Header.of(file, self.path)
        if header.history:  # a pool from which everything was undone takes any model
            self._agree(header, model, dim)
            self.model, self.dim = header.model, header.dim
            self._adopt(header.history)

    def _agree(self, header: Header, model: str | None, dim: int | None) -> None:
        if model not in (None, header.model):
            raise StateError(
                f"{shown(self.path)}: holds vectors of model {header.model}, this is {model};"
                " use the same model or another pool"
            )
        if dim not in (None, header.dim):
            raise StateError(
                f"{shown(self.path)}: holds vectors of {header.dim} numbers, these have {dim}; use another pool"
            )

    def _must_write(self) -> None:
        if self._lock is None:
            raise UsageError(f"{shown(self.path)}: was opened for reading only")

    def _adopt(self, history: tuple[Run, ...]) -> None:
        self.history, self._ids, self._vectors = history, None, None
        self.sources = frozenset(source for run in history for source in run.sources)

    def _known(self) -> set[str]:
        if self._ids is None:
            self._ids = {id for batch in self._batches(["id"]) for id in batch.column("id").to_pylist()}
        return self._ids

    def _batches(self, columns: list[str] | None = None, stop: int | None = None) -> Iterator[pa.RecordBatch]:
        if len(self):
            with explained(self.path), opened(self.path) as file:
                yield from rows_of(file, 0, len(self) if stop is None else stop, columns)


def _unknown(entries: Iterable[Entry], ids: set[str]) -> Iterator[Entry]:
    """The entries whose id is not there yet; it is afterwards."""
    for entry in entries:
        if entry.id not in ids:
            ids.add(entry.id)
            yield entry
