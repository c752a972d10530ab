"""The whole chain on one machine: a broker, clips published as cameras would, `streamsel run`, a consumer of its picks.

    python examples/kafka_demo.py FOLDER CLIP...

It needs Java and Maven, or Docker, for the broker, and stops by itself. Pictures, pipeline and log stay in FOLDER.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streamsel.testing.kafka_broker import Broker

CONSUMER = "picks-consumer"
"""The group of examples/picks_consumer.py."""

PATIENCE = 300.0
"""Seconds that consumers may need for what was published."""


def main(folder: str, *clips: str) -> None:
    out, consumer = Path(folder), Path(__file__).with_name("picks_consumer.py")
    pictures, pipeline = out / "pictures", out / "ingest.yaml"
    shutil.rmtree(pictures, ignore_errors=True)  # what an earlier demo left
    pictures.mkdir(parents=True)
    with ExitStack() as stack:
        print("starting a broker", flush=True)
        broker = stack.enter_context(Broker(Path(stack.enter_context(TemporaryDirectory()))))
        server = os.environ["STREAMSEL_KAFKA_SERVERS"] = broker.servers[0]
        broker.create("frames", 4)
        broker.create("picks", 1)
        log = stack.enter_context((out / "ingest.log").open("w"))
        start("streamsel", "init", "ingest", "--file", pipeline, "--force").wait()
        ingest = start("streamsel", "run", pipeline, stderr=log)
        picks = start("python", consumer, server, "picks", pictures)
        stack.callback(picks.kill)
        stack.callback(ingest.kill)
        cameras = [start("streamsel", "publish", clip, "--kafka", f"{server}/frames", "--quiet") for clip in clips]
        ended = [camera.wait() for camera in cameras]
        deadline = time.monotonic() + PATIENCE
        while ingest.poll() is None and time.monotonic() < deadline:
            if not behind(server, "streamsel", "frames") and behind(server, CONSUMER, "picks") <= 1:
                break
            time.sleep(1)
        else:
            ended.append(1)
        ingest.terminate()  # it finishes what it has in hand, and commits
        ended.append(ingest.wait())
    if any(ended):
        sys.exit(f"it failed: {out / 'ingest.log'} may say why")
    print(f"{len(list(pictures.iterdir()))} pictures in {pictures}")


def behind(server: str, group: str, topic: str) -> int:
    """Records of a topic that a group has not done with; the end of a transaction counts as one."""
    asking = KafkaConsumer(bootstrap_servers=server, group_id=group, isolation_level="read_committed")
    with closing(asking):
        places = [TopicPartition(topic, partition) for partition in asking.partitions_for_topic(topic)]
        ends = asking.end_offsets(places)
        return sum(end - (asking.committed(place) or 0) for place, end in ends.items())


def start(program: str, *arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """A program of this environment, after saying how it is called."""
    words = list(map(str, arguments))
    print("$", shlex.join([program, *words]), flush=True)
    command = [sys.executable, *(["-m", "streamsel"] if program == "streamsel" else []), *words]
    return subprocess.Popen(command, **options)


if __name__ == "__main__":
    if len(sys.argv) < 3 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
