"""`${NAME}` and `${NAME:-default}` in the values of a pipeline file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamsel.config.nearest import quoted
from streamsel.errors import UsageError

__all__ = ["filled"]

VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def filled(values: Any, environ: Mapping[str, str], place: str = "") -> Any:
    """Plain values with the environment filled into their texts; `$$` is a dollar.

    As in a shell, the default stands for a variable that is unset or empty. Where a text comes out empty, its key is
    left out. Values are never parsed again, so no variable can add keys. Raises UsageError for a variable without
    value and default.
    """
    if isinstance(values, Mapping):
        made = {key: filled(value, environ, f"{place}.{key}".lstrip(".")) for key, value in values.items()}
        return {key: value for key, value in made.items() if value is not None or values[key] is None}
    if isinstance(values, list):
        return [filled(value, environ, f"{place}[{index}]") for index, value in enumerate(values)]
    return _text(values, environ, place) if isinstance(values, str) and "$" in values else values


def _text(text: str, environ: Mapping[str, str], place: str) -> str | None:
    def value(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name is None:
            return "$"
        if not environ.get(name) and default is None:
            raise UsageError(f"{quoted(place)}: ${{{name}}} is not set: set it, or write ${{{name}:-default}}")
        return environ.get(name) or default or ""

    return VARIABLE.sub(value, text) or None
