"""The store of entries: all of a commit or nothing, whatever ends the process or fails, and bounded for years."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamsel.errors import InUseError, SinkError, StateError
from streamsel.store import Outgoing
from streamsel.store.embedded import SqliteStore
from streamsel.store.entries import Committed, EntryStore, Segment
from streamsel.store.outbox import Bound

OUTBOXES = ("mqtt", "kafka")
MANY = 1 << 40


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    made = EntryStore(path, OUTBOXES)
    yield made
    made.close()


def event(name: str, nbytes: int = 10) -> Outgoing:
    return Outgoing(name, b"k", (("h", b"\xff"),), bytes(nbytes), 1.0, f"{name}.jpg")


def segment(number: int, name: str | None = None) -> Segment:
    return Segment(number, name or f"{number:06d}.mp4", 1 << 40, 10**18 + number)


def waiting(store: EntryStore, name: str) -> list[str]:
    return [one.id for one in store.outbox(name).waiting(0, MANY)]


def size(path: Path) -> int:
    return sum(Path(f"{path}{end}").stat().st_size for end in ("", "-wal") if Path(f"{path}{end}").exists())


streams = st.sampled_from(["yard", "gate", "ü '\";"])
keys = st.sampled_from([b"", b"#lane", b"a#0", b"\x00\xff"])


class Model(RuleBasedStateMachine):
    """Any order of commits, failing commits and openings: the store holds what plain dicts hold."""

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "state.db"
        self.store = EntryStore(self.path, OUTBOXES)
        self.entries, self.segments, self.notes, self.number = {}, {}, {}, 0
        self.put = {name: [] for name in OUTBOXES}
        self.arrived = dict.fromkeys(OUTBOXES, 0)

    @rule(
        entries=st.dictionaries(streams, st.dictionaries(keys, st.none() | st.binary(max_size=9000))),
        segments=st.lists(st.tuples(streams, st.sampled_from(["a", "b/ü", "\udcff"]))),
        outgoing=st.dictionaries(st.sampled_from(OUTBOXES), st.integers(0, 3)),
        notes=st.dictionaries(st.sampled_from("xy"), st.integers() | st.none()),
        share=st.dictionaries(st.sampled_from(OUTBOXES), st.floats(0, 1)),
        forget=st.sets(streams, max_size=1),
        fails=st.booleans(),
    )
    def commit(self, entries, segments, outgoing, notes, share, forget, fails):
        begun: dict[str, list[Segment]] = {}
        for place, (stream, name) in enumerate(segments):
            begun.setdefault(stream, []).append(Segment(self.number + place, name, 7, place))
        sent = {
            name: [event(f"{len(self.put[name]) + n}", n) for n in range(count)] for name, count in outgoing.items()
        }
        arrived = {name: round(len(self.put[name]) * part) for name, part in share.items()}
        changes = Committed(entries, begun, sent, arrived, notes, forget)
        if fails:
            with pytest.raises(TypeError):
                self.store.commit(Committed(entries, begun, sent, arrived, {**notes, "x": object()}, forget))
            with pytest.raises(KeyError):
                self.store.commit(Committed(entries, begun, {**sent, "other": [event("x")]}, arrived, notes, forget))
            return
        self.store.commit(changes)
        self._expect(changes)
        self.number += len(segments)

    def _expect(self, changes):
        for stream in changes.forget:
            self.entries.pop(stream, None)
            self.segments.pop(stream, None)
        for stream, entries in changes.entries.items():
            kept = self.entries.setdefault(stream, {})
            kept.update(entries)
            self.entries[stream] = {key: value for key, value in kept.items() if value is not None}
        for stream, begun in changes.segments.items():
            self.segments.setdefault(stream, {}).update({one.name: one for one in begun})
        for name, records in changes.outgoing.items():
            self.put[name] += [one.id for one in records]
        for name, number in changes.acknowledged.items():
            self.arrived[name] = max(self.arrived[name], number)
        self.notes.update(changes.notes)

    @rule()
    def reopen(self):
        self.store.close()
        self.store = EntryStore(self.path, OUTBOXES)

    @rule(name=st.sampled_from(OUTBOXES), room=st.integers(1, 100))
    def hand_over(self, name, room):
        records = self.store.hand_over(name, self.arrived[name], room, "t")
        first = self.arrived[name] + 1
        assert [one.number for one in records] == list(range(first, first + len(records)))
        assert bool(records) == (self.arrived[name] < len(self.put[name]))

    @invariant()
    def holds_what_was_committed(self):
        if not hasattr(self, "store"):
            return
        for stream in ("yard", "gate", "ü '\";", "unknown"):
            assert self.store.entries(stream) == self.entries.get(stream, {})
            assert self.store.segments(stream) == self.segments.get(stream, {})
        for name in OUTBOXES:
            assert waiting(self.store, name) == self.put[name][self.arrived[name] :]
            assert self.store.outbox(name).standing().delivered == self.arrived[name]
        assert all(self.store.note(key) == self.notes.get(key) for key in "xy")
        known = {name for held in (self.entries, self.segments) for name, some in held.items() if some}
        assert self.store.streams() == sorted(known)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
test_it_holds_what_dicts_hold = Model.TestCase


WRITER = """
import sys
from pathlib import Path
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore, Segment
store = EntryStore(Path(sys.argv[1]), ("mqtt", "kafka"))
for n in range((store.note("n") or 0) + 1, 10**6):
    store.commit(Committed(
        {"a": {b"n": str(n).encode() * 5000, b"odd": b"1" if n % 2 else None}, "b": {b"n": str(n).encode()}},
        {"a": [Segment(n, f"{n}.mp4", n, n)]},
        {name: [Outgoing(str(n), b"", (), bytes(3000), 1.0)] for name in ("mqtt", "kafka")},
        {"mqtt": n - 3, "kafka": n - 1}, {"n": n},
    ))
    print(n, store.hand_over("mqtt", n - 1, 1, "t")[-1].number, flush=True)
