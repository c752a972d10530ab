"""Does to `streamsel run` of an edge pipeline what must not matter: `python benchmarks/edge_faults.py [FAULT ...]`.

Each time there are a camera by RTSP, a folder of segments and a real MQTT broker, and for one fault Kafka too. Of the
folder, the picks must be those of a daemon that nothing disturbed, to the byte; of the camera, numbered without a gap;
of both, each event must have arrived, and no id may be there twice but for what MQTT sends again. Printed for each: how
many picks were expected, are missing and are there twice, what MQTT sent again, memory before and after, and the first
line of the log that told of it. It mounts small disks, as root; the clock needs Debian's libfaketime.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from measured import machine

from streamsel.testing.edge_trial import Findings, Recordings, Trial
from streamsel.testing.gate import Gate
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.looping import joined, looped
from streamsel.testing.mosquitto import Heard, Mosquitto
from streamsel.testing.process_memory import memory_of
from streamsel.testing.service_process import Running
from streamsel.testing.small_disk import FailingDisk, SmallDisk
from streamsel.testing.videos import scenes
from streamsel.testing.wall_clock import WallClock

WARM = 20.0
"""Seconds after which memory is looked at for the first time."""


@dataclass
class Site:
    """Where a fault takes place. memory: of the process, MB, before and after. kafka: its broker and topic."""

    trial: Trial
    gate: Gate
    film: Path
    mosquitto: Mosquitto
    heard: Heard
    given: argparse.Namespace
    before: float = 0.0
    after: float = 0.0
    kafka: tuple[Broker, str] | None = None
    _found: Findings | None = None

    def warm(self, running: Running) -> None:
        """The camera is there and the first segments, and memory has become what it is."""
        self.gate.shows(self.film)
        for _ in range(3):
            self.trial.record()
        running.wait(lambda: running.events("connected"))
        time.sleep(WARM)
        self.before = resident(running)

    @contextmanager
    def hindered(self, running: Running) -> Iterator[None]:
        """Within, segments come, and it has not been able to write for a while."""
        with self.trial.recording(4):
            running.wait(lambda: running.events("cannot write"))
            time.sleep(self.given.full)
            yield

    def ended(self, running: Running, moment: float | None = None) -> None:
        """The rest is recorded and read, the camera goes, everything arrives, and it stops as it is asked to.

        moment: from when on the rest is recorded, by the recorder's clock.
        """
        self.trial.record_rest(moment)
        self.trial.wait_for_more(running, 2)
        time.sleep(WARM)
        self.after = resident(running)
        self.gate.goes()
        assert self.trial.settled(running), running.text
        assert running.stop() == 0, running.text

    def found(self) -> Findings:
        """What came out; looked at once, while disks are there."""
        self._found = self._found or self.trial.findings(self.heard, self.kafka)
        return self._found


Fault = Callable[[Site], tuple[str, str]]
"""Gives what was done, and the line of the log that told of it."""


def kills(site: Site) -> tuple[str, str]:
    """kill -9 at random moments."""
    dice = random.Random(site.given.seed)
    with site.trial.started() as running:
        site.warm(running)
        running.kill()
    with site.trial.recording(4):
        for _ in range(site.given.kills - 1):
            with site.trial.started() as running:
                time.sleep(dice.uniform(0.5, 8.0))
                running.kill()
    with site.trial.started() as running:
        site.ended(running)
    return f"kill -9, {site.given.kills} times", site.trial.told("did not end properly")


def away(site: Site) -> tuple[str, str]:
    """The camera's server is gone, and back."""
    with site.trial.started() as running:
        site.warm(running)
        with site.trial.recording(4):
            site.gate.goes()
            time.sleep(site.given.away)
            site.gate.shows(site.film)
            running.wait(lambda: len(running.events("connected")) == 2)
        site.ended(running)
    return f"camera gone for {site.given.away:g} s", site.trial.told("lost")


