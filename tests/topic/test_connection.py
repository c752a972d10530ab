"""Clients against a real broker that asks who is there, and against what is none."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaError, SaslAuthenticationFailedError

from streamsel.errors import SinkError, UsageError
from streamsel.testing.kafka_broker import Broker
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, lasting
from streamsel.topic.security import Security

pytestmark = pytest.mark.xdist_group("kafka")

HUSH = "corr3ct-h0rse"
PATIENT = 400.0
"""Longer than a test may take: what waits it out fails."""


def scram(broker: Broker, mechanism: str) -> Connection:
    security = Security("SASL_SSL", mechanism, broker.username, broker.password, ca=broker.ca)
    return Connection(broker.servers, security)


def in_clear(broker: Broker) -> Connection:
    security = Security("SASL_PLAINTEXT", "SCRAM-SHA-512", broker.username, broker.password)
    return Connection(broker.sasl_servers, security)


def bearer(broker: Broker) -> Connection:
    return Connection(broker.servers, Security("SASL_SSL", "OAUTHBEARER", token=broker.safety.token(), ca=broker.ca))


def certified(broker: Broker) -> Connection:
    safety = broker.safety
    return Connection(broker.ssl_servers, Security("SSL", ca=safety.ca, certificate=safety.certificate, key=safety.key))


WAYS_IN: dict[str, Callable[[Broker], Connection]] = {
    "scram-256": lambda broker: scram(broker, "SCRAM-SHA-256"),
    "scram-512": lambda broker: scram(broker, "SCRAM-SHA-512"),
    "plain": lambda broker: scram(broker, "PLAIN"),
    "without tls": in_clear,
    "bearer": bearer,
    "certificate": certified,
    "open": lambda broker: Connection(broker.open_servers),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_what_is_committed_is_read(way: str, guarded: Broker, topic_name: str) -> None:
    connection = WAYS_IN[way](guarded)
    guarded.create(topic_name)
    with closing(connection.producer(topic_name)) as producer:
        producer.init_transactions()
        for value, end in ((b"lost", producer.abort_transaction), (b"kept", producer.commit_transaction)):
            producer.begin_transaction()
            producer.send(topic_name, value, key=b"cam").get(timeout=10)
            end()
    assert read(connection, topic_name) == [b"kept"]


def read(connection: Connection, topic: str) -> list[bytes]:
    """The values of the first poll that gives any."""
    with closing(connection.consumer(topic, group_id=topic)) as consumer:
        while not (found := consumer.poll(timeout_ms=500)):
            pass
        return [record.value for records in found.values() for record in records]


@contextmanager
def told_nowhere(secret: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What happens within tells a secret in no log, whatever its level, and prints nothing."""
    caplog.set_level(logging.DEBUG)
    yield
    printed = capfd.readouterr()
    assert secret not in caplog.text
    assert printed.out + printed.err == ""


def refusal(connection: Connection, *kinds: str) -> SinkError:
    """One line, without secrets, the same from each kind of client."""
    found = []
    for make in (getattr(connection, kind) for kind in kinds or ("producer", "consumer", "admin")):
        with pytest.raises(SinkError) as caught, explained("broker"):
            make()
        assert HUSH not in "".join(traceback.format_exception(caught.value))
        assert str(caught.value).isprintable()
        found.append(caught.value)
    assert len({str(error) for error in found}) == 1
    return found[0]


