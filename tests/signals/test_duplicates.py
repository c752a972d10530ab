from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark, Source
from streamsel.decode.open import open_decoder
from streamsel.decode.picture import StillPicture
from streamsel.signals.digests import Digests
from streamsel.signals.duplicates import Duplicates, digest_of
from streamsel.signals.short_names import ShortNames
from streamsel.testing.sinks import FlatPicture
from streamsel.testing.videos import scenes

CONTENTS = st.lists(st.integers(0, 9), max_size=40)


def frames(contents: list[int]) -> tuple[list[Frame], list[str]]:
    """Frames of flat pictures, numbered alike where they look alike."""
    made = [Frame(Mark("sub/v.mp4", i, i, Fraction(1, 25)), FlatPicture((c, 0, 0))) for i, c in enumerate(contents)]
    return made, [f"sub/v-{i:03d}-mp4.png" for i in range(len(contents))]


def looked(duplicates: Duplicates, contents: list[int], size: int) -> list[str | None]:
    made, names = frames(contents)
    blocks = [slice(start, start + size) for start in range(0, len(contents), size)]
    return [first for block in blocks for first in duplicates.look(made[block], names[block])]


@given(CONTENTS, st.integers(1, 7))
def test_each_repeated_picture_names_the_first_one(contents: list[int], size: int) -> None:
    duplicates = Duplicates()
    names = frames(contents)[1]
    firsts = [contents.index(content) for content in contents]
    expected = [None if first == i else names[first] for i, first in enumerate(firsts)]
    assert looked(duplicates, contents, size) == expected
    rows = {name: first for name, first in zip(names, expected, strict=True) if first}
    assert (duplicates.listing.rows, duplicates.listing.total) == (rows, len(rows))


@given(CONTENTS, st.integers(0, 40), st.integers(1, 30))
def test_a_snapshot_restored_changes_nothing(contents: list[int], cut: int, remembered: int) -> None:
    made, names = frames(contents)
    whole, first, second = (Duplicates(remembered) for _ in range(3))
    expected = whole.look(made, names)
    found = first.look(made[:cut], names[:cut])
    plain, arrays = first.state()
    second.restore(json.loads(json.dumps(plain)), {name: array.copy() for name, array in arrays.items()})
    assert found + second.look(made[cut:], names[cut:]) == expected
    assert second.state()[0] == whole.state()[0]


def test_a_frame_looked_at_again_is_no_duplicate() -> None:
    made, names = frames([1, 2, 3])
    duplicates = Duplicates()
    for _ in range(2):
        assert duplicates.look(made, names) == [None] * 3
    assert duplicates.listing.total == 0


def test_a_frame_repeated_in_a_file_and_its_copy_is_found(tmp_path: Path) -> None:
    video = scenes(tmp_path / "a.mkv", (0, 0), 4, size=(37, 23), codec="ffv1", pixel_format="yuv444p")
    duplicates = Duplicates()
    for name in ("a", "b"):
        with open_decoder(Source(f"{name}.mkv", str(video))) as decoder:
            read = list(decoder.read())
        duplicates.look(read, [f"{name}-{frame.mark.index}-mkv.png" for frame in read])
    again = {f"a-{index}-mkv.png": f"a-{index - 4}-mkv.png" for index in range(4, 8)}
    copies = {f"b-{index}-mkv.png": f"a-{index % 4}-mkv.png" for index in range(8)}
    assert duplicates.listing.rows == again | copies


@pytest.mark.parametrize("place", [(0, 0, 0), (22, 36, 2), (11, 5, 1)])
def test_one_value_changed_makes_another_picture(place: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 37, 3), dtype=np.uint8)
    changed = pixels.copy()
    changed[place] ^= 1
    assert digest_of(StillPicture(pixels)) == digest_of(StillPicture(pixels.copy()))
    assert digest_of(StillPicture(pixels)) != digest_of(StillPicture(changed))


def test_a_flat_picture_of_another_shape_is_another_picture() -> None:
    shapes = [(48, 32), (32, 48), (24, 64)]
    assert len({digest_of(FlatPicture((1, 2, 3), *shape)) for shape in shapes}) == 3


@given(st.lists(st.integers(0, 60), max_size=300), st.integers(1, 40))
def test_the_latest_digests_are_known_and_memory_is_bounded(digests: list[int], most: int) -> None:
    known = Digests(most)
    values: dict[int, int] = {}
    latest: list[int] = []
    half = max(most // 2, 1)
    for step, digest in enumerate(digests):
        found = known.get(digest << 40)
        assert found is None or found == values[digest]
        assert found is not None or digest not in latest[-half:]
        if found is None:
            known.add(digest << 40, step)
            values[digest] = step
        latest = [*(other for other in latest if other != digest), digest]
        assert len(known) <= 4 * half


@given(st.lists(st.text(alphabet="a019-./\n é", max_size=30), max_size=20))
def test_short_names_are_given_back(names: list[str]) -> None:
    short = ShortNames()
    codes = [short.code(name) for name in names]
    again = ShortNames()
    again.restore(json.loads(json.dumps(short.state())))
    for table in (short, again):
        assert [table.name(code) for code in codes] == names
        assert [table.code(name) for name in names] == codes
    assert len(set(codes)) == len(set(names))
    assert all(0 <= code < 1 << 63 for code in codes)


def test_the_frames_of_a_video_share_one_pattern() -> None:
    short = ShortNames()
    for index in range(1000):
        short.code(f"sub/video_1-{index:04d}-mp4.png")
        short.code(f"cam-20260102T030405Z-{900_000_000 + 3600 * index}.jpg")
    assert len(short.state()["patterns"]) == 2
