"""Does to `select --kafka` what must not matter, on a real broker: `python benchmarks/delivery.py [FAULT...]`.

For each fault 5,200 frames of four cameras, each of them a pick, and what a reader of committed records then sees
beside what must have come: pictures byte for byte, the order of each camera's, what the outbox dropped and listed.
The broker of `outage` is away while eight tenths of the picks are made: ten minutes of a device that picks seven
pictures a second, whose clock runs as fast here as the command does. Filling a disk takes root, who may mount one.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from measured import machine

from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_cluster import Cluster
from streamsel.testing.sending_faults import (
    away,
    away_from_the_start,
    disk_filled,
    killed,
    killed_as_it_arrives,
    leaders_killed,
)
from streamsel.testing.sending_trial import Footage, Trial
from streamsel.testing.small_disk import SmallDisk

SIZE = (320, 240)
Fault = Callable[[Trial, Any, int, random.Random], int]
"""Takes a trial, its broker or its cluster of three, how often, and a source of chance; says how often it was."""


def kills(trial: Trial, broker: Broker, times: int, dice: random.Random) -> int:
    return killed(trial, times, dice)


def arriving(trial: Trial, broker: Broker, times: int, dice: random.Random) -> int:
    return killed_as_it_arrives(trial, times)


def outage(trial: Trial, broker: Broker, times: int, dice: random.Random) -> int:
    return away(trial, broker, 0, dice)


def leaders(trial: Trial, cluster: Cluster, times: int, dice: random.Random) -> int:
    return leaders_killed(trial, cluster)


def disk(trial: Trial, broker: Broker, times: int, dice: random.Random) -> int:
    return disk_filled(trial, broker, times // 2, dice)


FAULTS: dict[str, tuple[str, Fault]] = {
    "kills": ("{times} times `kill -9` at random moments", kills),
    "arriving": ("{times} times `kill -9` between acknowledgement and deletion, or right after it", arriving),
    "outage": ("broker away for ten minutes", outage),
    "both": ("the same, and {times} times `kill -9`", away),
    "oldest": (
        "outbox of {cap} MB, `oldest`, broker away from the start, {times} times `kill -9`",
        away_from_the_start,
    ),
    "least_novel": ("the same, `least_novel`, {times} times `kill -9`", away_from_the_start),
    "refuse": ("the same, `refuse`, {times} times `kill -9`", away_from_the_start),
    "leaders": ("{times} times `kill -9` of the leader of 3 brokers", leaders),
    "disk": ("{times} times no room on the disk, broker away until half is picked", disk),
}


def tried(name: str, broker: Broker, folder: Path, footage: Footage, given: argparse.Namespace) -> bool:
    """Do it, and print a row."""
    what, fault = FAULTS[name]
    outbox = (given.cap, name) if fault is away_from_the_start else None
    with ExitStack() as stack:
        brokers = stack.enter_context(Cluster(folder / "brokers")) if fault is leaders else broker
        place = stack.enter_context(SmallDisk(folder / "disk", given.room)) if fault is disk else None
        trial = Trial(brokers, name, folder, footage, outbox, place)
        begun = time.monotonic()
        times = fault(trial, brokers, given.kills, random.Random(f"{given.seed} {name}"))
        seconds = time.monotonic() - begun
        found = trial.findings()
    numbers = [found.records, found.expected, found.seen, found.missing, found.twice, found.listed]
    sizes = [f"{trial.most.memory / 1e6:.0f} MB", f"{trial.most.disk / 1e6:.0f} MB", f"{seconds:.0f}"]
    cells = [what.format(times=times, cap=given.cap // 1_000_000), *map(str, numbers)]
    print("|", " | ".join([*cells, "yes" if found.ordered else "no", *sizes]), "|", flush=True)
    if fault is outage:
        print(f"  memory of that process: {steps(trial)}", flush=True)
    for flaw in found.flaws:
        print(f"  {flaw}", flush=True)
    return found.ordered and not (found.flaws or found.missing or found.twice)


def steps(trial: Trial) -> str:
    """Medians of memory over the fifths of the picks."""
    fifths = [
        [memory for made, memory in trial.most.grown if made * 5 // (trial.total + 1) == fifth] for fifth in range(5)
    ]
    return ", ".join(f"{median(one) / 1e6:.0f}" for one in fifths if one) + " MB in the fifths of the picks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", nargs="*", metavar="FAULT", help=f"{', '.join(FAULTS)}; all, unless named")
    parser.add_argument("--frames", type=int, default=5200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cap", type=int, default=32_000_000, help="bytes of the outbox that is too small")
    parser.add_argument("--room", type=int, default=512_000_000, help="bytes of the disk that is filled")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(machine(), flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        footage = Footage(folder / "footage", given.frames, SIZE)
        size = sum(len(footage.picture(file)) for file in footage.picks)
        print(f"{len(footage.picks)} picks of {size / len(footage.picks) / 1000:.1f} kB", flush=True)
        print("| fault | records | expected | seen | missing | twice | dropped and listed | in order ", end="")
        print("| peak memory | peak disk | seconds |\n|" + "---|" * 11, flush=True)
        broker = stack.enter_context(Broker(folder / "broker"))
        passed = [tried(name, broker, folder / name, footage, given) for name in given.fault or FAULTS]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
