"""Whether what a config reads is there: tasks, scores, keys and classes of a `.lightly` folder, query sets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from streamsel.choosing.finding import Finding, note, problem
from streamsel.config import SelectionConfig
from streamsel.config.constraints import PerDay, Quota
from streamsel.errors import SourceError, UsageError
from streamsel.rules.filters import relevant_files
from streamsel.rules.frame_objects import boxes_of_task
from streamsel.rules.own_values import own_columns
from streamsel.rules.places import told_at, wanted_columns
from streamsel.rules.queries import check_path, queries_of
from streamsel.rules.readings import readings_of
from streamsel.rules.shares import check_targets
from streamsel.rules.wanted_files import WantedFiles
from streamsel.signals.lightly_folder import LightlyFolder

__all__ = ["folder_findings", "idle_queries", "missing_queries", "parts_of", "problem_at"]

FIRST = re.compile(r"(?:strategies|constraints)\[0\]([\w.]*): (?s:(.*))")

MOST: Final = 100_000
"""Files among which those of a list are looked for."""


def parts_of(config: SelectionConfig) -> Iterator[tuple[str, SelectionConfig]]:
    """Each strategy and each constraint as a config of its own, with its place in the whole."""
    for place, entry in enumerate(config.strategies):
        yield f"strategies[{place}]", config.model_copy(update={"strategies": (entry,), "constraints": ()})
    for place, one in enumerate(config.constraints):
        yield f"constraints[{place}]", config.model_copy(update={"strategies": (), "constraints": (one,)})


def problem_at(place: str, error: Exception) -> Finding:
    """What is wrong with a part: the place that an error names in it is one of the whole."""
    inside = FIRST.fullmatch(str(error))
    return problem(f"{place}{inside[1]}", inside[2]) if inside else problem(place, str(error))


def folder_findings(config: SelectionConfig, lightly: Path) -> Iterator[Finding]:
    """What the folder lacks of all that is read."""
    try:
        folder = LightlyFolder.named(lightly)
        files = WantedFiles(relevant_files(config, folder))
    except (UsageError, SourceError) as error:
        yield problem("--lightly", str(error))
        return
    yield from _listed(files, folder.path.parent)
    yield from _embeddings(config.worker.embeddings, folder)
    for place, part in parts_of(config):
        try:
            _check(part, folder)
        except (UsageError, SourceError) as error:
            yield problem_at(place, error)


def _listed(files: WantedFiles, root: Path) -> Iterator[Finding]:
    """Entries of the list of relevant files that name none of those beside the folder, where there are any."""
    beside = islice(_below(root), MOST) if files else iter(())
    names = [path.relative_to(root).as_posix() for path in beside]
    if 0 < len(names) < MOST:
        files.come(names)
        yield from (note(*text.split(": ", 1)) for text in files.notes())


def _embeddings(name: str, folder: LightlyFolder) -> Iterator[Finding]:
    """Own embeddings that are not there."""
    try:
        if name:
            folder.embeddings(name)
    except UsageError as error:
        yield problem("worker_config.embeddings", str(error).removeprefix(f"worker_config.embeddings {name!r} "))


def _below(folder: Path) -> Iterator[Path]:
    """Files in it and in its folders, but for hidden ones."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _check(part: SelectionConfig, folder: LightlyFolder) -> None:
    if any(isinstance(one, Quota) and isinstance(one.per, PerDay) for one in part.constraints):
        return  # a table may have it
    readings = readings_of(part, folder, own=own_columns(part))
    classes = {one.column: one.classes for one in readings if one.classes}
    check_targets(part, classes)
    for place, _, kind, read in wanted_columns(part):
        if kind == "objects":
            with told_at(f"{place}.task"):
                boxes_of_task(read.task, part.auto_tasks, folder, f"EMBEDDINGS of task {read.task!r}")


def missing_queries(config: SelectionConfig, sets: Mapping[str, str]) -> Iterator[Finding]:
    """Query sets that are not where they are said to be."""
    for name, place in queries_of(config).items():
        try:
            check_path(name, sets.get(name, "."))
        except UsageError as error:
            yield problem(place, str(error))


def idle_queries(config: SelectionConfig, sets: Mapping[str, str]) -> Iterator[Finding]:
    """Query sets with which nothing is compared."""
    for name in sets:
        if name not in queries_of(config):
            yield note("--query-set", f"{name}: no strategy compares with it, so it changes nothing")
