"""What the Parquet file of a pool holds: its columns, its key-value metadata, and rows as entries.

Columns: id, source, name: text; vector: fixed_size_list of D float32 (left out where D is 0: picks without vectors);
values: JSON text; run: id of the run; added: UTC time of the run, in microseconds. Key-value metadata:
`streamsel.pool.version`, `.model`, `.dim`, `.history`, a JSON list of runs in order, and `.crc32` of these four, one
after the other. Any reader of Parquet reads it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streamsel.data import Vector
from streamsel.errors import StateError, StreamselError, UsageError
from streamsel.pool import Entry, Run

__all__ = [
    "AT_ONCE",
    "Header",
    "batches_of",
    "entries_of",
    "explained",
    "opened",
    "rows_of",
    "schema",
    "shown",
    "vectors_of",
]

VERSION = 1
AT_ONCE = 2048
"""Rows that are handled together."""
LARGEST_FOOTER = 2**31 - 1
"""Bytes: the history names every source looked at, so the footer may be large."""
_KEY = "streamsel.pool."
_FACTS = ("version", "model", "dim", "history")


@dataclass(frozen=True, slots=True)
class Header:
    """What a pool is: the model that its vectors are of, their dimension, and its runs in order."""

    model: str
    dim: int
    history: tuple[Run, ...] = ()

    def __len__(self) -> int:
        return sum(run.count for run in self.history)

    def to_metadata(self) -> dict[str, str]:
        """As key-value metadata of the file."""
        runs = [{**asdict(run), "time": run.time.isoformat()} for run in self.history]
        history = _encodable(json.dumps(runs, ensure_ascii=False))
        facts = {"version": str(VERSION), "model": self.model, "dim": str(self.dim), "history": history}
        return {_KEY + key: value for key, value in {**facts, "crc32": _checksum(facts)}.items()}

    @classmethod
    def of(cls, file: pq.ParquetFile, path: Path) -> Header:
        """Read from an open file. Raises StateError for one that is no pool, of another version, or inconsistent."""
        stored: Mapping[bytes, bytes] = file.metadata.metadata or {}
        facts = {key: stored.get((_KEY + key).encode(), b"").decode() for key in _FACTS}
        if facts["version"] != str(VERSION):
            found = f"of version {facts['version']}, this is {VERSION}" if facts["version"] else "no pool"
            raise StateError(f"{shown(path)}: is {found}; give a file that streamsel has written with --pool")
        if stored.get(f"{_KEY}crc32".encode(), b"").decode() != _checksum(facts):
            raise StateError(f"{shown(path)}: is damaged (its history is not what was written); restore it from a copy")
        history = tuple(_run(record) for record in json.loads(facts["history"]))
        header = cls(facts["model"], int(facts["dim"]), history)
        if len(header) != file.metadata.num_rows or file.schema_arrow != schema(header.dim):
            raise StateError(f"{shown(path)}: is damaged (rows and history differ); restore it from a copy")
        return header


def schema(dim: int) -> pa.Schema:
    """The columns of a pool whose vectors have so many numbers."""
    vector = [("vector", pa.list_(pa.field("element", pa.float32(), nullable=False), dim))] if dim else []
    columns = [("id", pa.string()), ("source", pa.string()), ("name", pa.string()), *vector]
    columns += [("values", pa.string()), ("run", pa.string()), ("added", pa.timestamp("us", tz="UTC"))]
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns])


def opened(path: Path) -> pq.ParquetFile:
    """The Parquet file, its pages verified as they are read; to be closed. Raises StateError where it is none."""
    with explained(path):
        return pq.ParquetFile(
            path, pre_buffer=False, page_checksum_verification=True, thrift_string_size_limit=LARGEST_FOOTER
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while a pool is read into StateError, one line."""
    try:
        yield
    except StreamselError:
        raise
    except PermissionError as error:
        raise StateError(f"{shown(path)}: cannot be read ({error.strerror}); make it readable") from error
    except FileNotFoundError as error:
        raise StateError(f"{shown(path)}: does not exist") from error
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise StateError(f"{shown(path)}: is damaged or no pool ({reason}); restore it from a copy") from error


