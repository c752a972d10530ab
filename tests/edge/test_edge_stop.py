"""A stop while many pictures are written: it takes place, systemd hears of life, and nothing decided is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from signal import SIGTERM

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.edge import loop
from streamsel.edge.keeping.due import DUE, WRITING, Due, write_due
from streamsel.edge.keeping.pictures import Pictures
from streamsel.errors import StateError
from streamsel.store.entries import Committed, EntryStore
from streamsel.testing.edge_telling import picks_in_state
from streamsel.testing.service_process import wait_for
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon
from tests.edge.edge_trial import CUTS, OUTBOXES, KilledError, Trial, material, outcome
from tests.edge.sequence_trial import DIVERSE, of_sequences
from tests.edge.test_edge_notify import heard

SLOW = 0.25
"""Seconds that a picture takes: all of a sequence much longer than a stop waits for."""
LENGTH = 60


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, dict[str, object]]:
    """By whether sequences are picked."""
    folders = {sequences: tmp_path_factory.mktemp("undisturbed") for sequences in (False, True)}
    for sequences, folder in folders.items():
        trial(folder, sequences).run(material())
    return {sequences: outcome(folder) for sequences, folder in folders.items()}


def trial(folder: Path, sequences: bool, cuts=(30,), faults=()) -> Trial:
    made = {"made": of_sequences(), "other": of_sequences()} if sequences else {}
    return Trial(folder, cuts, faults=faults, **made)


@contextmanager
def stopped_behind(run: Trial, number: int) -> Iterator[None]:
    """Within, a stop that leaves no time is asked for when so many pictures are written."""
    with pytest.MonkeyPatch.context() as patched:
        put, count = Pictures.put, iter(range(1, 1 << 30))

        def counted(pictures: Pictures, due: Due) -> None:
            put(pictures, due)
            if next(count) == number:
                run.stopping.set()

        patched.setattr(Pictures, "put", counted)
        patched.setattr(loop, "GRACE", 0.0)
        yield


@settings(max_examples=12)
@given(st.booleans(), st.integers(1, 30), CUTS, st.none() | st.integers(0, 12))
def test_stopped_behind_any_picture_it_goes_on_with_the_same(fresh, undisturbed, sequences, number, cuts, kill) -> None:
    """Also where it is killed before it could note what is due."""
    folder = fresh()
    faults = [] if kill is None else [*[None] * kill, KilledError]
    run = trial(folder, sequences, cuts, faults)
    with stopped_behind(run, number), suppress(KilledError):
        run.run(material())
    trial(folder, sequences).run(material())
    assert outcome(folder) == undisturbed[sequences]
    store = EntryStore(folder / "state.db", OUTBOXES)
    assert store.keys(DUE) == []
    store.close()


def test_what_is_due_stays_until_it_is_written(tmp_path: Path) -> None:
    run = trial(tmp_path, True)
    with stopped_behind(run, 4):
        run.run(material())
    store = EntryStore(tmp_path / "state.db", OUTBOXES)
    due = store.keys(DUE)
    assert due
    assert not store.note(WRITING)
    assert not [file for file in due if (tmp_path / "picks" / file.decode()).exists()]
    sent = [one.about.encode() for one in store.outbox("kafka").waiting(0, 1 << 40)]
    assert {*due} < {*sent}, "whoever reads Kafka is told of them, too"
    store.commit(Committed(entries={DUE: {due[0]: b"nonsense"}}))
    with pytest.raises(StateError, match="still to be written is damaged"):
        write_due(store, lambda due: None, lambda: None)
    assert store.keys(DUE) == due
    store.close()


class Piped:
    """A daemon that is given a film by a pipe, on a slow disk."""

    def __init__(self, folder: Path) -> None:
        worker = {"selected_sequence_length": LENGTH}
        selection = {"selection_config": {"strategies": [DIVERSE]}, "worker_config": worker}
        source = {"name": "door", "pipe": "mpegts"}
        self.daemon = Daemon(folder, [source], selection=selection, min_distance=None, target_ratio=1.0)
        self.daemon.write({**self.daemon.config, "mqtt": {"server": "127.0.0.1:1"}})
        self.log = folder / "log"

    @contextmanager
    def started(self, film: Path, ear: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """The pipe stays open behind the film."""
        told = {"NOTIFY_SOCKET": ear, "WATCHDOG_USEC": "2000000"}
        command = [sys.executable, "-m", "tests.edge.slowed", str(SLOW), str(self.daemon.file)]
        root = Path(__file__).parents[2]
        with self.log.open("wb") as log:
            process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stderr=log, env={**os.environ, **told})
        try:
            process.stdin.write(film.read_bytes())
            process.stdin.flush()
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def pictures(self) -> int:
        return len(list((self.daemon.folder / "picks").rglob("*.jpg")))


@pytest.fixture
def piped(tmp_path: Path) -> Piped:
    return Piped(tmp_path)


def test_a_stop_while_a_long_sequence_is_written_loses_nothing_of_it(piped: Piped, tmp_path: Path) -> None:
    film = scenes(tmp_path / "film.ts", range(10 * LENGTH // 12), codec="mpeg2video")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(str(tmp_path / "ear"))
        with piped.started(film, str(tmp_path / "ear")) as process:
            wait_for(lambda: piped.pictures)
            heard(ear)
            told: list[str] = []
            wait_for(lambda: told.extend(heard(ear)) or told.count("WATCHDOG=1") >= 3)
            assert piped.pictures < LENGTH, "it was heard of while they were written"
            process.send_signal(SIGTERM)
            assert process.wait(60) == 0, piped.log.read_text()
    written = piped.pictures
    assert 0 < written < LENGTH, "it did not wait for all of them"
    with piped.daemon.started() as running:  # whose pipe has ended
        assert running.process.wait(60) == 0
    (told_of,) = running.events("written after a stop")
    assert told_of["pictures"] == LENGTH - written
    facts = sorted(piped.daemon.facts(), key=lambda fact: fact["sequence"]["place"])
    assert [fact["sequence"]["place"] for fact in facts] == list(range(LENGTH))
    assert {fact["ordinal"] for fact in facts} == {0}
    assert picks_in_state(tmp_path / "state", "door") == 1
    store = EntryStore(tmp_path / "state" / "state.db", ("mqtt",))
    events = [json.loads(one.value or b"")["id"] for one in store.outbox("mqtt").waiting(0, 1 << 40)]
    store.close()
    assert events == [fact["id"] for fact in facts]


def test_a_pipe_that_ends_meanwhile_is_no_stop(piped: Piped, tmp_path: Path) -> None:
    film = scenes(tmp_path / "film.ts", range(LENGTH // 12 + 1), codec="mpeg2video")
    with piped.started(film) as process:
        process.stdin.close()
        assert process.wait(120) == 0, piped.log.read_text()
    assert piped.pictures == LENGTH
