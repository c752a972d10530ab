"""`streamsel run` of an edge pipeline: everything is built, the sources' threads begin, and the loop turns."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from streamsel.config import EdgeConfig
from streamsel.daemon.log_lines import say
from streamsel.daemon.status_page import reached
from streamsel.edge.building import Built, built, feeds_of
from streamsel.edge.keeping.shots import give_up_others
from streamsel.edge.loop import Loop
from streamsel.edge.process.memory_limit import Needs, check_limit
from streamsel.edge.process.notify import Notifier
from streamsel.edge.process.spill import scarce
from streamsel.edge.process.unended import unended_told
from streamsel.edge.reloading import Reloading
from streamsel.edge.showing.journal import Journal

__all__ = ["run_edge"]

PATIENCE: Final = 5.0
"""Seconds that all threads of sources get to hang up, which they do at the same time."""


def run_edge(file: Path, config: EdgeConfig, stopping: threading.Event, reload: threading.Event | None = None) -> None:
    """Runs until stopping is set, and returns within ten seconds of that, with all that was decided on disk.

    reload: set by SIGHUP from now on, and maybe before, where this is the main thread. It also ends when all sources
    were pipes that have ended.

    Raises UsageError, ModelError, StateError, InUseError, SinkError where it cannot begin.
    """
    with ExitStack() as stack:
        notifier = Notifier()
        reloading = Reloading(file, config, stack.enter_context(_asked_to_reload(reload or threading.Event())))
        made = stack.enter_context(built(config, reloading))
        stack.enter_context(unended_told(made.parts.store))
        loop = Loop(made.parts)
        needs = Needs.of(config)
        check_limit(config.memory_limit, needs)
        if reason := scarce(config.state, needs.disk):
            say("little room for sequences", logging.WARNING, reason=reason)
        names = [source.name for source in config.sources]
        give_up_others(made.parts.store, names)  # only now that it can run: a wrong file takes nothing away
        feeds = feeds_of(config, made, loop.lanes, stopping)
        stack.callback(_join, feeds, stopping)
        for feed in feeds:
            feed.start()
        say("started", sources=names, model=made.board.model, page=reached(config.metrics, made.port))
        notifier.ready()
        journal = Journal(made.board.standings, notifier.status)
        made.parts.turned += (notifier.turned, journal.turned)
        made.parts.ended = partial(_ended, made)
        loop.run(stopping)
        notifier.stopping()
        journal.stopped()


def _ended(made: Built) -> bool:
    """Where all that there was to look at were pipes, and they have ended, there is nothing to wait for."""
    return all(one.state == "ended" for one in made.board.standings) and not made.parts.inbox.queued


def _join(feeds: Sequence[threading.Thread], stopping: threading.Event) -> None:
    stopping.set()  # also where the loop has failed
    deadline = time.monotonic() + PATIENCE
    for feed in feeds:
        if feed.ident is not None:
            feed.join(max(0.0, deadline - time.monotonic()))


@contextmanager
def _asked_to_reload(asked: threading.Event) -> Iterator[threading.Event]:
    """Set by SIGHUP, where this is the main thread of a process that can get it."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGHUP, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGHUP, before)
