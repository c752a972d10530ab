"""What a user's model needs to be told: a small JSON file beside it, `<model file>.json`.

    {"name": "plant-features", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": 255,
     "size": [224, 224], "layout": "NCHW", "novelty_distance": 0.4}

Every key may be left out. A pixel p of channel c enters the model as (p / scale - mean[c]) / std[c]; the defaults
are those of ImageNet above. `size` ([width, height] or one number) and `layout` (NCHW or NHWC) are only needed where
the model itself leaves them open. `novelty_distance` (0..2) is the distance at which a picture counts as new.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from streamsel.errors import ModelError

__all__ = ["LARGEST", "Layout", "Recipe", "read_sidecar", "sidecar_path"]

Layout = Literal["NCHW", "NHWC"]
LARGEST = 4096
"""Widest and tallest picture that a model may ask for, in pixels."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How pictures are made ready for a model, and what is known about its vectors. See the module's text."""

    name: str = ""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 255.0
    size: tuple[int, int] | None = None
    layout: Layout | None = None
    novelty_distance: float | None = None

    def preprocessing(self) -> str:
        """One line that differs when two recipes feed a model differently."""
        values = asdict(self)
        return json.dumps({key: values[key] for key in ("mean", "std", "scale", "size", "layout")}, sort_keys=True)


def sidecar_path(model: Path) -> Path:
    """Where the sidecar of a model file is looked for: `model.onnx` has `model.onnx.json`."""
    return model.with_name(model.name + ".json")


def read_sidecar(model: Path, defaults: Recipe = Recipe()) -> Recipe:
    """The recipe in a model file's sidecar, completed by the defaults; raises ModelError naming file and key."""
    path = sidecar_path(model)
    try:
        given = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return defaults
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ModelError(f'{path}: expected an object such as {{"size": 224}}, found {type(given).__name__}')
    return replace(defaults, **{key: checked(path, key, value) for key, value in given.items()})


def checked(path: Path, key: str, value: Any) -> Any:
    """The value as Recipe wants it; raises ModelError for an unknown key or a value that does not fit."""
    if key not in CHECKS:
        near = difflib.get_close_matches(key, CHECKS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(CHECKS)}"
        raise ModelError(f"{path}: unknown key {key!r}{hint}")
    expected, check = CHECKS[key]
    try:
        return check(value)
    except (ValueError, TypeError):
        raise ModelError(f"{path}: {key} must be {expected}, found {json.dumps(value)}") from None


def text(value: Any) -> str:
    """A name of 1 to 80 printable characters."""
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= 80:
        raise ValueError
    return value


def number(value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number in (least, most]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    if not least < value <= most:
        raise ValueError
    return float(value)


def triple(value: Any, least: float = -math.inf) -> tuple[float, float, float]:
    """Three numbers, for red, green and blue."""
    red, green, blue = value
    return number(red, least), number(green, least), number(blue, least)


def sides(value: Any) -> tuple[int, int]:
    """Width and height in pixels, from a pair or from one number."""
    width, height = (value, value) if isinstance(value, int) else value
    if not all(type(side) is int and 1 <= side <= LARGEST for side in (width, height)):
        raise ValueError
    return width, height


def layout(value: Any) -> Layout:
    """One of the two orders of axes."""
    if value not in ("NCHW", "NHWC"):
        raise ValueError
    return value  # type: ignore[no-any-return]


CHECKS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("a text of 1 to 80 printable characters", text),
    "mean": ("three numbers", triple),
    "std": ("three numbers above 0", lambda value: triple(value, 0)),
    "scale": ("a number above 0", lambda value: number(value, 0)),
    "size": (f"[width, height] or one number, 1 to {LARGEST} pixels", sides),
    "layout": ('"NCHW" or "NHWC"', layout),
    "novelty_distance": ("a number above 0 and up to 2", lambda value: number(value, 0, 2)),
}
