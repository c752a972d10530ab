"""A process above its limit of memory lets go of frames, counts them, and lives on."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from textwrap import dedent

import pytest

from streamsel.edge.inbox import Inbox
from streamsel.edge.process import memory_limit
from streamsel.edge.process.memory_limit import CALM, EVERY, LARGE_SOURCE, SMALLEST, MemoryLimit, Needs, refusal
from tests.edge.daemon import Daemon, segment

PROGRAM = dedent(
    """
    import itertools, threading
    from datetime import UTC, datetime

    import numpy as np

    from streamsel.edge import Seen
    from streamsel.edge.process.heap import Heap
    from streamsel.edge.inbox import Inbox
    from streamsel.edge.process.memory_limit import EVERY, MemoryLimit, resident
    from streamsel.edge.standing import Standing

    inbox, standing, stopping = Inbox(400_000_000), Standing("yard"), threading.Event()
    clock = itertools.count(0, EVERY)
    limit = resident() + 100_000_000
    keeper = MemoryLimit(limit, inbox, Heap().trim, clock=lambda: next(clock))
    highest = 0
    for number in range(600):  # one camera, whose frames nobody takes
        crop = np.full((200, 500, 3), number % 256, np.uint8)
        inbox.put(Seen(0, number, 0, True, datetime.now(UTC), crop=crop), standing, stopping)
        keeper()
        highest = max(highest, resident())
    print(limit, highest, resident(), inbox.queued, standing.dropped)
    """
)


def test_a_process_stays_about_within_its_limit_and_counts_what_it_lets_go() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    limit, highest, now, queued, dropped = map(int, ran.stdout.split())
    assert highest < limit + 5_000_000, "600 frames of 300 kB are 180 MB"
    assert now <= limit
    assert 0 < queued == 600 - dropped
    assert dropped > 200


WAITING = dedent(
    """
    import itertools, sys
    from datetime import UTC, datetime
    from fractions import Fraction
    from functools import partial
    from pathlib import Path

    import numpy as np

    from streamsel.data import Frame, Mark
    from streamsel.decode.picture import StillPicture
    from streamsel.edge import Seen
    from streamsel.edge.inbox import Inbox
    from streamsel.edge.keeping.pictures import Pictures
    from streamsel.edge.process.heap import Heap
    from streamsel.edge.process.memory_limit import EVERY, MemoryLimit, resident
    from streamsel.edge.process.spill import Spill
    from streamsel.edge.trays import Trays
    from streamsel.signals.looked import Look

    folder, inbox, random = Path(sys.argv[1]), Inbox(400_000_000), np.random.default_rng(0)
    look = Look(["lightly.sharpness"], digests=True)
    encoded = partial(Pictures(folder, quality=95, model="m").encoded, look)
    trays = Trays(1000, lambda: inbox.most_bytes, encoded, partial(Spill, folder), lambda place, frames: None)

    def seen(number):  # 190 kB as it comes, about 100 kB as JPEG
        picture = StillPicture(random.integers(0, 256, (200, 320, 3), np.uint8))
        frame = Frame(Mark("yard", number, number, Fraction(1, 25)), picture)
        return Seen(0, number, 0, True, datetime.now(UTC), frame, started="now")

    def wait(number):
        rows = trays.take([(seen(number), np.empty(0, np.float32))])
        trays.fit()
        return rows

    wait(0)
    clock = itertools.count(0, EVERY)
    limit = resident() + 30_000_000
    keeper = MemoryLimit(limit, inbox, Heap().trim, clock=lambda: next(clock))
    highest = 0
    for number in range(1, 1000):
        rows = wait(number)
        keeper()
        highest = max(highest, resident())
    pictures = {encoded(row).data for row, _ in rows[:-1]}
    print(limit, highest, len(pictures), sum(map(len, pictures)))
    """
)


def test_what_waits_for_its_sequence_stays_within_the_limit_and_none_of_it_is_lost(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", WAITING, tmp_path], capture_output=True, text=True, check=True)
    limit, highest, pictures, nbytes = map(int, ran.stdout.split())
    assert highest < limit + 5_000_000, f"{nbytes} bytes of JPEG"
    assert pictures == 999
    assert nbytes > 60_000_000
    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_sequences_cannot_be_within_is_refused_with_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "resident", lambda: 100_000_000)
    needs = Needs(sources=2, length=1001, queue=64_000_000)
    assert needs.least == 2 * (4_000_000 + 8_000_000)
    assert refusal(123_000_000, needs) == (
        "123 MB cannot hold: model and memory of picks take 100 MB, and each of 2 sources 4 MB at least and 8 MB for"
        " sequences of 1001 frames; give 124 MB or more, or fewer sources"
    )
    assert refusal(124_000_000, needs) == ""
    assert refusal(123_000_000, Needs(sources=2, length=1, queue=64_000_000)) == ""


class Trial:
    """A keeper of which the test says what is resident, and when."""

    def __init__(self, limit: int | None) -> None:
        self.resident, self.time, self.trims, self.inbox = 0, 0.0, 0, Inbox(64_000_000)
        self.keeper = MemoryLimit(limit, self.inbox, self.trim, looks=lambda: self.resident, clock=lambda: self.time)

    def trim(self) -> None:
        self.trims += 1

    def looked(self, resident: int, seconds: float = EVERY) -> int:
        """The bound of the queue after a look."""
        self.resident, self.time = resident, self.time + seconds
        self.keeper()
        return self.inbox.most_bytes


def test_the_queue_is_halved_down_to_one_frame_and_grows_again(caplog) -> None:
    caplog.set_level("INFO")
    trial = Trial(100)
    assert trial.looked(100) == 64_000_000
    bounds = [trial.looked(101) for _ in range(9)]
    assert bounds[:3] == [32_000_000, 16_000_000, 8_000_000]
    assert bounds[-1] == 1
    assert trial.trims == 9
    assert "one frame in the queue" in trial.keeper.now.trouble
    assert caplog.messages == ["memory above its limit"] * 2, "as it begins, and as nothing more can be done"
    assert trial.looked(95, 10 * CALM) == 1, "no room yet"
    assert trial.looked(80) == SMALLEST
    assert trial.keeper.now.trouble == ""
    assert trial.looked(80) == SMALLEST, "not at once"
    assert [trial.looked(80, CALM) for _ in range(7)][-1] == 64_000_000
    assert caplog.messages[2:] == ["memory within its limit"]


def test_without_a_limit_it_only_looks() -> None:
    trial = Trial(None)
    assert trial.looked(1 << 50) == 64_000_000
    assert (trial.keeper.now.resident, trial.keeper.now.trouble, trial.trims) == (1 << 50, "", 0)


def test_the_daemon_tells_what_it_needs_and_refuses_a_limit_that_cannot_hold(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, [{"name": "yard", "folder": "recordings"}], metrics="127.0.0.1:0", memory_limit="8GB")
    segment(tmp_path / "recordings", "0.mp4", scenes=range(2))
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        (told,) = running.events("memory")
        assert told["estimated"] == told["resident"] + LARGE_SOURCE + daemon.config.get("queue", 64_000_000)
        (started,) = running.events("started")
        with urllib.request.urlopen(f"http://{started['page']}/metrics") as answer:
            text = answer.read().decode()
        assert running.stop() == 0
    lines = dict(line.split() for line in text.splitlines() if line.startswith("streamsel_edge_") and "{" not in line)
    assert float(lines["streamsel_edge_resident_bytes"]) > 50e6
    assert float(lines["streamsel_edge_memory_limit_bytes"]) == 8e9
    daemon.write({**daemon.config, "memory_limit": "100MB"})
    with daemon.started() as running:
        assert running.process.wait(60) == 2
        assert "memory_limit: 100 MB cannot hold" in running.text