def resolution(site: Site) -> tuple[str, str]:
    """The camera's pictures become larger while it is looked at."""
    folder = site.trial.folder
    parts = [scenes(folder / f"{n}.ts", range(9 * n, 9 * n + 8), 25, size=(320 * n, 240 * n)) for n in (1, 2)]
    site.film = joined(parts, folder / "two.ts")
    with site.trial.started() as running:
        site.warm(running)
        with site.trial.recording(4):
            running.wait(lambda: "resolution change" in [one["reason"] for one in running.events("problem")])
            running.wait(lambda: len(running.events("connected")) == 3)
        site.ended(running)
    return "resolution changes", site.trial.told("problem", "resolution")


def frozen(site: Site) -> tuple[str, str]:
    """The camera's server stays connected and sends nothing."""
    with site.trial.started() as running:
        site.warm(running)
        server = site.gate.shows(site.film)
        running.wait(lambda: len(running.events("connected")) == 2)
        site.trial.wait_for_more(running, 2)
        with site.trial.recording(4):
            server.send_signal(signal.SIGSTOP)
            running.wait(lambda: len(running.events("lost")) >= 2)
            server.send_signal(signal.SIGCONT)
        site.ended(running)
    return "camera freezes", site.trial.told("lost", "nothing came")


def two(site: Site) -> tuple[str, str]:
    """A second daemon on the same state."""
    with site.trial.started() as running:
        site.warm(running)
        with site.trial.recording(4):
            with site.trial.started() as second:
                assert second.process.wait(60) == 2, second.text
                told = second.text.strip().replace(f"{site.trial.folder}/", "")
            assert "\n" not in told, told
        site.ended(running)
    return "two daemons on one state", told


def broker(site: Site) -> tuple[str, str]:
    """Both brokers are away, and back."""
    assert site.kafka is not None
    with site.trial.started() as running:
        site.warm(running)
        with site.trial.recording(4):
            site.mosquitto.stop()
            site.kafka[0].kill()
            time.sleep(site.given.broker)
            site.mosquitto.start()
            site.kafka[0].start()
        site.ended(running)
    return f"mosquitto and Kafka away for {site.given.broker:g} s", site.trial.told("delivery is held up")


def full(site: Site) -> tuple[str, str]:
    """The disk of state and pictures is full, also when the daemon is killed and begins anew."""
    with SmallDisk(site.trial.disk, 40 << 20) as disk:
        with site.trial.started() as running:
            site.warm(running)
            disk.fill()
            with site.hindered(running):
                running.kill()
        with site.trial.started() as running:
            with site.trial.recording(4):
                running.wait(lambda: running.events("started"))
                time.sleep(site.given.full)
                disk.free()
            site.ended(running)
        site.found()
    return "disk full, killed and begun anew meanwhile", site.trial.told("cannot write")


def read_only(site: Site) -> tuple[str, str]:
    """The disk of the pictures is mounted read-only, and back."""
    with SmallDisk(site.trial.disk / "picks", 40 << 20) as disk:
        with site.trial.started() as running:
            site.warm(running)
            disk.read_only()
            with site.hindered(running):
                disk.read_only(False)
            site.ended(running)
        site.found()
    return "pictures' disk read-only, and back", site.trial.told("cannot write")


def broken(site: Site) -> tuple[str, str]:
    """With the broker away the disk of state and pictures fails: what was not synced is gone, as after a power cut."""
    with FailingDisk(site.trial.disk, site.trial.folder / "image", 64 << 20) as disk:
        with site.trial.started() as running:
            site.warm(running)
            with site.trial.recording(4):
                site.mosquitto.stop()
                site.trial.wait_for_more(running, 3)
                disk.fail()
                running.wait(lambda: running.events("cannot write"))
                time.sleep(site.given.full)
                assert running.stop() == 0, running.text
        disk.repair()
        site.mosquitto.start()
        with site.trial.started() as running:
            site.ended(running)
        site.found()
    return "broker away, disk fails and becomes read-only; repaired, begun anew", site.trial.told("cannot write")


