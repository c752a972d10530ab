"""The list of relevant files on files as they come: which of them matter, and which entries named none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config.nearest import nearest, quoted
from streamsel.signals.relevant import RelevantFiles

__all__ = ["WantedFiles"]

KNOWN: Final = 256
"""Files that are remembered at most, to guess which one was meant."""
SHOWN: Final = 3
"""Entries that a note tells one by one."""


class WantedFiles:
    """Strikes out the entries of a list that some file is named by; None: there is no list, and every file matters."""

    def __init__(self, files: RelevantFiles | None) -> None:
        self._files = files
        self._left = set() if files is None else set(files.entries)
        self._starts = [one for one in self._left if one.endswith("*")]
        self._known: list[str] = []
        self._last = ("", False)

    def __bool__(self) -> bool:
        return self._files is not None

    def includes(self, name: str) -> bool:
        """Whether a file matters; it came, then."""
        if self._files is None:
            return True
        if name != self._last[0]:
            self.come([name])
            self._last = (name, self._files.includes(name))
        return self._last[1]

    def come(self, names: Iterable[str]) -> None:
        """These files are there."""
        for name in names if self._files else ():
            full = self._files.below + name if self._files else name
            self._left -= {full, *(start for start in self._starts if full.startswith(start[:-1]))}
            if len(self._known) < KNOWN and full not in self._known:
                self._known.append(full)

    def notes(self) -> list[str]:
        """One line on the entries that no file is named by; none where each found one."""
        if self._files is None or not self._left:
            return []
        left = sorted(self._left)
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        told = ", ".join(quoted(one) + self._guess(one) for one in left[:SHOWN])
        of = f"{len(left)} of {len(self._files.entries)} entries"
        return [f"relevant_filenames_file: {of} name no file that was looked at: {told}{more}"]

    def _guess(self, entry: str) -> str:
        near = nearest(entry.removesuffix("*"), self._known)
        return f" (did you mean {quoted(near)}?)" if near else ""

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What is left and what is known, as JSON; nothing where there is no list."""
        told = json.dumps([sorted(self._left), self._known]).encode()
        return {"files": np.frombuffer(told, np.uint8)} if self._files else {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        left, self._known = json.loads(arrays["files"].tobytes())
        self._left = set(left)
