"""One pool of several, whatever their order: runs by time, each run and each id once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streamsel.errors import StateError, UsageError
from streamsel.pool import Run
from streamsel.pool.layout import Header, explained, opened, rows_of, schema, shown
from streamsel.pool.locking import Lock
from streamsel.pool.rewriting import rewritten

__all__ = ["merge"]


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one run in one file."""

    path: Path
    file: pq.ParquetFile
    run: Run
    start: int

    def rows(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        with explained(self.path):
            yield from rows_of(self.file, self.start, self.start + self.run.count, columns)

    def ids(self) -> list[str]:
        return [id for batch in self.rows(["id"]) for id in batch.column("id").to_pylist()]


def merge(paths: Sequence[Path], out: Path) -> Header:
    """Write the runs and picks of all these pools to `out`, which may be one of them, in one atomic step.

    An id that several runs have picked stays with the earliest of them. Runs of one id are one run; where pools hold
    different parts of it, all of them count and stand in the order of their ids. So the order of the pools does not
    matter. Gives what the new pool is.

    Raises StateError for pools of different models or dimensions, a missing or damaged one, and an `out` that exists
    and is none of them; InUseError where another process works on `out`.
    """
    if not paths:
        raise UsageError("give at least one pool to merge")
    sources, out = [path.resolve() for path in paths], out.resolve()
    lock = Lock(out)
    try:
        if out.exists() and out not in sources:
            raise StateError(
                f"{shown(out)}: is there already; name it among the pools to merge, or choose another name"
            )
        with ExitStack() as stack:
            return _merged([(path, stack.enter_context(opened(path))) for path in sources], out)
    finally:
        lock.release()


def _merged(files: Sequence[tuple[Path, pq.ParquetFile]], out: Path) -> Header:
    headers = []
    for path, file in files:
        with explained(path):
            headers.append(Header.of(file, path))
    model, dim = _agreed([path for path, _ in files], headers)
    runs = _runs([(path, file, header) for (path, file), header in zip(files, headers, strict=True)])
    seen: set[str] = set()
    history = []
    with rewritten(out, dim) as writer:
        for parts in runs:
            before = len(seen)
            for batch in _rows(parts, dim):
                writer.add(_unseen(batch, seen))
            history.append(replace(_one(parts), count=len(seen) - before))
        header = Header(model, dim, tuple(history))
        writer.close(header)
    return header


def _agreed(paths: Sequence[Path], headers: Sequence[Header]) -> tuple[str, int]:
    """The model and dimension of all pools; one without a run takes any."""
    first = next((place for place, header in enumerate(headers) if header.history), 0)
    for path, header in zip(paths, headers, strict=True):
        if header.history and (header.model, header.dim) != (headers[first].model, headers[first].dim):
            raise StateError(
                f"{shown(path)}: holds vectors of model {header.model} ({header.dim}), {shown(paths[first])} of"
                f" {headers[first].model} ({headers[first].dim}); only pools of one model can be merged"
            )
    return headers[first].model, headers[first].dim


def _runs(pools: Sequence[tuple[Path, pq.ParquetFile, Header]]) -> list[list[_Part]]:
    """The parts of each run, runs by time and id."""
    parts: dict[str, list[_Part]] = {}
    for path, file, header in pools:
        start = 0
        for run in header.history:
            parts.setdefault(run.id, []).append(_Part(path, file, run, start))
            start += run.count
    return sorted(parts.values(), key=lambda of_run: (min(part.run.time for part in of_run), of_run[0].run.id))


def _one(parts: Sequence[_Part]) -> Run:
    """What the history says of a run that several pools remember."""
    first = min((part.run for part in parts), key=lambda run: (run.time, run.config, run.sources))
    every = {part.run.sources for part in parts}
    joined = tuple(sorted({source for sources in every for source in sources}))
    return replace(first, sources=first.sources if len(every) == 1 else joined)


def _rows(parts: Sequence[_Part], dim: int) -> Iterator[pa.RecordBatch]:
    first, *others = parts
    ids = first.ids() if others else []
    if all(part.ids() == ids for part in others):
        yield from first.rows()
        return
    every = pa.Table.from_batches([batch for part in parts for batch in part.rows()], schema(dim))
    yield from every.sort_by([("id", "ascending"), ("source", "ascending"), ("values", "ascending")]).to_batches()


def _unseen(batch: pa.RecordBatch, seen: set[str]) -> pa.RecordBatch:
    """The rows whose id was not seen; it is afterwards."""
    new = []
    for id in batch.column("id").to_pylist():
        new.append(id not in seen)
        seen.add(id)
    return batch.filter(pa.array(new, pa.bool_()))
