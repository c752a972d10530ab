"""What `streamsel select` does once its options are read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from streamsel.api import plan, select
from streamsel.cli.show import show_plan, show_selection
from streamsel.cli.stopping import asked_to_stop
from streamsel.report import Progress
from streamsel.report.suited import open_progress

__all__ = ["select_run"]


def select_run(
    sources: Sequence[str],
    out: Path,
    options: Mapping[str, Any],
    *,
    only_new: bool,
    fresh: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Exit code of the command: 0 done, 3 done but some sources failed, or some picks are not delivered yet."""
    if dry_run:
        show_plan(plan(sources, **options), as_json=as_json)
        return 0
    with ExitStack() as stack, asked_to_stop() as asked:
        if quiet:  # what is wrong with a delivery is told at the end, once
            log = logging.getLogger("streamsel.topic")
            stack.callback(log.setLevel, log.level)
            log.setLevel(logging.ERROR)
        bar: list[Progress] = []

        def tell(stage: str, frames: int, kept: int, total: int | None) -> None:
            if not bar:
                bar.append(stack.enter_context(open_progress(total, quiet=quiet, as_json=as_json)))
            bar[0].update(frames, kept, stage, total)

        found = select(sources, out, fresh=fresh, only_new=only_new, progress=tell, stopping=asked.is_set, **options)
    show_selection(found, as_json=as_json, quiet=quiet)
    return 3 if found.summary["failed"] or found.summary.get("kafka", {}).get("waiting") else 0
