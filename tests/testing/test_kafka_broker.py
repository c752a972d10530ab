"""The broker beside the tests: it is real, it keeps what it holds, and it never outlives who started it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import TopicAlreadyExistsError

from streamsel.errors import StreamselError, UsageError
from streamsel.testing.kafka_broker import Broker, Served, broker_for_tests
from streamsel.testing.kafka_jars import broker_jars
from streamsel.testing.kafka_runtime import ADVICE, IMAGE

pytestmark = pytest.mark.xdist_group("brokers")


def send(broker: Served, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=list(broker.servers))
    for sent in [producer.send(topic, value) for value in values]:
        sent.get(30)
    producer.close()


def values(broker: Served, topic: str, count: int) -> list[bytes]:
    """That many records, or those that came within a minute."""
    consumer = KafkaConsumer(topic, bootstrap_servers=list(broker.servers), auto_offset_reset="earliest")
    found: list[bytes] = []
    until = time.monotonic() + 60
    while len(found) < count and time.monotonic() < until:
        found += [record.value for records in consumer.poll(500).values() for record in records]
    consumer.close()
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("own")) as broker:
        yield broker


def test_the_shared_one_takes_records(broker: Served, topic_name: str) -> None:
    broker.create(topic_name)
    send(broker, topic_name, b"one", b"two")
    assert values(broker, topic_name, 2) == [b"one", b"two"]


def test_a_topic_is_made_once(broker: Served, topic_name: str) -> None:
    broker.create(topic_name, 3)
    consumer = KafkaConsumer(bootstrap_servers=list(broker.servers))
    assert consumer.partitions_for_topic(topic_name) == {0, 1, 2}
    consumer.close()
    with pytest.raises(TopicAlreadyExistsError):
        broker.create(topic_name)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_started_again_it_holds_what_it_took(own: Broker, topic_name: str, end: str) -> None:
    servers = own.servers
    own.create(topic_name)
    send(own, topic_name, b"kept")
    getattr(own, end)()
    own.start()
    assert own.servers == servers
    assert values(own, topic_name, 1) == [b"kept"]


def test_paused_it_takes_nothing_until_it_goes_on(own: Broker, topic_name: str) -> None:
    own.create(topic_name)
    producer = KafkaProducer(bootstrap_servers=list(own.servers), request_timeout_ms=60_000, delivery_timeout_ms=90_000)
    producer.partitions_for(topic_name)
    own.pause()
    sent = producer.send(topic_name, b"late")
    time.sleep(0.5)
    assert not sent.is_done
    own.resume()
    assert sent.get(60).offset == 0
    producer.close()


HOLDS_ONE = """
import sys, time
from pathlib import Path
from streamsel.testing.kafka_broker import Broker
with Broker(Path(sys.argv[1])) as broker:
    print(*broker.servers, flush=True)
    time.sleep(600)
"""


def test_it_ends_with_a_killed_owner(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline().startswith("127.0.0.1:")
            assert running(tmp_path)
        finally:
            owner.kill()
    until = time.monotonic() + 30
    while running(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running(tmp_path)


def running(folder: Path) -> bool:
    """Whether a process works on this folder."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return any("kafka.Kafka" in line and str(folder) in line for line in listed.splitlines())


def test_an_address_in_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STREAMSEL_KAFKA", "one:9092,two:9092")
    with broker_for_tests(tmp_path) as found:
        assert found.servers == ("one:9092", "two:9092")
        assert found.address("picks") == "one:9092,two:9092/picks"
    assert not list(tmp_path.iterdir())


def test_a_machine_without_anything_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STREAMSEL_KAFKA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(UsageError, match=r"STREAMSEL_KAFKA=HOST:PORT.*Java.*Maven.*Docker") as told,
        broker_for_tests(tmp_path),
    ):
        pass
    assert "\n" not in str(told.value)


def test_there_tests_fail_by_that_line(tmp_path: Path) -> None:
    one = f"{__file__}::{test_the_shared_one_takes_records.__name__}"
    told_twice = {"CI", "BUILD_NUMBER"}  # with these pytest does not cut the lines of its summary
    environment = {name: value for name, value in os.environ.items() if name not in {"STREAMSEL_KAFKA", *told_twice}}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", one],
        env=environment | {"PATH": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout.count(ADVICE) == 1
    assert "skipped" not in done.stdout


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(StreamselError, match=r"num\.network.threads"),
        Broker(tmp_path, settings={"num.network.threads": -1}),
    ):
        pass


FAKE_DOCKER = """#!{shell}
# Does what Docker would: runs the image's command, here with the jars of this machine.
case "$1" in
info) exit 0 ;;
run) shift
    while [ "$1" != {image} ]; do
        case "$1" in --name) name=$2 ;; --entrypoint) program=$2 ;; --network) network=$2 ;; --volume) volume=$2 ;; esac
        shift
    done
    while [ "$1" != -cp ]; do shift; done
    [ "$2" = '/opt/kafka/libs/*' ] && [ "$network" = host ] && [ "${{volume%%:*}}" = "${{volume##*:}}" ] || exit 1
    shift 2
    echo $$ > {folder}/$name
    exec {java}/"$program" -Xmx256m -cp '{jars}/*' "$@" ;;
kill) exec {kill} -"$3" "$({cat} {folder}/"$4")" ;;
esac
exit 1
"""


def test_docker_does_where_there_is_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    found = {name: shutil.which(name) or "" for name in ("sh", "kill", "cat")}
    java = Path(shutil.which("java") or "").parent
    for name in ("sh", "kill"):
        (programs / name).symlink_to(found[name])
    fake = FAKE_DOCKER.format(shell=found["sh"], image=IMAGE, folder=tmp_path, java=java, jars=broker_jars(), **found)
    (programs / "docker").write_text(fake)
    (programs / "docker").chmod(0o755)
    with monkeypatch.context() as without_java:
        without_java.delenv("STREAMSEL_KAFKA", raising=False)
        without_java.setenv("PATH", str(programs))
        with broker_for_tests(tmp_path / "broker") as broker:
            assert isinstance(broker, Broker)
            broker.create("kept")
            send(broker, "kept", b"one")
            broker.stop()
            broker.start()
            broker.pause()
            broker.resume()
            assert values(broker, "kept", 1) == [b"one"]
    assert not running(tmp_path)
