"""What is secret in the name of a source stays out of all that is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming
from streamsel.topic.plain_source import plain_source


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("rtsp://admin:hunter2@10.0.0.5/live", "rtsp://10.0.0.5/live"),
        ("rtsp://admin:hunter2@10.0.0.5:554/live?channel=1", "rtsp://10.0.0.5:554/live?channel=1"),
        ("rtsp://admin:hun@ter2@[::1]:554/live", "rtsp://[::1]:554/live"),
        ("rtsp://admin:hun/ter2@10.0.0.5/live", "rtsp://10.0.0.5/live"),
        ("rtsp://admin:hun#ter2@10.0.0.5/live", "rtsp://10.0.0.5/live"),
        ("http://cam/a?user=admin&password=hunter2", "http://cam/a"),
        ("http://cam/a#token=hunter2", "http://cam/a"),
        ("rtsp://10.0.0.5/live?channel=2", "rtsp://10.0.0.5/live?channel=2"),
        ("https://example.org/@door/cam", "https://example.org/@door/cam"),
        ("/plants/3/cam-1", "/plants/3/cam-1"),
        ("urn:cam:1", "urn:cam:1"),
        ("cam", "cam"),
    ],
)
def test_a_login_is_left_out_and_nothing_else(name: str, plain: str) -> None:
    assert plain_source(name) == plain


@given(st.text())
def test_any_text_is_a_name_and_stays_as_it_was_left(name: str) -> None:
    assert plain_source(plain_source(name)) == plain_source(name)


def test_a_record_has_the_plain_name_of_its_camera() -> None:
    url = "rtsp://admin:hunter2@10.0.0.5/live"
    said = Message(0, 0, b"k", b"jpeg", Event("1", url, "frame").headers(), 0)
    keyed = Message(0, 0, url.encode(), b"jpeg", (), 0)
    for message in (said, keyed):
        assert Incoming("frames").carried(message).source == "rtsp://10.0.0.5/live"
