"""A trial of what `select --kafka` sends: clips of which every frame is a pick, and what came beside what must have.

What must come is what a run picks that nothing disturbs and that sends nothing; with an outbox that is too small, what
is left in that of an undisturbed run whose broker never answers. A trial is passed when a reader of committed records
sees each of these once, its picture byte for byte, in order for each key, and the run knows of it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

from streamsel.store.embedded import SqliteStore
from streamsel.testing.ingest_material import tiny_model
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.process_memory import memory_of
from streamsel.testing.small_disk import SmallDisk
from streamsel.testing.videos import scenes

__all__ = ["CAMERAS", "Findings", "Footage", "Run", "Taken", "Trial"]

CAMERAS: Final = 4
NOBODY: Final = "127.0.0.1:1"
PLENTY: Final = 256_000_000
STEP: Final = 0.05
PATIENCE: Final = 300.0
STATE: Final = ("state.db", "state.db-wal", "state.db-shm")

Outbox = tuple[int, str]
"""Its cap and its policy."""


class Footage:
    """A clip of each camera, of which each frame is a scene of its own, and what is picked of them. folder: an empty
    one. frames: of all clips. size: width and height."""

    def __init__(self, folder: Path, frames: int, size: tuple[int, int] = (160, 120)) -> None:
        self.folder, share = folder, frames // CAMERAS
        folder.mkdir(parents=True)
        self.model = tiny_model(folder)
        self.clips = [
            scenes(folder / f"camera-{number}.mp4", range(number * share, (number + 1) * share), 1, size=size)
            for number in range(CAMERAS)
        ]

    @cached_property
    def picks(self) -> Mapping[str, Mapping[str, Any]]:
        """Lines of the manifest by file, in the order picked."""
        out = self.folder / "undisturbed"
        subprocess.run(self.select(out), check=True)
        lines = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
        return {line["file"]: line for line in lines}

    def picture(self, file: str) -> bytes:
        """Of a pick."""
        return (self.folder / "undisturbed" / file).read_bytes()

    @cache  # noqa: B019  # it lives as long as its trials
    def dropped(self, outbox: Outbox) -> frozenset[str]:
        """Files of the picks that an outbox drops of which nothing is ever sent."""
        out, how = self.folder / f"dropped-{outbox[1]}", self.folder / f"how-{outbox[1]}.json"
        how.write_text(how_to_send(outbox, wait=0))
        line = [*self.select(out), *sent(f"{NOBODY}/nothing", how)]
        subprocess.run(line, capture_output=True, check=False)  # exit code 3: records wait
        return frozenset(_dropped(out))

    def select(self, out: Path) -> list[str]:
        """The command line that selects all of it."""
        given = ["select", *map(str, self.clips), "-o", str(out), "--model", str(self.model)]
        return [sys.executable, "-m", "streamsel", *given, "--min-distance", "0.0001", "--no-table", "-q"]


def how_to_send(outbox: Outbox, wait: float) -> str:
    """A file for `--kafka-config`."""
    return json.dumps({"outbox": {"cap": outbox[0], "policy": outbox[1]}, "wait": wait})


def sent(address: str, how: Path) -> list[str]:
    """More of a command line."""
    return ["--kafka", address, "--kafka-config", str(how)]


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out of a trial, beside what must have. records: picks. listed: of them, dropped as the policy says.

    ordered: whether each key's picks came in order. flaws: what is wrong, a line each; empty where all is right.
    """

    records: int
    expected: int
    seen: int
    listed: int
    missing: int
    twice: int
    ordered: bool
    flaws: Sequence[str] = ()


@dataclass(slots=True)
class Taken:
    """memory, disk: the most that was seen of a process, and of the files of its state, in bytes.

    grown: how many picks there were, and how many bytes of memory, at each look.
    """

    memory: int = 0
    disk: int = 0
    grown: list[tuple[int, int]] = field(default_factory=list)

    def look(self, made: int, pid: int, state: Iterable[Path]) -> None:
        """Note what a process takes now."""
        resident, most = memory_of(pid)
        if resident:
            self.grown.append((made, resident))
        self.memory = max(self.memory, most)
        self.disk = max(self.disk, sum(map(_size, state)))


