from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamsel.errors import SourceError
from streamsel.signals.mismatch import MismatchError
from streamsel.signals.rle import LARGEST_MASK, area, check_runs, decode, encode

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(MASKS)
def test_what_is_encoded_is_decoded_equal(mask: npt.NDArray[np.bool_]) -> None:
    runs = encode(mask)
    assert check_runs(runs, "segmentation") == tuple(runs)
    assert np.array_equal(decode(runs, mask.shape[1], mask.shape[0]), mask)
    assert area(runs) == mask.sum()


def test_runs_go_along_rows_and_begin_with_zeros() -> None:
    mask = np.array([[False, True, True], [True, False, False]])
    assert encode(mask) == [1, 3, 2]
    assert encode(~mask) == [0, 1, 3, 2]


def test_runs_may_be_empty_in_between() -> None:
    assert decode([0, 1, 0, 2, 1], 2, 2).tolist() == [[True, True], [True, False]]


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(SourceError, match="6 pixels does not fit a frame of 2 x 2"):
        decode([1, 3, 2], 2, 2)


@pytest.mark.parametrize("runs", [None, [], "1 2", [1, -2], [1.5, 2], [True, 2], [1, [2]], {"counts": [1]}])
def test_what_are_no_runs_is_refused(runs: object) -> None:
    with pytest.raises(MismatchError, match=r"segmentation: expected run lengths"):
        check_runs(runs, "segmentation")


def test_a_bomb_is_refused_before_memory_is_allocated() -> None:
    with pytest.raises(MismatchError, match=f"at most {LARGEST_MASK} pixels"):
        check_runs([0, 10**15], "segmentation")
