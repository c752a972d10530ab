"""A trial of the edge daemon: a camera, a folder of segments and brokers, and what came out beside what must have.

Of the folder, all files of picks must be those of a daemon that nothing ever disturbed. What a camera shows, nobody
sees twice: of it, picks must be numbered without a gap, each with an id of its own, and be those that the state knows.
Of both, each pick's event must have arrived: by MQTT at least once, for the first time in order; by Kafka once.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from streamsel.testing.edge_telling import picks_in_state, status
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.mosquitto import Heard
from streamsel.testing.service_process import NONE, Running
from streamsel.testing.videos import scenes

__all__ = ["SOURCES", "Findings", "Recordings", "Trial"]

SOURCES: Final = ("yard", "gate")
"""The folder's name and the camera's."""

BEGIN: Final = 1_790_000_000
"""When the first segment was recorded, and ten seconds later the next one, unless it is said."""

PATIENCE: Final = 120.0
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Findings:
    """expected: picks on disk and in the state. missing: of them, on disk or at a broker. twice: ids on disk or in
    Kafka. again: events that MQTT delivered more than once, as it may. flaws: what is wrong, a line each.
    """

    expected: int = 0
    missing: int = 0
    twice: int = 0
    again: int = 0
    flaws: Sequence[str] = ()

    def __add__(self, other: Findings) -> Findings:
        """Both together."""
        return Findings(
            self.expected + other.expected,
            self.missing + other.missing,
            self.twice + other.twice,
            self.again + other.again,
            [*self.flaws, *other.flaws],
        )


class Recordings:
    """Segments that are the same in each trial, and what an undisturbed daemon keeps of them. folder: an empty one."""

    def __init__(self, folder: Path, count: int = 16) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.files = [_segment(folder / f"{number:02}.mp4", number) for number in range(count)]

    @cache  # noqa: B019  # it lives as long as its trials
    def kept(self, times: tuple[float, ...]) -> Files:
        """The files of picks, of segments of these times. One of an earlier time comes when those before are read."""
        folder = self.folder / f"kept-{hash(times)}"
        trial = Trial(folder, self, {"sources": [_yard(folder)]})
        before = -math.inf
        with trial.started() as running:
            for moment in times:
                if moment < before:
                    trial.wait_for_read(running)
                trial.record(moment)
                before = moment
            running.wait(lambda: len(running.events("read")) == len(times))
            assert running.stop() == 0, running.text
        return trial.files("yard")


@dataclass
class Trial:
    """A daemon in an empty folder. options: of its pipeline. State and picks lie in `disk`, which may be mounted."""

    folder: Path
    recordings: Recordings
    options: dict[str, Any]
    times: list[float] = field(default_factory=list)
    runs: list[Running] = field(default_factory=list)
    """Of segments, as they were recorded; and of the daemon, one after the other."""

    def __post_init__(self) -> None:
        self.disk = self.folder / "disk"
        self.disk.mkdir(parents=True)
        _yard(self.folder)

    def started(self, environment: Mapping[str, str] = NONE) -> Running:
        """A process, to be used with `with`."""
        file = self.folder / "edge.json"
        told = {"kind": "edge", "state": "disk/state", "output": {"folder": "disk/picks", "quota": {"free": 0}}}
        file.write_text(
            json.dumps({**told, "min_distance": 0.2, "metrics": "127.0.0.1:0", "queue": "16MB", **self.options})
        )
        self.runs.append(Running(file, environment))
        return self.runs[-1]

    def record(self, moment: float | None = None) -> None:
        """The next segment is there, as a recorder drops it. moment: by its clock, seconds since 1970."""
        number = len(self.times)
        self.times.append(BEGIN + 10 * number if moment is None else moment)
        scratch = self.folder / "recordings" / f".{number}.tmp"
        shutil.copyfile(self.recordings.files[number], scratch)
        os.utime(scratch, (self.times[-1], self.times[-1]))
        scratch.rename(scratch.with_name(self.recordings.files[number].name))

    def record_rest(self, moment: float | None = None) -> None:
        """All segments that are not there yet. moment: of the first of them, a second before the next."""
        for number in range(len(self.recordings.files) - len(self.times)):
            self.record(None if moment is None else moment + number)

    @contextmanager
    def recording(self, every: float) -> Iterator[None]:
        """Within, a segment comes each `every` seconds, as long as there are some."""
        ended = threading.Event()

        def recorded() -> None:
            while len(self.times) < len(self.recordings.files) and not ended.wait(every):
                self.record()

        thread = threading.Thread(target=recorded)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def files(self, source: str) -> Files:
        """All files of a source's picks, below its folder."""
        folder = self.disk / "picks" / source
        return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}

    def pictures(self, source: str) -> int:
        """How many there are now."""
        return len(list((self.disk / "picks" / source).rglob("*.jpg")))

    def wait_for_more(self, running: Running, number: int, source: str = "gate") -> None:
        """Until there are so many more pictures than now."""
        before = self.pictures(source)
        running.wait(lambda: self.pictures(source) >= before + number)

    def wait_for_read(self, running: Running) -> None:
        """Until this process has said that the latest segment was read."""
        name = self.recordings.files[len(self.times) - 1].name
        running.wait(lambda: any(one["segment"] == name for one in running.events("read")))

    def settled(self, running: Running) -> bool:
        """Waits until the folder's picks are all there and nothing waits for a broker; whether it came to that."""
        wanted, end = self.recordings.kept(tuple(self.times)), time.monotonic() + PATIENCE
        while time.monotonic() < end and running.process.poll() is None:
            waiting = sum(one["waiting"] for one in status(running)["outboxes"])
            if not waiting and len(self.files("yard")) == len(wanted) and self.files("yard") == wanted:
                return True
            time.sleep(2)  # the page's counts of outboxes are two seconds old at most
        return False

    def told(self, event: str, words: str = "") -> str:
        """The first line of the log about an event, that has such words; empty: there is none."""
        found = (_quoted(one) for running in self.runs for one in running.lines if one["event"] == event)
        return next((line for line in found if words in line), "").replace(f"{self.folder}/", "")

    def findings(self, heard: Heard, kafka: tuple[Served, str] | None = None) -> Findings:
        """Of a daemon that has ended. kafka: a broker and its topic, if it was to send there."""
        found = self._of_the_folder()
        for source in SOURCES:
            told = [json.loads(payload)["id"] for topic, payload in heard.messages if topic == f"cameras/{source}"]
            records = committed(kafka[0].servers, kafka[1]) if kafka else []
            sent = [header(one, "ce_id") for one in records if one.key == source.encode()]
            found += self._of_source(source, told, sent if kafka else None)
        return found + Findings(flaws=[f"left behind: {one}" for one in self.disk.rglob(".*.part")])

    def _of_the_folder(self) -> Findings:
        """Whether its picks are those of an undisturbed daemon."""
        kept, yard = self.recordings.kept(tuple(self.times)), self.files("yard")
        lost = [name for name, data in kept.items() if yard.get(name) != data]
        flaws = [f"folder: {name} is missing or another" for name in lost]
        return Findings(
            missing=len(lost), flaws=flaws + [f"folder: {name} is too much" for name in set(yard) - set(kept)]
        )

    def _of_source(self, source: str, told: Sequence[str], sent: Sequence[str] | None) -> Findings:
        """told: ids that MQTT delivered. sent: those that lie in Kafka, None: none were to."""
        known, facts = picks_in_state(self.disk / "state", source), self._facts(source)
        ids = [str(fact["id"]) for fact in facts]
        flaws = []
        if [fact["ordinal"] for fact in facts] != list(range(known)) or len(set(ids)) < len(ids):
            flaws.append(f"{source}: {len(facts)} pictures of {len(set(ids))} ids, {known} picks in the state")
        if list(dict.fromkeys(told)) != ids:
            flaws.append(f"{source}: {len(set(told))} events by MQTT of {len(ids)} picks, or not in their order")
        if sent is not None and list(sent) != ids:
            flaws.append(f"{source}: {len(sent)} records in Kafka of {len(ids)} picks, or not in their order")
        arrived = set(told) if sent is None else set(told) & set(sent)
        return Findings(
            expected=known,
            missing=max(0, known - len(facts)) + len(set(ids) - arrived),
            twice=len(ids) - len(set(ids)) + len(sent or ()) - len(set(sent or ())),
            again=len(told) - len(set(told)),
            flaws=flaws,
        )

    def _facts(self, source: str) -> list[dict[str, Any]]:
        """Of pictures that are there with their facts, by their ordinal."""
        files = self.files(source)
        found = [json.loads(files[f"{name}.json"]) for name in files if name.endswith(".jpg")]
        return sorted(found, key=lambda fact: int(fact["ordinal"]))


def _yard(folder: Path) -> dict[str, Any]:
    """The source of a trial's folder, which is made."""
    recordings = folder / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    return {"name": "yard", "folder": str(recordings), "quiet": 1}


def _segment(path: Path, number: int) -> Path:
    """Three scenes, of which one was there before and one comes again."""
    return scenes(path, [3 * number, 3 * number + 1, max(0, 3 * number - 3)], 20, size=(320, 240))


def _quoted(line: Mapping[str, Any]) -> str:
    facts = {key: value for key, value in line.items() if key not in ("time", "level", "event", "pause")}
    return " ".join([line["event"], *(f"{key}={value}" for key, value in facts.items())])
