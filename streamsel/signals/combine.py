"""The value of a sequence, from those of its frames.

- `number`: the mean.
- `counts`: the sum, of numbers of objects as of {class: amount}, class by class.
- `label`: the most frequent one; among equally frequent ones the one that comes first.

Frames of which nothing is known (None) are left out, so a mean is that of the known frames, and a sum counts nothing
for the others; where nothing is known of any frame the sequence's value is None too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum
from typing import Literal

from streamsel.data import Value
from streamsel.errors import UsageError

__all__ = ["Kind", "combine"]

Kind = Literal["number", "counts", "label"]


def combine(values: Sequence[Value], kind: Kind) -> Value:
    """One value for the frames of a sequence. Raises UsageError when values are not of that kind, or differ in it."""
    known = [value for value in values if value is not None]
    if kind == "label":
        return _most_frequent(known)
    if kind == "counts" and all(isinstance(value, Mapping) for value in known):
        return _summed([value for value in known if isinstance(value, Mapping)])
    numbers = [value for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(known):
        raise UsageError(f"the frames of a sequence cannot be combined as {kind}: {', '.join(map(repr, known))}")
    return (sum(numbers) if kind == "counts" else fsum(numbers) / len(numbers)) if numbers else None


def _summed(known: Sequence[Mapping[str, float]]) -> Value:
    classes = dict.fromkeys(name for counts in known for name in counts)
    return {name: fsum(counts.get(name, 0.0) for counts in known) for name in classes} if known else None


def _most_frequent(known: Sequence[Value]) -> Value:
    if any(isinstance(label, Mapping) for label in known):
        raise UsageError("the frames of a sequence cannot be combined as label: they hold counts")
    # 1, 1.0 and True are one key of a dict, but not one label.
    counted = Counter((type(label), label) for label in known)
    return next((label for (_, label), _ in counted.most_common(1)), None)