@pytest.mark.parametrize(
    ("mechanism", "user"),
    [
        ("SCRAM-SHA-256", "streamsel"),
        ("SCRAM-SHA-512", "nobody"),
        ("PLAIN", "streamsel"),
        ("OAUTHBEARER", ""),
    ],
)
def test_a_wrong_password_is_told_at_once(
    mechanism: str,
    user: str,
    guarded: Broker,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    given = {"token": HUSH} if mechanism == "OAUTHBEARER" else {"username": user, "password": HUSH}
    security = Security("SASL_SSL", mechanism, ca=guarded.ca, **given)
    with told_nowhere(HUSH, caplog, capfd):
        error = refusal(Connection(guarded.servers, security, wait=PATIENT))
    assert str(error) == "broker: the broker refuses the login; check username and password, or the token"
    assert isinstance(error.__cause__, SaslAuthenticationFailedError)
    assert lasting(error)


def test_a_right_password_is_told_nowhere(
    guarded: Broker, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with told_nowhere(guarded.password, caplog, capfd):
        for way in ("plain", "without tls"):
            with closing(WAYS_IN[way](guarded).admin()) as admin:
                assert "picks" in admin.list_topics()


def wrong_ways(broker: Broker) -> dict[str, tuple[tuple[str, ...], Security, str]]:
    user = {"mechanism": "PLAIN", "username": broker.username, "password": broker.password}
    return {
        "not trusted": (broker.servers, Security("SASL_SSL", **user), "the broker's certificate is not trusted"),
        "no certificate": (broker.ssl_servers, Security("SSL", ca=broker.ca), "refuses our certificate"),
        "no login there": (broker.open_servers, Security("SASL_PLAINTEXT", **user), "does not expect a login"),
    }


@pytest.mark.parametrize("way", ["not trusted", "no certificate", "no login there"])
def test_a_wrong_way_in_is_told_at_once(way: str, guarded: Broker) -> None:
    servers, security, says = wrong_ways(guarded)[way]
    error = refusal(Connection(servers, security, wait=PATIENT))
    assert says in str(error)
    assert lasting(error)


@pytest.mark.parametrize(
    ("listener", "says"), [("servers", "TLS is spoken there"), ("sasl_servers", "the broker hangs up")]
)
def test_a_missing_login_is_told(listener: str, says: str, guarded: Broker) -> None:
    error = refusal(Connection(getattr(guarded, listener), wait=2), "producer")
    assert says in str(error)
    assert "security" in str(error)


def test_a_token_file_is_read_for_each_login(guarded: Broker, tmp_path: Path) -> None:
    token = tmp_path / "token"
    security = Security("SASL_SSL", "OAUTHBEARER", ca=guarded.ca, token_file=token)
    connection = Connection(guarded.servers, security, wait=PATIENT)
    with pytest.raises(UsageError, match="token: cannot be read"):
        connection.admin()
    token.write_text(guarded.safety.token(seconds=-60))
    with pytest.raises(SinkError, match="refuses the login"), explained("broker"):
        connection.admin()
    token.write_text(guarded.safety.token())
    connection.admin().close()


def test_who_has_no_rights_is_told(guarded: Broker) -> None:
    safety = guarded.safety
    guest = Security("SASL_SSL", "PLAIN", safety.guest, safety.guest_password, ca=guarded.ca)
    connection = Connection(guarded.servers, guest)
    with closing(connection.producer("guest")) as producer:
        with pytest.raises(SinkError, match="not allowed to use the topic"), explained("broker/picks"):
            producer.send("picks", b"x", key=b"cam").get(timeout=10)
        with pytest.raises(SinkError, match="not allowed to send transactions"), explained("broker/picks"):
            producer.init_transactions()
    forbidden = pytest.raises(SinkError, match="not allowed to use the consumer group")
    with closing(connection.consumer("picks", group_id="guest")) as consumer, forbidden, explained("broker/picks"):
        consumer.poll(timeout_ms=10_000)


def test_a_record_that_is_too_large_is_told(guarded: Broker) -> None:
    refused = pytest.raises(SinkError, match="larger than the topic takes")
    with closing(Connection(guarded.open_servers).producer()) as producer, refused as caught, explained("broker/small"):
        producer.send("small", bytes(2000), key=b"cam").get(timeout=10)
    assert lasting(caught.value)


def test_a_missing_topic_is_told(guarded: Broker) -> None:
    missing = pytest.raises(SinkError, match="broker/nothing: no such topic")
    with closing(Connection(guarded.open_servers, wait=1).producer()) as producer, missing, explained("broker/nothing"):
        producer.send("nothing", b"x", key=b"cam")


def open_transaction(connection: Connection, name: str) -> KafkaProducer:
    producer = connection.producer(name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send("picks", b"x", key=b"cam").get(timeout=10)
    return producer


def outcome(call: Callable[[], None]) -> BaseException | None:
    try:
        call()
    except KafkaError as error:
        return error
    return None


def test_no_call_on_a_transaction_waits_for_ever(guarded: Broker) -> None:
    connection = Connection(guarded.open_servers, wait=2)
    one, two, three = (open_transaction(connection, f"stuck-{number}") for number in range(3))
    calls = [one.commit_transaction, two.abort_transaction, partial(three.send_offsets_to_transaction, {}, "group")]
    guarded.pause()
    try:
        with ThreadPoolExecutor() as threads:
            errors = list(threads.map(outcome, calls))
    finally:
        guarded.resume()
        for producer in (one, two, three):
            producer.close(timeout=1)
    assert None not in errors
    assert not any(map(lasting, errors))


def nobody(listener: socket.socket) -> None:
    listener.close()


def silent(listener: socket.socket) -> None:
    listener.listen()


def rude(listener: socket.socket) -> None:
    listener.listen()

    def hang_up() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=hang_up, daemon=True).start()


@pytest.mark.parametrize(
    ("kind", "says"),
    [(nobody, "no broker answers: connection refused"), (silent, "no broker answers: "), (rude, "the broker hangs up")],
)
def test_what_is_no_broker_is_given_up_in_time(kind: Callable[[socket.socket], None], says: str) -> None:
    threads = set(threading.enumerate())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        kind(listener)
        error = refusal(Connection([address], wait=1))
        listener.close()
    assert says in str(error)
    assert not lasting(error)
    left = [thread for thread in threading.enumerate() if thread not in threads and thread.name.startswith("kafka")]
    assert left == []
