"""Which columns hold the names and the vectors, and how what goes wrong in a file is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from streamsel.errors import SourceError, UsageError

__all__ = ["NAMES", "OBJECTS", "VECTORS", "choose_column", "explained", "numbered", "shown", "shown_text"]

NAMES = ("filename", "file_name", "filenames", "id", "name", "path")
"""Columns that may hold the names of the rows; the first of these that is there does."""
VECTORS = ("embedding", "embeddings", "vector")
"""Columns that may hold the vectors."""
OBJECTS = ".embeddings"
"""A column TASK.embeddings holds the vectors of each row's objects."""
LONGEST = 200


def choose_column(asked: str | None, usual: Sequence[str], present: Sequence[str]) -> str | None:
    """The column asked for, or the first of the usual ones that is there. UsageError where the one asked for is not."""
    if asked is not None and asked not in present:
        raise UsageError(f'there is no column "{asked}"; there are {", ".join(present[:12])}')
    return asked or next((name for name in usual if name in present), None)


def numbered(rows: int) -> list[str]:
    """Names for rows that have none: their numbers, from 0."""
    return [str(row) for row in range(rows)]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while a file is read into SourceError: one line that begins with its path."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{shown(path)}: cannot be read ({_line(error.strerror or error)})") from error
    except UsageError as error:
        raise SourceError(f"{shown(path)}: {error}") from error
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{shown(path)}: cannot be understood ({_line(error)}); mend the file") from error


def shown(path: Path) -> str:
    """The path as a part of one line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def shown_text(text: str, longest: int = 60) -> str:
    """The beginning of a text of the user's, quoted, as a part of one line."""
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")


def _line(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
