"""A port that takes connections where TLS is asked for, and says nothing, or not all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.service_process import wait_for
from streamsel.testing.stalling import Stalling
from streamsel.topic.connection import Connection
from streamsel.topic.delivery import Delivery
from streamsel.topic.explaining import explained, lasting
from streamsel.topic.hearing import unanswered
from streamsel.topic.security import Security
from tests.conftest import inside

pytestmark = pytest.mark.xdist_group("kafka")

WHY = "no broker answers: the TLS handshake comes to no end; check the address, and that it runs"


@pytest.fixture(params=[0, 3, 300], ids="{} bytes".format)
def stalling(request: pytest.FixtureRequest, secure_broker: Broker) -> Iterator[Stalling]:
    """Nothing comes; or a part of what goes before the first message; or a part of what a handshake takes."""
    with Stalling(secure_broker.servers[0], request.param) as port:
        yield port


@pytest.fixture
def security(secure_broker: Broker) -> Security:
    """Whom that broker lets in."""
    return Security("SASL_SSL", "SCRAM-SHA-512", secure_broker.username, secure_broker.password, ca=secure_broker.ca)


@pytest.mark.parametrize("client", ["admin", "consumer", "producer"])
def test_it_is_one_line_and_nothing_stays_open(stalling: Stalling, security: Security, client: str) -> None:
    connection = Connection([stalling.server], security, wait=1.0)
    with pytest.raises(SinkError) as caught, explained("here"):
        getattr(connection, client)()
    assert str(caught.value) == f"here: {WHY}"
    assert unanswered(caught.value)
    assert not lasting(caught.value)
    assert stalling.taken
    wait_for(lambda: not stalling.open)


def test_a_sender_waits_until_it_is_over(secure_broker: Broker, topic_name: str, security: Security) -> None:
    secure_broker.create(topic_name)
    with Stalling(secure_broker.servers[0], 300) as port:
        delivery = Delivery(Connection([port.server], security, wait=1.0), topic_name, "sender")
        delivery.start()
        try:
            wait_for(lambda: delivery.trouble)
            assert delivery.trouble.endswith(WHY)
            assert delivery.failure is None
            port.heals()
            wait_for(lambda: delivery.ready)
        finally:
            delivery.close()


@pytest.mark.parametrize("stalling", [0], indirect=True)
def test_commands_say_so_and_end(stalling: Stalling, clip: Path, tmp_path: Path, secure_broker: Broker) -> None:
    security = {"protocol": "SSL", "ca": str(secure_broker.ca)}
    file, login = tmp_path / "ingest.json", tmp_path / "kafka.json"
    told = {"input": {"servers": stalling.server, "topic": "frames"}, "output": {"topic": "picks"}}
    file.write_text(json.dumps({"kind": "ingest", "security": security, **told}))
    login.write_text(json.dumps({"security": security}))
    checked = inside("check", file, check=False)
    assert checked.returncode == 3
    assert WHY in " ".join(checked.stdout.replace("│", " ").split())
    address = f"{stalling.server}/frames"
    sent = inside("publish", clip, "--kafka", address, "--kafka-config", login, check=False)
    assert (sent.returncode, sent.stderr) == (1, f"streamsel: {address}: {WHY}\n")
