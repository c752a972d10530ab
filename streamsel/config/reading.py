"""Files, text and mappings -> selection configs, whole or a fragment, with errors of one line that name the place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from streamsel.config.complaint import complaint
from streamsel.config.inputs import Input
from streamsel.config.nearest import quoted, shown, unknown
from streamsel.config.notation import parse, parse_printed
from streamsel.config.selection import SelectionConfig
from streamsel.config.worker import RUN, WorkerOptions, worker_values
from streamsel.errors import UsageError

__all__ = ["RUN_KEYS", "load", "read_fragment", "read_selection", "selection_of"]

LARGEST = 1_000_000
"""Bytes of a file, or characters of a text, that are read at most."""

RUN_KEYS = ("selection_config", "worker_config", "lightly_config", *sorted(RUN))
"""What tells that a config is all of a run's, with the selection's in it."""

T = TypeVar("T")


def read_selection(source: Path | str | Mapping[str, Any], *, name: str = "") -> SelectionConfig:
    """A selection config from a file, a text or plain values; see `streamsel.config.notation` for what is read.

    source: a Path, or a text on one line without braces, is a file. It holds the config, or a larger one with it under
    `selection_config`, such as the arguments of a run. name: what errors call it, by default the file.
    Raises UsageError, one line that says where, what is wrong and what is allowed.
    """
    called = name or (quoted(str(source), 300) if _is_file(source) else "selection")
    try:
        return selection_of(load(source))
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from None
    except RecursionError:
        raise UsageError(f"{called}: is nested too deeply") from None


def read_fragment(text: str, *, name: str = "selection") -> Any:
    """The input model of a fragment as documents print it: `"input": {"type": "RANDOM"},`. Raises UsageError."""
    try:
        values = parse_printed(f"{{{_bounded(text).rstrip().rstrip(',')}\n}}")
        if not isinstance(values, dict) or list(values) != ["input"]:
            raise UsageError(f'expected "input": {{...}}, got {shown(values)}')
        return _checked(TypeAdapter(Input), values["input"], "input")
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def selection_of(values: Any) -> SelectionConfig:
    """A selection config from plain values, also from those of all of a run. Raises UsageError, without a name."""
    values = _mapping(values, "the config")
    if values.keys() >= {"input", "output"}:
        raise UsageError("is this a pipeline? Begin it with `kind: ingest`")
    if not values.keys() & set(RUN_KEYS):
        return _checked(TypeAdapter(SelectionConfig), values)
    for key in values:
        if key not in RUN_KEYS:
            raise UsageError(f"{quoted(key)}: {unknown('key', key, RUN_KEYS)}")
    if "selection_config" not in values:
        raise UsageError("selection_config: is missing")
    selection = _mapping(values["selection_config"], "selection_config")
    if len(values) > 1:
        if "worker" in selection:
            raise UsageError("selection_config.worker: goes without worker_config and lightly_config: leave one out")
        worker = _checked(TypeAdapter(WorkerOptions), worker_values(values), "worker_config")
        selection = {**selection, "worker": worker}
    return _checked(TypeAdapter(SelectionConfig), selection, "selection_config")


def _checked(model: TypeAdapter[T], values: object, root: str = "") -> T:
    try:
        return model.validate_python(values)
    except ValidationError as error:
        raise UsageError(complaint(error, values, root)) from None


def _mapping(values: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise UsageError(f"{what} must be a mapping with strategies in it, got {shown(values)}")
    return values


def _is_file(source: object) -> bool:
    return isinstance(source, Path) or (isinstance(source, str) and source != "" and not set("\n\r{") & set(source))


def load(source: Path | str | Mapping[str, Any]) -> Any:
    """The plain values of a file or a text, of bounded size; values as they are. Raises UsageError."""
    if isinstance(source, Mapping):
        return source
    return parse(_bounded(_file_text(Path(source)) if _is_file(source) else str(source)))


def _file_text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is no UTF-8 text: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise UsageError(f"cannot be read: {error}") from None


def _bounded(text: str) -> str:
    if len(text.encode(errors="replace")) > LARGEST:
        raise UsageError(f"is larger than {LARGEST // 1_000_000} MB, which no config is")
    return text
