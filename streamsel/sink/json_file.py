"""JSON as this project writes it: UTF-8, one spelling per value, no NaN.

Floats have the shortest text that reads back to the same bits; what JSON cannot say (inf, NaN) is null. Numpy
scalars and arrays, tuples and paths are taken; anything else is a TypeError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from streamsel.sink.durable import write_atomic

__all__ = ["json_line", "json_text", "plain", "write_json"]


def write_json(path: Path, value: object) -> None:
    """Writes one value, indented, as for `summary.json` and `selection.json`. Atomic, durable; raises SinkError."""
    write_atomic(path, json_text(value))


def json_text(value: object) -> bytes:
    """One value, indented, newline included."""
    return (json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def json_line(value: object) -> bytes:
    """One value on one line of UTF-8, newline included."""
    return (json.dumps(plain(value), ensure_ascii=False, allow_nan=False) + "\n").encode()


def plain(value: object) -> Any:
    """The value made of dict, list, str, int, float, bool and None alone."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str() | PurePath():
            # A name that is not valid UTF-8 reaches Python with lone surrogates, which no encoder takes.
            return str(value).encode(errors="backslashreplace").decode()
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {plain(str(key)): plain(item) for key, item in value.items()}
        case Iterable() if not isinstance(value, bytes | bytearray):
            return [plain(item) for item in value]
    raise TypeError(f"no JSON for {type(value).__name__}")
