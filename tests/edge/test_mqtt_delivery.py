"""Events by MQTT, to a real mosquitto."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streamsel.config.edge import EdgeMqtt
from streamsel.edge.telling.mqtt import PATIENCE, MqttDelivery
from streamsel.errors import StreamselError, UsageError
from streamsel.testing.mosquitto import Mosquitto
from streamsel.topic import Record

pytestmark = pytest.mark.xdist_group("mosquitto")

SENDER = "0123456789abcdef0123456789abcdef"
TOPIC = b"streamsel/door/picks"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    made: list[Mosquitto] = []

    def start(**options: object) -> Mosquitto:
        try:
            made.append(Mosquitto(tmp_path / f"mosquitto{len(made)}", **options))  # type: ignore[arg-type]
            made[-1].start()
        except StreamselError as error:
            pytest.fail(str(error), pytrace=False)
        return made[-1]

    yield start
    for broker in made:
        broker.kill()


@pytest.fixture
def send() -> Iterator[Callable[..., MqttDelivery]]:
    started: list[MqttDelivery] = []

    def start(config: EdgeMqtt, **options: object) -> MqttDelivery:
        started.append(MqttDelivery(config, SENDER, **options))  # type: ignore[arg-type]
        started[-1].start()
        return started[-1]

    yield start
    for delivery in started:
        delivery.close()


def event(number: int) -> bytes:
    return json.dumps({"id": f"pick-{number}"}).encode()


def events(first: int, last: int, topic: bytes = TOPIC) -> list[tuple[int, Record]]:
    return [(number, Record(topic, event(number))) for number in range(first, last + 1)]


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def told(delivery: MqttDelivery, line: str) -> str:
    until(lambda: line in delivery.trouble, f"expected {line!r}")
    assert "\n" not in delivery.trouble
    assert delivery.failure is None
    return delivery.trouble


def arrived(delivery: MqttDelivery, number: int) -> None:
    until(lambda: delivery.acknowledged == number, f"not acknowledged: {number}; {delivery.trouble}")


def test_all_arrive_in_order_and_once(make, send) -> None:
    broker = make()
    with broker.listening() as heard:
        delivery = send(EdgeMqtt(server=broker.server))
        until(lambda: delivery.ready, "never ready")
        delivery.take(events(1, 100))
        assert delivery.room < 1 << 20
        delivery.take(events(101, 150, b"streamsel/yard/picks"))
        arrived(delivery, 150)
        heard.until(event(150))
        assert heard.payloads == [event(number) for number in range(1, 151)]
        assert {topic for topic, _ in heard.messages} == {"streamsel/door/picks", "streamsel/yard/picks"}
    assert (delivery.room, delivery.trouble, delivery.refused) == (1 << 20, "", 0)


def test_what_was_sent_while_the_broker_was_away_arrives_then(make, send) -> None:
    broker = make()
    with broker.listening() as heard:
        delivery = send(EdgeMqtt(server=broker.server))
        until(lambda: delivery.ready, "never ready")
        delivery.take(events(1, 30))
        arrived(delivery, 30)
        broker.stop()
        until(lambda: not delivery.ready, "still ready")
        delivery.take(events(31, 60))
        line = told(delivery, "connection refused")
        assert line == f"mqtt {broker.server}: no broker answers: connection refused; check server, and that it runs"
        assert delivery.acknowledged == 30
        broker.start()
        arrived(delivery, 60)
        heard.until(event(60))
        assert list(dict.fromkeys(heard.payloads)) == [event(number) for number in range(1, 61)]
    assert delivery.trouble == ""


def test_a_broker_that_stands_still_is_taken_for_dead_and_nothing_is_lost(make, send) -> None:
    broker = make()
    with broker.listening() as heard:
        delivery = send(EdgeMqtt(server=broker.server), patience=0.5)
        until(lambda: delivery.ready, "never ready")
        broker.pause()
        delivery.take(events(1, 50))
        told(delivery, "acknowledges nothing")
        told(delivery, "in time")
        assert delivery.acknowledged == 0
        broker.resume()
        arrived(delivery, 50)
        heard.until(event(50))
        assert set(heard.payloads) == {event(number) for number in range(1, 51)}


KILLED = """
import sys, time
from streamsel.config.edge import EdgeMqtt
from streamsel.edge.telling.mqtt import MqttDelivery
from streamsel.topic import Record

delivery = MqttDelivery(EdgeMqtt(server=sys.argv[1]), sys.argv[2])
delivery.start()
while not delivery.ready:
    time.sleep(0.01)
delivery.take([(n, Record(b"streamsel/door/picks", b'{"id": "pick-%d"}' % n)) for n in range(1, 5001)])
while True:
    print(delivery.acknowledged, flush=True)
    time.sleep(0.001)
