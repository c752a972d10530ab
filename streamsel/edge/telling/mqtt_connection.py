"""One connection with an MQTT broker: the only place that knows its client, paho."""

from __future__ import annotations

import selectors
import socket
import time
from ssl import SSLCertVerificationError, SSLError
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from streamsel.config.edge import EdgeMqtt
from streamsel.edge.telling.mqtt_login import login, protection
from streamsel.edge.telling.mqtt_plain import answers_plainly
from streamsel.edge.telling.mqtt_troubles import HANGS_UP, LASTING, LOST, PLAIN, of_reason
from streamsel.errors import SinkError
from streamsel.topic import Record

__all__ = ["Answer", "Connection", "UnfitError"]

AT_ONCE: Final = 20
"""Messages on their way at most, before the first of them is acknowledged; fewer where the broker says so."""

KEEPALIVE: Final = 30
"""Seconds of silence after which the broker is asked whether it is there."""

TURN: Final = 1.0

Answer = tuple[int, int, str]
"""The number of a message, the reason code by which the broker acknowledges or refuses it, and that in words."""


class UnfitError(SinkError):
    """The broker ended the connection over a message, one of those on their way; its text says why."""


class Connection:
    """One connection with a broker, used by one thread. Raises SinkError, UsageError or OSError, whatever goes wrong.

    wake: ends a wait when it can be read from. patience: seconds that the broker may take to let us in. at_once,
    largest: how many messages at once, and bytes of one of them, the broker takes.
    """

    def __init__(self, config: EdgeMqtt, client_id: str, wake: socket.socket, patience: float) -> None:
        self._lost, self._unfit = HANGS_UP, ""
        self._open = False
        self._answers: list[Answer] = []
        self.at_once, self.largest = AT_ONCE, 1 << 28
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        client.on_connect, client.on_disconnect, client.on_publish = self._connected, self._disconnected, self._answered
        client.max_inflight_messages_set(0)  # they are counted here
        client.connect_timeout = patience
        if who := login(config):
            client.username_pw_set(*who)
        if tls := protection(config):
            client.tls_set_context(tls)
        host, _, port = config.server.rpartition(":")
        try:
            client.connect(host.strip("[]"), int(port), KEEPALIVE, clean_start=True)
        except (SSLError, ConnectionError) as error:
            if tls and not isinstance(error, SSLCertVerificationError) and answers_plainly(host.strip("[]"), int(port)):
                raise SinkError(PLAIN) from error
            raise
        self._wake, self._selector = wake, selectors.DefaultSelector()
        for one in (client.socket(), wake):
            if one is not None:
                self._selector.register(one, selectors.EVENT_READ)
        self._begin(time.monotonic() + patience)

    def send(self, record: Record) -> int:
        """The number by which it is acknowledged. Raises ValueError where no message can have this topic."""
        return self._client.publish(record.key.decode(), record.value or b"", qos=1).mid

    def turn(self, seconds: float) -> list[Answer]:
        """What the broker says meanwhile of messages that it was sent; waits so long at most for it."""
        client, connection = self._client, self._client.socket()
        if connection is not None:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
            self._selector.modify(connection, wanted)
            left = getattr(connection, "pending", int)()  # decrypted bytes, of which no selector knows
            ready = {key.fileobj: mask for key, mask in self._selector.select(0 if left else seconds)}
            if self._wake in ready:
                self._wake.recv(4096)
            if left or ready.get(connection, 0) & selectors.EVENT_READ:
                self._read()
            if ready.get(connection, 0) & selectors.EVENT_WRITE:
                client.loop_write()
            client.loop_misc()
        answers, self._answers = self._answers, []
        if client.socket() is None and not answers:
            raise UnfitError(self._unfit) if self._unfit else SinkError(self._lost)
        return answers

    def close(self) -> None:
        """Say goodbye, without waiting."""
        self._client.disconnect()
        if connection := self._client.socket():
            connection.close()
        self._selector.close()

    def _read(self) -> None:
        # mosquitto 2.0 acknowledges with codes that the standard has not for that, as `packet too large`.
        if self._client.loop_read() == MQTTErrorCode.MQTT_ERR_PROTOCOL and self._open:
            self._unfit = "an answer that MQTT has not"

    def _begin(self, end: float) -> None:
        try:
            while not self._open:
                self.turn(min(TURN, max(0.0, end - time.monotonic())))
                if time.monotonic() > end:
                    raise TimeoutError
        except BaseException:
            self.close()
            raise

    def _connected(self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, told: Properties | None) -> None:
        self._open = not reason.is_failure
        self._lost = LOST if self._open else _meant(reason)
        self.at_once = min(self.at_once, getattr(told, "ReceiveMaximum", self.at_once))
        self.largest = min(self.largest, getattr(told, "MaximumPacketSize", self.largest))

    def _disconnected(self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, _p: object) -> None:
        if flags.is_disconnect_packet_from_server:
            self._lost, self._unfit = _meant(reason), LASTING.get(reason.value, "")

    def _answered(self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties) -> None:
        self._answers.append((mid, reason.value, reason.getName()))


def _meant(reason: ReasonCode) -> str:
    return of_reason(reason.value, reason.getName())
