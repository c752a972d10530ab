from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SourceError, UsageError
from streamsel.topic.cloudevent import Event, event_id

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ZONES = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)
NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).map(lambda name: f"x{name}")
EVENTS = st.builds(
    Event,
    *(TEXTS, TEXTS, TEXTS),
    time=st.none() | TIMES.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)),
    subject=TEXTS | st.just(""),
    content_type=TEXTS | st.just(""),
    dataref=TEXTS | st.just(""),
    sha256=TEXTS | st.just(""),
    extensions=st.dictionaries(NAMES, TEXTS, max_size=4),
)
PLAIN = Event("1", "cam", "streamsel.pick")


@given(EVENTS)
def test_headers_say_all_of_an_event(event: Event) -> None:
    headers = event.headers()
    assert Event.from_headers(headers) == event
    assert dict(headers)["ce_specversion"] == b"1.0"
    assert all(value for _, value in headers)


@given(EVENTS, st.lists(st.tuples(TEXTS.filter(lambda name: not name.lower().startswith("ce_")), st.binary())))
def test_other_headers_change_nothing(event: Event, others: list[tuple[str, bytes]]) -> None:
    others = [(name, value) for name, value in others if name.lower() != "content-type"]
    assert Event.from_headers([*others, *event.headers()]) == event


@given(st.lists(st.tuples(TEXTS | st.sampled_from(["ce_id", "ce_time", "ce_specversion"]), st.none() | st.binary())))
def test_any_headers_are_an_event_or_none_or_wrong(headers: list[tuple[str, bytes | None]]) -> None:
    try:
        event = Event.from_headers(headers)
    except SourceError:
        return
    assert event is None or event.id


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ce_specversion", b"0.3", "expected 1.0"),
        ("ce_time", b"yesterday", "expected a time"),
        ("ce_time", b"0001-01-01T00:00:00+14:00", "expected a time"),
        ("ce_time", b"9999-12-31T23:59:59-14:00", "expected a time"),
        ("ce_id", b"\xff", "UTF-8"),
        ("ce_id", b"", "needs id"),
    ],
)
def test_wrong_headers_are_one_clear_line(name: str, value: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        Event.from_headers([*PLAIN.headers(), (name, value)])


@pytest.mark.parametrize("text", [b"2026-01-31T12:00:00Z", b"2026-01-31T13:00:00.000000000+01:00"])
def test_times_as_others_write_them(text: bytes) -> None:
    event = Event.from_headers([*PLAIN.headers(), ("ce_time", text)])
    assert event is not None
    assert event.time == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Large", "a-b", "", "time", "datacontenttype"])
def test_extensions_have_names_that_the_standard_allows(name: str) -> None:
    with pytest.raises(UsageError, match="no name for an extension"):
        Event("1", "cam", "streamsel.pick", extensions={name: "x"})


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(UsageError, match="zone"):
        Event("1", "cam", "streamsel.pick", time=datetime(2026, 1, 31))


FACTS = st.tuples(TEXTS, TEXTS, st.integers(), TEXTS, TEXTS)


@given(FACTS, FACTS)
def test_ids_tell_apart_just_what_differs(
    one: tuple[str, str, int, str, str], other: tuple[str, str, int, str, str]
) -> None:
    assert (event_id(*one) == event_id(*other)) == (one == other)


def test_an_id_stays_what_it_was() -> None:
    """Others keep it, so another release must find the same."""
    assert event_id("clips/a.mp4", "", 512, "lite0") == "5811bcc59e5b7e136e983d5c4dc69300"
