"""BROKER/TOPIC is read as users write it, and what cannot be one is one clear line."""

from __future__ import annotations

import pytest

from streamsel.errors import UsageError
from streamsel.topic.address import Address


@pytest.mark.parametrize(
    ("text", "servers", "topic"),
    [
        ("localhost:9092/picks", ("localhost:9092",), "picks"),
        ("a.example:9092,b.example:9093/cam-1.picks", ("a.example:9092", "b.example:9093"), "cam-1.picks"),
        ("[::1]:9092/picks", ("[::1]:9092",), "picks"),
    ],
)
def test_an_address_is_read_and_written_alike(text, servers, topic):
    found = Address.parse(text)
    assert (found.servers, found.topic, str(found)) == (servers, topic, text)


@pytest.mark.parametrize(
    "text",
    ["", "picks", "localhost/picks", "localhost:9092", "localhost:0/a", "localhost:9092/..", "h:9092/a b", "h:99999/a"],
)
def test_what_is_no_address_says_so(text):
    with pytest.raises(UsageError) as error:
        Address.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["localhost:9092", "localhost:9092/", "a:9092,b:9093/", "a:9092/b:9093"])
def test_a_topic_that_is_missing_is_what_is_missing(text):
    with pytest.raises(UsageError, match=r"names no topic; expected BROKER/TOPIC"):
        Address.parse(text)


@pytest.mark.parametrize(
    "text",
    ["user:hunter2@HOST/frames", "user:hunter2,x@h:9092/a", "user:hun/ter2@h:9092/a", "h:9092/user:hunter2@x", "a:b@c"],
)
def test_a_password_in_an_address_is_not_shown(text):
    with pytest.raises(UsageError, match="without user and password") as error:
        Address.parse(text)
    assert "hun" not in str(error.value)
