"""Windows of time: the best of each are chosen when it ends."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from streamsel.config.selection import SelectionConfig
from streamsel.config.value import Number, Value

__all__ = ["MOST_PICKS", "Window", "check_number", "counted"]

MOST_PICKS: Final = 1000
"""Of a window: choosing them takes seconds."""


class Window(Value):
    """The best of each window of time, chosen when it ends. minutes: its length, up to a day; three seconds at least.

    picks: so many, a thousand at most; None: as many as the selection's n_samples.
    """

    picks: Annotated[int, Field(ge=1, le=MOST_PICKS)] | None = None
    minutes: Annotated[Number, Field(ge=0.05, le=1440)]


def counted(window: Window | None, selection: SelectionConfig | None) -> Window | None:
    """A window with its number of picks; see `check_number`."""
    if window is None or window.picks is not None:
        return window
    return window.model_copy(update={"picks": selection.n_samples if selection else None})


def check_number(place: str, window: Window, selection: SelectionConfig | None) -> None:
    """Raises ValueError unless exactly one number is said of how many to pick."""
    number, share = (selection.n_samples, selection.proportion_samples) if selection else (None, None)
    if share is not None:
        raise ValueError(f"{place} and proportion_samples exclude each other: give one of them")
    if number is not None and not 1 <= number <= MOST_PICKS:
        raise ValueError(f"{place}: n_samples of the selection must be 1 to {MOST_PICKS} here, got {number}")
    if window.picks is None and number is None:
        raise ValueError(f"{place}: does not say how many: write `window: {{picks: 100, minutes: {window.minutes:g}}}`")
    if number is not None and window.picks not in (None, number):
        raise ValueError(f"{place}: picks is {window.picks} and n_samples {number}: leave one out")
