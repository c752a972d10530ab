"""A real mosquitto beside a test: an MQTT broker on this machine only, and what arrived there.

    with Mosquitto(tmp_path) as broker:
        with broker.listening() as heard:
            ...  # broker.server
            heard.until(3)

Who listens misses nothing while the broker is stopped and started: it keeps what it has for them. Killed, it forgets.
It ends when the process that started it does.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from types import MappingProxyType
from typing import Any, Final, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from streamsel.errors import SourceError, UsageError
from streamsel.testing.kafka_security import Safety

__all__ = ["Heard", "Mosquitto"]

PLACES: Final = ":/usr/sbin:/usr/local/sbin"
LONGEST: Final = 10.0
"""Seconds that starting and stopping may take."""

WATCH: Final = 'read -r _; kill -9 "$1"'
"""Waits until the pipe from this process ends, however that came about, and then ends the broker."""

NONE: Final[Mapping[str, object]] = MappingProxyType({})


class Heard:
    """Messages that arrived, in order: topic and payload each."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()

    @property
    def payloads(self) -> list[bytes]:
        """Without topics."""
        return [payload for _, payload in self.messages]

    def add(self, topic: str, payload: bytes) -> None:
        """One more."""
        with self._changed:
            self.messages.append((topic, payload))
            self._changed.notify_all()

    def until(self, payload: bytes, seconds: float = 20.0) -> list[bytes]:
        """All payloads, once this one is among them; AssertionError where it does not come in time."""
        with self._changed:
            came = self._changed.wait_for(lambda: payload in self.payloads, seconds)
        assert came, f"{payload!r} did not arrive; {len(self.messages)} others did"
        return self.payloads


class Mosquitto:
    """A broker of one's own, which can be stopped, killed, paused, and started again on the same port.

    folder: for its configuration and log. password: of the only user, `streamsel`; empty: everybody may come. secure:
    speaks TLS, by certificates of its own authority, whose file is `ca`. settings: lines of mosquitto.conf(5).
    Raises UsageError where this machine has no mosquitto, SourceError where it does not start.
    """

    username: Final = "streamsel"

    def __init__(
        self, folder: Path, *, password: str = "", secure: bool = False, settings: Mapping[str, object] = NONE
    ) -> None:
        self._program = which("mosquitto") or which("mosquitto", path=PLACES)
        if self._program is None:
            raise UsageError("a broker for MQTT needs mosquitto: install it (Debian: apt-get install mosquitto)")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._password = folder, password
        self._safety = Safety.make(folder / "safety") if secure else None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.configure(settings)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def server(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The authority that signed its certificate."""
        if self._safety is None:
            raise ValueError("this broker speaks no TLS: Mosquitto(folder, secure=True) does")
        return self._safety.ca

    def configure(self, settings: Mapping[str, object] = NONE) -> None:
        """Write its configuration anew, for the next start. settings: beside what the other arguments say."""
        lines: dict[str, object] = {"listener": f"{self.port} 127.0.0.1", "user": "root"}  # root stays root
        lines |= {"persistence": "true", "persistence_location": f"{self._folder}/", "max_queued_messages": 0}
        lines["allow_anonymous"] = "false" if self._password else "true"
        if self._password:
            lines["password_file"] = self._passwords()
        if self._safety:
            lines |= {"certfile": self._safety.server, "keyfile": self._safety.server}
        text = "".join(f"{name} {value}\n" for name, value in (lines | dict(settings)).items())
        self._configuration.write_text(text)

    def start(self) -> None:
        """Start it; returns when it listens. One that runs is killed first."""
        self.kill()
        with self._log.open("ab") as log:
            command = [str(self._program), "-c", str(self._configuration)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        watch = ["sh", "-c", WATCH, "watch", str(self._process.pid)]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)
        end = time.monotonic() + LONGEST
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise SourceError(f"mosquitto did not start: {self._log.read_text(errors='replace')[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it as an administrator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def reload(self) -> None:
        """Let it read its files of passwords and rights anew."""
        if self._process:
            self._process.send_signal(signal.SIGHUP)

    def pause(self) -> None:
        """Let it stand still, connections open, until `resume`."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def listening(self, topic: str = "#") -> Iterator[Heard]:
        """Within, what is published arrives in what is yielded; after a restart of the broker too."""
        heard, subscribed = Heard(), threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, "listener", protocol=MQTTProtocolVersion.MQTTv5)
        if self._password:
            client.username_pw_set(self.username, self._password)
        if self._safety:
            client.tls_set(str(self.ca))

        def connected(client: Client, *_: Any) -> None:
            client.subscribe(topic, qos=1)

        def came(_client: Client, _data: Any, message: MQTTMessage) -> None:
            heard.add(message.topic, bytes(message.payload))

        client.on_connect, client.on_message = connected, came
        client.on_subscribe = lambda *_: subscribed.set()
        client.reconnect_delay_set(1, 1)
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        lasting.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self.port, clean_start=False, properties=lasting)
        client.loop_start()
        try:
            if not subscribed.wait(LONGEST):
                raise SourceError(f"{self.server}: mosquitto does not let anybody listen")
            yield heard
        finally:
            client.disconnect()
            client.loop_stop()

    @property
    def _configuration(self) -> Path:
        return self._folder / "mosquitto.conf"

    @property
    def _log(self) -> Path:
        return self._folder / "mosquitto.log"

    def _passwords(self) -> Path:
        file = self._folder / "passwords"
        program = which("mosquitto_passwd") or which("mosquitto_passwd", path=PLACES) or "mosquitto_passwd"
        subprocess.run([program, "-c", "-b", str(file), self.username, self._password], check=True, capture_output=True)
        return file

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(LONGEST)
        finally:
            process.kill()
            process.wait()
            if self._watch:
                self._watch.kill()
                self._watch.communicate()
