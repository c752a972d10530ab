"""The files of an input that matter (`relevant_filenames_file`): a list, one entry a line, relative to the input root.

- `sub/video_1.mp4`: this file.
- `dir/*`: every file whose name begins with `dir/`, that is with what stands before the first `*`; `dir/` says the
  same. Behind it, after a blank, gitignore patterns (https://git-scm.com/docs/gitignore) may follow, divided by blanks
  (a blank inside a pattern is written `\\ `): what they match is left out, and taken in again by a pattern with `!`;
  the last one that matches decides. They are applied to names relative to the input's root, too.

A file that any line takes in is relevant. Works for videos and for images; frames have no part in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamsel.errors import SourceError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["LARGEST_LIST", "RelevantFiles"]

LARGEST_LIST = 256 << 20
"""Bytes of the longest list that is read."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The names that begin with `start`, but not those that `patterns` leave out."""

    start: str
    patterns: tuple[str, ...] = ()
    _left_out: GitIgnoreSpec | None = field(default=None, compare=False, repr=False)

    def includes(self, name: str) -> bool:
        """Whether the file is one of them."""
        return name.startswith(self.start) and not (self._left_out is not None and self._left_out.match_file(name))


@dataclass(frozen=True, slots=True)
class RelevantFiles:
    """Single names, and prefixes. below: what the names that are asked for lack to be relative to the input's root."""

    names: frozenset[str] = field(repr=False)
    prefixes: tuple[Prefix, ...] = ()
    below: str = ""

    @classmethod
    def parse(cls, data: bytes, place: str, below: str = "") -> RelevantFiles:
        """The list that a file holds; place: how errors name it. Raises SourceError with the line."""
        try:
            lines = data.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise SourceError(f"{place}: no UTF-8 text at byte {error.start}; write the file anew") from error
        entries = [(number, line.strip()) for number, line in enumerate(lines, 1)]
        parsed = [_entry(line, f"{place}: line {number}") for number, line in entries if line]
        return cls(
            frozenset(entry for entry in parsed if isinstance(entry, str)),
            tuple(entry for entry in parsed if isinstance(entry, Prefix)),
            below,
        )

    def includes(self, name: str) -> bool:
        """Whether a file of the input is relevant."""
        full = self.below + name
        return full in self.names or any(prefix.includes(full) for prefix in self.prefixes)

    @property
    def entries(self) -> frozenset[str]:
        """Names, and prefixes as `start*`, relative to the input's root."""
        return self.names.union(one.start + "*" for one in self.prefixes)


def _entry(line: str, place: str) -> str | Prefix:
    start, star, rest = line.partition("*")
    _check_name(start, place)
    if not star:
        return Prefix(start) if start.endswith("/") else start
    behind = rest.lstrip("*")
    if behind and not behind[0].isspace():
        raise SourceError(
            f"{place}: {line!r}: only what stands before the first * counts; write `{start}* * !*{behind}` to take in"
            f" what ends in {behind!r} alone"
        )
    return _prefix(start, re.split(r"(?<!\\)\s+", behind.strip()) if behind.strip() else [], place)


def _prefix(start: str, patterns: Sequence[str], place: str) -> Prefix:
    if not patterns:
        return Prefix(start)
    from pathspec import GitIgnoreSpec  # only lists with patterns need it

    try:
        return Prefix(start, tuple(patterns), GitIgnoreSpec.from_lines(patterns))
    except ValueError as error:
        raise SourceError(f"{place}: not a gitignore pattern: {error}") from error


def _check_name(name: str, place: str) -> None:
    if name.startswith("/") or {".", ".."} & {*name.split("/")}:
        raise SourceError(f"{place}: {name!r}: name files relative to the input's root, without ./ and ../")
