"""Windows and blocks: whole sequences, bounded memory, cuts that change nothing."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.data import Frame, Mark
from streamsel.embed.window import BLOCK_BYTES, BLOCK_FRAMES, Shrunk, blocks, windows
from streamsel.testing.sinks import FlatPicture


def frames(times: list[int], size: tuple[int, int] = (48, 32)) -> list[Frame]:
    return [Frame(Mark("v", i, pts, Fraction(1, 10)), FlatPicture((9, 9, 9), *size)) for i, pts in enumerate(times)]


@given(st.integers(0, 60), st.integers(1, 12))
def test_windows_hold_every_frame_once_in_order_and_count_the_ragged_tail(count, length):
    dropped: Counter[str] = Counter()
    made = list(windows(frames(list(range(count))), length, dropped))
    assert all(len(window) == length for window in made)
    assert [frame.mark.index for window in made for frame in window] == list(range(count - count % length))
    assert dropped["incomplete sequence"] == (count % length if length > 1 else 0)


def test_a_gap_in_time_starts_a_new_window():
    dropped: Counter[str] = Counter()
    made = list(windows(frames([0, 1, 2, 50, 51, 52, 53]), 2, dropped, max_gap=1.0))
    assert [[frame.mark.index for frame in window] for window in made] == [[0, 1], [3, 4], [5, 6]]
    assert dropped["incomplete sequence"] == 1


@given(st.integers(1, 70), st.integers(1, 5))
def test_blocks_keep_all_windows_in_order(count, length):
    made = list(windows(frames(list(range(count))), length, Counter()))
    cut = list(blocks(made, (8, 8)))
    assert [window for block in cut for window in block] == made
    assert all(len(block) * length < BLOCK_FRAMES + length for block in cut)


def test_large_frames_make_small_blocks():
    large = frames(list(range(6)), (3840, 2160))
    cut = list(blocks(windows(large, 1, Counter()), (8, 8)))
    assert [len(block) for block in cut] == [3, 3]
    assert BLOCK_BYTES > 2 * 3840 * 2160 * 3 // 2


def test_windows_too_large_for_memory_keep_what_the_judge_needs():
    large = frames(list(range(4)), (3840, 2160))
    [block] = list(blocks(windows(large, 4, Counter()), (8, 8)))
    pictures = [frame.picture for frame in block[0]]
    assert all(isinstance(picture, Shrunk) for picture in pictures)
    assert pictures[0].rgb(8, 8).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="only 8x8 was kept"):
        pictures[0].rgb(16, 16)


def test_live_pictures_too_large_for_memory_are_kept_encoded():
    large = frames(list(range(4)), (3840, 2160))
    [block] = list(blocks(windows(large, 4, Counter()), (8, 8), lambda picture: b"file"))
    assert [frame.picture.encoded for frame in block[0]] == [b"file"] * 4
