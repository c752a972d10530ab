from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamsel.data import Frame, Mark, Source
from streamsel.decode.open import open_decoder
from streamsel.decode.picture import StillPicture
from streamsel.signals.corrupt import DAMAGED, CorruptSamples
from streamsel.signals.listing import Listing
from streamsel.testing.nasty import damaged
from streamsel.testing.videos import pictures


class Damaged(StillPicture):
    damaged = True


def frame(index: int, kind: type[StillPicture] = StillPicture) -> Frame:
    return Frame(Mark("v.mp4", index, index, Fraction(1, 25)), kind(np.zeros((4, 4, 3), np.uint8)))


def test_damaged_frames_are_listed_by_name() -> None:
    corrupt = CorruptSamples()
    kinds = [StillPicture, Damaged, StillPicture, Damaged]
    assert corrupt.look([frame(i, kind) for i, kind in enumerate(kinds)], list("abcd")) == [False, True, False, True]
    assert corrupt.look([], []) == []
    assert corrupt.listing.rows == {"b": DAMAGED, "d": DAMAGED}


def test_what_a_decoder_counts_is_what_is_listed(tmp_path: Path) -> None:
    corrupt = CorruptSamples()
    with open_decoder(Source("damaged.mp4", str(damaged(tmp_path / "damaged.mp4")))) as decoder:
        for seen in decoder.read():
            corrupt.look([seen], [f"damaged-{seen.mark.index:02d}-mp4.png"])
        assert corrupt.listing.total == decoder.problems["damaged picture"] > 0


def test_pictures_that_cannot_be_opened_are_listed(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    (tmp_path / "001.png").write_bytes(b"no picture")
    corrupt = CorruptSamples()
    with open_decoder(Source("photos", str(tmp_path), "images")) as decoder:
        list(decoder.read())
        corrupt.unreadable({f"photos/{name}": why for name, why in decoder.unreadable.items()})  # type: ignore[attr-defined]
    assert corrupt.listing.rows == {"photos/001.png": "cannot be decoded (UnidentifiedImageError)"}


def test_a_list_is_bounded_and_counts_on() -> None:
    listing = Listing(2)
    for name in ("a", "b", "a", "c", "d"):
        listing.add(name, f"why {name}")
    assert (listing.rows, listing.total) == ({"a": "why a", "b": "why b"}, 4)


def test_a_restored_list_goes_on_as_if_nothing_had_happened() -> None:
    whole, first, second = CorruptSamples(3), CorruptSamples(3), CorruptSamples(3)
    blocks = [[frame(i, Damaged), frame(i + 1)] for i in range(0, 10, 2)]
    for rank, block in enumerate(blocks):
        names = [f"{seen.mark.index}" for seen in block]
        whole.look(block, names)
        if rank == 2:
            second.restore(json.loads(json.dumps(first.state())))
        (first if rank < 2 else second).look(block, names)
    assert second.state() == whole.state()
