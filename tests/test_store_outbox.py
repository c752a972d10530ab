"""The outbox: numbered once, within its bound, what may have arrived is never dropped, and all is accounted for."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamsel.errors import SinkError
from streamsel.store import Changes, Outgoing
from streamsel.store.embedded import SqliteStore
from streamsel.store.outbox import Bound

MANY = 1 << 40


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


def record(name: str, nbytes: int = 10, distance: float = 1.0) -> Outgoing:
    return Outgoing(name, b"", (), bytes(nbytes), distance, f"frames/{name}.jpg")


def names(store: SqliteStore) -> list[str]:
    return [one.id for one in store.outbox.waiting(0, MANY)]


def put(store: SqliteStore, *records: Outgoing) -> None:
    store.commit(Changes(outbox=records))


def test_records_come_back_as_they_were_put_in(store):
    headers = (("ce_id", b"1"), ("x", "ü\n".encode()), ("x", b"\xff\x00"))
    put(store, Outgoing("a", b"k", headers, b"\x00jpg", math.inf, "f"), Outgoing("b", b"", (), None, math.nan))
    store.close()
    again = SqliteStore(store.path)
    first, second = again.outbox.waiting(0, MANY)
    again.close()
    assert (first.id, first.key, first.headers, first.value, first.about, first.number) == (
        *("a", b"k", headers, b"\x00jpg", "f"),
        1,
    )
    assert (second.id, second.value, second.number) == ("b", None, 2)


@pytest.mark.parametrize(
    ("policy", "left"),
    [("oldest", ["b", "c", "d"]), ("least_novel", ["a", "b", "d"]), ("refuse", ["a", "b", "c"])],
)
def test_a_policy_says_which_one_goes(store, policy, left):
    store.outbox.bound = Bound(30, policy)
    for name, distance in zip("abcd", (math.inf, 0.9, 0.1, 0.5), strict=True):
        put(store, record(name, 10, distance))
    assert names(store) == left
    (gone,) = store.outbox.dropped(10)
    assert (gone.id, gone.about, gone.reason) == (*(set("abcd") - set(left)), f"frames/{gone.id}.jpg", policy)
    assert store.outbox.standing().undelivered == {policy: 1}


@pytest.mark.parametrize("policy", ["oldest", "least_novel", "refuse"])
def test_what_was_handed_over_is_spared(store, policy):
    store.outbox.bound = Bound(30, policy)
    put(store, record("a", distance=0.1), record("b", distance=0.1))
    assert [one.id for one in store.hand_over(0, 20, "a")] == ["a", "b"]
    put(store, record("c"), record("d"), record("e"))
    assert names(store)[:2] == ["a", "b"]
    assert len(names(store)) == 3


@pytest.mark.parametrize("policy", ["oldest", "least_novel", "refuse"])
def test_one_that_fits_nowhere_is_dropped(store, policy):
    store.outbox.bound = Bound(30, policy)
    put(store, record("huge", 31))
    assert names(store) == []
    assert store.outbox.standing().undelivered == {policy: 1}


def test_at_least_one_is_given_and_no_more_than_asked_for(store):
    put(store, *(record(name, 10) for name in "abcd"))
    assert [one.id for one in store.outbox.waiting(0, 1)] == ["a"]
    assert [one.id for one in store.outbox.waiting(1, 25)] == ["b", "c"]
    assert store.outbox.waiting(4, 25) == []


def test_what_is_put_in_with_changes_that_fail_is_not_there(store):
    with pytest.raises(TypeError):
        store.commit(Changes(outbox=[record("a")], notes={"bad": object()}))
    assert names(store) == []


def test_a_full_disk_loses_nothing(store):
    put(store, record("a"))
    pages = next(store.query("PRAGMA page_count"))[0]
    list(store.query(f"PRAGMA max_page_count={pages + 2}"))
    with pytest.raises(SinkError, match="disk is full"):
        put(store, record("b", 1 << 20))
    assert names(store) == ["a"]
    list(store.query("PRAGMA max_page_count=1000000"))
    put(store, record("b", 1 << 20))
    assert [one.number for one in store.outbox.waiting(0, MANY)] == [1, 2]


def test_the_file_does_not_grow_with_what_passes_through(store):
    store.outbox.bound = Bound(1 << 20)
    sizes = []
    for number in range(1, 201):
        put(store, record(str(number), 1 << 18))
        if number % 4 == 0:
            store.hand_over(number - 4, 1 << 19, "a")
            store.commit(Changes(acknowledged=number - 3))
        sizes.append(sum(Path(f"{store.path}{end}").stat().st_size for end in ("", "-wal")))
    assert max(sizes[100:]) <= max(sizes[:100])
    assert store.path.stat().st_size < 4 << 20


def test_all_that_waits_survives_the_end_of_a_run(store):
    put(store, record("a"), record("b"))
    identity = store.outbox.id
    store.commit(Changes(acknowledged=1))
    store.conclude({"complete": True}, ())
    store.close()
    again = SqliteStore(store.path)
    assert names(again) == ["b"]
    assert again.outbox.id == identity
    assert again.outbox.standing().delivered == 1
    put(again, record("c"))
    assert [one.number for one in again.outbox.waiting(0, MANY)] == [2, 3]
    again.close()


def test_what_is_settled_is_what_arrived_or_was_dropped(store):
    assert store.outbox.settled == 0
    put(store, record("a"), record("b"), record("c"))
    assert store.outbox.settled == 0
    store.commit(Changes(acknowledged=2))
    assert store.outbox.settled == 2
    store.outbox.bound = Bound(5)
    put(store, record("d"))
    assert names(store) == []
    assert store.outbox.settled == 4


def test_the_latest_processes_that_may_have_sent_are_known(store):
    put(store, *(record(str(number)) for number in range(40)))
    assert store.outbox.tokens == ()
    for number in range(20):
        for _ in range(2):
            store.hand_over(number, 10, f"t{number}")
    assert store.hand_over(40, 10, "never") == []
    store.close()
    again = SqliteStore(store.path)
    assert again.outbox.tokens == tuple(f"t{number}" for number in range(4, 20))
    again.close()


def test_two_outboxes_are_told_apart(tmp_path):
    stores = [SqliteStore(tmp_path / name) for name in ("a.db", "b.db")]
    assert len({store.outbox.id for store in stores}) == 2
    for store in stores:
        store.close()


WRITER = """
import sys
from streamsel.store import Changes, Outgoing
from streamsel.store.embedded import SqliteStore
from pathlib import Path
store = SqliteStore(Path(sys.argv[1]))
for n in range(1, 10**6):
    store.commit(Changes(outbox=[Outgoing(str(n), b"", (), bytes(20_000), 1.0)], notes={"put": n}))
    last = store.hand_over(n - 1, 30_000, "a")[-1].number
    store.commit(Changes(acknowledged=n - 2, notes={"acknowledged": max(0, n - 2)}))
    print(last, flush=True)
