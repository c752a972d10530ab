"""What is secret in the name of a source stays out of all that is made of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.plain_source import plain_source
from streamsel.topic import Message
from streamsel.topic.cloudevent import Event
from streamsel.topic.incoming import Incoming


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
        ("rtsp://u:12/w@h/x", "rtsp://h/x"),
        ("rtsp://h/user=admin&password=abc&channel=1.sdp", "rtsp://h/channel=1"),
        ("rtsp://h/user=admin_password=a/b_c_channel=2_stream=0.sdp?real_stream", "rtsp://h/channel=2&stream=0"),
        ("rtsp://h/live;password=abc/x", "rtsp://h/live"),
        ("rtsp://h/user%3Dadmin%26password%3Dabc", "rtsp://h"),
        ("rtsp://h/user=admin&password=a:b@c&channel=1.sdp", "rtsp://channel=1"),
        ("http://cam/a?channel=1&u=admin&p=abc&subtype=0", "http://cam/a?channel=1&subtype=0"),
        ("rtsp://10.0.0.5/live?channel=2", "rtsp://10.0.0.5/live?channel=2"),
        ("rtsp://10.0.0.5:554/live@2", "rtsp://10.0.0.5:554/live@2"),
        ("http://example.org/login/users/3", "http://example.org/login/users/3"),
        ("https://example.org/@door/cam", "https://example.org/@door/cam"),
        ("/plants/3/cam-1", "/plants/3/cam-1"),
        ("urn:cam:1", "urn:cam:1"),
        ("cam", "cam"),
    ],
)
def test_a_login_is_left_out_and_nothing_else(name: str, plain: str) -> None:
    assert plain_source(name) == plain


PIECES = st.lists(
    st.sampled_from([*"://@?#&;=_%[]1ax", "://", "u:p@", "pass", "user=", "channel=", "10.0.0.5", ":554", "%3D", "%40"])
).map("".join)


@given(st.text() | PIECES | PIECES.map("rtsp://{}".format))
def test_any_text_is_a_name_and_stays_as_it_was_left(name: str) -> None:
    assert plain_source(plain_source(name)) == plain_source(name)


SECRETS = st.text(min_size=1) | PIECES.filter(bool)


@given(SECRETS, SECRETS)
def test_no_user_and_no_password_comes_through(user: str, password: str) -> None:
    for host in ("10.0.0.6", "yard"):
        plain = plain_source(f"rtsp://{user}:{password}@{host}/live?channel=7")
        numbers = re.fullmatch(r"rtsp://((?:channel=[0-9]{1,3}&?)*)", plain)  # not known to be of the host
        assert plain == f"rtsp://{host}/live?channel=7" or numbers


@given(st.sampled_from("&_;/?"), SECRETS, st.sampled_from(["yard", "yard:554", "10.0.0.5:554"]))
def test_no_password_comes_through_a_path(parting: str, password: str, host: str) -> None:
    hidden = f"{password}hush"
    name = f"rtsp://{host}/user=admin{parting}password={hidden}{parting}channel=7.sdp"
    assert "hush" not in plain_source(name)
    assert "admin" not in plain_source(name)
    assert plain_source(name).endswith("channel=7")


def test_a_record_has_the_plain_name_of_its_camera() -> None:
    url = "rtsp://admin:hunter2@10.0.0.5/live"
    said = Message(0, 0, b"k", b"jpeg", Event("1", url, "frame").headers(), 0)
    keyed = Message(0, 0, url.encode(), b"jpeg", (), 0)
    for message in (said, keyed):
        assert Incoming("frames").carried(message).source == "rtsp://10.0.0.5/live"
