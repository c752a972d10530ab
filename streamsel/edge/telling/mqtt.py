"""MQTT 5 (OASIS, 2019): sends what an outbox holds as small messages, in order, by QoS 1.

Each event arrives at least once: after a lost acknowledgement, or a killed process, it is sent again. The event's `id`
tells a reader what it has already. What lasts is the outbox, on this device, and not a session at the broker: of a
sender by QoS 1 a session holds nothing but the numbers of packets, and a process that does not know them any more may
not go on with one (MQTT-3.2.2-4). So each connection starts clean, and sends all again that is not acknowledged.

A message that the broker will never take (larger than it allows, a topic's name that it does not like) would keep all
behind it for ever: it is passed over, counted in `refused` and logged. The broker says so itself: by the size that it
announces, by a reason code of its acknowledgement, or by ending the connection over the same single message, again and
again. Whatever else it refuses (the login, the right to publish, its quota) can be put right there: it is tried again
until then, in order.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import islice
from typing import Final

from streamsel.config.edge import EdgeMqtt
from streamsel.daemon.log_lines import say
from streamsel.daemon.pauses import pauses
from streamsel.edge.telling.mqtt_connection import Connection, UnfitError
from streamsel.edge.telling.mqtt_login import login, protection
from streamsel.edge.telling.mqtt_troubles import FAILED, LASTING, of_connecting, of_reason, passes
from streamsel.errors import SinkError, StreamselError, UsageError
from streamsel.topic import Record

__all__ = ["MqttDelivery"]

PATIENCE: Final = 20.0
"""Seconds without the answer that is due, after which a connection is taken for dead."""

TURN: Final = 1.0
SETTLED: Final = 15.0
"""Seconds that a connection lasts at least for the next one to be tried at once after it; longer than any pause, so
that two that take each other's place do so ever less often."""

FRAMING: Final = 16
"""Bytes at most of a message beside its topic and its payload."""

TRIES: Final = 3
"""So often a message ends a connection, alone on its way, before it is passed over."""


