"""`streamsel run` as a function: a pipeline file, run until it is asked to stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

from streamsel.config import EdgeConfig, read_pipeline
from streamsel.daemon.log_lines import log_lines

__all__ = ["run"]


def run(
    file: Path,
    stopping: threading.Event,
    *,
    log: Literal["text", "json"] | None = None,
    reload: threading.Event | None = None,
) -> None:
    """Runs the pipeline of a file until stopping is set. log: how lines are written, else as the file says. reload:
    set where thresholds are to be read again; see `run_edge`.

    Raises UsageError for a file that cannot be understood, and any StreamselError where no retry would help. What the
    other kind of pipeline needs, as Kafka's client, is not loaded.
    """
    config = read_pipeline(file)
    with log_lines(log or config.log):
        if isinstance(config, EdgeConfig):
            from streamsel.edge.running import run_edge

            run_edge(file, config, stopping, reload)
        else:
            from streamsel.ingest.consuming import run_ingest

            run_ingest(config, stopping)
