"""Corrupt samples: pictures that cannot be opened, and frames that came out of the decoder with errors.

A decoder counts what goes wrong; this step says which frames it was. A packet from which no frame came has no name
and stays a number among the decoder's problems. A frame built upon a damaged one is not marked by FFmpeg, nor here:
whether it shows the damage cannot be known. Blank rows alone are no damage either: ask for
`lightly.uniformRowRatio`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamsel.data import Frame
from streamsel.signals.listing import Listing

__all__ = ["DAMAGED", "CorruptSamples"]

DAMAGED = "decoded with errors"


class CorruptSamples:
    """Gathers `corrupt_samples`, {name: reason}. most: names listed; further ones are counted."""

    def __init__(self, most: int = 100_000) -> None:
        self.listing = Listing(most)

    def look(self, frames: Sequence[Frame], names: Sequence[str]) -> list[bool]:
        """Take a block in; for each frame whether its picture says of itself that it is `damaged`."""
        damaged = [bool(getattr(frame.picture, "damaged", False)) for frame in frames]
        for name, is_damaged in zip(names, damaged, strict=True):
            if is_damaged:
                self.listing.add(name, DAMAGED)
        return damaged

    def unreadable(self, reasons: Mapping[str, str]) -> None:
        """Name -> why, of pictures of which no frame came, as a folder's decoder tells them."""
        for name, why in reasons.items():
            self.listing.add(name, why)

    def state(self) -> dict[str, Any]:
        """All of it, as plain JSON."""
        return self.listing.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` was taken from."""
        self.listing.restore(state)
