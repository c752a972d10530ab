"""How a run is asked to stop, and a service to read its file again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["asked_to_reload", "asked_to_stop", "listen"]

_stop, _reload = threading.Event(), threading.Event()


def listen() -> None:
    """From now on SIGTERM and SIGHUP are noted, and end nothing: a service is told so before all that it needs is
    loaded, which takes seconds."""
    signal.signal(signal.SIGTERM, lambda *_: _stop.set())
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: _reload.set())


def asked_to_reload() -> threading.Event:
    """Set by SIGHUP, once `listen` was called."""
    return _reload


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM, which then end the run at the next block; the second one ends it at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: object) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)

    for number in before:
        signal.signal(number, ask)
    if _stop.is_set():
        asked.set()
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
