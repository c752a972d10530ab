"""What the names of files tell (`lightly_path_regex`): named groups of a regular expression as metadata.

`(?P<day>\\d{8})/(?P<camera>\\w+)_` makes `day` and `camera` keys of metadata. It is searched for anywhere in the name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamsel.data import Frame, Value
from streamsel.errors import SourceError, UsageError
from streamsel.signals.metadata_schema import MetadataKind
from streamsel.signals.mismatch import MismatchError, number
from streamsel.signals.nearest import unknown

__all__ = ["PathSignal"]


class PathSignal:
    """One named group, as a label or a number; None where the expression does not match, or the group takes no part.

    Raises UsageError when the expression is none, or has no such group.
    """

    def __init__(self, expression: str, key: str, kind: MetadataKind = "label") -> None:
        self.key, self.kind = key, kind
        self._expression = _compiled(expression)
        if key not in self._expression.groupindex:
            raise unknown("group", key, self._expression.groupindex, f"lightly_path_regex {expression!r}")

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """See `Signal`. Raises SourceError where a number is asked for and the name holds none."""
        return [self._of(name) for name in names]

    def _of(self, name: str) -> Value:
        match = self._expression.search(name)
        found = match[self.key] if match else None
        return found if found is None or self.kind == "label" else self._number(found, name)

    def _number(self, found: str, name: str) -> float:
        try:
            return number(float(found), self.key)
        except (MismatchError, ValueError):
            raise SourceError(f"{name}: group {self.key!r} of lightly_path_regex is {found!r}, not a number") from None


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise UsageError(f"lightly_path_regex {expression!r}: {error}") from error
