"""The page of an edge service, over real HTTP."""

from __future__ import annotations

import io
import json
import math
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pytest
from PIL import Image

from streamsel.data import Box
from streamsel.edge.showing.board import MOST_SHOWN, Board, Disk, Outbound
from streamsel.edge.showing.page import edge_page
from streamsel.edge.standing import Standing, Tally
from streamsel.errors import UsageError
from streamsel.lanes.deciding import Open, Span
from streamsel.testing.videos import moving_picture

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
NASTY = "<img src=x onerror=alert(1)>'\"&</script>"


def asked(
    port: int | None, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body; the path goes out just as it is given."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def status(port: int | None) -> dict[str, Any]:
    code, headers, body = asked(port, "/status.json")
    assert (code, headers["Content-Type"]) == (200, "application/json")
    told: dict[str, Any] = json.loads(body)
    return told


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board([Standing("door", state="live", last=995.0), Standing(NASTY)], model="lite0", now=clock, ticks=clock)


@pytest.fixture
def port(board: Board) -> Iterator[int | None]:
    with edge_page("127.0.0.1:0", board) as port:
        yield port


def pick(board: Board, count: int = 1, size: tuple[int, int] = (640, 360), distance: float | None = 0.25) -> None:
    for scene in range(count):
        board.picked("door", NOON, "novel", distance, moving_picture(scene, 0, size))


def test_the_page_is_one_file_that_says_nothing_of_sources(port: int | None, board: Board) -> None:
    code, headers, before = asked(port, "/")
    board.standings[0].trouble = NASTY
    pick(board)
    assert asked(port, "/")[2] == before
    assert (code, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(rb"(?:src|href)=.?(?:https?:|//)|@import|url\(", before), "something comes from elsewhere"
    assert not re.search(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", before)


def test_nothing_but_the_pages_own_script_may_run(port: int | None) -> None:
    policy = asked(port, "/")[1]["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='$", policy)
    assert "unsafe" not in policy


def test_how_sources_stand_is_told(port: int | None, board: Board, clock: Clock) -> None:
    door = board.standings[0]
    door.frames, door.rate, door.trouble, door.problems = 12, 4.999, "gone", Counter({"no key frame": 2})
    door.incomplete, door.decided = 4, Tally(looked=2500, picks=25)
    door.window = Open(Span(NOON.timestamp() - 60, datetime(2026, 11, 21, 13, tzinfo=UTC).timestamp()), 7)
    clock.value += 2.5
    first, second = status(port)["sources"]
    assert first == {
        "name": "door", "state": "live", "trouble": "gone", "connects": 0, "losses": 0, "segments": 0, "frames": 12,
        "held": 0, "dropped": 0, "thinned": 1, "picks": 0, "rate": 5.0, "since": 7.5, "problems": {"no key frame": 2},
        "window": {"candidates": 7, "ends": "2026-11-21T13:00:00.000Z"}, "decided": {"looked": 2500, "picks": 25},
        "clips": 0, "clips_short": 0, "clips_given_up": 0, "incomplete": 4,
    }  # fmt: skip
    assert (second["name"], second["since"], second["window"]) == (NASTY, None, None)


def test_queue_disk_and_outboxes_are_told() -> None:
    board = Board(
        [],
        queued=lambda: 3,
        nbytes=lambda: 300,
        waiting=lambda: (2, 200),
        disk=lambda: Disk(1, 2, 3, "cannot be made smaller"),
        outboxes=lambda: [Outbound("mqtt", 4, 5, 6, 7, "no route")],
    )
    board.turned()
    with edge_page("127.0.0.1:0", board) as port:
        told = status(port)
    assert told["queue"] == {"frames": 3, "bytes": 300}
    assert told["waiting"] == {"frames": 2, "bytes": 200}
    assert told["disk"] == {"bytes": 1, "free": 2, "removed": 3, "trouble": "cannot be made smaller"}
    assert told["outboxes"] == [
        {"name": "mqtt", "waiting": 4, "bytes": 5, "delivered": 6, "dropped": 7, "trouble": "no route"}
    ]


def test_disk_and_outboxes_are_looked_at_by_the_loop_alone_and_seldom(clock: Clock) -> None:
    looks: list[int] = []
    board = Board([], disk=lambda: looks.append(threading.get_ident()) or Disk(), now=clock, ticks=clock)  # type: ignore[func-returns-value]
    with edge_page("127.0.0.1:0", board) as port:
        for _ in range(30):  # turns of a tenth of a second
            board.turned()
            status(port)
            clock.value += 0.1
    assert 3 <= len(looks) <= 4
    assert set(looks) == {threading.get_ident()}


def test_a_disk_that_is_away_does_not_stop_the_loop() -> None:
    def gone() -> Disk:
        raise OSError("stale handle")

    board = Board([], disk=gone, outboxes=lambda: [Outbound("mqtt", 1)])
    board.turned()
    assert (board.disk, board.outboxes) == (Disk(), (Outbound("mqtt", 1),))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:s3cret@cam.local:554/live?token=s3cret gone", "rtsp://cam.local:554/live gone"),
        ("cannot open rtsp://a:s3cret@s3cret@h/x", "cannot open rtsp://h/x"),
        ("'https://h/s.m3u8?key=s3cret#s3cret' and HTTP://u:s3cret@h", "'https://h/s.m3u8' and HTTP://h"),
        ("rtsp://h/user=me&password=s3cret&channel=1.sdp gone", "rtsp://h/channel=1 gone"),
        ("nothing: to/hide@all", "nothing: to/hide@all"),
    ],
)
def test_no_password_is_shown(port: int | None, board: Board, text: str, shown: str) -> None:
    door = board.standings[0]
    door.trouble, door.problems = text, Counter({text: 1})
    told = status(port)["sources"][0]
    assert (told["trouble"], list(told["problems"])) == (shown, [shown])
    assert b"s3cret" not in b"".join(asked(port, path)[2] for path in ("/status.json", "/metrics", "/"))


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (100, 80), (360, 640), (3000, 2), (2, 3000), (1, 1)])
def test_thumbnails_are_small_and_keep_their_shape(port: int | None, board: Board, size: tuple[int, int]) -> None:
    pick(board, size=size)
    code, headers, body = asked(port, f"/{status(port)['picks'][0]['picture']}")
    assert (code, headers["Content-Type"]) == (200, "image/jpeg")
    width, height = Image.open(io.BytesIO(body)).size
    assert width == min(size[0], 320) or height == 640
    assert abs(width * size[1] - height * size[0]) <= max(size)


