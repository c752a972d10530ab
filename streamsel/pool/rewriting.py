"""A pool written anew and put in place of the old one in a single step (POSIX.1-2017, rename)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from streamsel.errors import SinkError
from streamsel.pool.layout import Header, schema, shown

__all__ = ["PoolWriter", "rewritten"]

GROUP_BYTES = 32 << 20
MOST_IN_GROUP = 16_384


class PoolWriter:
    """Gathers rows into row groups of one size, so that the bytes do not tell how the rows were handed over."""

    def __init__(self, file: BinaryIO, dim: int) -> None:
        self._dim = dim
        self._size = max(1, min(MOST_IN_GROUP, GROUP_BYTES // (4 * max(1, dim))))
        self._pending: list[pa.RecordBatch] = []
        self._held = 0
        texts = ["id", "source", "name", "values", "run", "added"]
        self._writer = pq.ParquetWriter(
            file,
            schema(dim),
            # Floats of vectors hardly compress, and nobody filters by them.
            compression={**dict.fromkeys(texts, "zstd"), "vector.list.element": "none"},
            use_dictionary=["source", "run", "added"],
            write_statistics=texts,
            write_page_checksum=True,
        )

    def add(self, rows: pa.RecordBatch) -> None:
        """Take rows; full groups are written."""
        self._pending.append(rows)
        self._held += len(rows)
        while self._held >= self._size:
            self._write(self._size)

    def close(self, header: Header) -> None:
        """Write what is left, and the header."""
        if self._held:
            self._write(self._held)
        self._writer.add_key_value_metadata(header.to_metadata())
        self._writer.close()

    def abandon(self) -> None:
        """Let go of what was not closed, without trying to write to a file that will not be kept."""
        self._writer.is_open = False

    def _write(self, count: int) -> None:
        rows = pa.Table.from_batches(self._pending, schema(self._dim))
        self._writer.write_table(rows.slice(0, count), row_group_size=count)
        self._pending = rows.slice(count).to_batches()
        self._held -= count


@contextmanager
def rewritten(path: Path, dim: int) -> Iterator[PoolWriter]:
    """What is written replaces the file when the block ends well, and is durable then; else the old one stays.

    The writer must be closed inside. The caller holds the lock. Raises SinkError when the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            writer = PoolWriter(file, dim)
            try:
                yield writer
            finally:
                writer.abandon()
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = f"{error.strerror or error}; the pool is as it was, free some space and repeat"
        raise SinkError(f"{shown(path)}: cannot be written ({reason})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
