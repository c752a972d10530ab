"""Threads of live sources, before real cameras on this machine that come, go, hang and fall silent."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from signal import SIGSTOP

import av
import numpy as np
import pytest

from streamsel.config.edge_source import EdgeSource
from streamsel.data import Source
from streamsel.decode.live import LiveDecoder
from streamsel.edge import Begin, Seen
from streamsel.edge.feeds import feed, keepable, pace, retrying
from streamsel.edge.feeds.connection import Connection
from streamsel.edge.feeds.feed import LiveFeed
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.feeds.opening import opened
from streamsel.edge.inbox import Inbox
from streamsel.edge.standing import Standing
from streamsel.testing.servers import camera
from streamsel.testing.videos import moving_picture, scenes

SIZE = 64, 48


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A second and a half."""
    return scenes(tmp_path_factory.mktemp("film") / "film.mp4", range(3), 13, options={"bf": "0"})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(retrying, "SHORTEST", 0.1)


class Trial:
    """A feed, and the loop that takes what it puts. url: where it connects, which may change; or a file that stands
    for a pipe or a device."""

    def __init__(self, url: str, *, begin: Begin | None = None, queue: int = 64_000_000, **facts: object) -> None:
        self.url, self.opened = url, 0
        self.faults: list[Exception] = []
        kind = {} if facts.keys() & {"pipe", "device"} else {"url": "rtsp://127.0.0.1/camera"}
        self.source = EdgeSource(**{"name": "gate", "stall": 1.0, **kind, **facts})
        self.standing, self.inbox, self.stopping = Standing("gate"), Inbox(queue), threading.Event()
        self.seen: list[Seen] = []
        self.feed = LiveFeed(
            7,
            self.source,
            self.inbox,
            self.standing,
            begin=begin or Begin(),
            size=SIZE,
            threads=1,
            stopping=self.stopping,
            open_source=self.open,
        )

    def open(self, source: EdgeSource, *, threads: int) -> LiveDecoder:
        self.opened += 1
        if self.faults:
            raise self.faults.pop()
        if source.url is None:
            return LiveDecoder(Source(source.name, self.url, "live"), threads=threads)
        return opened(source.model_copy(update={"url": self.url}), threads=threads)

    def until(self, reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not reached():
            assert time.monotonic() < deadline, self.standing
            self.seen += self.inbox.take(100, 0.05)

    def until_seen(self, count: int) -> None:
        self.until(lambda: len(self.seen) >= count)

    def __enter__(self) -> Trial:
        self.feed.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self.feed.join(60)
        assert not self.feed.is_alive()


@pytest.fixture
def said(caplog) -> Callable[[str], list[dict]]:
    """The facts of each line that was logged of an event."""
    caplog.set_level(logging.INFO, "streamsel.daemon")
    return lambda event: [record.facts for record in caplog.records if record.getMessage() == event]


def at(port: int) -> str:
    return f"rtsp://127.0.0.1:{port}/camera"


def closed() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return at(one.getsockname()[1])


def test_a_camera_that_hangs_up_is_connected_again_and_counted_on(film, said):
    with camera(film) as (port, _), Trial(at(port)) as trial:
        trial.until_seen(50)
        assert (trial.standing.state, trial.standing.trouble) == ("live", "")
    first, second = (
        [one for one in trial.seen if (one.started == trial.seen[0].started) is whether] for whether in (True, False)
    )
    assert len(first) == 39
    assert [one.offset for one in trial.seen] == list(range(len(trial.seen)))
    assert all((one.place, one.part, one.last, one.segment) == (7, 0, True, None) for one in trial.seen)
    assert all((one.frame.mark.source, one.frame.mark.index) == ("gate", one.offset) for one in trial.seen)
    assert all(later.taken >= one.taken for one, later in pairwise(trial.seen))
    assert first[0].started < second[0].started
    assert (trial.standing.connects, trial.standing.losses) == (2, 1)
    assert trial.standing.problems.keys() <= {"missing pts"}
    assert trial.standing.frames == len(trial.seen) + trial.inbox.queued
    assert trial.standing.last >= trial.seen[-1].taken.timestamp()
    assert [facts["source"] for facts in said("connected")] == ["gate", "gate"]
    lost = said("lost")[0]
    assert lost["source"] == "gate"
    assert lost["reason"].startswith("the stream ended")
    assert 0.05 <= lost["pause"] <= 0.1


def test_crops_are_of_the_models_size(film):
    with Trial(str(film), pipe="mp4", begin=Begin(offset=1000)) as trial:
        trial.until(lambda: trial.standing.state == "ended" and not trial.inbox.queued)
    assert [one.offset for one in trial.seen] == list(range(1000, 1039))
    for one in trial.seen:
        assert one.crop.shape == (48, 64, 3)
        assert (one.crop == one.frame.picture.rgb(*SIZE)).all()


def test_what_the_mask_hides_is_in_the_picture_and_not_looked_at(film):
    with Trial(str(film), pipe="mp4", mask=("80:120:0:0",)) as trial:
        trial.until(lambda: trial.standing.state == "ended" and not trial.inbox.queued)
    one = trial.seen[0]
    assert isinstance(one.frame.picture, Masked)
    assert np.ptp(one.crop[:, :32]) == 0
    assert np.ptp(one.frame.picture.whole.rgb(*SIZE)[:, :32]) > 0


def test_a_pipe_that_ends_is_not_opened_again(film, said):
    with Trial(str(film), pipe="mp4") as trial:
        trial.until(lambda: not trial.feed.is_alive())
    assert (trial.standing.state, trial.standing.losses, trial.opened) == ("ended", 0, 1)
    assert said("ended") == [{"source": "gate"}]


def test_a_pipe_of_something_else_ends_with_the_reason(tmp_path, said):
    (tmp_path / "text").write_text("no video")
    with Trial(str(tmp_path / "text"), pipe="mp4") as trial:
        trial.until(lambda: not trial.feed.is_alive())
    assert (trial.standing.state, trial.standing.losses, trial.opened) == ("ended", 1, 1)
    assert said("ended")[0]["reason"] == trial.standing.trouble != ""


def test_a_camera_that_is_not_there_is_tried_until_it_comes(film, said):
    with camera(film) as (port, _), Trial(closed()) as trial:
        trial.until(lambda: trial.standing.losses == 2)
        assert trial.standing.state in ("waiting", "connecting")
        assert "connection refused" in trial.standing.trouble
        assert trial.standing.away
        trial.url = at(port)
        trial.until_seen(1)
        assert not trial.standing.away
        trial.until(lambda: trial.standing.state == "live")
    assert trial.seen[0].offset == 0
    assert trial.standing.connects == 1
    assert all(": connection refused; check the port" in facts["reason"] for facts in said("lost")[:2])


@pytest.mark.parametrize("how", ["dies", "falls silent"])
def test_a_camera_that_goes_away_is_noticed(film, said, how):
    with camera(film) as (port, process), Trial(at(port)) as trial:
        trial.until_seen(5)
        process.kill() if how == "dies" else process.send_signal(SIGSTOP)
        trial.until(lambda: trial.standing.losses)
        assert trial.standing.trouble
    assert said("lost")[0]["reason"]
    assert "run again" not in said("lost")[0]["reason"], "it does that itself"


def test_it_hangs_up_though_a_read_is_blocked(film):
    with camera(film) as (port, process), Trial(at(port), stall=3600) as trial:
        trial.until_seen(5)
        process.send_signal(SIGSTOP)
        trial.until(lambda: trial.inbox.queued == 0)
        trial.stopping.set()
        trial.feed.join(60)
        assert not trial.feed.is_alive()
    assert trial.standing.losses == 0


@pytest.fixture
def hanging(tmp_path) -> Iterator[str]:
    """What cannot be opened, nor given up: a FIFO that nobody writes to."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    yield str(path)
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    threads = [thread for thread in threading.enumerate() if thread.name == "read gate"]
    writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # opening returns
    time.sleep(0.2)
    os.close(writer)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_what_hangs_for_ever_is_left_and_not_piled_up(hanging, monkeypatch, film):
    monkeypatch.setattr(feed, "OPENING", 0.0)
    monkeypatch.setattr(feed, "GRACE", -0.8)
    monkeypatch.setattr(feed, "FAREWELL", 0.1)
    with Trial(hanging, device="/dev/video0") as trial:
        trial.until(lambda: "hang" in trial.standing.trouble)
        assert trial.opened == feed.MOST_LEFT
        assert trial.standing.losses == feed.MOST_LEFT + 1


def test_whatever_goes_wrong_the_thread_goes_on(film, said):
    with camera(film) as (port, _):
        trial = Trial(at(port))
        trial.faults = [MemoryError(), RuntimeError("rtsp://user:sesame@camera")]
        with trial:
            trial.until_seen(1)
    reasons = [facts["reason"] for facts in said("lost")][:2]
    assert reasons[0].startswith("unforeseen RuntimeError at test_live_feed.py:")
    assert reasons[1].startswith("unforeseen MemoryError at test_live_feed.py:")


def test_outside_of_its_hours_it_is_not_connected(film, said, monkeypatch):
    clock = [datetime(2026, 5, 4, 12, 0).astimezone()]
    monkeypatch.setattr(feed, "_now", lambda: clock[0])
    monkeypatch.setattr(feed, "NAP", 0.1)
    with camera(film) as (port, _), Trial(at(port), hours=("08:00-09:00", "18:00-20:00")) as trial:
        trial.until(lambda: trial.standing.state == "resting")
        assert trial.opened == 0
        clock[0] += timedelta(hours=7)
        trial.until_seen(3)
        clock[0] += timedelta(hours=7)
        trial.until(lambda: trial.standing.state == "resting")
        assert (trial.standing.losses, trial.standing.trouble) == (0, "")
    assert said("resting") == [{"source": "gate"}] * 2


def test_what_is_wrong_with_a_stream_is_counted_and_told_once(tmp_path, said):
    path = tmp_path / "two.ts"
    parts = [scenes(tmp_path / f"{width}.ts", (1,), 10, size=(width, 96), options={"bf": "0"}) for width in (128, 64)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with Trial(str(path), pipe="mpegts") as trial:
        trial.until(lambda: not trial.feed.is_alive())
    assert trial.standing.problems["resolution change"] == 1
    assert {"source": "gate", "reason": "resolution change"} in said("problem")


def test_what_does_not_fit_is_counted(film):
    with Trial(str(film), pipe="mp4", queue=200_000) as trial:
        trial.feed.join(60)
    trial.until(lambda: not trial.inbox.queued)
    assert trial.standing.dropped > 0
    assert trial.standing.frames == 39 == trial.standing.dropped + len(trial.seen)


def test_who_cannot_keep_up_looks_at_fewer_frames(film, said, monkeypatch):
    monkeypatch.setattr(pace, "BEHIND", 0.0)
    with Trial(str(film), pipe="mp4", queue=50_000) as trial:
        trial.feed.join(60)
    assert trial.standing.thinned == 8
    assert trial.standing.frames < 39
    assert [facts["thinned"] for facts in said("thinned")] == [2, 4, 8]


def test_of_a_connection_that_was_left_nothing_is_heard(film):
    heard, enough = [], threading.Event()

    def look(frame):
        heard.append(frame.mark.index)
        if len(heard) == 5:
            enough.set()

    connection = Connection("read gate", lambda: LiveDecoder(Source("gate", str(film), "live")), look, None)
    connection.start()
    enough.wait(60)
    connection.leave()
    count = len(heard)
    connection.join(60)
    assert heard == list(range(count))
    assert not connection.lost


def held() -> tuple[int, int]:
    """Open files and threads of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def test_connecting_again_and_again_leaves_nothing_behind(film, monkeypatch):
    monkeypatch.setattr(retrying, "SHORTEST", 0.01)
    monkeypatch.setattr(retrying, "LONGEST", 0.01)
    with Trial(str(film), device="/dev/video0") as trial:
        trial.until(lambda: trial.opened == 5)
        before = held()
        trial.until(lambda: trial.opened == 30)
        after = held()
    assert all(later <= earlier + 1 for earlier, later in zip(before, after, strict=True))
    assert [one.offset for one in trial.seen] == list(range(len(trial.seen)))
    assert len({one.started for one in trial.seen}) == len({one.offset // 39 for one in trial.seen})


@pytest.mark.parametrize("few", [{"every": 1000}, {"fps": "1/100"}])
def test_frames_that_are_few_are_no_silence(film, said, monkeypatch, few):
    monkeypatch.setattr(feed, "GRACE", -0.5)
    with camera(film) as (port, _), Trial(at(port), **few) as trial:
        trial.until(lambda: trial.standing.losses)
    assert said("lost")[0]["reason"].startswith("the stream ended")
    assert [one.offset for one in trial.seen] == [0]


BLANK = b"\0\0\0\1\x09\xf0\0\0\0\1\x41\x98\x06\x4f" + b"\x55" * 400 + b"\x80"
"""H.264 of which no picture comes: a delimiter, and a slice of a parameter set that was never sent."""


def fading(path, pictures, blanks):
    """MPEG-TS of so many pictures, 25 a second, and then of packets without any."""
    with av.open(str(path), "w", format="mpegts") as output:
        stream = output.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for step in range(pictures):
            frame = av.VideoFrame.from_ndarray(moving_picture(0, step), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = step, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        for step in range(pictures, pictures + blanks):
            packet = av.Packet(BLANK)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, step, step, Fraction(1, 25)
            output.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize("few", [{"every": 10_000}, {"fps": "1/10000"}])
def test_a_camera_that_sends_bytes_and_no_picture_is_noticed_though_few_are_looked_at(tmp_path, said, few):
    data, until = fading(tmp_path / "fading.ts", 50, 1000), threading.Event()
    pictures = len(data) - 188 * 1000

    def send(server):
        with server.accept()[0] as client, suppress(OSError):
            client.sendall(data[:pictures])
            for place in range(pictures, len(data), 188 * 4):
                client.sendall(data[place : place + 188 * 4])
                if until.wait(0.02):
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send, args=(server,))
        sender.start()
        with Trial(f"tcp://127.0.0.1:{server.getsockname()[1]}", **few) as trial:
            trial.until(lambda: trial.standing.losses)
            reason = said("lost")[0]["reason"]
        until.set()
        sender.join()
    assert reason.startswith("no frame came in ")
    assert [one.offset for one in trial.seen] == [0]


def wide(path):
    """Three pictures that are too wide for a JPEG."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 65_536, 64, "yuv420p"
        for level in (50, 100, 150):
            frame = av.VideoFrame.from_ndarray(np.full((96, 65_536), level, np.uint8), "yuv420p")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_pictures_that_no_jpeg_holds_are_turned_away_and_counted(tmp_path, said):
    with Trial(str(wide(tmp_path / "wide.mkv")), pipe="matroska") as trial:
        trial.until(lambda: not trial.feed.is_alive())
    assert (trial.standing.problems[keepable.TOO_LARGE], trial.standing.frames, trial.seen) == (3, 0, [])
    assert said("problem").count({"source": "gate", "reason": keepable.TOO_LARGE}) == 1
    assert trial.standing.last > 0


def test_a_mask_that_hides_all_is_refused_at_the_first_frame(film, caplog):
    caplog.set_level(logging.INFO)
    with camera(film) as (port, _), Trial(f"rtsp://127.0.0.1:{port}/camera", mask=["160:120:0:0"]) as trial:
        trial.until(lambda: trial.standing.losses)
        trial.until(lambda: trial.standing.state == "waiting")
        assert trial.standing.trouble.startswith("the mask hides all of its 160 x 120 picture; correct it")
        assert (trial.standing.connects, trial.seen) == (0, [])
    assert "lost" in caplog.messages
