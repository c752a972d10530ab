"""CSV: names and metadata, and embeddings where the header has `embedding_0`, `embedding_1`, ...

That is the format `filenames,embedding_0,...,embedding_{D-1},labels` of custom embeddings, with `masked` and
`selected` where they are there; in any order, and with any further columns. UTF-8, comma-separated, quoted by RFC 4180.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from streamsel.data import Vector
from streamsel.errors import UsageError
from streamsel.tables import Table
from streamsel.tables.arrow_columns import table_of, texts
from streamsel.tables.naming import NAMES, choose_column, explained, shown_text
from streamsel.tables.stacking import Stack

__all__ = ["read_csv"]

BLOCK = 8 << 20
OTHER_MARKS = (";", "\t", "|")
EXPECTED = "filenames,embedding_0,embedding_1,..."
_EMBEDDING = re.compile(r"embedding_(\d+)")


def read_csv(path: Path, name_column: str | None = None) -> Table:
    """The table of a CSV file, read block by block into one allocation.

    A column whose every text is an integer, a number, or true or false is one; an empty field is not known.
    Raises SourceError for repeated or missing columns, rows of another length, and numbers that are none.
    """
    with explained(path):
        header = _header(path)
        vectors, rest = _read(path, header, _embedding_columns(header))
        kept = choose_column(name_column, NAMES, header)
        columns = {name: rest[name] if name == kept else texts(rest[name]) for name in rest.column_names}
        return table_of(pa.table(columns), vectors, name_column=name_column)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    _check_header(header)
    repeated = {name for name in header if header.count(name) > 1}
    if not header or repeated:
        raise UsageError(f"the header names {', '.join(sorted(repeated))} twice" if header else "is empty")
    return header


def _check_header(header: list[str]) -> None:
    """Raises UsageError where the first line is no header, or one whose names other marks than commas part."""
    first = shown_text(",".join(header))
    mark = next((mark for mark in OTHER_MARKS if mark in header[0]), None) if len(header) == 1 else None
    if mark:
        raise UsageError(f"its columns are parted by {mark!r} ({first}): commas are expected, write it with them")
    if 2 * sum(map(_is_number, header)) > len(header):
        raise UsageError(f"begins with a row of numbers ({first}), and a header is expected: {EXPECTED}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _embedding_columns(header: list[str]) -> list[str]:
    """The columns that hold the vector, in its order."""
    numbers = sorted(int(match[1]) for name in header if (match := _EMBEDDING.fullmatch(name)))
    if numbers and numbers != list(range(len(numbers))):
        missing = next(place for place, number in enumerate([*numbers, -1]) if place != number)
        raise UsageError(f"the header has no embedding_{missing}: the columns of a vector must be without a gap")
    return [f"embedding_{number}" for number in numbers]


def _read(path: Path, header: list[str], embedding: list[str]) -> tuple[Vector | None, pa.Table]:
    """The vectors, if any, and the other columns as text, null where a field is empty."""
    others = [name for name in header if name not in set(embedding)]
    types = {**dict.fromkeys(others, pa.string()), **dict.fromkeys(embedding, pa.float32())}
    stack, rest = Stack(_most_rows(path) if embedding else 0), []
    reader = pc.open_csv(
        path,
        # In one thread errors can name the row, and reading is as fast.
        read_options=pc.ReadOptions(block_size=BLOCK, use_threads=False, column_names=header, skip_rows=1),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=types, include_columns=[*others, *embedding], null_values=[""], strings_can_be_null=True
        ),
    )
    for batch in reader:
        rest.append(batch.select(others))
        if embedding:
            stack.add(np.stack([column.to_numpy(False) for column in batch.columns[len(others) :]], axis=1))
    return (stack.rows if embedding else None), pa.Table.from_batches(
        rest, pa.schema([(n, pa.string()) for n in others])
    )


def _most_rows(path: Path) -> int:
    """No row is without a line end, but for the last."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") + block.count(b"\r") for block in iter(lambda: file.read(BLOCK), b"")) + 1
