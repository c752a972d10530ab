"""What pixels tell of a picture, taken before they go: so whoever waits with it holds its file alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamsel.data import Picture
from streamsel.signals.duplicates import digest_of
from streamsel.signals.measured import Measured

__all__ = ["Look", "Looked"]


@dataclass(frozen=True, slots=True)
class Looked:
    """measured: key -> value, see `measured`. digest: see `duplicates.digest_of`; None: none was taken.

    A picture that has it as `looked` is not looked at any more: `Measured.of` and `digest_of` go by this.
    """

    measured: Mapping[str, float] = field(default_factory=dict)
    digest: int | None = None


class Look:
    """Takes of pictures what will be asked of them. keys: of `measured.KEYS`. digests: whether duplicates are looked
    for."""

    def __init__(self, keys: Iterable[str] = (), *, digests: bool = False) -> None:
        self._measured, self._digests = Measured(keys), digests

    def of(self, picture: Picture) -> Looked:
        """With its pixels, for the last time."""
        return Looked(self._measured.of(picture), digest_of(picture) if self._digests else None)
