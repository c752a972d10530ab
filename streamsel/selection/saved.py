"""A selector's file: arrays and a JSON header in one .npz, without pickle, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.errors import SinkError, StateError
from streamsel.selection import State

__all__ = ["read_arrays", "write_arrays"]

FORMAT: Final = "streamsel selector 1"


def write_arrays(path: Path, header: dict[str, Any], arrays: State) -> None:
    """Raises SinkError when it cannot be written; a file that was there before is then unchanged."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {**arrays, "header": np.array(json.dumps({"format": FORMAT, **header}))}
    np.savez(buffer, **named)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written ({error.strerror}); nothing there was changed") from error


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Header and arrays; StateError for a file that is missing, damaged, or of another kind or version."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(str(arrays.pop("header")))
        found = header.pop("format")
    except FileNotFoundError as error:
        raise StateError(f"{path}: there is no such file") from error
    except Exception as error:  # a damaged archive can raise anything, from struct.error to MemoryError
        raise StateError(f"{path}: is no saved Selector, or a damaged one ({error})") from error
    if found != FORMAT:
        raise StateError(f"{path}: holds {found!r}, this version reads {FORMAT!r}")
    return header, arrays
