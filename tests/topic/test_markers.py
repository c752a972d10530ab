"""Markers: only one's own say what arrived, so that a copy of a folder never takes another's records for its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import StateError
from streamsel.topic.markers import Marker, Past, checked

TOKENS = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(st.integers(0, 1 << 62), TOKENS)
def test_a_marker_is_read_as_it_was_sent(number, token):
    assert Marker.of(Marker(number, token).value()) == Marker(number, token)


@pytest.mark.parametrize("value", [b"", b"x y", b"-1 a", b"\xff", "\u0663 a".encode()])
def test_what_is_no_marker_is_refused(value):
    with pytest.raises(StateError, match="cannot be read"):
        Marker.of(value)


@given(*[st.integers(0, 20)] * 3, st.sampled_from("abc"))
def test_only_ones_own_marker_settles_what_waits(settled, handed, number, token):
    past, marker = Past(settled, handed, ("a", "b")), Marker(number, token)
    if number <= settled or (number <= handed and token != "c"):
        assert checked(marker, past, "topic") == marker
    else:
        with pytest.raises(StateError, match="a copy, or an older one"):
            checked(marker, past, "topic")