def test_the_latest_picks_are_kept_and_no_more(port: int | None, board: Board) -> None:
    pick(board, MOST_SHOWN + 6, size=(64, 48))
    picks = status(port)["picks"]
    assert [one["number"] for one in picks] == list(range(MOST_SHOWN + 6, 6, -1))
    assert asked(port, "/picks/6.jpg")[0] == 404
    assert asked(port, "/picks/7.jpg")[0] == 200
    assert picks[0] == {
        "number": 30, "source": "door", "taken": "2026-11-21T12:00:00.250Z", "reason": "novel", "distance": 0.25,
        "object": None, "picture": "picks/30.jpg",
    }  # fmt: skip


def test_an_object_is_told_by_what_it_is(port: int | None, board: Board) -> None:
    label = f"car rtsp://me:s3cret@h {NASTY}"
    board.picked("door", NOON, "novel", 0.1, moving_picture(0, 0, (20, 9)), Box(1, 2, 20, 9, label, 0.5, 3, "cars"))
    told = status(port)["picks"][0]["object"]
    assert {**told, "label": ""} == {"task": "cars", "number": 3, "label": "", "score": 0.5}
    assert told["label"] == label.replace("me:s3cret@", "")


@pytest.mark.parametrize("distance", [None, math.inf, math.nan])
def test_a_first_pick_is_far_from_nothing(port: int | None, board: Board, distance: float | None) -> None:
    pick(board, distance=distance)
    assert status(port)["picks"][0]["distance"] is None


def test_the_picture_of_a_pick_may_change_afterwards(port: int | None, board: Board) -> None:
    pixels = np.full((48, 64, 3), 200, np.uint8)
    board.picked("door", NOON, "novel", 0.1, pixels)
    pixels[:] = 0
    assert np.asarray(Image.open(io.BytesIO(asked(port, "/picks/1.jpg")[2]))).min() > 190


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/picks/", "/picks/0.jpg", "/picks/1.png", "/picks/../../etc/passwd", "/picks/%2e%2e/1.jpg",
     "/picks/9999999999999999999999.jpg", "/picks/01.jpg", "/picks/%31.jpg", "//etc/hosts", "/status.json/", "*"],
)  # fmt: skip
def test_what_is_not_there_is_said(port: int | None, board: Board, path: str) -> None:
    pick(board)
    code, _, body = asked(port, path)
    assert (code, body[:9]) == (404, b"there are")


def test_health_is_that_of_the_loop_not_of_cameras(port: int | None, board: Board, clock: Clock) -> None:
    board.standings[0].state, board.standings[0].trouble = "waiting", "no route to host"
    board.turned()
    assert asked(port, "/healthz")[::2] == (200, b"ok\n")
    clock.value += 59
    assert asked(port, "/healthz")[0] == 200
    clock.value += 16
    assert asked(port, "/healthz")[::2] == (503, b"the loop has stood still for 75 s\n")
    assert not status(port)["healthy"]
    board.turned()
    assert asked(port, "/healthz?verbose=1")[0] == 200


def test_metrics_are_beside_it(port: int | None) -> None:
    code, headers, body = asked(port, "/metrics")
    assert code == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b'streamsel_edge_frames_total{source="door"} 0.0' in body


@pytest.mark.parametrize(
    ("host", "code"),
    [("localhost:80", 200), ("127.0.0.1", 200), ("[::1]:9", 200), ("evil.example", 403), ("localhost.evil", 403)],
)
def test_another_site_cannot_read_it_by_a_name_of_its_own(port: int | None, host: str, code: int) -> None:
    assert asked(port, "/status.json", {"Host": host})[0] == code


def test_many_may_look_while_it_works(port: int | None, board: Board) -> None:
    failures: list[object] = []

    def look() -> None:
        for _ in range(10):
            told = status(port)
            numbers = [one["number"] for one in told["picks"]]
            if numbers != sorted(numbers, reverse=True) or len(numbers) > MOST_SHOWN:
                failures.append(numbers)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    pick(board, 60, size=(64, 48))
    for thread in threads:
        thread.join()
    assert not failures


def test_without_an_address_nothing_is_served(board: Board) -> None:
    with edge_page(None, board) as port:
        assert port is None


def test_an_address_that_is_taken_is_one_line(port: int | None, board: Board) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"), edge_page(f"127.0.0.1:{port}", board):
        pass
