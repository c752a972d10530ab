"""The ingest service: built, its topics prepared, and its loop run."""

from __future__ import annotations

import logging
import threading

from streamsel.config import IngestConfig
from streamsel.config.idle import idle_in_pipeline
from streamsel.daemon.log_lines import say
from streamsel.daemon.metrics import Metrics
from streamsel.daemon.pauses import pauses
from streamsel.daemon.status_page import reached, status_page
from streamsel.errors import SinkError
from streamsel.ingest.building import built
from streamsel.ingest.loop import ingest
from streamsel.ingest.prepared_topics import prepare_topics
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import lasting, missing
from streamsel.topic.hearing import unanswered
from streamsel.topic.security import Security

__all__ = ["run_ingest"]


def run_ingest(config: IngestConfig, stopping: threading.Event) -> None:
    """Runs until stopping is set. Raises any StreamselError where no retry would help."""
    metrics = Metrics()
    connection = Connection(config.input.servers, Security.of(config.security))
    with status_page(config.metrics, metrics) as port, built(config, metrics, connection) as parts:
        for line in idle_in_pipeline(config):
            say("idle", logging.WARNING, reason=line)
        if _prepared(config, connection, stopping, metrics):  # only now: nothing is made for what cannot run
            told = {"topic": config.input.topic, "group": config.input.group, "model": parts.embedder.name}
            say("started", **told, metrics=reached(config.metrics, port))
            ingest(parts, stopping)
    say("stopped", **{name: int(metrics.count(name)) for name in ("records", "picks", "dead", "rebuilds")})


def _prepared(config: IngestConfig, connection: Connection, stopping: threading.Event, metrics: Metrics) -> bool:
    """Prepares the topics, as soon as there is a broker; False: it is to stop before there is one."""
    for pause in pauses():
        try:
            prepare_topics(config, connection)
        except SinkError as error:
            if lasting(error) or missing(error):
                raise
            metrics.turned()
            metrics.answers(broker=not unanswered(error))
            say("waiting", logging.WARNING, reason=str(error), pause=pause)
        else:
            metrics.answers(broker=True)
            return True
        if stopping.wait(pause):
            break
    return False