"""


def test_killed_at_any_moment_it_holds_all_of_a_commit_or_nothing(path):
    for moment in range(8):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2 + moment % 3):
            said, handed = map(int, child.stdout.readline().split())
        time.sleep(0.0013 * moment)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        with closing(EntryStore(path, OUTBOXES)) as store:
            n = store.note("n")
            assert n >= said
            assert store.entries("a") == {b"n": str(n).encode() * 5000, **({b"odd": b"1"} if n % 2 else {})}
            assert store.entries("b") == {b"n": str(n).encode()}
            assert list(store.segments("a")) == [f"{one}.mp4" for one in range(1, n + 1)]
            assert waiting(store, "mqtt") == [str(one) for one in range(max(1, n - 2), n + 1)]
            assert waiting(store, "kafka") == [str(n)]
            assert handed <= store.outbox("mqtt").handed <= n
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_takes_nothing_of_a_commit_and_the_next_one_when_there_is_room(store):
    store.commit(Committed({"a": {b"n": b"1"}}))
    db = store._file.db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages + 2}")
    larger = Committed({"a": {b"n": b"2", b"large": bytes(1 << 20)}}, {"a": [segment(1)]}, {"mqtt": [event("a")]})
    for _ in range(3):
        with pytest.raises(SinkError, match="disk is full; free some space") as told:
            store.commit(larger)
        assert "\n" not in str(told.value)
    assert (store.entries("a"), store.segments("a"), waiting(store, "mqtt")) == ({b"n": b"1"}, {}, [])
    store.commit(Committed({"a": {b"n": b"3"}}))
    db.execute("PRAGMA max_page_count=1000000")
    store.commit(larger)
    assert (store.entries("a")[b"n"], waiting(store, "mqtt")) == (b"2", ["a"])


LIMITED = """
import resource, sys
from pathlib import Path
from streamsel.errors import SinkError
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore
def limit(nbytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, resource.RLIM_INFINITY))
store = EntryStore(Path(sys.argv[1]), ("mqtt",))
n = failed = 0
for room in (300_000, 1_000_000, 3_000_000, 9_000_000):
    limit(room)
    for _ in range(300):
        told = str(n + 1).encode() * 3000
        try:
            store.commit(Committed({"a": {b"n": told, told[:9]: told}},
                                   outgoing={"mqtt": [Outgoing(str(n + 1), b"", (), b"", 1.0)]}))
            n += 1
        except SinkError as error:
            assert "cannot be written" in str(error) and "check the disk" in str(error), error
            failed += 1
        try:
            store.hand_over("mqtt", max(0, n - 1), 1, str(n))
        except SinkError:
            failed += 1
    assert store.entries("a")[b"n"] == str(n).encode() * 3000
