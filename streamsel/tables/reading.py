"""Which file makes which table: told by its ending, or by being the output folder of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from streamsel.errors import SourceError, UsageError
from streamsel.tables import Table
from streamsel.tables.joining import joined
from streamsel.tables.unit import make_unit

__all__ = ["READERS", "read_table"]


def read_table(
    path: Path,
    *,
    metadata: Path | None = None,
    normalize: bool = True,
    name_column: str | None = None,
    vector_column: str | None = None,
) -> Table:
    """The rows of a file, or of the output folder of a run.

    path:          CSV, Parquet, JSON lines, `.npy`, or a folder that a run has written.
    metadata:      a file with more columns for the same rows: joined by name where both have names, else line by line.
    normalize:     make every vector, and every object's, as long as one (what distances of 0 to 2 are measured on).
    name_column:   the column with the names, else `filename`, `file_name`, `filenames`, `id`, `name` or `path`.
    vector_column: the column with the vectors, else `embedding`, `embeddings` or `vector` (CSV: `embedding_0`, ...).

    Raises SourceError, one line, for what cannot be read or has no meaning: a missing or damaged file, no row at all,
    a name twice, vectors of different dimensions, NaN, infinity, or, to be normalised, zeros only.
    """
    table = _read(path, name_column, vector_column)
    try:
        if metadata is not None:
            table = joined(table, _read(metadata, None, None))
        return _normalised(table) if normalize else table
    except UsageError as error:
        raise SourceError(f"{path}: {error}") from error


def _read(path: Path, name_column: str | None, vector_column: str | None) -> Table:
    if not path.exists():
        raise SourceError(f"{path}: does not exist")
    if path.is_dir():
        from streamsel.tables.run_folder import read_run

        return read_run(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"{path}: is no table; give a file that ends in {', '.join(READERS)}, or a run's folder")
    return reader(path, name_column, vector_column)


def _csv(path: Path, name_column: str | None, _: str | None) -> Table:
    from streamsel.tables.csv_file import read_csv

    return read_csv(path, name_column)


def _json_lines(path: Path, name_column: str | None, vector_column: str | None) -> Table:
    from streamsel.tables.json_lines import read_json_lines

    return read_json_lines(path, name_column, vector_column)


def _npy(path: Path, _: str | None, __: str | None) -> Table:
    from streamsel.tables.numpy_file import read_npy

    return read_npy(path)


def _parquet(path: Path, name_column: str | None, vector_column: str | None) -> Table:
    from streamsel.tables.parquet_file import read_parquet

    return read_parquet(path, name_column, vector_column)


READERS: dict[str, Callable[[Path, str | None, str | None], Table]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".npy": _npy,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
"""What reads files with these endings; pyarrow is loaded when one is read."""


def _normalised(table: Table) -> Table:
    """The same table: its vectors are its own, so they are changed in place."""
    if table.vectors is not None:
        make_unit(table.vectors, table.row)
    for task, objects in table.objects.items():
        make_unit(objects.rows, partial(_object, table, task))
    return table


def _object(table: Table, task: str, place: int) -> str:
    return f'{table.row(table.owner(task, place))}, object of "{task}"'
