"""What systemd hears, over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.edge.process.notify import Notifier


def heard(ear: socket.socket) -> list[str]:
    ear.setblocking(False)
    messages = []
    try:
        while True:
            messages.append(ear.recv(4096).decode())
    except BlockingIOError:
        return messages


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A socket as systemd opens it, and the environment that tells of it."""
    name = f"{tmp_path}/notify" if request.param == "path" else f"@streamsel-test-{os.getpid()}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.bind(name.replace("@", "\0", 1))
        yield made, {"NOTIFY_SOCKET": name}


Ear = tuple[socket.socket, dict[str, str]]


def test_each_event_is_one_datagram(ear: Ear) -> None:
    notifier = Notifier(ear[1])
    notifier.ready()
    notifier.status("2 of 2 live")
    notifier.stopping()
    assert heard(ear[0]) == ["READY=1", "STATUS=2 of 2 live", "STOPPING=1"]


def test_a_status_is_one_line_and_told_once(ear: Ear) -> None:
    notifier = Notifier(ear[1])
    for _ in range(3):
        notifier.status("door: gone\nREADY=1\x00" + "ü" * 5000)
    (message,) = heard(ear[0])
    assert "\n" not in message
    assert message.startswith("STATUS=door: gone READY=1")


def test_the_watchdog_hears_of_turns_in_time_but_not_of_each(ear: Ear) -> None:
    clock = [100.0]
    notifier = Notifier({**ear[1], "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid())}, now=lambda: clock[0])
    assert notifier.every == 8.0
    for _ in range(160):  # turns of a tenth of a second, 16 s
        notifier.turned()
        clock[0] += 0.1
    assert len(messages := heard(ear[0])) in (7, 8)
    assert set(messages) == {"WATCHDOG=1"}


@pytest.mark.parametrize("watch", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"},
                                   {"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": "1"}])  # fmt: skip
def test_without_a_watchdog_turns_are_not_told(ear: Ear, watch: dict[str, str]) -> None:
    notifier = Notifier({**ear[1], **watch})
    notifier.turned()
    assert notifier.every is None
    assert heard(ear[0]) == []


@pytest.mark.parametrize("to", ["", "relative", "vsock:2:1234", "/nowhere/at/all", "/" + "long" * 100])
def test_where_nobody_listens_nothing_happens(to: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": to, "WATCHDOG_USEC": "1000000"})
    notifier.ready()
    notifier.status("fine")
    notifier.turned()
    notifier.stopping()


def test_the_environment_is_this_process_own(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", ear[1]["NOTIFY_SOCKET"])
    Notifier().ready()
    assert heard(ear[0]) == ["READY=1"]


def test_the_unit_asks_for_what_is_told() -> None:
    unit = (Path(__file__).parents[2] / "systemd" / "streamsel-edge.service").read_text()
    told = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert told["Type"] == "notify"
    assert told["Restart"] == "always"
    assert int(told["WatchdogSec"]) >= 60  # the loop is ill after so long
    assert told["ExecStart"].endswith("/streamsel run /etc/streamsel/edge.yaml")
    assert {"StateDirectory", "MemoryMax", "ProtectSystem", "TimeoutStopSec", "ExecReload"} <= set(told)
