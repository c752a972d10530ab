"""From a daemon's outboxes to a real mosquitto, over everything that goes wrong on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

from streamsel.config.edge import EdgeMqtt
from streamsel.edge.showing.board import Outbound
from streamsel.edge.telling.sending import Sendings, mqtt_courier
from streamsel.errors import StreamselError, UsageError
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore
from streamsel.store.outbox import Bound
from streamsel.testing.mosquitto import Mosquitto

pytestmark = pytest.mark.xdist_group("mosquitto")

PLENTY = Bound(1 << 30)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    try:
        with Mosquitto(tmp_path / "mosquitto", settings={"message_size_limit": 10_000}) as broker:
            yield broker
    except StreamselError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EntryStore]:
    store = EntryStore(tmp_path / "state.db", ("mqtt",))
    yield store
    store.close()


@pytest.fixture
def sendings(store: EntryStore, broker: Mosquitto) -> Iterator[Sendings]:
    made = Sendings(store, {"mqtt": mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))}, PLENTY)
    yield made
    made.close()


def event(number: int) -> bytes:
    return json.dumps({"id": f"pick-{number}"}).encode()


def put(store: EntryStore, first: int, last: int, value: Callable[[int], bytes] = event) -> None:
    records = [Outgoing(f"pick-{one}", b"streamsel/door/picks", (), value(one), 0.5) for one in range(first, last + 1)]
    store.commit(Committed(outgoing={"mqtt": records}))


def pumped(sendings: Sendings, true: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: {sendings.standing()}"
        sendings.pump()
        time.sleep(0.01)


def test_what_waits_is_sent_in_order_and_then_gone(store: EntryStore, broker: Mosquitto, sendings: Sendings) -> None:
    with broker.listening() as heard:
        put(store, 1, 300)
        pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "all arrive")
        assert heard.until(event(300)) == [event(number) for number in range(1, 301)]
    sendings.close()
    assert sendings.standing() == {"mqtt": Outbound("mqtt", delivered=300)}


def test_an_outbox_in_want_of_a_broker_keeps_the_newest_and_counts(store: EntryStore, broker: Mosquitto) -> None:
    courier = mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))
    broker.stop()
    sendings = Sendings(store, {"mqtt": courier}, Bound(2000, "oldest"))
    pumped(sendings, lambda: sendings.standing()["mqtt"].trouble, "told")
    for number in range(1, 101):
        put(store, number, number)
        sendings.pump()
    left = store.outbox("mqtt").standing()
    assert (left.waiting + left.undelivered["oldest"], left.nbytes <= 2000) == (100, True)
    broker.start()
    with broker.listening() as heard:
        pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "the rest arrives")
        heard.until(event(100))
        assert heard.payloads == [event(number) for number in range(101 - left.waiting, 101)]
    sendings.close()
    dropped = left.undelivered["oldest"]
    assert sendings.standing() == {"mqtt": Outbound("mqtt", delivered=left.waiting, dropped=dropped)}


def test_while_a_broker_is_away_it_is_said_once_and_then_goes_on(store, broker, sendings, caplog) -> None:
    caplog.set_level("INFO", "streamsel.daemon")
    with broker.listening() as heard:
        put(store, 1, 10)
        pumped(sendings, lambda: len(heard.messages) == 10, "ten")
        broker.stop()
        pumped(sendings, lambda: "refused" in sendings.standing()["mqtt"].trouble, "told")
        for number in range(11, 61):
            put(store, number, number)
            sendings.pump()
            time.sleep(0.02)
        broker.start()
        pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "all arrive")
        heard.until(event(60))
        assert list(dict.fromkeys(heard.payloads)) == [event(number) for number in range(1, 61)]
    lines = [(record.message, record.facts.get("reason", "")) for record in caplog.records]
    assert lines[-1] == ("delivery goes on", "")
    assert len([1 for message, reason in lines if "refused" in reason]) == 1


KILLED = """
import sys, time
from pathlib import Path
from streamsel.config.edge import EdgeMqtt
from streamsel.edge.telling.sending import Sendings, mqtt_courier
from streamsel.store import Outgoing
from streamsel.store.entries import Committed, EntryStore
from streamsel.store.outbox import Bound

store = EntryStore(Path(sys.argv[2]), ("mqtt",))
courier = mqtt_courier(EdgeMqtt(server=sys.argv[1]), store.outbox("mqtt"))
sendings = Sendings(store, {"mqtt": courier}, Bound(1 << 30))
for number in range(1, 100_000):
    value = b'{"id": "pick-%d"}' % number
    record = Outgoing("pick-%d" % number, b"streamsel/door/picks", (), value, 0.5)
    store.commit(Committed(outgoing={"mqtt": [record]}))
    print(number, flush=True)
    sendings.pump()
"""


def test_a_killed_daemon_loses_nothing_that_was_committed(tmp_path: Path, broker: Mosquitto) -> None:
    state, last = tmp_path / "killed.db", 0
    with broker.listening() as heard:
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, broker.server, str(state)], stdout=subprocess.PIPE, text=True
        ) as process:
            while len(heard.messages) < 100:
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            last = int([last, *process.stdout.read().split()][-1])
        store = EntryStore(state, ("mqtt",))
        courier = mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))
        sendings = Sendings(store, {"mqtt": courier}, PLENTY)
        pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "all arrive")
        heard.until(event(last))
        sendings.close()
        assert set(heard.payloads) >= {event(number) for number in range(1, last + 1)}
        firsts = list(dict.fromkeys(heard.payloads))
        assert firsts == [event(number) for number in range(1, len(firsts) + 1)]
        store.close()


def test_what_the_broker_never_takes_is_counted_as_dropped_also_after_a_restart(store, broker, sendings) -> None:
    put(store, 1, 3, lambda number: bytes(20_000) if number == 2 else event(number))
    pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "the others arrive")
    courier = mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))
    again = Sendings(store, {"mqtt": courier}, PLENTY).standing()["mqtt"]
    assert (again.delivered, again.dropped, again.waiting) == (2, 1, 0)


def test_what_is_on_its_way_is_noted_at_the_end(store: EntryStore, broker: Mosquitto) -> None:
    sendings = Sendings(store, {"mqtt": mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))}, PLENTY)
    put(store, 1, 1)
    pumped(sendings, lambda: not store.outbox("mqtt").standing().waiting, "connected")
    put(store, 2, 500)
    sendings.close(10.0)
    assert store.outbox("mqtt").standing().delivered == 500


def test_the_end_does_not_wait_for_a_broker_that_is_away(
    store: EntryStore, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsel.edge.telling.mqtt.pauses", lambda: repeat(1000.0))
    broker.stop()
    sendings = Sendings(store, {"mqtt": mqtt_courier(EdgeMqtt(server=broker.server), store.outbox("mqtt"))}, PLENTY)
    put(store, 1, 10)
    pumped(sendings, lambda: sendings.standing()["mqtt"].trouble, "told")
    begun = time.monotonic()
    sendings.close(60.0)
    assert time.monotonic() - begun < 30.0
    assert store.outbox("mqtt").standing().waiting == 10


def test_a_config_of_no_use_is_told_at_once(store: EntryStore, tmp_path: Path) -> None:
    config = EdgeMqtt(server="localhost:1883", username="me", password_file=tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read"):
        Sendings(store, {"mqtt": mqtt_courier(config, store.outbox("mqtt"))}, PLENTY)


def test_no_client_is_loaded_that_is_not_configured() -> None:
    code = "import sys, streamsel.edge.telling.sending; print({'kafka', 'paho'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
    code = "import sys, streamsel.edge.telling.mqtt; print({'kafka'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
