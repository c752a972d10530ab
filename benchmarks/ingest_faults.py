"""Does to `streamsel run` what must not matter, on a real broker: `python benchmarks/ingest_faults.py [FAULT...]`.

For each fault 5,000 records or more on four partitions, and what a reader of committed records then sees beside what
one thread picks that takes the same records one by one. Offsets, dead letters, the order of each key's picks and the
saved state are compared, too: `exact` says that all of it is equal.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from measured import machine

from streamsel.testing.ingest_faults import (
    broker_stopped,
    group_changed,
    killed,
    leaders_killed,
    poisoned,
    process_stopped,
)
from streamsel.testing.ingest_material import Given, by_device, by_the_minute, path_tricks, poison, small_pictures
from streamsel.testing.ingest_trial import PARTITIONS, Trial, objects_of, sequences_of
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_cluster import Cluster

Brokers = Broker | Cluster
Fault = Callable[[Trial, Brokers, list[Given], argparse.Namespace], str]


def kills(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """kill -9 at random moments."""
    inside = killed(trial, records, given.kills, random.Random(given.seed))
    return f"{given.kills} kills, {inside} inside an open transaction"


def outage(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """The broker is stopped, and started again under load."""
    assert isinstance(brokers, Broker)
    broker_stopped(trial, brokers, records, rate=len(records) / (given.outage + 30), seconds=given.outage)
    return f"stopped for {given.outage:g} s"


def crash(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """The broker is killed, and started again under load."""
    assert isinstance(brokers, Broker)
    broker_stopped(trial, brokers, records, rate=100, seconds=5, kill=True)
    return "kill -9 of the broker, away for 5 s"


def leaders(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """Of three brokers the one that leads is killed, and started again under load, three times."""
    assert isinstance(brokers, Cluster)
    leaders_killed(trial, brokers, records, rate=40, seconds=5)
    return "kill -9 of the leader of 3 brokers, 3 times, away for 5 s"


def group(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """1 -> 3 -> 2 members with names of their own."""
    group_changed(trial, records, rate=100, names=("a", "b", "c"))
    return "1 -> 3 -> 2 members, static"


def nameless(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """1 -> 3 -> 2 members without names."""
    group_changed(trial, records, rate=100, names=(None, None, None))
    return "1 -> 3 -> 2 members, dynamic"


def stopped(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """SIGSTOP past every timeout, SIGCONT."""
    process_stopped(trial, records, rate=len(records) / (given.stopped + 30), seconds=given.stopped)
    return f"SIGSTOP for {given.stopped:g} s and more, SIGCONT"


def bad_records(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """Records that cannot be used, and names that lead elsewhere, among pictures."""
    bad = poison(trial.references) * 5
    mixed = path_tricks(records) + bad
    random.Random(given.seed).shuffle(mixed)
    trial.options = {"output": {"topic": trial.picks, "inline_limit": 0, "claims": "claims"}}  # so that names matter
    poisoned(trial, mixed)
    return f"{len(bad)} poison records"


def windows(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """kill -9 at random moments while the best of windows of time are chosen and sent."""
    trial.options = {"min_distance": None, "window": {"picks": 20, "minutes": 30}}
    inside = killed(trial, list(by_the_minute(records, PARTITIONS)), given.kills, random.Random(given.seed))
    return f"windows of 30 records, 20 picks of each; {given.kills} kills, {inside} inside an open transaction"


def sequences(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """kill -9 at random moments while sequences of two devices in each partition are gathered and sent."""
    trial.options = {"selection": sequences_of(4), "min_distance": 1.0}
    inside = killed(trial, list(by_device(records, seed=given.seed)), given.kills, random.Random(given.seed))
    return f"sequences of 4 pictures, 2 devices a partition; {given.kills} kills, {inside} inside an open transaction"


def objects(trial: Trial, brokers: Brokers, records: list[Given], given: argparse.Namespace) -> str:
    """kill -9 at random moments while the best objects of windows of time are chosen, cut out again and sent."""
    window = {"picks": 30, "minutes": 30}
    trial.options = {"min_distance": None, "window": window, "selection": objects_of("tiles", 0.1)}
    inside = killed(trial, list(by_the_minute(records, PARTITIONS)), given.kills, random.Random(given.seed))
    return f"windows of 30 records, 30 of their 120 objects; {given.kills} kills, {inside} inside an open transaction"


FAULTS: dict[str, Fault] = {
    "kills": kills,
    "outage": outage,
    "crash": crash,
    "leaders": leaders,
    "group": group,
    "nameless": nameless,
    "stopped": stopped,
    "poison": bad_records,
    "windows": windows,
    "sequences": sequences,
    "objects": objects,
}


def tried(name: str, brokers: Brokers, folder: Path, given: argparse.Namespace) -> bool:
    """Do it, and print a row."""
    trial = Trial(brokers, name, folder, records=8)
    begun = time.monotonic()
    what = FAULTS[name](trial, brokers, list(small_pictures(given.records, seed=given.seed)), given)
    seconds = time.monotonic() - begun
    found = trial.findings()
    numbers = [found.records, found.expected, found.seen, found.missing, found.twice, f"{seconds:.0f}"]
    print("|", " | ".join([what, *map(str, numbers), "no" if found.flaws else "yes"]), "|", flush=True)
    for flaw in found.flaws:
        print(f"  {flaw}", flush=True)
    return not found.flaws


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", nargs="*", metavar="FAULT", help=f"{', '.join(FAULTS)}; all, unless named")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--outage", type=float, default=60, help="seconds that the broker is away")
    parser.add_argument("--stopped", type=float, default=320, help="seconds that a process stands still")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(machine())
    print("| fault | records | expected | seen | missing | twice | seconds | exact |\n|" + "---|" * 8, flush=True)
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "broker") as broker:
        exact = []
        for name in given.fault or FAULTS:
            own = Path(folder) / name
            own.mkdir()
            with Cluster(own / "brokers") if name == "leaders" else nullcontext(broker) as brokers:
                exact.append(tried(name, brokers, own, given))
    sys.exit(0 if all(exact) else 1)


if __name__ == "__main__":
    main()