@dataclass
class Trial:
    """A topic of its own on a broker, and a folder, in which the run's own is `disk/out`.

    outbox: None: with room for all. disk: what is mounted at `disk`, if anything is.
    """

    broker: Served
    topic: str
    folder: Path
    footage: Footage
    outbox: Outbox | None = None
    disk: SmallDisk | None = None
    most: Taken = field(default_factory=Taken)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out = self.folder / "disk" / "out"
        self._how = self.folder / "how.json"
        self._how.write_text(how_to_send(self.outbox or (PLENTY, "oldest"), wait=PATIENCE))
        self.broker.create(self.topic, 3)

    @property
    def total(self) -> int:
        """Picks that are to be made."""
        return len(self.footage.picks)

    @property
    def made(self) -> int:
        """Pictures of picks so far."""
        with suppress(FileNotFoundError):
            return sum(path.suffix == ".jpg" for path in (self.out / "frames").iterdir())
        return 0

    def run(self, dying: str = "") -> Run:
        """The command in a process of its own. dying: see `dying_sender`."""
        line = [*self.footage.select(self.out), *sent(self.broker.address(self.topic), self._how)]
        if dying:
            line[2:3] = ["streamsel.testing.dying_sender", dying]
        return Run(self, line)

    def findings(self) -> Findings:
        """Compares what was committed with what must have been."""
        wanted = self.footage.picks.keys() - (self.footage.dropped(self.outbox) if self.outbox else ())
        records = committed(self.broker.servers, self.topic)
        found = Counter(header(record, "ce_file") for record in records)
        listed = Counter(_dropped(self.out))
        return Findings(
            records=self.total,
            expected=len(wanted),
            seen=len(records),
            listed=listed.total(),
            missing=len(wanted - found.keys()),
            twice=found.total() - len(found),
            ordered=_ordered(records),
            flaws=[*self._flaws(wanted, found, listed), *self._changed(records)],
        )

    def _flaws(self, wanted: set[str], found: Counter[str], listed: Counter[str]) -> Iterable[str]:
        if more := found.keys() - wanted:
            yield f"{len(more)} picks came that must not have, such as {min(more)}"
        if neither := self.footage.picks.keys() - found.keys() - listed.keys():
            yield f"{len(neither)} picks neither came nor were listed, such as {min(neither)}"
        if both := found.keys() & listed.keys():
            yield f"{len(both)} picks came and were listed as dropped, such as {min(both)}"
        told = json.loads((self.out / "summary.json").read_text())["kafka"]
        if (told["delivered"], told["waiting"]) != (found.total(), 0):
            yield f"the summary says {told['delivered']} delivered, {told['waiting']} waiting"

    def _changed(self, records: Iterable[Any]) -> Iterable[str]:
        for record in records:
            pick = self.footage.picks.get(header(record, "ce_file"))
            if pick and (record.value != self.footage.picture(pick["file"]) or _key(record) != pick["source"]):
                yield f"{pick['file']} came with another picture, or another key"


class Run:
    """`streamsel select --kafka` of a trial; use it with `with`."""

    def __init__(self, trial: Trial, line: Sequence[str]) -> None:
        self._trial, self._log = trial, trial.folder / "log.txt"
        self.begun = trial.made
        """Pictures that were there when it began."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(line, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def text(self) -> str:
        """What it said."""
        return self._log.read_text()

    def until(self, what: Callable[[], object]) -> bool:
        """Watches it until that is true, or it has ended; whether it goes on."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self._trial.most.look(self._trial.made, self.process.pid, (self._trial.out / name for name in STATE))
            if what():
                return True
            assert time.monotonic() < end, f"waited {PATIENCE:g} s in vain: {self.text}"
            time.sleep(STEP)
        return False

    def picks(self, number: int, what: Callable[[], object] = bool) -> bool:
        """As `until` so many are made, and one at least since it began. what: is called all the while."""
        number = max(number, self.begun + 1)
        return self.until(lambda: what() or self._trial.made >= number)

    def ended(self, what: Callable[[], object] = bool) -> int:
        """Watches it to its end; its exit code. what: is called all the while."""
        assert not self.until(lambda: what() and False)
        return int(self.process.returncode)

    def kill(self) -> bool:
        """kill -9; whether there was still a process."""
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL


def _dropped(out: Path) -> list[str]:
    with closing(SqliteStore(out / "state.db")) as store:
        return [one.about for one in store.outbox.dropped(1 << 40)]


def _ordered(records: Iterable[Any]) -> bool:
    places: dict[bytes, list[int]] = {}
    for record in records:
        places.setdefault(record.key, []).append(int(header(record, "ce_index")))
    return all(one == sorted(one) for one in places.values())


def _key(record: Any) -> str:
    return unquote(record.key.decode())


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0
