"""The state of a run: arrays of everything that remembers, as commits write them and a restart takes them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from streamsel.data import Vector
from streamsel.embed import Scout
from streamsel.embed.judge import Judge
from streamsel.rules.entrance import Entrance
from streamsel.rules.kept_objects import KeptObjects
from streamsel.rules.object_rows import ObjectRows
from streamsel.run.seen import Seen
from streamsel.selection import Selector

__all__ = ["States", "arrays_of"]


class States:
    """The arrays of everything that remembers, each under its part's name."""

    def __init__(
        self,
        entrance: Entrance,
        *,
        objects: ObjectRows | None,
        kept: KeptObjects,
        scout: Scout,
        judge: Judge,
        selector: Selector,
        seen: Seen | None,
    ) -> None:
        own = {
            name: getattr(entrance, name) for name in ("inspection", "wanted", "unseen", "files", "filters", "totals")
        } | {"entrance": entrance}
        parts = {"objects": objects, "kept": kept, "scout": scout, "judge": judge, "selector": selector, "seen": seen}
        self._parts: dict[str, Any] = {**own, **parts}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a commit writes."""
        held = {name: dict(part.state()) for name, part in self._parts.items() if part is not None}
        held["selector"].pop("picks", None)  # the store has every pick's vector already
        return {f"{name}/{key}": array for name, arrays in held.items() for key, array in arrays.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], picks: Vector) -> None:
        """Bring every part back to what was committed; the picks' vectors are stored apart."""
        for name, part in self._parts.items():
            own = arrays_of(name, arrays)
            if part is not None and own:
                part.restore({**own, "picks": picks} if name == "selector" else own)


def arrays_of(part: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Those of all arrays that are the state of one part."""
    return {key.partition("/")[2]: array for key, array in arrays.items() if key.startswith(f"{part}/")}
