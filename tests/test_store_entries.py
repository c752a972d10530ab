"""The store of entries: it holds what plain dicts hold, and stays bounded for years."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamsel.store import Outgoing
from streamsel.store.embedded import SqliteStore
from streamsel.store.entries import LINE, Committed, EntryStore, Segment
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
            held = self.entries.get(stream, {})
            assert self.store.entries(stream) == held
            assert {key: self.store.entry(stream, key) for key in held} == held
            assert self.store.entry(stream, b"unknown") is None
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


def test_segments_that_are_gone_are_forgotten_but_not_newer_ones_of_their_names(store):
    old, newer, other = segment(1, "a"), segment(5, "a"), segment(2, "b")
    store.commit(Committed(segments={"a": [old, other], "b": [old]}))
    store.commit(Committed(segments={"a": [newer]}, gone={"a": [old, other]}))
    assert store.segments("a") == {"a": newer}
    store.commit(Committed(gone={"a": [old, segment(9)]}))
    assert (store.segments("a"), store.segments("b")) == ({"a": newer}, {"a": old})
    store.commit(Committed(gone={"a": [newer]}))
    assert store.segments("a") == {}


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
                store.commit(Committed(gone={"a": [segment(one) for one in range(n - 150, n - 50)]}))
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


@pytest.mark.parametrize("first", [b"", b"{}", b"x" * (LINE - 1), b"x" * LINE, b"x" * (3 * LINE + 5)])
@pytest.mark.parametrize("rest", [b"", b"\n", b"\n\xff\xd8\n" + bytes(5 * LINE)])
def test_the_first_line_of_an_entry_is_read_alone(store, first: bytes, rest: bytes):
    store.commit(Committed(entries={"yard": {b"a": b"other", b"b": first + rest}}))
    assert store.line("yard", b"b") == first
    assert store.line("yard", b"c") is None
    assert store.line("gate", b"b") is None


def test_it_remembers_little_of_what_it_wrote(tmp_path: Path) -> None:
    """What is written is hardly ever read again, and must not fill the memory of a process that runs for weeks."""
    store = EntryStore(tmp_path / "state.db")
    settings = [store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("cache_size", "journal_mode")]
    store.close()
    assert settings == [-1000, "wal"]