"""


def test_a_killed_process_is_followed_by_one_that_loses_nothing(make, send) -> None:
    broker = make()
    with broker.listening() as heard:
        command = [sys.executable, "-c", KILLED, broker.server, SENDER]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            noted = 0
            while noted < 100:
                noted = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        assert noted < 5000
        delivery = send(EdgeMqtt(server=broker.server), most_bytes=1 << 30)
        until(lambda: delivery.ready, "never ready")
        delivery.take(events(noted + 1, 5000))
        arrived(delivery, 5000)
        heard.until(event(5000))
        assert list(dict.fromkeys(heard.payloads)) == [event(number) for number in range(1, 5001)]


HUNG_UP = "the broker hangs up over it: an answer that MQTT has not"


@pytest.mark.parametrize(
    ("setting", "reason"), [("max_packet_size", "packet too large"), ("message_size_limit", HUNG_UP)]
)
def test_a_message_that_is_too_large_is_passed_over_and_counted(make, send, caplog, setting: str, reason: str) -> None:
    broker = make(settings={setting: 1000})
    with broker.listening() as heard:
        delivery = send(EdgeMqtt(server=broker.server))
        until(lambda: delivery.ready, "never ready")
        delivery.take([*events(1, 3), (4, Record(TOPIC, bytes(2000))), *events(5, 8)])
        arrived(delivery, 8)
        heard.until(event(8))
        assert list(dict.fromkeys(heard.payloads)) == [event(number) for number in (1, 2, 3, 5, 6, 7, 8)]
    assert (delivery.refused, delivery.trouble) == (1, "")
    assert [record.facts["reason"] for record in caplog.records if "refuses" in record.message] == [reason]


def test_a_wrong_password_is_told_without_it_and_mended_in_its_file(make, send, tmp_path: Path) -> None:
    broker = make(password="right-and-secret")
    file = tmp_path / "password"
    file.write_text("wrong-but-secret\n")
    delivery = send(EdgeMqtt(server=broker.server, username="streamsel", password_file=file))
    line = told(delivery, "check username and password_file")
    assert line.startswith(f"mqtt {broker.server}: the broker ")
    assert "secret" not in line + repr(delivery.__dict__)
    file.write_text("right-and-secret\n")
    until(lambda: delivery.ready, "never ready")
    assert delivery.trouble == ""


def test_the_password_may_come_from_the_environment(make, send, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = make(password="right")
    monkeypatch.setenv("STREAMSEL_MQTT_PASSWORD", "right")
    with pytest.raises(UsageError, match="without a username"):
        MqttDelivery(EdgeMqtt(server=broker.server), SENDER)
    delivery = send(EdgeMqtt(server=broker.server, username="streamsel"))
    until(lambda: delivery.ready, "never ready")


def test_a_topic_that_is_forbidden_is_tried_until_it_is_allowed(make, send, tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read #\ntopic write other\n")
    broker = make(settings={"acl_file": rights})
    with broker.listening() as heard:
        delivery = send(EdgeMqtt(server=broker.server))
        until(lambda: delivery.ready, "never ready")
        delivery.take([*events(1, 2), *events(3, 4, b"other")])
        line = told(delivery, "right to publish")
        assert line.startswith(f"mqtt {broker.server}: streamsel/door/picks: the broker does not allow it")
        assert delivery.acknowledged == 0
        rights.write_text("topic readwrite #\n")
        broker.reload()
        arrived(delivery, 4)
        heard.until(event(2))
        assert sorted(heard.payloads) == [event(number) for number in range(1, 5)]


def test_tls_trusts_whom_it_is_told_to(make, send, tmp_path: Path) -> None:
    broker = make(secure=True)
    told(send(EdgeMqtt(server=broker.server, tls=True)), "certificate is not trusted")
    told(send(EdgeMqtt(server=broker.server)), "does it expect TLS")
    trusting = send(EdgeMqtt(server=broker.server, ca=broker.ca))
    until(lambda: trusting.ready, f"never ready: {trusting.trouble}")
    with pytest.raises(UsageError, match="cannot be read"):
        MqttDelivery(EdgeMqtt(server=broker.server, ca=tmp_path / "none"), SENDER)


def test_a_plain_broker_asked_for_tls_is_told(make, send) -> None:
    delivery = send(EdgeMqtt(server=make().server, tls=True))
    told(delivery, "in the clear, without TLS; leave tls and ca out")
    assert not delivery.passes
    guarded = send(EdgeMqtt(server=make(password="secret").server, tls=True))
    told(guarded, "in the clear, without TLS")


def test_who_hangs_up_on_tls_and_answers_nothing_is_taken_for_away(send) -> None:
    """As a proxy before a broker that begins: nothing says that it would not speak TLS then."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    proxy.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        delivery = send(EdgeMqtt(server=f"127.0.0.1:{proxy.getsockname()[1]}", tls=True))
        until(lambda: delivery.trouble, "nothing is told")
        assert "in the clear" not in delivery.trouble


def test_two_of_one_sender_are_told_of_each_other(make, send) -> None:
    config = EdgeMqtt(server=make().server)
    first = send(config)
    until(lambda: first.ready, "never ready")
    first.take(events(1, 1))
    arrived(first, 1)
    send(config)
    told(first, "is a copy of the state folder in use")


def test_an_unknown_host_is_told(send) -> None:
    delivery = send(EdgeMqtt(server="nowhere.invalid:1883"))
    line = told(delivery, "no such host")
    assert line.startswith("mqtt nowhere.invalid:1883: ")


def test_a_topic_with_a_wildcard_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="one topic each"):
        MqttDelivery(EdgeMqtt(server="localhost:1883", topic="a/#"), SENDER)


def test_it_ends_in_time_though_nobody_answers(make, send) -> None:
    broker = make()
    delivery = send(EdgeMqtt(server=broker.server))
    until(lambda: delivery.ready, "never ready")
    broker.pause()
    delivery.take(events(1, 10))
    begun = time.monotonic()
    delivery.close(60.0)
    assert time.monotonic() - begun < PATIENCE / 2
