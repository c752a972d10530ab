"""The ingest consumer beside a bare loop of kafka-python on a real broker: `python benchmarks/ingest.py [CASE...]`.

carried: records of 80 kB of which each tenth goes on; nothing is decoded or embedded on either side. model: such
records, decoded and embedded by the default model on both sides. latency: from the time of a record to a committed read
of its pick, at a steady rate. memory: resident size of `streamsel run` over 100,000 records. See `ingest_loops.py`.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
from kafka import KafkaConsumer
from measured import machine
from PIL import Image

from streamsel.testing.ingest_material import Given, small_pictures
from streamsel.testing.ingest_service import Service
from streamsel.testing.ingest_trial import Trial
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_reading import header
from streamsel.testing.process_memory import memory_of
from streamsel.testing.service_process import wait_for

DEFAULT = {"model": "default", "min_distance": 0.085, "batch": {}, "threads": None}
"""Options of a pipeline; the distance tells the scenes of `pictures` apart."""
MOST = 2000
"""Different pictures that are made."""


def pictures(number: int, *, scene: int = 40, seed: int = 0) -> Iterator[Given]:
    """JPEGs of 640 x 480 and about 80 kB: a new scene each so many pictures, noise between."""
    random = np.random.default_rng(seed)
    made: list[Given] = []
    for index in range(min(number, MOST)):
        if index % scene == 0:
            patches = random.integers(0, 256, (12, 16, 3)).repeat(40, 0).repeat(40, 1)
        noisy = np.clip(patches + random.integers(-20, 21, patches.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=84)
        made.append(Given(file.getvalue()))
    for index in range(number):
        yield made[index % len(made)]


def compared(broker: Broker, folder: Path, given: argparse.Namespace, loops: list[str], records: int) -> None:
    """Loops in turn, several times, over the same records; each run is a group of its own."""
    trial = Trial(broker, f"throughput-{loops[-1]}", folder, options=DEFAULT)
    trial.send(pictures(records))
    runs: dict[str, list[dict[str, float]]] = {loop: [] for loop in loops}
    for turn in range(given.turns):
        for loop in loops:
            told = run(trial, loop, turn)
            runs[loop].append(told)
            rate, cpu = records / told["seconds"], told["cpu"] / records
            print(f"{loop}: {rate:.0f} records/s, {cpu * 1000:.2f} ms of CPU each, {told['sent']} sent on", flush=True)
    for loop in loops[1:]:
        speeds, costs = (
            [bare[what] / own[what] for own, bare in zip(runs[loop], runs[loops[0]], strict=True)]
            for what in ("seconds", "cpu")
        )
        print(f"{loop} / {loops[0]}: speed {_spread(speeds)}, by CPU {_spread(costs)}", flush=True)


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"


def run(trial: Trial, loop: str, turn: int) -> dict[str, float]:
    """One loop, in a process of its own."""
    name = f"{trial.name}-{loop}-{turn}"
    picks = trial.broker.create(f"{name}.picks", 4)
    pipeline = trial.pipeline()
    file = trial.folder / f"{name}.json"
    file.write_text(json.dumps(pipeline | {"input": pipeline["input"] | {"group": name}, "output": {"topic": picks}}))
    job = {"pipeline": str(file), "servers": list(trial.broker.servers), "topic": trial.name}
    job |= {"group": name, "picks": picks, "total": trial.total}
    loops = Path(__file__).with_name("ingest_loops.py")
    done = subprocess.run(
        [sys.executable, str(loops), loop], input=json.dumps(job), text=True, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def carried(broker: Broker, folder: Path, given: argparse.Namespace) -> None:
    compared(broker, folder, given, ["bare", "transactions", "carried"], given.records)


def model(broker: Broker, folder: Path, given: argparse.Namespace) -> None:
    compared(broker, folder, given, ["bare-model", "whole"], given.embedded)


def latency(broker: Broker, folder: Path, given: argparse.Namespace) -> None:
    """A pick's event has the time of its record, in milliseconds."""
    for name, options, records in (
        ("tiny", {}, list(small_pictures(given.steady))),
        ("default", DEFAULT, list(pictures(given.steady))),
    ):
        own = folder / name
        own.mkdir()
        trial, found, done = Trial(broker, f"latency-{name}", own, options=options), [], threading.Event()
        reader = threading.Thread(target=_arrivals, args=(trial, found, done))
        with Service(trial) as service:
            service.wait(lambda service=service: service.owns(4))
            reader.start()
            with trial.feed(records, rate=given.rate) as feed:
                feed.wait()
            service.wait(trial.all_read)
            time.sleep(1)
            done.set()
            reader.join()
        p50, p99 = np.percentile(found, [50, 99])
        print(
            f"{name} model, {given.rate:g} records/s: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
            f" from record in to pick read, {len(found)} picks of {given.steady} records",
            flush=True,
        )


def _arrivals(trial: Trial, found: list[float], done: threading.Event) -> None:
    servers = list(trial.broker.servers)
    consumer = KafkaConsumer(
        trial.picks, bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    with closing(consumer):
        while not done.is_set():
            for records in consumer.poll(timeout_ms=100).values():
                found += [time.time() - datetime.fromisoformat(header(one, "ce_time")).timestamp() for one in records]


def memory(broker: Broker, folder: Path, given: argparse.Namespace) -> None:
    """Small pictures, of which each hundredth is a new scene."""
    trial = Trial(broker, "memory", folder, records=128)
    marks = [given.memory // 5, given.memory // 2, given.memory]
    with trial.feed(small_pictures(given.memory, scene=100)) as feed, Service(trial) as service:
        for mark in marks:
            wait_for(lambda mark=mark: sum(trial.offsets().values()) >= mark, 3600)
            print(f"{mark} records: {memory_of(service.process.pid)[0] >> 20} MB resident", flush=True)
        feed.finish()
        assert service.stop() == 0
    found = trial.findings()
    print(f"{found.seen} picks of {found.expected}, {'not ' if found.flaws else ''}exact", flush=True)


CASES: dict[str, Callable[[Broker, Path, argparse.Namespace], None]] = {
    "carried": carried,
    "model": model,
    "latency": latency,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; all, unless named")
    parser.add_argument("--records", type=int, default=10_000, help="of `carried`")
    parser.add_argument("--embedded", type=int, default=2000, help="records of `model`")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20, help="records a second of `latency`")
    parser.add_argument("--steady", type=int, default=1000, help="records of `latency`")
    parser.add_argument("--memory", type=int, default=100_000, help="records of `memory`")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "broker") as broker:
        for name in given.case or CASES:
            own = Path(folder) / name
            own.mkdir()
            CASES[name](broker, own, given)


if __name__ == "__main__":
    main()
