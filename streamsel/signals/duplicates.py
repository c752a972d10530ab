"""Exact duplicates: frames whose picture is, sample for sample, that of an earlier frame, in whatever source.

A picture is known by 64 bits of the SHA-256 (FIPS 180-4) of all its samples: among 10 million frames, the chance that
any two different ones are taken for the same is 3 in a million. Pictures that say how they are `stored` (frames of a
video) are compared as decoded, before colours are made of them, others by their RGB; so the same picture in another
format is no exact duplicate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.data import Frame, Picture
from streamsel.signals.digests import Digests
from streamsel.signals.listing import Listing
from streamsel.signals.short_names import ShortNames

__all__ = ["Duplicates", "digest_of"]


class Duplicates:
    """Gathers `duplicates`, {name: name of the first frame with this picture}.

    remembered: of so many of the latest pictures at least the newer half is known for certain, 16 bytes each; a
    duplicate counts anew as one of the latest. most: names listed; further ones are counted.
    """

    def __init__(self, remembered: int = 4_000_000, most: int = 100_000) -> None:
        self.listing = Listing(most)
        self._names = ShortNames()
        self._seen = Digests(remembered)

    def look(self, frames: Sequence[Frame], names: Sequence[str]) -> list[str | None]:
        """Take a block in; for each frame the name of the first one with its picture, None where it is new.

        A frame looked at again is no duplicate of itself.
        """
        return self.known([digest_of(frame.picture) for frame in frames], names)

    def known(self, digests: Sequence[int], names: Sequence[str]) -> list[str | None]:
        """The same of pictures of which `digest_of` was taken before."""
        return [self._first(digest, name) for digest, name in zip(digests, names, strict=True)]

    def _first(self, digest: int, name: str) -> str | None:
        code = self._seen.get(digest)
        if code is None:
            self._seen.add(digest, self._names.code(name))
            return None
        first = self._names.name(code)
        if first == name:
            return None
        self.listing.add(name, first)
        return first

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.uint64]]]:
        """All of it: what is plain JSON, and arrays."""
        return {"listing": self.listing.state(), "names": self._names.state()}, self._seen.state()

    def restore(self, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self.listing.restore(plain["listing"])
        self._names.restore(plain["names"])
        self._seen.restore(arrays)


def digest_of(picture: Picture) -> int:
    """64 bits that tell its pixels, and its size, from those of all others; as they were `looked` at, where they are
    gone."""
    if (looked := getattr(picture, "looked", None)) is not None and looked.digest is not None:
        return int(looked.digest)
    stored = getattr(picture, "stored", None)
    how, samples = stored() if stored else (f"rgb24 {picture.width}x{picture.height}", [picture.rgb()])
    sha = hashlib.sha256(how.encode())
    for plane in samples:
        sha.update(np.ascontiguousarray(plane).data)
    return int.from_bytes(sha.digest()[:8], "little")
