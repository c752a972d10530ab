"""INCLUDE on frames as they come: what can be told before, which of the names came, and why the others are no picks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Names
from streamsel.errors import UsageError
from streamsel.rules.filters import listed, stem
from streamsel.rules.own_values import frame_of

__all__ = ["WantedNames", "check_wanted"]


class WantedNames:
    """Notes of each name that an INCLUDE lists whether its frame came, and why it was turned away.

    objects: the names are of objects, see `own_values`.
    """

    def __init__(self, config: SelectionConfig, *, objects: bool = False) -> None:
        names = [name for _, name in _names(config, "INCLUDE")]
        self._frames = {name: stem(frame_of(name) if objects else name) for name in names}
        self._wanted = set(self._frames.values())
        self._came: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._frames)

    def come(self, names: Iterable[str], reason: str) -> None:
        """Frames of these names came. reason: why they were turned away; empty where they were not."""
        for name in self._wanted.intersection(map(stem, names)):
            self._came[name] = reason if self._came.get(name, reason) else ""

    def lacking(self, picked: Collection[str]) -> dict[str, str]:
        """Name -> why it is not among the picks. picked: stems of their names."""
        return {name: self._why(frame) for name, frame in self._frames.items() if stem(name) not in picked}

    def _why(self, frame: str) -> str:
        if frame not in self._came:
            return "no frame of this name came"
        return self._came[frame] or "its frame came, and was not picked"

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The names that came, as JSON; nothing where none is wanted."""
        told = json.dumps(self._came, sort_keys=True).encode()
        return {"came": np.frombuffer(told, np.uint8)} if self._frames else {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self._came = json.loads(arrays["came"].tobytes())


def check_wanted(config: SelectionConfig, n: int | None, asked: str = "n_samples") -> None:
    """Raises UsageError where it is certain that an INCLUDE cannot be met. n: picks at most, None where not known.

    asked: what says how many, such as `-n`.
    """
    wanted = {stem(name): (place, name) for place, name in _names(config, "INCLUDE")}
    banned = {stem(name) for _, name in _names(config, "EXCLUDE")}
    for name, (place, told) in wanted.items():
        if name in banned:
            raise UsageError(f"constraints[{place}]: INCLUDE {told}: an EXCLUDE names it as well; take it out of one")
    if n is not None and len(wanted) > n:
        raise UsageError(
            f"constraints: INCLUDE names {len(wanted)}, and only {n} can be picked; raise {asked}, or name fewer"
        )


def _names(config: SelectionConfig, type: str) -> list[tuple[int, str]]:
    """Place of a constraint of this type, and each of its names."""
    found = [(at, one) for at, one in enumerate(config.constraints) if isinstance(one, Names) and one.type == type]
    return [(at, name) for at, one in found for name in listed(one)]
