"""`streamsel run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streamsel.cli.options import Debug, option

__all__ = ["run_command"]


def run_command(
    pipeline: Annotated[Path, typer.Argument(metavar="PIPELINE", help="Pipeline file, YAML or JSON.")],
    log: Annotated[Literal["text", "json"] | None, option("--log", "text or json: how log lines are written.")] = None,
    debug: Debug = False,
) -> None:
    """Run a service until Ctrl-C or SIGTERM: it finishes what it has in hand, commits, and ends with exit code 0.

    On SIGHUP one of cameras reads its thresholds again.

    Examples:

    streamsel init ingest

    streamsel run ingest.yaml

    streamsel init edge

    streamsel run edge.yaml
    """
    from streamsel.cli.stopping import asked_to_reload, asked_to_stop

    with asked_to_stop() as asked:
        from streamsel.service.running import run

        run(pipeline, asked, log=log, reload=asked_to_reload())
