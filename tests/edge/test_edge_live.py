"""The edge daemon as a process before real cameras that come, go, freeze and change, and killed while it looks."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
from PIL import Image

from streamsel.store.entries import EntryStore
from streamsel.testing.edge_telling import picks_in_state, status
from streamsel.testing.gate import Gate
from streamsel.testing.servers import web
from streamsel.testing.service_process import Running
from tests.edge.daemon import Daemon, film, pictures, wait_for_more
from tests.edge.made_disk import MadeDisk

pytestmark = pytest.mark.xdist_group("camera")

STALL = 3.0


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of ten seconds each, four new scenes a second, none of which is in another film."""
    folder = tmp_path_factory.mktemp("films")
    return [film(folder / f"{n}.mp4", range(100 * n, 100 * n + 40)) for n in range(4)]


@pytest.fixture
def daemon(tmp_path: Path, gate: Gate) -> Daemon:
    return Daemon(tmp_path, [{"name": "gate", "url": gate.url, "stall": STALL}], metrics="127.0.0.1:0")


def check(daemon: Daemon, source: str = "gate") -> None:
    """Of an ended one: ordinals without gaps, no id twice, pictures with their facts, and as many as the state says."""
    folder, known = daemon.folder / "picks" / source, picks_in_state(daemon.folder / "state", source)
    facts = [json.loads(path.with_name(f"{path.name}.json").read_text()) for path in folder.rglob("*.jpg")]
    assert {fact["ordinal"] for fact in facts} == set(range(known))
    assert len({fact["id"] for fact in facts}) == len(facts)
    assert len(facts) == known == len(list(folder.rglob("*.json")))


def standing(running: Running) -> dict[str, Any]:
    """Of the first source, as the page tells it."""
    return dict(status(running)["sources"][0])


def test_a_camera_that_was_away_is_looked_at_again(daemon: Daemon, gate: Gate, films: list[Path]) -> None:
    gate.shows(films[0])
    with daemon.started() as running:
        wait_for_more(running, daemon, 5)
        gate.goes()
        running.wait(lambda: len(running.events("lost")) >= 2)
        assert standing(running)["state"] in ("waiting", "connecting")
        assert "connection refused" in standing(running)["trouble"]
        gate.shows(films[1])
        running.wait(lambda: len(running.events("connected")) == 2)
        wait_for_more(running, daemon, 5)
        assert (standing(running)["state"], standing(running)["connects"]) == ("live", 2)
        assert running.stop() == 0
    assert len({fact["started"] for fact in daemon.facts()}) == 2
    check(daemon)


def test_a_camera_that_freezes_is_noticed_and_heard_when_it_thaws(
    daemon: Daemon, gate: Gate, films: list[Path]
) -> None:
    server = gate.shows(films[0])
    with daemon.started() as running:
        wait_for_more(running, daemon, 3)
        frozen = datetime.now(UTC)
        server.send_signal(SIGSTOP)
        running.wait(lambda: running.events("lost"))
        assert standing(running)["trouble"]
        assert standing(running)["state"] in ("waiting", "connecting")
        lost = running.events("lost")[0]
        assert (datetime.fromisoformat(lost["time"]) - frozen).total_seconds() < STALL + 1
        server.send_signal(SIGCONT)
        wait_for_more(running, daemon, 3)
        assert standing(running)["trouble"] == ""
        assert running.stop() == 0
    check(daemon)


def test_killed_at_any_moment_it_counts_on(daemon: Daemon, gate: Gate, films: list[Path]) -> None:
    dice = random.Random()
    for shown in films[:3]:
        gate.shows(shown)
        with daemon.started() as running:
            wait_for_more(running, daemon, 3)
            time.sleep(dice.uniform(0.0, 0.3))
            running.kill()
    gate.shows(films[3])
    with daemon.started() as running:
        wait_for_more(running, daemon, 6)
        assert running.stop() == 0
    assert pictures(daemon) > 12
    check(daemon)


def test_a_power_cut_loses_no_pick(tmp_path: Path, gate: Gate, films: list[Path]) -> None:
    """While a broker is away, so that nothing is synced for its sake."""
    away = {"server": "127.0.0.1:1", "topic": "picks"}
    daemon = Daemon(tmp_path, [{"name": "gate", "url": gate.url, "stall": STALL}], mqtt=away)
    disk = MadeDisk(tmp_path / "state", tmp_path / "made")
    for shown in films[:2]:
        gate.shows(shown)
        with daemon.started(disk.environment) as running:
            wait_for_more(running, daemon, 6)
            running.kill()
        disk.lose_power()
    gate.shows(films[2])
    with daemon.started() as running:
        wait_for_more(running, daemon, 6)
        assert running.stop() == 0
    check(daemon)
    assert waiting(daemon) == [fact["id"] for fact in daemon.facts()]


def waiting(daemon: Daemon) -> list[str]:
    """Ids of the events that wait for the broker."""
    store = EntryStore(daemon.folder / "state" / "state.db", ("mqtt",))
    try:
        return [one.id for one in store.outbox("mqtt").waiting(0, 1 << 30)]
    finally:
        store.close()


def test_a_stream_may_change_its_resolution(tmp_path: Path) -> None:
    parts = [film(tmp_path / f"{width}.ts", range(width, width + 6), width) for width in (128, 192)]
    (tmp_path / "two.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with web(tmp_path) as site:
        daemon = Daemon(tmp_path, [{"name": "gate", "url": f"{site}/two.ts"}], metrics="127.0.0.1:0")
        with daemon.started() as running:
            wait_for_more(running, daemon, 9)
            running.wait(lambda: running.events("problem"))
            assert standing(running)["problems"]["resolution change"] >= 1
            assert running.stop() == 0
    assert {picture.size[0] for picture in map(Image.open, (tmp_path / "picks").rglob("*.jpg"))} == {128, 192}
    check(daemon)


@contextmanager
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield f"rtsp://127.0.0.1:{one.getsockname()[1]}/camera"


def test_a_camera_that_never_answers_holds_nobody_up(tmp_path: Path, gate: Gate, films: list[Path]) -> None:
    gate.shows(films[0])
    with silent() as nowhere:
        daemon = Daemon(tmp_path, [{"name": "dead", "url": nowhere}, {"name": "gate", "url": gate.url}])
        daemon.write({**daemon.config, "metrics": "127.0.0.1:0"})
        with daemon.started() as running:
            wait_for_more(running, daemon, 8)
            assert standing(running)["state"] == "connecting"
            assert not running.events("lost")
            began = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - began < 10
    assert pictures(daemon, "dead") == 0
    check(daemon)