def rows_of(file: pq.ParquetFile, start: int, stop: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows from `start` to before `stop`, some at a time; row groups outside are not read.

    Raises ValueError where the file holds fewer.
    """
    sizes = [file.metadata.row_group(place).num_rows for place in range(file.metadata.num_row_groups)]
    ends = list(accumulate(sizes))
    groups = [place for place, end in enumerate(ends) if end > start and end - sizes[place] < stop]
    if stop <= start:
        return
    if not ends or ends[-1] < stop:
        raise ValueError("fewer rows than its history counts")
    at = ends[groups[0]] - sizes[groups[0]]
    for batch in file.iter_batches(AT_ONCE, row_groups=groups, columns=columns):
        first, last = max(start, at), min(stop, at + len(batch))
        if first < last:
            yield batch.slice(first - at, last - first)
        at += len(batch)
    if at < stop:
        raise ValueError("fewer rows than its history counts")


def batches_of(run: Run, dim: int, entries: Iterable[Entry]) -> Iterator[pa.RecordBatch]:
    """The rows of a run's entries. Raises UsageError for a vector of another dimension and values that are no JSON."""
    source = iter(entries)
    while part := list(islice(source, AT_ONCE)):
        wrong = next((entry for entry in part if len(entry.vector) != dim), None)
        if wrong is not None:
            raise UsageError(f"{wrong.id}: has a vector of {len(wrong.vector)} numbers, the pool's have {dim}")
        columns = [pa.array([_encodable(getattr(entry, key)) for entry in part]) for key in ("id", "source", "name")]
        if dim:
            columns.append(_lists(np.stack([entry.vector for entry in part])))
        columns.append(pa.array([_text(entry) for entry in part]))
        columns.append(pa.array([run.id] * len(part)))
        columns.append(pa.array([run.time] * len(part), pa.timestamp("us", tz="UTC")))
        yield pa.RecordBatch.from_arrays(columns, schema=schema(dim))


def entries_of(batch: pa.RecordBatch) -> Iterator[Entry]:
    """The entries of rows; their vectors are views of one array."""
    vectors = vectors_of(batch)
    columns = [batch.column(key).to_pylist() for key in ("id", "source", "name", "values")]
    for vector, id, source, name, values in zip(vectors, *columns, strict=True):
        yield Entry(id, source, name, vector, json.loads(values))


def vectors_of(batch: pa.RecordBatch) -> Vector:
    """(B, D) float32."""
    if "vector" not in batch.schema.names:
        return np.empty((len(batch), 0), np.float32)
    lists = batch.column("vector")
    vectors: Vector = lists.flatten().to_numpy().reshape(len(batch), lists.type.list_size)
    return vectors


def shown(path: Path) -> str:
    """The path as a part of one line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _checksum(facts: Mapping[str, str]) -> str:
    return f"{zlib.crc32(''.join(facts[key] for key in _FACTS).encode()):08x}"


def _run(record: Mapping[str, Any]) -> Run:
    time, sources = datetime.fromisoformat(record["time"]), tuple(record["sources"])
    return Run(record["id"], time, record["config"], sources, record["count"])


def _lists(vectors: Vector) -> pa.Array:
    kind = schema(vectors.shape[1]).field("vector").type
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), type=kind)


def _text(entry: Entry) -> str:
    try:
        text = json.dumps(dict(entry.values), ensure_ascii=False, sort_keys=True, allow_nan=False, default=dict)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{entry.id}: its values cannot be remembered as JSON ({error})") from error
    return _encodable(text)


def _encodable(text: str) -> str:
    """Bytes of a file name that are no UTF-8 spelled out (`\\udcff`), which in JSON is what they were."""
    return text.encode(errors="backslashreplace").decode()
