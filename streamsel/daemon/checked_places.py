"""Whether the folders of a pipeline are there and may be used, and whether its page of metrics can be served."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamsel.choosing.finding import Finding, fine, note, problem
from streamsel.config.pipeline import IngestConfig
from streamsel.daemon.metrics import Metrics
from streamsel.daemon.status_page import status_page
from streamsel.errors import UsageError

__all__ = ["page_findings", "place_findings", "written_findings"]

LITTLE: Final = 1_000_000_000
"""Bytes of free disk below which a folder of pictures is soon full."""

HERE: Final = ("127.", "localhost:", "[::1]:")
"""How addresses begin that only this machine reaches."""


def place_findings(config: IngestConfig) -> Iterator[Finding]:
    """Findings on folders, on the name of this member, and on the page of metrics."""
    yield from _references(config)
    for place, folder in (("output.folder", config.output.folder), ("output.claims", config.output.claims)):
        if folder is not None:
            yield from written_findings(place, folder)
    if config.output.topic is not None and config.output.claims is None:
        limit = config.output.inline_limit
        yield note("output.claims", f"pictures above {limit} bytes are not sent; records say where they came from")
    if config.input.instance is None:
        wait = f"up to {config.input.session:g} s"
        yield note("input.instance", f"no name: after a crash its partitions stand still for {wait}; give each a name")
    if config.metrics is not None:
        yield from page_findings(config.metrics)


def _references(config: IngestConfig) -> Iterator[Finding]:
    folder = config.input.references
    if folder is None and config.input.holds == "segments":
        yield problem("input.references", "segments of video come as references: name the folder that they lie in")
    elif folder is not None and not folder.is_dir():
        yield problem("input.references", f"{folder}: is no folder; create or mount it")
    elif folder is not None and not os.access(folder, os.R_OK | os.X_OK):
        yield problem("input.references", f"{folder}: cannot be read; ask for the right to")
    elif folder is not None:
        yield fine("input.references", f"{folder}: can be read")


def written_findings(place: str, folder: Path) -> Iterator[Finding]:
    """Findings on a folder that is written to."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        yield problem(place, f"{there}: is no folder; name another")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield problem(place, f"{there}: cannot be written; ask for the right to, or name another")
    else:
        free = shutil.disk_usage(there).free
        told = f"{folder}: {free / 1e9:.1f} GB free{'' if there == folder else ', will be made'}"
        yield (fine if free >= LITTLE else note)(place, told)


def page_findings(address: str) -> Iterator[Finding]:
    """Findings on the address of the page of metrics."""
    try:
        with status_page(address, Metrics()):
            pass
    except UsageError as error:
        yield problem("metrics", str(error).removeprefix("metrics: "))
        return
    yield fine("metrics", f"http://{address}/metrics can be served")
    if not address.startswith(HERE):
        yield note("metrics", "whoever reaches this address reads the counts: there is no login")
