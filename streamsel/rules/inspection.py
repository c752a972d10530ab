"""Frames that are wrong by themselves, as a step of the stream: corrupt ones are listed, exact duplicates turned away.

It takes whole pictures, so it looks before they are shrunk; which pictures were there before is decided later, among
the windows that no filter turns away. What it found is part of a run's state.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Mark
from streamsel.embed import Window
from streamsel.signals.corrupt import CorruptSamples
from streamsel.signals.duplicates import Duplicates, digest_of
from streamsel.signals.listing import Listing

__all__ = ["DUPLICATE", "Inspection"]

DUPLICATE = "duplicate"
"""Why a window is turned away all of whose frames were there before."""

Arrays = Mapping[str, npt.NDArray[Any]]


class Inspection:
    """Gathers the two lists. called: the name of a frame. remove_duplicates: look for them, 2 ms per 1080p frame."""

    def __init__(self, called: Callable[[Mark], str], *, remove_duplicates: bool = False) -> None:
        self._called = called
        self._corrupt = CorruptSamples()
        self._duplicates = Duplicates() if remove_duplicates else None
        self._digests: deque[list[int]] = deque()

    @property
    def listings(self) -> dict[str, Listing]:
        """What is listed: `corrupt_samples`, and `duplicates` where they are looked for."""
        found = {"corrupt_samples": self._corrupt.listing}
        return found if self._duplicates is None else {**found, "duplicates": self._duplicates.listing}

    def begin(self) -> None:
        """A source starts; what another one left behind when it failed is forgotten."""
        self._digests.clear()

    def look(self, window: Window) -> Window:
        """Take a window in, with its whole pictures; gives it back."""
        damaged = [frame for frame in window if getattr(frame.picture, "damaged", False)]
        self._corrupt.look(damaged, [self._called(frame.mark) for frame in damaged])
        if self._duplicates is not None:
            self._digests.append([digest_of(frame.picture) for frame in window])
        return window

    def taken_back(self) -> list[int]:
        """What is known of the pictures of the window that was looked at last, which is not asked about now."""
        return self._digests.pop() if self._digests else []

    def put(self, digests: Sequence[int]) -> None:
        """A window was looked at, a frame at a time. digests: what `taken_back` gave of each."""
        if self._duplicates is not None:
            self._digests.append(list(digests))

    def repeats(self, window: Window, reason: str) -> str:
        """Why a window is turned away, where it is; to be asked of each that was looked at, in that order.

        reason: why it is turned away already; then nothing counts as repeating it.
        """
        digests = self._digests.popleft() if self._digests else []
        if reason or self._duplicates is None:
            return reason
        names = [self._called(frame.mark) for frame in window]
        return DUPLICATE if all(self._duplicates.known(digests, names)) else ""

    def unreadable(self, source: str, reasons: Mapping[str, str]) -> None:
        """File name -> why, of a folder's pictures that cannot be opened."""
        marks = {Mark(source, 0, 0, Fraction(1), 0, name): why for name, why in reasons.items()}
        self._corrupt.unreadable({self._called(mark): why for mark, why in marks.items()})

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as named arrays; what grows does so at its end, where a store writes only what is new."""
        held = {"corrupt": _packed(self._corrupt.state())}
        if self._duplicates is None:
            return held
        plain, arrays = self._duplicates.state()
        held |= {f"duplicates.{name}": _packed(value) for name, value in plain.items()}
        return held | {"fresh": arrays["fresh"].T, "young": arrays["young"], "old": arrays["old"]}

    def restore(self, arrays: Arrays) -> None:
        """Become what `state` was taken from."""
        self._corrupt.restore(_unpacked(arrays["corrupt"]))
        if self._duplicates is not None:
            plain = {name: _unpacked(arrays[f"duplicates.{name}"]) for name in ("listing", "names")}
            tables = {"fresh": arrays["fresh"].T, "young": arrays["young"], "old": arrays["old"]}
            self._duplicates.restore(plain, tables)


def _packed(value: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _unpacked(array: npt.NDArray[Any]) -> Any:
    return json.loads(array.tobytes())
