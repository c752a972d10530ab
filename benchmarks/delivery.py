"""A broker away for ten minutes, and a sender killed twenty times: what arrives, and what it costs meanwhile.

    python benchmarks/delivery.py

A device picks two pictures of 100 kB a second, of four cameras; its clock runs faster here. The broker is stopped for
ten of its minutes and started again. The device's process is killed with SIGKILL at random moments before, during and
after that, also while it delivers. A reader of committed records then says what is missing, there twice, or out of
order. Once with an outbox that holds all of it, once with one that does not, by each policy.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from measured import machine

from streamsel.config import SelectConfig
from streamsel.run.sending import sending
from streamsel.run.workspace import Workspace
from streamsel.store import Changes, Outgoing
from streamsel.testing.kafka_broker import Broker

RATE = 2  # pictures a second of the device's clock
SIZE = 100_000
CAMERAS = 4
BEFORE, OUTAGE, AFTER = 30 * RATE, 600 * RATE, 30 * RATE
ALL = BEFORE + OUTAGE + AFTER


def record(number: int) -> Outgoing:
    key = b"camera %d" % (number % CAMERAS)
    value = str(number).encode().ljust(SIZE, b"\xa5")
    return Outgoing(f"{number:032x}", key, (("ce_id", b"%032x" % number),), value, random.Random(number).random())


def memory() -> float:
    """Resident MB now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def device(folder: Path, address: str, cap: int, policy: str, faster: float) -> None:
    """Picks as its clock says, and sends; goes on where it was killed."""
    how = {"outbox": {"cap": cap, "policy": policy}, "wait": 300}
    config, space = SelectConfig.of(sources="x", kafka=address, kafka_config=how), Workspace(folder)
    made = space.store.note("made") or 0
    with sending(config, space, "model") as sent:
        for number in range(made + 1, ALL + 1):
            space.store.commit(Changes(outbox=[record(number)], notes={"made": number}))
            sent.pump()
            print(json.dumps({"made": number, "memory": memory()}), flush=True)
            time.sleep(1 / (RATE * faster))
        print(json.dumps({"made": ALL, "draining": True, "memory": memory()}), flush=True)
        sent.finish(lambda *told: None, lambda: False)
    print(json.dumps({"made": ALL, "memory": memory(), "done": True}), flush=True)
    space.store.close()


def disk(folder: Path) -> float:
    """MB of the state's files."""
    files = [folder / f"state.db{end}" for end in ("", "-wal", "-shm")]
    return sum(file.stat().st_size for file in files if file.exists()) / 1e6


def trial(broker: Broker, folder: Path, topic: str, cap: int, policy: str, kills: int, faster: float) -> None:
    broker.create(topic, 3)
    folder.mkdir()
    (folder / "state.db").touch()
    (folder / "summary.json").write_text("{}")
    dice = random.Random(policy)
    late = kills // 5
    moments = sorted(dice.sample(range(1, ALL), kills - late), reverse=True)
    line = [sys.executable, __file__, "--device", str(folder), broker.address(topic), str(cap), policy, str(faster)]
    memories: dict[str, list[float]] = {"before": [], "early": [], "late": [], "after": []}
    away = back = False
    killed, most, since, done = 0, 0.0, 0.0, False
    while not done:
        child = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        lived = 0
        for text in child.stdout or ():
            told, lived = json.loads(text), lived + 1
            made = told["made"]
            most = max(most, disk(folder))
            part = "before" if not away else "after" if back else "early" if made < ALL // 2 else "late"
            if lived > 20:  # once it runs evenly
                memories[part].append(told["memory"])
            if not away and made >= BEFORE:
                away = True
                broker.stop()
            if not back and made >= BEFORE + OUTAGE:
                back, since = True, time.monotonic()
                broker.start()
            if moments and made >= moments[-1]:
                moments.pop()
                break
            if told.get("draining") and late:
                late -= 1
                time.sleep(dice.uniform(0.0, 1.0))
                break
            done = done or bool(told.get("done"))
        if not done:
            killed += 1
            child.kill()
        child.wait()
    seconds = time.monotonic() - since
    report(broker, folder, topic, cap, policy, killed, most, memories, seconds)


def report(
    broker: Broker,
    folder: Path,
    topic: str,
    cap: int,
    policy: str,
    killed: int,
    most: float,
    memories: dict[str, list[float]],
    seconds: float,
) -> None:
    there = committed(broker, topic)
    numbers = [int(value) for _, value in there]
    by_key = {key: [int(value) for one, value in there if one == key] for key, _ in there}
    disorder = sum(a > b for ordered in by_key.values() for a, b in itertools.pairwise(ordered))
    sent = json.loads((folder / "summary.json").read_text())["kafka"]
    listed = sum(sent["undelivered"].values())
    twice = sum(count - 1 for count in Counter(numbers).values())
    print(f"outbox of {cap / 1e6:.0f} MB, {policy}: {ALL} pictures of {SIZE // 1000} kB, {killed} kills")
    print(f"  arrived {len(set(numbers))}, dropped and listed {listed}, neither {ALL - len(set(numbers)) - listed}")
    print(f"  twice {twice}, out of order by key {disorder}, waiting {sent['waiting']}")
    spans = {part: (min(seen), max(seen)) for part, seen in memories.items() if seen}
    print("  memory MB " + ", ".join(f"{part} {low:.0f} to {high:.0f}" for part, (low, high) in spans.items()))
    print(f"  disk at most {most:.0f} MB; all was there {seconds:.0f} s after the broker was back", flush=True)


def committed(broker: Broker, topic: str) -> list[tuple[bytes, bytes]]:
    """Keys and values as a reader of committed records finds them, by partition and offset."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(broker.servers), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    places = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(places)
    ends, found = consumer.end_offsets(places), []
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(timeout_ms=500).values():
            found += [(one.partition, one.offset, one.key, one.value.rstrip(b"\xa5")) for one in records]
    consumer.close()
    return [(key, value) for _, _, key, value in sorted(found)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faster", type=float, default=20.0, help="how much faster the device's clock runs")
    parser.add_argument("--device", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.device:
        folder, address, cap, policy, faster = arguments.device
        device(Path(folder), address, int(cap), policy, float(faster))
        return
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as place, Broker(Path(place) / "broker") as broker:
        trials = [(256_000_000, "oldest"), *((32_000_000, policy) for policy in ("oldest", "least_novel", "refuse"))]
        for number, (cap, policy) in enumerate(trials):
            folder = Path(place) / f"device{number}"
            trial(broker, folder, f"picks{number}", cap, policy, arguments.kills, arguments.faster)


if __name__ == "__main__":
    main()
