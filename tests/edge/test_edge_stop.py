"""A stop while many pictures are written: it takes place, systemd hears of life, and nothing decided is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.edge import Seen, Segment, loop
from streamsel.edge.keeping.due import AT_ONCE, DUE, WRITING, Due, write_due
from streamsel.edge.keeping.pictures import Pictures
from streamsel.errors import StateError
from streamsel.lanes.breath import silent
from streamsel.store.entries import Committed, EntryStore
from streamsel.testing.edge_telling import picks_in_state
from streamsel.testing.service_process import wait_for
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon
from tests.edge.edge_trial import CUTS, NOON, OUTBOXES, KilledError, Trial, config, material, outcome, seen
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
def behind(number: int, end: Callable[[], None]) -> Iterator[None]:
    """Within, this is called when so many pictures are written; a stop leaves no time then."""
    with pytest.MonkeyPatch.context() as patched:
        put, count = Pictures.put, iter(range(1, 1 << 30))

        def counted(pictures: Pictures, due: Due) -> None:
            put(pictures, due)
            if next(count) == number:
                end()

        patched.setattr(Pictures, "put", counted)
        patched.setattr(loop, "GRACE", 0.0)
        patched.setattr("streamsel.lanes.breath.BREATH", 0.0)
        patched.setattr("streamsel.edge.keeping.due.AT_ONCE", 2)
        yield


def killed() -> None:
    raise KilledError


@settings(max_examples=12)
@given(
    st.booleans(),
    st.integers(1, 30),
    CUTS,
    st.none() | st.integers(0, 12),
    st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=3),
)
def test_stopped_behind_any_picture_it_goes_on_with_the_same(
    fresh, undisturbed, sequences, number, cuts, kill, ends
) -> None:
    """Also where it is killed before it could note what is due, and stopped or killed while it writes that."""
    folder = fresh()
    faults = [] if kill is None else [*[None] * kill, KilledError]
    run = trial(folder, sequences, cuts, faults)
    with behind(number, run.stopping.set), suppress(KilledError):
        run.run(material())
    for further, stops in ends:
        run = trial(folder, sequences, cuts)
        with behind(further, run.stopping.set if stops else killed), suppress(KilledError):
            run.run(material())
    trial(folder, sequences).run(material())
    assert outcome(folder) == undisturbed[sequences]
    store = EntryStore(folder / "state.db", OUTBOXES)
    assert store.keys(DUE) == []
    store.close()


def test_what_is_due_stays_until_it_is_written(tmp_path: Path) -> None:
    run = trial(tmp_path, True)
    with behind(4, run.stopping.set):
        run.run(material())
    store = EntryStore(tmp_path / "state.db", OUTBOXES)
    due = store.keys(DUE)
    assert due
    assert not store.note(WRITING)
    assert not [file for file in due if (tmp_path / "picks" / file.decode()).exists()]
    sent = [one.about.encode() for one in store.outbox("kafka").waiting(0, 1 << 40)]
    assert {*due} < {*sent}, "whoever reads Kafka is told of them, too"
    store.commit(Committed(entries={DUE: {due[0]: b"nonsense"}}))
    named = rf"state.db: the picture '{due[0].decode()}', which was still to be written, is damaged .*; move the state"
    with pytest.raises(StateError, match=named):
        write_due(store, lambda due: None, lambda: None, silent)
    assert store.keys(DUE) == due
    store.close()


def test_two_of_one_name_that_are_due_become_two_files(tmp_path: Path) -> None:
    """As with `cam/0.mp4` and `cam_0.mp4`: the names are the same as without a stop."""
    made = config(min_distance=None, target_ratio=1.0)
    frames = [of_segment(number, name) for number, name in enumerate(["first.mp4", "cam/0.mp4", "cam_0.mp4"])]
    told = []
    for stops in (False, True):
        folder = tmp_path / str(stops)
        folder.mkdir()
        run = Trial(folder, (5,), made=made)
        with behind(1, run.stopping.set if stops else silent):
            run.run(frames)
        Trial(folder, (5,), made=made).run([])
        told.append(outcome(folder))
    assert told[0] == told[1]
    assert len([name for name in told[0] if name.endswith(".jpg")]) == 3


def of_segment(number: int, name: str) -> Seen:
    one = seen(0, number, 0, scene=number)
    frame = replace(one.frame, mark=replace(one.frame.mark, source=name))
    return replace(one, segment=Segment(number, name, 1000, 5), taken=NOON, frame=frame)


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

    @property
    def due(self) -> int:
        """Pictures that the state holds, once nobody works on it."""
        with closing(EntryStore(self.daemon.folder / "state" / "state.db", ("mqtt",))) as store:
            return len(store.keys(DUE))


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
        assert piped.due == LENGTH - written
        with piped.started(film):  # and killed
            wait_for(lambda: piped.pictures > written + AT_ONCE)
        assert piped.due <= LENGTH - written - AT_ONCE, "it got on"
        heard(ear)
        with piped.started(film, str(tmp_path / "ear")) as process:
            told.clear()
            wait_for(lambda: told.extend(heard(ear)) or told.count("WATCHDOG=1") >= 2)
            process.send_signal(SIGTERM)
            assert process.wait(60) == 0, piped.log.read_text()
    assert piped.pictures < LENGTH, "it did not wait for all of them"
    due = piped.due
    with piped.daemon.started() as running:  # whose pipe has ended
        assert running.process.wait(60) == 0
    (told_of,) = running.events("written after a stop")
    assert told_of["pictures"] == due > 0
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
