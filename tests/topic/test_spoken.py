"""TLS where none is spoken, and none where it is: told apart from a broker that is away, which is waited for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from streamsel.errors import SinkError
from streamsel.testing.gate import free_port
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, lasting
from streamsel.topic.security import Security
from streamsel.topic.spoken import misspoken

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.fixture
def mute() -> Iterator[str]:
    """A port at which connections are taken, and nothing is said."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def place(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host, int(port)


def refused(server: str, security: Security) -> SinkError:
    with pytest.raises(SinkError) as caught, explained(server):
        Connection([server], security, wait=1.5).admin()
    return caught.value


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SSL"])
def test_in_the_clear_to_a_port_that_speaks_tls(secure_broker: Broker, protocol: str) -> None:
    (server,) = secure_broker.servers if protocol == "SASL_SSL" else secure_broker.ssl_servers
    error = refused(server, Security())
    assert "TLS is spoken there, and we speak in the clear; set security.protocol to SSL or SASL_SSL" in str(error)
    assert lasting(error)


def test_by_tls_to_a_port_that_speaks_in_the_clear(broker: Served) -> None:
    error = refused(broker.servers[0], Security("SSL"))
    assert "no TLS is spoken there, and we speak it; set security.protocol to PLAINTEXT" in str(error)
    assert lasting(error)


def test_who_is_away_or_says_nothing_is_waited_for(mute: str) -> None:
    away = f"127.0.0.1:{free_port()}"
    for server, security in ((away, Security()), (away, Security("SSL")), (mute, Security())):
        assert not lasting(refused(server, security))
    assert misspoken([place(mute)], encrypted=True) is None


def test_a_protocol_that_fits_is_never_wrong(broker: Served, secure_broker: Broker) -> None:
    assert misspoken([place(broker.servers[0])], encrypted=False) is None
    for server in (*secure_broker.servers, *secure_broker.ssl_servers):
        assert misspoken([place(server)], encrypted=True) is None
