"""Moves records from outboxes to who delivers them, and notes what arrived; nothing here waits but `close`.

A courier that fails for good, as a topic that is not there makes Kafka's, is built anew after a while: the daemon goes
on, and so does the outbox, within its bound. Neither Kafka's client nor MQTT's is imported unless it is configured.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from streamsel.config.edge import EdgeKafka, EdgeMqtt
from streamsel.daemon.log_lines import say
from streamsel.edge import Courier
from streamsel.edge.showing.board import Outbound
from streamsel.errors import SinkError, StreamselError
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore
from streamsel.store.outbox import Bound, Outbox
from streamsel.topic import Record
from streamsel.topic.pick_record import wire_bytes

__all__ = ["Sendings", "kafka_courier", "mqtt_courier"]

ANEW: Final = 60.0
"""Seconds after which a courier that failed is built anew."""

KAFKA_AT_ONCE, MQTT_AT_ONCE = 4 << 20, 1 << 20
"""Bytes of records that are out of the store at once, and half of the outbox at most: they are spared by policies."""

FRESH: Final = 2.0
"""Seconds that what is told of an outbox may be old; counting its records takes the longer the more there are."""

STEP: Final = 0.05


def kafka_courier(config: EdgeKafka, outbox: Outbox) -> Callable[[], Courier]:
    """What makes the courier that sends an outbox' records to a topic; it raises UsageError for a wrong `security`."""
    from streamsel.topic.connection import Connection
    from streamsel.topic.delivery import Delivery
    from streamsel.topic.markers import Past
    from streamsel.topic.security import Security

    def made() -> Courier:
        connection = Connection(config.servers, Security.of(config.security))
        past = Past(outbox.settled, outbox.handed, outbox.tokens)
        most = min(KAFKA_AT_ONCE, outbox.bound.nbytes // 2)
        return Delivery(connection, config.topic, outbox.id, past=past, most_bytes=most)

    return made


def mqtt_courier(config: EdgeMqtt, outbox: Outbox) -> Callable[[], Courier]:
    """What makes the courier that sends an outbox' records by MQTT; it raises UsageError for a config of no use."""
    from streamsel.edge.telling.mqtt import MqttDelivery

    return lambda: MqttDelivery(config, outbox.id, most_bytes=min(MQTT_AT_ONCE, outbox.bound.nbytes // 2))


class Sendings:
    """couriers: the store's outboxes by name, and what makes the courier of each. bound: of each outbox.

    anew: seconds after which a courier that failed is built anew. For the thread of the store, but `standing`. Raises
    what a courier raises that cannot be made.
    """

    def __init__(
        self, store: EntryStore, couriers: Mapping[str, Callable[[], Courier]], bound: Bound, *, anew: float = ANEW
    ) -> None:
        for name in couriers:
            store.outbox(name).bound = bound
        self._begun = False
        self._ways = [_Way(store, name, make, anew) for name, make in couriers.items()]

    def pump(self) -> None:
        """Hand over what there is room for, and let go of what arrived. A disk that is full is told, not raised."""
        self._begun = True
        for way in self._ways:
            way.pump()

    def standing(self) -> dict[str, Outbound]:
        """Each outbox by name, as it stood a few seconds ago at most; from any thread.

        dropped: by its policy, or for good by the broker. trouble: why nothing arrives; empty: nothing is wrong.
        """
        return {way.outbound.name: way.outbound for way in self._ways}

    def close(self, seconds: float = 1.0) -> None:
        """Wait so long at most for what is on its way where it gets on, note it, and end all couriers."""
        end = time.monotonic() + seconds
        if self._begun:
            self.pump()
            while any(way.awaits for way in self._ways) and time.monotonic() < end:
                time.sleep(STEP)
                self.pump()
        for way in self._ways:
            way.close(max(STEP, end - time.monotonic()))


class _Way:
    """From one outbox to its courier."""

    def __init__(self, store: EntryStore, name: str, make: Callable[[], Courier], anew: float) -> None:
        self._store, self._name, self._make, self._anew = store, name, make, anew
        self._courier: Courier | None = make()
        self._started = False
        self._again = self._looked = 0.0
        self._handed, self._noted = 0, store.outbox(name).settled
        self._refused_before, self._refused = int(store.note(self._note) or 0), 0
        self.outbound = Outbound(name)
        self._look()

    @property
    def awaits(self) -> bool:
        """Whether something is on its way, and likely to arrive."""
        one = self._courier
        return one is not None and one.ready and not self.outbound.trouble and one.acknowledged < self._handed

    def pump(self) -> None:
        """See `Sendings`."""
        try:
            if courier := self._working():
                self._let_go(courier)
                self._hand_over(courier)
            if time.monotonic() - self._looked > FRESH:
                self._look()
        except SinkError as error:  # the next turn tries it again
            self._tell(str(error))

    def close(self, seconds: float) -> None:
        """Ends the courier, and notes what arrived until then."""
        if self._courier is None:
            return
        self._courier.close(seconds)
        try:
            self._let_go(self._courier)
            self._look()
        except SinkError as error:
            self._tell(str(error))

    @property
    def _note(self) -> str:
        return f"refused {self._name}"

    def _working(self) -> Courier | None:
        """The courier, begun; None while there is none that works."""
        if self._courier is None and time.monotonic() >= self._again:
            try:
                self._courier, self._started, self._handed, self._refused = self._make(), False, 0, 0
            except StreamselError as error:
                self._failed(error)
        if self._courier is not None and not self._started:
            self._courier.start()
            self._started = True
        if self._courier is not None and self._courier.failure is not None:
            self._let_go(self._courier)
            self._courier.close(0.0)
            self._failed(self._courier.failure)
        return self._courier

    def _failed(self, error: StreamselError) -> None:
        self._courier, self._again = None, time.monotonic() + self._anew
        self._tell(str(error))

    def _let_go(self, courier: Courier) -> None:
        """What arrived is gone from the outbox."""
        arrived, refused = courier.acknowledged, int(getattr(courier, "refused", 0))  # by MQTT a broker may refuse some
        if arrived > self._noted:
            fresh, self._refused = refused - self._refused, refused
            self._refused_before += fresh
            notes = {self._note: self._refused_before} if fresh else {}
            self._store.commit(Committed(acknowledged={self._name: arrived}, notes=notes))
            self._noted = arrived
            self._tell(courier.trouble)
        elif courier.trouble or (courier.ready and not self.outbound.waiting):
            self._tell(courier.trouble)

    def _hand_over(self, courier: Courier) -> None:
        room = courier.room if courier.ready else 0
        if room > 0 and (records := self._store.hand_over(self._name, self._handed, room, courier.token)):
            self._handed = records[-1].number
            largest = getattr(courier, "largest", None)  # Kafka's topics have a limit that may be lowered
            courier.take([(one.number, _fitting(one, largest)) for one in records])

    def _look(self) -> None:
        """Count what is in the outbox."""
        told, refused = self._store.outbox(self._name).standing(), self._refused_before
        self._looked = time.monotonic()
        self.outbound = replace(
            self.outbound,
            waiting=told.waiting,
            nbytes=told.nbytes,
            delivered=max(0, told.delivered - refused),
            dropped=sum(told.undelivered.values()) + refused,
        )

    def _tell(self, trouble: str) -> None:
        """Into the log, where it is another than before."""
        if trouble == self.outbound.trouble:
            return
        self.outbound = replace(self.outbound, trouble=trouble)
        if trouble:
            say("delivery is held up", logging.WARNING, to=self._name, reason=trouble)
        else:
            say("delivery goes on", to=self._name)


def _fitting(one: Outgoing, largest: int | None) -> Record:
    """A record, without a picture that makes it larger than so many bytes: it is referred to, where it lies."""
    record = Record(one.key, one.value, one.headers)
    if one.value is None or largest is None or wire_bytes(record) <= largest:
        return record
    claim = {"ce_dataref": quote(one.about), "ce_sha256": sha256(one.value).hexdigest()}
    return Record(one.key, None, (*one.headers, *((name, text.encode()) for name, text in claim.items())))
