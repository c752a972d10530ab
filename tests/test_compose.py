"""The compose file: what its containers would run is run here, on a broker with its settings."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from streamsel.testing.clips import CLIPS
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_runtime import IMAGE
from streamsel.testing.videos import scenes

pytestmark = [pytest.mark.xdist_group("brokers"), pytest.mark.timeout(600)]

DOCKER = Path(__file__).parent.parent / "docker"
SERVICES: Mapping[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
KAFKA: Mapping[str, Any] = SERVICES["kafka"]["environment"]
WHERE = ("listener", "voters")
"""Settings that name addresses: those of the test's broker differ."""

KEYS = {
    "build", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "ports", "restart",
    "stop_grace_period", "volumes",
}  # fmt: skip


def property_of(variable: str) -> str:
    """As the image reads its environment: KAFKA_NODE_ID is node.id."""
    return variable.removeprefix("KAFKA_").lower().replace("_", ".")


def own_settings() -> dict[str, object]:
    named = {property_of(variable): value for variable, value in KAFKA.items()}
    return {name: value for name, value in named.items() if not any(word in name for word in WHERE)}


def words(service: str) -> list[str]:
    """The command line of a service, as its container runs it."""
    told = SERVICES[service]
    entry = told.get("entrypoint")
    if entry is None:
        last = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if line.startswith("ENTRYPOINT")][-1]
        entry = json.loads(last.removeprefix("ENTRYPOINT"))
    return [word.replace("$$", "$") for word in (*entry, *told.get("command", ()))]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One with the settings of the file."""
    with Broker(tmp_path_factory.mktemp("compose"), settings=own_settings()) as found:
        yield found


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with what the images have on their path; a clip is made, not fetched."""
    clip = scenes(tmp_path / "clip.mp4", (0, 1, 2))
    folder = tmp_path / "bin"
    folder.mkdir()
    python = shlex.quote(sys.executable)
    fetching = f'[ "$2" = streamsel.testing.clips ] && echo "$3" > {tmp_path}/fetched && echo {clip} && exit'
    scripts = {
        "streamsel": f'exec {python} -m streamsel "$@"',
        "python": f'{fetching}\nexec {python} "$@"',
        "kafka-topics.sh": f'echo "$@" >> {tmp_path}/topics',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_services_name_what_is_there() -> None:
    assert {key for told in SERVICES.values() for key in told} <= KEYS
    for told in SERVICES.values():
        assert set(told.get("depends_on", ())) <= set(SERVICES)
        assert told["image"] == ("streamsel" if "build" in told else IMAGE)
        if "build" in told:
            assert (DOCKER / told["build"]["context"] / told["build"]["dockerfile"]).is_file()
        for volume in told.get("volumes", ()):
            assert (DOCKER / volume.partition(":")[0]).is_file(), volume


def test_the_broker_is_open_to_this_machine_only() -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["kafka"]["ports"])


def test_listeners_fit_together() -> None:
    listening = {one.partition("://")[0]: one.rpartition(":")[2] for one in KAFKA["KAFKA_LISTENERS"].split(",")}
    told = {one.partition("://")[0]: one.rpartition(":")[2] for one in KAFKA["KAFKA_ADVERTISED_LISTENERS"].split(",")}
    assert set(listening) - set(told) == {KAFKA["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert told.items() <= listening.items()
    assert KAFKA["KAFKA_CONTROLLER_QUORUM_VOTERS"].endswith(f":{listening['CONTROLLER']}")
    assert set(listening) == {one.partition(":")[0] for one in KAFKA["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    assert KAFKA["KAFKA_INTER_BROKER_LISTENER_NAME"] in told
    inside = f"kafka:{told['INSIDE']}"
    assert all(
        "kafka:" not in word.replace(inside, "") for name in ("topics", "ingest", "camera") for word in words(name)
    )
    assert SERVICES["ingest"]["environment"]["STREAMSEL_KAFKA_SERVERS"] == inside
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{told['OUTSIDE']}:{listening['OUTSIDE']}"]


def test_a_broker_knows_and_takes_the_settings(broker: Broker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    resource = ConfigResource(ConfigResourceType.BROKER, "1")
    known = admin.describe_configs([resource], config_filter="all")["broker"]["1"]
    admin.close()
    assert {property_of(variable) for variable in KAFKA} <= set(known)
    assert {name: known[name]["value"] for name in own_settings()} == {
        name: str(value) for name, value in own_settings().items()
    }


def test_the_chain_works(broker: Broker, programs: Path, tmp_path: Path) -> None:
    inside = SERVICES["ingest"]["environment"]["STREAMSEL_KAFKA_SERVERS"]
    mounted = [volume.split(":")[:2] for told in SERVICES.values() for volume in told.get("volumes", ())]
    places = {there: str((DOCKER / here).resolve()) for here, there in mounted}
    places |= {inside: broker.servers[0], "/opt/kafka/bin": str(programs)}

    def local(text: str) -> str:
        for there, here in places.items():
            text = text.replace(there, here)
        return str(tmp_path) if text == "/tmp" else text

    def start(service: str) -> subprocess.Popen[str]:
        told = {name: local(str(value)) for name, value in SERVICES[service].get("environment", {}).items()}
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", **told}
        command = [local(word) for word in words(service)]
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None
        one = subprocess.Popen([program, *command[1:]], env=environment, stdout=subprocess.PIPE, text=True)
        stack.callback(one.wait)
        stack.callback(one.kill)
        return one

    with ExitStack() as stack:
        assert start("topics").wait() == 0
        for line in (tmp_path / "topics").read_text().splitlines():
            asked = line.split()
            broker.create(asked[asked.index("--topic") + 1], int(asked[asked.index("--partitions") + 1]))
        ingest, camera, picks = (start(name) for name in ("ingest", "camera", "picks"))
        assert picks.stdout is not None
        assert "clip-00-mp4.jpg: first" in picks.stdout.readline()
        for running in (camera, ingest):
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
    assert (tmp_path / "fetched").read_text().strip() in CLIPS
    assert list(tmp_path.glob("*.jpg"))
