"""`streamsel run` as a function: a pipeline file, run until it is asked to stop."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Literal

from streamsel.config import IngestConfig, read_pipeline
from streamsel.errors import SinkError
from streamsel.service.building import built
from streamsel.service.ingest import ingest
from streamsel.service.log_lines import log_lines, say
from streamsel.service.metrics import Metrics
from streamsel.service.pauses import pauses
from streamsel.service.prepared_topics import prepare_topics
from streamsel.service.status_page import status_page
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import lasting, missing
from streamsel.topic.security import Security

__all__ = ["run"]


def run(file: Path, stopping: threading.Event, *, log: Literal["text", "json"] | None = None) -> None:
    """Runs the pipeline of a file until stopping is set. log: how lines are written, else as the file says.

    Raises UsageError for a file that cannot be understood, and any StreamselError where no retry would help.
    """
    config = read_pipeline(file)
    with log_lines(log or config.log):
        _run(config, stopping)


def _run(config: IngestConfig, stopping: threading.Event) -> None:
    metrics = Metrics()
    connection = Connection(config.input.servers, Security.of(config.security))
    with status_page(config.metrics, metrics) as port, built(config, metrics, connection) as parts:
        _prepare(config, connection, stopping, metrics)  # only now: nothing is made for a pipeline that cannot run
        say("started", topic=config.input.topic, group=config.input.group, model=parts.embedder.name, metrics=port)
        ingest(parts, stopping)
    say("stopped", **{name: int(metrics.count(name)) for name in ("records", "picks", "dead", "rebuilds")})


def _prepare(config: IngestConfig, connection: Connection, stopping: threading.Event, metrics: Metrics) -> None:
    """Prepares the topics, as soon as there is a broker; returns without where it is to stop."""
    for pause in pauses():
        try:
            return prepare_topics(config, connection)
        except SinkError as error:
            if lasting(error) or missing(error):
                raise
            metrics.turned()
            say("waiting", logging.WARNING, reason=str(error), pause=pause)
        if stopping.wait(pause):
            return