def clock(site: Site) -> tuple[str, str]:
    """The clock on the wall is set back an hour, and the daemon is killed; then it is set forward a day."""
    wall, trial = WallClock(site.trial.folder), site.trial
    with trial.started(wall.environment) as running:
        site.warm(running)
        trial.record(wall.now)
        trial.wait_for_read(running)
        wall.set(-3600)
        trial.record(wall.now)
        trial.wait_for_read(running)
        assert logged(running) < time.time() - 3500, "the clock was not set"
        trial.wait_for_more(running, 3)
        running.kill()
    with trial.started(wall.environment) as running:
        trial.record(wall.now)
        trial.wait_for_read(running)
        trial.wait_for_more(running, 3)
        wall.set(86_400)
        trial.record(wall.now)
        trial.wait_for_read(running)
        assert logged(running) > time.time() + 86_000, "the clock was not set"
        trial.wait_for_more(running, 3)
        site.ended(running, wall.now)
    return "clock an hour back, killed, a day forward", site.trial.told("problem", "clock jump")


FAULTS: dict[str, Fault] = {
    "kills": kills,
    "away": away,
    "resolution": resolution,
    "frozen": frozen,
    "broker": broker,
    "two": two,
    "full": full,
    "readonly": read_only,
    "broken": broken,
    "clock": clock,
}


def resident(running: Running) -> float:
    """MB."""
    return memory_of(running.process.pid)[0] / (1 << 20)


def logged(running: Running) -> float:
    """The time of its latest line, by its clock."""
    return datetime.fromisoformat(running.lines[-1]["time"]).timestamp()


@contextmanager
def sited(name: str, folder: Path, recordings: Recordings, film: Path, given: argparse.Namespace) -> Iterator[Site]:
    """A place for a fault, with its brokers and its camera."""
    with ExitStack() as stack:
        gate = stack.enter_context(Gate())
        mosquitto = stack.enter_context(Mosquitto(folder / "mosquitto"))
        heard = stack.enter_context(mosquitto.listening())
        sources: list[dict[str, Any]] = [
            {"name": "yard", "folder": "recordings", "quiet": 1},
            {"name": "gate", "url": gate.url, "stall": 5, "target_ratio": 0.05},
        ]
        options: dict[str, Any] = {"sources": sources}
        options["mqtt"] = {"server": mosquitto.server, "topic": "cameras/{source}"}
        kafka = None
        if name == "broker":
            kafka = stack.enter_context(Broker(folder / "kafka")), "picks"
            kafka[0].create("picks", 2)
            options["kafka"] = {"servers": list(kafka[0].servers), "topic": "picks"}
        trial = Trial(folder / "trial", recordings, options)
        yield Site(trial, gate, film, mosquitto, heard, given, kafka=kafka)


def tried(name: str, folder: Path, recordings: Recordings, film: Path, given: argparse.Namespace) -> bool:
    """Do it, and print a row."""
    folder.mkdir()
    with sited(name, folder, recordings, film, given) as site:
        try:
            what, line = FAULTS[name](site)
        except AssertionError as error:
            print(f"{name}: {error}", flush=True)
            return False
        found = site.found()
    flaws = [*found.flaws, *([] if line else ["no line in the log"])]
    numbers = [found.expected, found.missing, found.twice, found.again, f"{site.before:.0f}", f"{site.after:.0f}"]
    print("|", " | ".join([what, *map(str, numbers), f"`{line}`"]), "|", flush=True)
    for flaw in flaws:
        print(f"  {flaw}", flush=True)
    return not flaws


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", nargs="*", metavar="FAULT", help=f"{', '.join(FAULTS)}; all, unless named")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--away", type=float, default=30, help="seconds that the camera is gone")
    parser.add_argument("--broker", type=float, default=60, help="seconds that brokers are away")
    parser.add_argument("--full", type=float, default=20, help="seconds that a disk takes nothing")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(machine())
    print(
        "| fault | expected | missing | twice | sent again | MB before | after | the log |\n|" + "---|" * 8, flush=True
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings = Recordings(folder / "recordings")
        once = scenes(folder / "once.mp4", range(100, 130), 25, size=(320, 240), options={"bf": "0"})
        film = looped(once, folder / "film.mp4", times=10)
        sound = [tried(fault, folder / fault, recordings, film, given) for fault in given.fault or FAULTS]
    sys.exit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
