"""A list of frames by name, each with what is to be said of it, that does not grow for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Listing"]


class Listing:
    """Name -> text, in the order found, each name once. Of more than `most` names the later ones are only counted."""

    def __init__(self, most: int = 100_000) -> None:
        self.most = most
        self.rows: dict[str, str] = {}
        """What is listed, such as {"sub/video_1-099-mp4.png": "decoded with errors"}."""
        self.total = 0
        """How many were found, listed or not."""

    def add(self, name: str, text: str) -> None:
        """A frame that belongs on the list; the first text about it stays."""
        if name in self.rows:
            return
        self.total += 1
        if len(self.rows) < self.most:
            self.rows[name] = text

    def state(self) -> dict[str, Any]:
        """All of it, as plain JSON."""
        return {"rows": dict(self.rows), "total": self.total}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken from."""
        self.rows, self.total = dict(state["rows"]), state["total"]