class MqttDelivery:
    """A Courier (see `streamsel.edge`) that publishes each record's value under the topic that is its key.

    sender: what tells this sender from all others, such as the outbox' id; the client id is made of it. most_bytes: of
    records held here, taken and not yet acknowledged. `failure` is always None: a wrong password or certificate can be
    put right at the broker, or in its file here, which is read anew for each try. Raises UsageError where the config
    cannot be used: a file that is not there, a topic with a wildcard.
    """

    failure: StreamselError | None = None

    def __init__(self, config: EdgeMqtt, sender: str, *, most_bytes: int = 1 << 20, patience: float = PATIENCE) -> None:
        if set("+#\0") & set(config.topic):
            raise UsageError(f"mqtt: topic: events are sent to one topic each: no '+' and '#', got {config.topic!r}")
        login(config)
        protection(config)
        self._config, self._most_bytes, self._patience = config, most_bytes, patience
        self._client_id = f"streamsel{sender[:14]}"  # brokers need not take more than 23 letters and digits
        self._changed = threading.Condition()
        self._held: deque[tuple[int, Record]] = deque()
        self._bytes, self._acknowledged, self._ending = 0, 0, False
        self._sent: dict[int, int] = {}
        self._done: set[int] = set()
        self._held_up, self._alone = "", 0
        self._ended: Counter[int] = Counter()
        self._wake, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self.token = secrets.token_hex(8)
        """Tells this process."""
        self.ready = False
        """Whether there is a connection; without one, records stay in the outbox, which is bounded by its policy."""
        self.trouble = ""
        """Why it does not get on at the moment, and what to do; empty while it does."""
        self.passes = True
        """Whether that is likely to be over some time, without anybody mending anything."""
        self.refused = 0
        """Messages that the broker will never take, passed over so far; `acknowledged` goes over them."""

    @property
    def acknowledged(self) -> int:
        """Records up to this number have arrived, or never will."""
        return self._acknowledged

    @property
    def room(self) -> int:
        """Bytes of records that may be given to it now; 0 or less: none."""
        return self._most_bytes - self._bytes

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def take(self, records: Sequence[tuple[int, Record]]) -> None:
        """Numbered records to send, each number above all before."""
        with self._changed:
            self._held.extend(records)
            self._bytes += sum(record.nbytes for _, record in records)
        self._awake()

    def close(self, seconds: float = 1.0) -> None:
        """End; what is not acknowledged by then stays with whoever gave it."""
        self._ending = True
        self._awake()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        self.ready = False
        if not self._thread.is_alive():
            self._wake.close()
            self._waking.close()

    def _awake(self) -> None:
        with suppress(OSError):  # it is full of signals already, or closed
            self._waking.send(b"\0")

    def _run(self) -> None:
        waits = pauses()
        while not self._ending:
            begun = time.monotonic()
            try:
                self._session()
            except Exception as error:  # also the client's own, of what no broker should send: this thread goes on
                # Whoever refuses something may hang up then, as mosquitto 2.0 does.
                self.trouble = f"mqtt {self._config.server}: {self._held_up or of_connecting(error)}"
                self.passes = not self._held_up and passes(error)
                if isinstance(error, UnfitError):
                    self._suspect(str(error))
            self.ready = False
            if time.monotonic() - begun > SETTLED:
                waits = pauses()
            with self._changed:
                self._changed.wait_for(lambda: self._ending, next(waits))

    def _session(self) -> None:
        """Send until an error or the end, by one connection."""
        self._sent, self._held_up = {}, ""
        due = 0.0
        with closing(Connection(self._config, self._client_id, self._wake, self._patience)) as connection:
            self.ready = True
            if not self._held:
                self.trouble = ""
            while not self._ending:
                if not self._sent:
                    due = time.monotonic() + self._patience
                if not self._held_up:
                    self._send(connection)
                answers = connection.turn(TURN)
                if answers:
                    due = time.monotonic() + self._patience
                for answer in answers:
                    self._note(*answer)
                if self._held_up and not self._sent:
                    raise SinkError(self._held_up)
                if self._sent and time.monotonic() > due:
                    raise SinkError("the broker acknowledges nothing any more; is it overloaded or stopped?")

    def _send(self, connection: Connection) -> None:
        """As many as may be on their way at once, in order."""
        with self._changed:
            passed = {*self._sent.values(), *self._done}
            window = list(islice(self._held, 1 if self._alone else connection.at_once))
        for number, record in window:
            if number in passed:
                continue
            try:
                if record.nbytes + FRAMING > connection.largest:
                    raise ValueError(LASTING[0x95])
                self._sent[connection.send(record)] = number
            except ValueError as error:
                self._refuse(number, record, str(error))

    def _note(self, mid: int, code: int, name: str) -> None:
        """What the broker says of a message."""
        number = self._sent.pop(mid)
        if code < FAILED:
            self._arrived(number)
            return
        record = self._record(number)
        if code in LASTING:
            self._refuse(number, record, LASTING[code])
        else:  # the answers to others are awaited still: else they would be sent again with each try
            self._held_up = f"{record.key.decode('utf-8', 'replace')}: {of_reason(code, name)}"

    def _suspect(self, reason: str) -> None:
        """One of those on their way ended the connection; which one it is shows when each goes alone."""
        if len(self._sent) > 1:
            self._alone = len(self._sent)
            return
        for number in self._sent.values():
            self._ended[number] += 1
            if self._ended[number] >= TRIES:
                self._refuse(number, self._record(number), f"the broker hangs up over it: {reason}")

    def _record(self, number: int) -> Record:
        with self._changed:
            return next(record for one, record in self._held if one == number)

    def _refuse(self, number: int, record: Record, reason: str) -> None:
        self.refused += 1
        topic = record.key.decode("utf-8", "replace")
        say("mqtt refuses an event", logging.WARNING, topic=topic, number=number, bytes=record.nbytes, reason=reason)
        self._arrived(number)

    def _arrived(self, number: int) -> None:
        """Let go of all from the first one on that is done with."""
        with self._changed:
            self._done.add(number)
            self._alone = max(0, self._alone - 1)
            self._ended.pop(number, None)
            while self._held and self._held[0][0] in self._done:
                self._acknowledged, record = self._held.popleft()
                self._done.remove(self._acknowledged)
                self._bytes -= record.nbytes
            self.trouble = ""
