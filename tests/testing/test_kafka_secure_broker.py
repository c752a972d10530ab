"""The broker that asks who is there: each way of logging in that it offers, and who is turned away."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaError, TopicAuthorizationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_security import Safety

pytestmark = pytest.mark.xdist_group("brokers")

PLAIN = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")


class Token(AbstractTokenProvider):
    def __init__(self, text: str) -> None:
        self._text = text

    def token(self) -> str:
        return self._text


def login(safety: Safety, mechanism: str, **other: object) -> dict[str, object]:
    """As the user who may do everything."""
    user = {"sasl_plain_username": safety.username, "sasl_plain_password": safety.password}
    return {"sasl_mechanism": mechanism, **user, **other}


def send(servers: tuple[str, ...], protocol: str, topic: str, options: Mapping[str, object]) -> int:
    """Offset of a record sent."""
    waits = {"bootstrap_timeout_ms": 10_000, "max_block_ms": 10_000}
    with closing(KafkaProducer(bootstrap_servers=list(servers), security_protocol=protocol, **waits, **options)) as one:
        return int(one.send(topic, b"picture").get(30).offset)


@pytest.mark.parametrize("mechanism", PLAIN)
def test_a_password_lets_in_by_tls(secure_broker: Broker, topic_name: str, mechanism: str) -> None:
    secure_broker.create(topic_name)
    options = login(secure_broker.safety, mechanism, ssl_cafile=str(secure_broker.ca))
    assert send(secure_broker.servers, "SASL_SSL", topic_name, options) == 0


@pytest.mark.parametrize("mechanism", PLAIN)
def test_a_password_lets_in_without_tls(secure_broker: Broker, topic_name: str, mechanism: str) -> None:
    secure_broker.create(topic_name)
    options = login(secure_broker.safety, mechanism)
    assert send(secure_broker.sasl_servers, "SASL_PLAINTEXT", topic_name, options) == 0


def test_a_token_lets_in(secure_broker: Broker, topic_name: str) -> None:
    secure_broker.create(topic_name)
    token = Token(secure_broker.safety.token())
    options = {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": token}
    assert send(secure_broker.sasl_servers, "SASL_PLAINTEXT", topic_name, options) == 0


def test_a_certificate_lets_in(secure_broker: Broker, topic_name: str) -> None:
    secure_broker.create(topic_name)
    safety = secure_broker.safety
    own = {"ssl_certfile": str(safety.certificate), "ssl_keyfile": str(safety.key)}
    assert send(secure_broker.ssl_servers, "SSL", topic_name, {"ssl_cafile": str(safety.ca), **own}) == 0


def test_a_guest_may_do_nothing(secure_broker: Broker, topic_name: str) -> None:
    secure_broker.create(topic_name)
    safety = secure_broker.safety
    guest = {"sasl_plain_username": safety.guest, "sasl_plain_password": safety.guest_password}
    with pytest.raises(TopicAuthorizationFailedError):
        send(secure_broker.sasl_servers, "SASL_PLAINTEXT", topic_name, {"sasl_mechanism": "PLAIN", **guest})


@pytest.mark.parametrize("mechanism", PLAIN)
def test_a_wrong_password_is_turned_away(secure_broker: Broker, mechanism: str) -> None:
    options = login(secure_broker.safety, mechanism, sasl_plain_password="guessed", bootstrap_timeout_ms=1000)
    with pytest.raises(KafkaError):
        KafkaProducer(bootstrap_servers=list(secure_broker.sasl_servers), security_protocol="SASL_PLAINTEXT", **options)


def test_passwords_are_not_told(secure_broker: Broker) -> None:
    safety = secure_broker.safety
    assert safety.password not in repr(safety)
    assert safety.guest_password not in repr(safety)


def test_it_is_started_again_as_it_was(secure_broker: Broker, topic_name: str) -> None:
    secure_broker.create(topic_name)
    secure_broker.stop()
    secure_broker.start()
    options = login(secure_broker.safety, "SCRAM-SHA-512", ssl_cafile=str(secure_broker.ca))
    assert send(secure_broker.servers, "SASL_SSL", topic_name, options) == 0
