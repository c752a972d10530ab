"""Names of frames in 8 bytes each: those of one video differ in a number only.

`sub/video_1-099-mp4.png` is number 99, of 3 digits, in the pattern `sub/video_1-*-mp4.png`. Patterns are kept once;
a name without a number is a pattern of its own, so a folder of pictures takes as much memory as its file names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ShortNames"]

_NUMBERED = re.compile(r"(?s:(.*?))(\d{1,9})((?:-[^-./]*)?\.[^./]*)")
_BITS = 30
"""Of a code, for the number: it has at most nine digits."""

Pattern = tuple[str, int, str]
"""What stands before the number, its digits, what stands behind it."""


class ShortNames:
    """Name -> code (0 or more, below 2^63) and back."""

    def __init__(self) -> None:
        self._ids: dict[Pattern, int] = {}
        self._patterns: list[Pattern] = []

    def code(self, name: str) -> int:
        """The code of a name; equal names have equal codes."""
        match = _NUMBERED.fullmatch(name)
        pattern, number = ((match[1], len(match[2]), match[3]), int(match[2])) if match else ((name, 0, ""), 0)
        if pattern not in self._ids:
            self._ids[pattern] = len(self._patterns)
            self._patterns.append(pattern)
        return self._ids[pattern] << _BITS | number

    def name(self, code: int) -> str:
        """The name that was given this code."""
        before, digits, behind = self._patterns[code >> _BITS]
        number = code & ((1 << _BITS) - 1)
        return f"{before}{number:0{digits}d}{behind}" if digits else before

    def state(self) -> dict[str, Any]:
        """All of it, as plain JSON."""
        return {"patterns": [list(pattern) for pattern in self._patterns]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken from."""
        self._patterns = [(before, digits, behind) for before, digits, behind in state["patterns"]]
        self._ids = {pattern: rank for rank, pattern in enumerate(self._patterns)}
