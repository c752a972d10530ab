"""Counts, the page and log lines, without a broker."""

from __future__ import annotations

import io
import json
import logging
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest

from streamsel.daemon.log_lines import log_lines, say
from streamsel.daemon.metrics import Metrics
from streamsel.daemon.status_page import status_page
from streamsel.errors import UsageError
from streamsel.ingest.journal import Journal
from streamsel.ingest.work import Done
from streamsel.lanes.deciding import Open, Span


def value(metrics: Metrics, name: str) -> float:
    lines = metrics.page().decode().splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} "))


def test_what_was_done_is_counted() -> None:
    metrics = Metrics(now=lambda: 10.0)
    done = Done(picked=[7_000], messages=4, nbytes=100, frames=3, unusable=2, dead=1)
    Journal(metrics).committed(done, 0.25)
    assert [metrics.count(name) for name in ("records", "frames", "picks", "unusable", "dead")] == [4, 3, 1, 2, 1]
    assert metrics.count("bytes") == 100
    assert value(metrics, "streamsel_record_to_pick_seconds_sum") == 3.0
    assert value(metrics, "streamsel_transaction_seconds_sum") == 0.25
    assert value(metrics, "streamsel_pick_ratio") == pytest.approx(1 / 3)


def test_windows_that_were_chosen_and_picks_that_were_lost_are_told(caplog: pytest.LogCaptureFixture) -> None:
    metrics, window = Metrics(), Open(Span(1.7e9 // 60 * 60, 1.7e9 // 60 * 60 + 60), 48)
    with caplog.at_level(logging.INFO, "streamsel.daemon"):
        Journal(metrics).committed(Done(ended=[(3, window, 9)], troubles=[(3, "nothing to balance")]), 0.1)
        Journal(metrics).committed(Done(lost=2, dead=1, complaint="3/5: was picked"), 0.1)
    begin, end = "2023-11-14T22:13:00+00:00", "2023-11-14T22:14:00+00:00"
    assert [(one.getMessage(), one.facts) for one in caplog.records] == [
        ("chosen", {"partition": 3, "begin": begin, "end": end, "candidates": 48, "picks": 9}),
        ("window chosen by distance alone", {"partition": 3, "reason": "nothing to balance"}),
        ("picks lost", {"picks": 2, "last": "3/5: was picked"}),
    ]
    assert metrics.count("lost") == 2


def test_only_partitions_of_ours_are_behind() -> None:
    metrics = Metrics()
    metrics.behind({0: 5, 1: 0})
    metrics.behind({1: 7})
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith("streamsel_lag_records{")]
    assert lines == ['streamsel_lag_records{partition="1"} 7.0']


def test_a_loop_that_stands_still_is_ill() -> None:
    now = [0.0]
    metrics = Metrics(now=lambda: now[0])
    now[0] = 59.0
    assert metrics.illness == ""
    now[0] = 61.0
    assert metrics.illness == "the loop stands still"
    metrics.turned()
    assert metrics.illness == ""


def hosts() -> list[str]:
    """This machine's own, by each family of addresses that it has."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ["127.0.0.1", "localhost"]
    return ["127.0.0.1", "localhost", "[::1]"]


@pytest.mark.parametrize("host", hosts())
def test_the_page_is_there_for_every_kind_of_address(host: str) -> None:
    with (
        status_page(f"{host}:0", Metrics()) as port,
        urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer,
    ):
        assert b"streamsel_records_total 0.0" in answer.read()


def test_an_address_that_is_taken_is_one_line() -> None:
    with (
        status_page("127.0.0.1:0", Metrics()) as port,
        pytest.raises(UsageError, match=rf"metrics: cannot listen on 127\.0\.0\.1:{port}"),
        status_page(f"127.0.0.1:{port}", Metrics()),
    ):
        pass


def test_a_line_a_minute_tells_what_came_since_the_last(tmp_path: Path) -> None:
    stream = io.StringIO()
    journal = Journal(Metrics(), every=0.0)
    with log_lines("json", stream):
        journal.committed(Done(messages=4, frames=4), 0.1)
        journal.turned({0: 2, 1: 3}, {1, 0})
        journal.committed(Done(messages=1, frames=1), 0.1)
        journal.turned({}, ())
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["records"], line["lag"]) for line in lines] == [
        ("working", 4, 5),
        ("waiting for partitions", 1, 0),
    ]


def test_lag_is_not_told_where_nobody_knows_it(tmp_path: Path) -> None:
    stream, metrics = io.StringIO(), Metrics()
    journal = Journal(metrics, every=0.0)
    with log_lines("json", stream):
        journal.turned({0: 2}, {0, 1})
        journal.turned({}, {0, 1}, "no broker answers: connection refused")
        journal.summary({}, {0, 1})
        assert (metrics.illness, value(metrics, "streamsel_broker_answers")) == ("no broker answers", 0.0)
        journal.turned({0: 0, 1: 0}, {0, 1})
        assert (metrics.illness, value(metrics, "streamsel_broker_answers")) == ("", 1.0)
    first, told, again, later, back, last = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["lag"], first["lag_unknown"]) == (2, [1])
    assert {one["event"] for one in (told, again, later)} == {"no broker answers"}
    assert "lag" not in {**told, **again, **later}
    assert (back["event"], last["event"], last["lag"]) == ("a broker answers again", "working", 0)


@pytest.mark.parametrize("style", ["text", "json"])
def test_whatever_is_told_is_one_line(style: str) -> None:
    stream = io.StringIO()
    with log_lines(style, stream):  # type: ignore[arg-type]
        say("went wrong", logging.WARNING, reason='two\nlines "quoted"', partitions=[1, 2], nothing=[])
    (line,) = stream.getvalue().splitlines()
    assert "went wrong" in line
    if style == "json":
        assert json.loads(line)["reason"] == 'two\nlines "quoted"'


def test_lines_come_also_where_some_were_said_before() -> None:
    stream = io.StringIO()
    say("before")
    with log_lines("text", stream):
        say("inside")
    assert "inside" in stream.getvalue()


def test_lines_end_with_the_service() -> None:
    stream = io.StringIO()
    with log_lines("text", stream):
        say("inside")
    say("outside")
    assert "outside" not in stream.getvalue()


def test_poison_is_told_of_but_not_each_time() -> None:
    stream = io.StringIO()
    journal = Journal(Metrics())
    with log_lines("json", stream):
        for offset in range(3):
            journal.committed(Done(messages=1, dead=1, complaint=f"0/{offset}: is empty"), 0.1)
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["last"]) == ("dead letters", "0/0: is empty")
