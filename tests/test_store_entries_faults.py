"""The store of entries: all of a commit or nothing, whatever ends the process or fails, each error in one line."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.errors import InUseError, SinkError, StateError
from streamsel.sink.durable import is_full
from streamsel.store import Outgoing
from streamsel.store.embedded import SqliteStore
from streamsel.store.entries import Committed, EntryStore, Segment

OUTBOXES = ("mqtt", "kafka")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    made = EntryStore(path, OUTBOXES)
    yield made
    made.close()


def waiting(store: EntryStore, name: str) -> list[str]:
    return [one.id for one in store.outbox(name).waiting(0, 1 << 40)]


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
    larger = Committed(
        {"a": {b"n": b"2", b"large": bytes(1 << 20)}},
        {"a": [Segment(1, "a.mp4", 1, 1)]},
        {"mqtt": [Outgoing("a", b"", (), b"", 1.0)]},
    )
    for _ in range(3):
        with pytest.raises(SinkError, match="disk is full; free some space") as told:
            store.commit(larger)
        assert "\n" not in str(told.value)
        assert is_full(told.value)
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


OPENED = """
import resource, sys
from pathlib import Path
from streamsel.store.entries import EntryStore
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
store = EntryStore(Path(sys.argv[1]), ("mqtt", "kafka"))
print(store.entries("a"), len(store.outbox("mqtt").id))
"""


@pytest.mark.parametrize("killed", [False, True])
def test_opening_what_is_there_writes_nothing_as_on_a_full_disk(path, killed):
    child = "import os, sys; from pathlib import Path; from streamsel.store.entries import *;"
    child += "store = EntryStore(Path(sys.argv[1]), ('mqtt', 'kafka')); store.commit(Committed({'a': {b'n': b'1'}}));"
    child += "os._exit(0)" if killed else "store.close()"
    subprocess.run([sys.executable, "-c", child, str(path)], check=True)
    assert Path(f"{path}-wal").exists() == killed
    ran = subprocess.run([sys.executable, "-c", OPENED, str(path)], capture_output=True, text=True)
    assert not ran.stderr
    assert ran.stdout == "{b'n': b'1'} 32\n"
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental, as of a new file


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
    with pytest.raises(
        SinkError, match=r"cannot be written \(attempt to write a readonly database\); check the disk"
    ) as told:
        store.commit(Committed({"a": {b"n": b"1"}}))
    assert not is_full(told.value)
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


READS = {
    "outbox": ("settled", "standing", "waiting", "hand_over"),
    "outbox_head": ("id", "handed", "tokens", "standing", "hand_over"),
    "undelivered": ("standing", "dropped"),
}


@pytest.mark.parametrize(("table", "reads"), READS.items())
def test_an_outbox_that_cannot_be_read_is_told_as_the_store_does(store, table, reads):
    store.commit(Committed(outgoing={"mqtt": [Outgoing("a", b"", (), b"", 1.0)]}))
    store._file.db.execute(f"DROP TABLE mqtt_{table}")
    box = store.outbox("mqtt")
    calls = {
        **{name: lambda name=name: getattr(box, name) for name in ("id", "handed", "tokens", "settled")},
        "standing": box.standing,
        "waiting": lambda: box.waiting(0, 1),
        "dropped": lambda: list(box.dropped(1)),
        "hand_over": lambda: store.hand_over("mqtt", 0, 1, "t"),
    }
    for name in reads:
        with pytest.raises(StateError, match=r"state\.db: damaged"):
            calls[name]()


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