limit(resource.RLIM_INFINITY)
store.commit(Committed({"b": {b"n": b"1"}}))
print(n, failed)
"""


def test_a_disk_that_refuses_in_the_middle_of_a_write_loses_nothing(path):
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True)
    assert not ran.stderr
    n, failed = map(int, ran.stdout.split())
    assert min(n, failed) > 100
    with closing(EntryStore(path, ("mqtt",))) as store:
        assert store.entries("a")[b"n"] == str(n).encode() * 3000
        assert store.entries("b") == {b"n": b"1"}
        assert waiting(store, "mqtt") == [str(one) for one in range(1, n + 1)]


REPLACING = """
import os, resource, sys
from pathlib import Path
from streamsel.errors import SinkError
from streamsel.store.entries import Committed, EntryStore
store = EntryStore(Path(sys.argv[1]))
store.commit(Committed({"a": {b"%d" % n: bytes(40_000) for n in range(20)}}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
for n in range(100):
    try:
        store.commit(Committed({"a": {b"%d" % (n % 20): os.urandom(40_000)}}))
        print("taken")
    except SinkError:
        print("refused")
"""


def test_a_full_disk_takes_what_replaces_something_again_and_again(path):
    ran = subprocess.run([sys.executable, "-c", REPLACING, str(path)], capture_output=True, text=True)
    assert not ran.stderr
    told = ran.stdout.split()
    assert len(told) == 100
    assert 0 < told.count("refused") < 20
    assert "refused refused" not in " ".join(told)


def test_a_read_only_file_is_told_and_the_next_commit_works(store):
    store._file.db.execute("PRAGMA query_only=1")
    with pytest.raises(SinkError, match=r"cannot be written \(attempt to write a readonly database\); check the disk"):
        store.commit(Committed({"a": {b"n": b"1"}}))
    store._file.db.execute("PRAGMA query_only=0")
    store.commit(Committed({"a": {b"n": b"1"}}))
    assert store.entries("a") == {b"n": b"1"}


def test_a_place_that_cannot_be_written_is_told():
    with pytest.raises(SinkError, match=r"/proc/self/state\.db: cannot be written"):
        EntryStore(Path("/proc/self/state.db"))


def test_a_second_process_is_refused_until_the_first_one_ends(store, path):
    code = f"from streamsel.store.entries import *; import pathlib; EntryStore(pathlib.Path({str(path)!r}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    line = found.stderr.splitlines()[-1]
    assert line.endswith("state.db: another streamsel is running with this state folder; end it, or name another state")
    with pytest.raises(InUseError):
        EntryStore(path)
    store.commit(Committed({"a": {b"n": b"1"}}))
    store.close()
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_damaged_file_is_one_line(path):
    with closing(EntryStore(path, OUTBOXES)) as store:
        store.commit(Committed({"a": {str(n).encode(): bytes(2000) for n in range(200)}}))
    whole = path.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        b"not a database, but long enough to be read as one" * 30,
        bytes(100) + whole[100:],
        whole[:middle],
        whole[:8192] + os.urandom(middle) + whole[8192 + middle :],
        whole[:100] + bytes(len(whole) - 100),
    ):
        path.write_bytes(damaged)
        with pytest.raises(StateError, match="damaged or not written by streamsel; move it away") as told:
            read_all(path)
        assert "\n" not in str(told.value)


def test_a_file_that_cannot_be_opened_is_let_go(path):
    EntryStore(path, OUTBOXES).close()
    with closing(sqlite3.connect(path)) as plain:
        (page,) = plain.execute("SELECT rootpage FROM sqlite_master WHERE name='mqtt_outbox_head'").fetchone()
    whole = path.read_bytes()
    path.write_bytes(whole[: (page - 1) * 4096] + bytes(4096) + whole[page * 4096 :])
    with pytest.raises(StateError, match="damaged") as told:
        EntryStore(path, OUTBOXES)
    path.write_bytes(whole)
    EntryStore(path, OUTBOXES).close()
    assert told.value.exit_code == 2


def read_all(path: Path) -> None:
    with closing(EntryStore(path, OUTBOXES)) as store:
        store.entries("a")
        store.commit(Committed({"a": {str(n).encode(): None for n in range(200)}}))


def test_state_of_something_else_is_refused_and_left_alone(path):
    SqliteStore(path).close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="another version"):
        EntryStore(path)
    assert path.read_bytes() == before
    path.unlink()
    EntryStore(path).close()
    with pytest.raises(StateError, match="another version"):
        SqliteStore(path)


def test_a_store_with_one_outbox_has_the_tables_that_it_always_had(path):
    with closing(SqliteStore(path)) as store:
        names = {name for (name,) in store.query("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}
    own = {"note", "position", "array", "kept", "picture", "span", "heir", "judged", "pick"}
    assert names == own | {"outbox", "outbox_novelty", "undelivered", "outbox_head"}


def test_outboxes_share_nothing(store, path):
    store.outbox("mqtt").bound = Bound(20)
    store.commit(Committed(outgoing={"mqtt": [event("a"), event("b")], "kafka": [event("c"), event("d")]}))
    assert (len(waiting(store, "mqtt")), waiting(store, "kafka")) == (1, ["c", "d"])
    assert store.outbox("mqtt").id != store.outbox("kafka").id
    assert [one.number for one in store.hand_over("kafka", 0, 1, "t")] == [1]
    assert (store.outbox("kafka").handed, store.outbox("mqtt").handed) == (1, 0)
    assert store.outbox("mqtt").tokens == ()
    store.commit(Committed(acknowledged={"kafka": 2}))
    assert (store.outbox("kafka").settled, store.outbox("mqtt").settled) == (2, 1)
    store.close()
    EntryStore(path, ["mqtt"]).close()
    with closing(EntryStore(path, OUTBOXES)) as again:
        assert again.outbox("kafka").standing().delivered == 2


def test_names_of_outboxes_are_checked(path):
    with pytest.raises(ValueError, match="got 'a; DROP'"):
        EntryStore(path, ["a; DROP"])


def test_what_a_policy_drops_is_counted_for_good_and_listed_within_a_bound(path, monkeypatch):
    monkeypatch.setattr("streamsel.store.entries.LISTED", 7)
    with closing(EntryStore(path, ["mqtt"])) as store:
        for policy, count in (("oldest", 20), ("refuse", 30)):
            store.outbox("mqtt").bound = Bound(1, policy)
            for _ in range(count):
                store.commit(Committed(outgoing={"mqtt": [event("a")]}))
    with closing(EntryStore(path, ["mqtt"])) as store:
        assert store.outbox("mqtt").standing().undelivered == {"oldest": 20, "refuse": 30}
        assert [one.number for one in store.outbox("mqtt").dropped(100)] == list(range(44, 51))


def test_segments_are_forgotten_when_their_files_are_gone_but_not_the_latest(store):
    store.commit(Committed(segments={"a": [segment(n) for n in range(100)], "b": [segment(3)]}))
    there = [segment(n).name for n in (2, 50, 98)]
    assert store.prune_segments("a", there, spared=10) == 87
    latest = [n for n in range(89, 100) if n != 98]
    assert [one.number for one in store.segments("a").values()] == sorted([2, 50, 98, *latest])
    assert store.prune_segments("a", there, spared=10) == 0
    assert store.prune_segments("a", there, spared=0) == 9
    assert list(store.segments("a").values()) == [segment(2), segment(50), segment(98), segment(99)]
    assert list(store.segments("b")) == [segment(3).name]


def test_segments_that_are_gone_are_forgotten_but_not_newer_ones_of_their_names(store):
    old, newer, other = segment(1, "a"), segment(5, "a"), segment(2, "b")
    store.commit(Committed(segments={"a": [old, other], "b": [old]}))
    store.commit(Committed(segments={"a": [newer]}, gone={"a": [old, other]}))
    assert store.segments("a") == {"a": newer}
    store.commit(Committed(gone={"a": [old, segment(9)]}))
    assert (store.segments("a"), store.segments("b")) == ({"a": newer}, {"a": old})
    store.commit(Committed(gone={"a": [newer]}))
    assert store.segments("a") == {}


def test_a_folder_that_is_empty_makes_nothing_forgotten(store):
    store.commit(Committed(segments={"a": [segment(n) for n in range(10)]}))
    assert store.prune_segments("a", [], spared=0) == 0
    assert len(store.segments("a")) == 10


def test_years_of_commits_leave_the_file_as_small_as_days(path):
    sizes = []
    with closing(EntryStore(path, OUTBOXES)) as store:
        store.outbox("kafka").bound = Bound(200_000)
        for n in range(6000):
            entries = {b"#lane": str(n).encode(), b"a#%d" % (n % 20): os.urandom(8000), b"b#%d" % (n % 7): None}
            entries[b"b#%d" % ((n + 3) % 7)] = bytes(n * 37 % 9000)
            sent = {name: [event(str(n), n * 53 % 2000)] for name in OUTBOXES}
            store.commit(Committed({"a": entries}, {"a": [segment(n)]}, sent, {"mqtt": n - 5}, {"n": n}))
            if n % 100 == 0:
                store.prune_segments("a", [segment(n).name], spared=50)
                sizes.append(size(path))
    assert max(sizes[10:]) <= max(sizes[:10]) + 300_000, sizes  # what was dropped is listed, up to its bound
    assert max(sizes[30:]) < max(sizes[:30]) + 100_000
    assert max(sizes) < 8 << 20


def test_what_an_outage_took_is_given_back(store, path):
    for n in range(60):
        store.commit(Committed(outgoing={"kafka": [event(str(n), 1 << 20)]}))
    assert size(path) > 60 << 20
    for n in range(60):
        store.commit(Committed(acknowledged={"kafka": n}))
    for n in range(20):
        store.commit(Committed(notes={"n": n}))
    assert size(path) < 30 << 20
    assert waiting(store, "kafka") == ["59"]
