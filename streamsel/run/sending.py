"""Sending: moves records from the outbox to the thread that delivers them, and notes what arrived.

Everything here runs in the thread of the store, and none of it waits for a broker but `finish`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from streamsel.config import SelectConfig
from streamsel.errors import StateError
from streamsel.run.going import Interrupted, Progress
from streamsel.run.outgoing import PickRecords
from streamsel.run.workspace import Workspace
from streamsel.sink.json_file import write_json
from streamsel.store import Changes, Outgoing, PickRow, Span
from streamsel.store.outbox import Bound
from streamsel.topic.address import Address
from streamsel.topic.security import Security

if TYPE_CHECKING:
    from streamsel.topic.delivery import Delivery

__all__ = ["Sending", "check_sending", "sending"]

LISTED: Final = 1000
"""Pictures listed in summary.json that a policy dropped; the outbox itself knows them all."""

IN_FLIGHT: Final = 16 << 20
"""Bytes of records that are out of the store at once, and half of the outbox at most: they are spared by policies."""

STEP: Final = 0.2


def check_sending(config: SelectConfig) -> tuple[Address, Security]:
    """Where picks are sent to, and how. Raises UsageError."""
    return Address.parse(config.kafka or ""), Security.of(config.delivery.security)


@contextmanager
def sending(config: SelectConfig, space: Workspace, model: str) -> Iterator[Sending]:
    """What sends the picks of a run. model: the embedder's name."""
    from streamsel.topic.connection import Connection
    from streamsel.topic.delivery import Delivery
    from streamsel.topic.markers import Past

    address, security = check_sending(config)
    box = config.delivery.outbox
    store = space.store
    store.outbox.bound = Bound(box.cap, box.policy)
    in_flight = min(IN_FLIGHT, box.cap // 2)
    past = Past(store.outbox.settled, store.outbox.handed, store.outbox.tokens)
    connection = Connection(address.servers, security)
    delivery = Delivery(connection, address.topic, store.outbox.id, past=past, most_bytes=in_flight)
    try:
        yield Sending(config, space, PickRecords(config, space.folder, model, store), delivery, address)
    finally:
        delivery.close()


class Sending:
    """See the module's text."""

    def __init__(
        self, config: SelectConfig, space: Workspace, records: PickRecords, delivery: Delivery, address: Address
    ) -> None:
        self._wait, self._folder, self._store = config.delivery.wait, space.folder, space.store
        self._records, self._delivery, self._address = records, delivery, address
        self._handed, self._noted = 0, 0
        self._begun = False

    def records(self, picks: Sequence[PickRow], facts: Mapping[str, Any], spans: Sequence[Span] = ()) -> list[Outgoing]:
        """The records of picks of one source whose pictures are written: see `PickRecords.of`."""
        return [record for pick in picks if pick.files is not None for record in self._records.of(pick, facts, spans)]

    def pump(self) -> None:
        """Hand over what there is room for, and let go of what arrived. Raises what keeps all of it from arriving."""
        if not self._begun:
            self._begun = True
            self._delivery.start()
        if self._delivery.failure is not None:
            raise self._delivery.failure
        self._note(self._delivery.acknowledged)
        if self._delivery.ready and (room := self._delivery.room) > 0:
            self._hand_over(room)

    def finish(self, progress: Progress, stopping: Callable[[], bool]) -> None:
        """Wait until all has arrived, as long as the config says at most, and tell in summary.json what has not.

        Raises what `pump` raises, and Interrupted; either way all is kept for the same command again.
        """
        end, told = time.monotonic() + self._wait, 0
        try:
            while (standing := self._store.outbox.standing()).waiting:
                self.pump()
                sent = standing.delivered
                progress("delivering", sent - told, sent, sent + standing.waiting)
                told = sent
                if stopping():
                    raise Interrupted
                if time.monotonic() > end:
                    break
                self._delivery.wait(STEP)
        finally:
            self._tell()
        if self._noted:
            self._store.compact()

    def _hand_over(self, room: int) -> None:
        if records := self._store.hand_over(self._handed, room, self._delivery.token):
            self._handed = records[-1].number
            largest = self._delivery.largest
            self._delivery.take([(one.number, self._records.fitting(one, largest)) for one in records])

    def _note(self, arrived: int) -> None:
        if arrived > self._noted:
            self._store.commit(Changes(acknowledged=arrived))
            self._noted = arrived

    def _tell(self) -> None:
        """Put into the summary what was sent, what waits, and what never will be."""
        standing, file = self._store.outbox.standing(), self._folder / "summary.json"
        told: dict[str, Any] = {"to": str(self._address), "delivered": standing.delivered, "waiting": standing.waiting}
        if standing.waiting:
            told["trouble"] = self._delivery.trouble or f"{self._address}: no answer yet"
        told["undelivered"] = standing.undelivered
        told["undelivered_files"] = {one.about: one.reason for one in self._store.outbox.dropped(LISTED)}
        try:
            summary = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise StateError(f"{file}: cannot be read ({error}); what was sent is noted; use --fresh") from error
        write_json(file, {**summary, "kafka": told})