"""


def test_killed_at_any_moment_nothing_is_lost_and_no_number_used_twice(tmp_path):
    path = tmp_path / "state.db"
    for moment in range(4):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3 + moment):
            last = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        store = SqliteStore(path)
        first, end = store.note("acknowledged"), store.note("put")
        assert [one.number for one in store.outbox.waiting(0, MANY)] == list(range(first + 1, end + 1))
        assert last <= store.outbox.handed <= end
        store.close()
        path.unlink()
        for extra in tmp_path.iterdir():
            extra.unlink()


class Model(RuleBasedStateMachine):
    """Any order of putting in, handing over, acknowledging, opening anew: every record is in one place."""

    @initialize(policy=st.sampled_from(["oldest", "least_novel", "refuse"]), room=st.integers(20, 100))
    def start(self, policy, room):
        self.bound = Bound(room, policy)
        self.path = Path(tempfile.mkdtemp()) / "state.db"
        self.store = SqliteStore(self.path)
        self.store.outbox.bound = self.bound
        self.made, self.arrived, self.handed = 0, 0, 0

    @rule(sizes=st.lists(st.tuples(st.integers(1, 40), st.floats(0, 2)), max_size=4))
    def put(self, sizes):
        records = [record(str(self.made + n), size, far) for n, (size, far) in enumerate(sizes, start=1)]
        self.store.commit(Changes(outbox=records))
        self.made += len(records)

    @rule(nbytes=st.integers(1, 60))
    def hand_over(self, nbytes):
        for one in self.store.hand_over(self.handed, nbytes, "a"):
            assert one.number > self.handed
            self.handed = one.number

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share):
        self.arrived = max(self.arrived, round(self.handed * share))
        self.store.commit(Changes(acknowledged=self.arrived))

    @rule()
    def reopen(self):
        self.store.close()
        self.store = SqliteStore(self.path)
        self.store.outbox.bound = self.bound
        self.handed = max(self.handed, self.store.outbox.handed)

    @invariant()
    def all_is_accounted_for(self):
        if not hasattr(self, "store"):
            return
        here = self.store.outbox.waiting(0, MANY)
        gone = list(self.store.outbox.dropped(1000))
        standing = self.store.outbox.standing()
        assert all(one.id == str(one.number) for one in (*here, *gone))
        assert sorted(one.number for one in here) == [one.number for one in here]
        assert not {one.number for one in here} & {one.number for one in gone}
        assert standing.delivered + len(here) + len(gone) == self.made
        assert all(one.number > self.arrived for one in here)
        spared = sum(one.nbytes for one in here if one.number <= self.store.outbox.handed)
        assert standing.nbytes <= max(self.bound.nbytes, spared)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            for file in self.path.parent.iterdir():
                file.unlink()
            self.path.parent.rmdir()


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
test_every_record_is_in_one_place = Model.TestCase
