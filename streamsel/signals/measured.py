"""Computed metadata: what the pixels of a frame themselves tell, under the names that users' configs ask for.

    measured = Measured(["lightly.sharpness", "lightly.luminance"])
    measured.of(frame.picture)  ->  {"lightly.sharpness": 12.3, "lightly.luminance": 47.1}

All are taken from the whole picture, 8-bit sRGB as `Picture.rgb()` gives it, and are finite numbers:

| key, after `lightly.` | what | range |
|---|---|---|
| `width`, `height` | of the upright, cropped picture, in pixels | 1.. |
| `meanRed`, `meanGreen`, `meanBlue` | mean of the channel / 255 | 0..1 |
| `luminance` | CIE 1976 L* of the mean colour: the three means, linearised (IEC 61966-2-1), as Y under D65 | 0..100 |
| `snr` | mean / population standard deviation of all values of all channels; 0 where all are equal | 0.. |
| `contrast` | RMS contrast (Peli 1990): population standard deviation of grey / 255 | 0..0.5 |
| `sharpness`, `uniformRowRatio` | see `measured_edges` | 0..127.5, 0..1 |

Grey is the rounded BT.601 luma. Only what is asked for is computed, and what several need is computed once. A picture
must be whole: what is left of one that was shrunk to the judge's size measures otherwise.

Milliseconds for 1920 x 1080 on one core (AMD EPYC, Zen 4): the RGB picture itself 5.6 and grey 1.7, each once; then
`sharpness` 3.0, `snr` 2.9, `uniformRowRatio` 2.4, `contrast` 0.9, `luminance` and the means together 0.5, `width` and
`height` nothing. All ten: 18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from streamsel.data import Frame, Mark, Picture, Pixels
from streamsel.signals import Value
from streamsel.signals.measured_edges import sharpness, uniform_row_ratio
from streamsel.signals.measured_sums import grey_of, means, spread
from streamsel.signals.nearest import unknown

__all__ = ["KEYS", "Measured", "MeasuredSignal"]

_LINEAR_Y = np.array([0.2126, 0.7152, 0.0722])
"""Shares of linear red, green and blue in Y, of ITU-R BT.709 and sRGB."""


class _Look:
    """One picture, and what has been made of it so far."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def rgb(self) -> Pixels:
        return self.picture.rgb()

    @cached_property
    def grey(self) -> Pixels:
        return grey_of(self.rgb)

    @cached_property
    def means(self) -> npt.NDArray[np.float64]:
        return means(self.rgb) / 255


def _snr(look: _Look) -> float:
    values = spread(look.rgb)
    return values.mean / values.std if values.std else 0.0


def _luminance(look: _Look) -> float:
    colour = look.means
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    y = min(float(linear @ _LINEAR_Y), 1.0)
    return 116 * y ** (1 / 3) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


_MEASURES: Mapping[str, Callable[[_Look], float]] = {
    "lightly.sharpness": lambda look: sharpness(look.grey),
    "lightly.snr": _snr,
    "lightly.uniformRowRatio": lambda look: uniform_row_ratio(look.grey),
    "lightly.luminance": _luminance,
    "lightly.width": lambda look: look.picture.width,
    "lightly.height": lambda look: look.picture.height,
    "lightly.meanRed": lambda look: float(look.means[0]),
    "lightly.meanGreen": lambda look: float(look.means[1]),
    "lightly.meanBlue": lambda look: float(look.means[2]),
    "lightly.contrast": lambda look: spread(look.grey).std / 255,
}

KEYS = tuple(_MEASURES)
"""All that can be measured."""


class Measured:
    """Measures what is asked for. keys: of KEYS, in any order; raises UsageError for others."""

    def __init__(self, keys: Iterable[str] = KEYS) -> None:
        self.keys = tuple(dict.fromkeys(keys))
        for key in self.keys:
            if key not in _MEASURES:
                raise unknown("key", key, KEYS, "computed metadata")
        self._last: dict[Mark, dict[str, float]] = {}

    def of(self, picture: Picture) -> dict[str, float]:
        """Key -> value, in the order asked for; as they were `looked` at, where that is known of it."""
        if (looked := getattr(picture, "looked", None)) is not None:
            return {key: looked.measured[key] for key in self.keys}
        look = _Look(picture)
        return {key: _MEASURES[key](look) for key in self.keys}

    def rows(self, frames: Sequence[Frame]) -> list[dict[str, float]]:
        """The same for each frame. The latest block is remembered by its marks, and not measured again."""
        known = self._last
        self._last = {frame.mark: known.get(frame.mark) or self.of(frame.picture) for frame in frames}
        return [self._last[frame.mark] for frame in frames]

    def signals(self) -> list[MeasuredSignal]:
        """A view of each key; whichever is asked first about a block measures for all."""
        return [MeasuredSignal(key, self) for key in self.keys]


class MeasuredSignal:
    """One key of a Measured: a `streamsel.signals.Signal`."""

    def __init__(self, key: str, measured: Measured) -> None:
        self.key = key
        self._measured = measured

    def of(self, frames: Sequence[Frame], names: Sequence[str]) -> list[Value]:
        """A number for each frame."""
        return [row[self.key] for row in self._measured.rows(frames)]
