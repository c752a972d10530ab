"""What a choice reads of a table, its `.lightly` folder and its pool, before anything is chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from streamsel.choosing.table_run import TableRun
from streamsel.config import SelectionConfig
from streamsel.config.constraints import MinDistance
from streamsel.config.worker import DIMENSION
from streamsel.errors import UsageError
from streamsel.rules.filters import Filter, relevant_files
from streamsel.rules.material import batch_of
from streamsel.rules.places import told_at
from streamsel.rules.shares import check_targets
from streamsel.rules.table_rows import TableRows
from streamsel.rules.wanted_files import WantedFiles
from streamsel.selection.columns import Batch
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.tables.reading import read_table

__all__ = ["batch_of_table", "filter_of", "idle_options", "model_of", "rows_of", "unseen_files", "wanted"]

SHOWN: Final = 8
"""Columns that a message lists."""
FRAME: Final = re.compile(r"(?s:(.+))-[0-9]+-([A-Za-z0-9]+)(?:\.[A-Za-z0-9]+)?")


def rows_of(run: TableRun) -> TableRows:
    """The table, and what goes with its rows. Raises SourceError, UsageError."""
    table = read_table(run.table, metadata=run.metadata, normalize=run.normalize)
    if table.vectors is not None and not run.table.is_dir():  # those of a run's folder are of the model that it had
        run.config.worker.check_dimension(table.vectors.shape[1], str(run.table))
    folder = LightlyFolder.named(run.lightly) if run.lightly else None
    return TableRows(table, folder, run.config.lightly_path_regex, str(run.table))


def batch_of_table(config: SelectionConfig, rows: TableRows) -> Batch:
    """All columns that the config reads. Raises UsageError naming the table and what it lacks."""
    if rows.vectors() is None and (place := _embeddings(config)):
        raise UsageError(
            f"{rows.called}: holds no embeddings, and {place} of the selection reads them; {_found(rows)}; expected is"
            " embedding_0, embedding_1, ... in a CSV, else a list in a column 'embedding'"
        )
    batch = batch_of(config, rows, told_at)
    check_targets(config, rows.schema_classes(config))
    return batch


def _found(rows: TableRows) -> str:
    """The columns that a table has, for messages."""
    columns = [*rows.table.columns, *rows.table.classes]
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return f"beside names it has {', '.join(columns[:SHOWN])}{more}" if columns else "it has names alone"


def _embeddings(config: SelectionConfig) -> str:
    """The first place in a config that needs a vector of each row; empty where none does."""
    goals = [f"strategies[{place}]" for place, entry in enumerate(config.strategies) if entry.kind == "vectors"]
    limits = [f"constraints[{place}]" for place, one in enumerate(config.constraints) if isinstance(one, MinDistance)]
    return next(iter([*goals, *limits]), "")


def filter_of(run: TableRun, rows: TableRows) -> Filter:
    """Thresholds, exclusions, relevant file names. Raises UsageError, SourceError."""
    files = relevant_files(run.config, rows.folder)
    return Filter(run.config, (lambda name: files.includes(name) or files.includes(_video(name))) if files else None)


def unseen_files(run: TableRun, names: Iterable[str]) -> list[str]:
    """A note on the entries of the list of relevant files that name none of these rows, nor a video of theirs."""
    folder = LightlyFolder.named(run.lightly) if run.lightly else None
    files = WantedFiles(relevant_files(run.config, folder))
    files.come(dict.fromkeys(one for name in names for one in (_video(name), name) if one))
    return files.notes()


def _video(name: str) -> str:
    """The video that a frame is called after: `sub/clip-017-mp4.png` is of `sub/clip.mp4`."""
    frame = FRAME.fullmatch(name)
    return f"{frame[1]}.{frame[2]}" if frame else ""


def wanted(config: SelectionConfig, rows: TableRows) -> int:
    """How many rows to choose. Raises UsageError where nothing says so, or there are not so many."""
    if config.n_samples is None and config.proportion_samples is None:
        raise UsageError("nothing says how many rows to choose: give -n or --proportion, or n_samples in the config")
    if (length := config.worker.selected_sequence_length) > 1:
        raise UsageError(f"selected_sequence_length {length}: a table has rows, not frames in sequences; leave it out")
    total, asked = len(rows.table), config.n_samples
    if asked is not None and asked > total:
        raise UsageError(f"n_samples {asked}: {rows.called} has {total} rows; ask for {total} or fewer")
    found = config.budget(total)
    return total if found is None else found


def idle_options(config: SelectionConfig, pool: Path | None, table: Path | None) -> list[str]:
    """Options of a config that change nothing when a table is chosen from, so that the user can be told."""
    worker = config.worker
    idle = {
        "auto_tasks": config.auto_tasks,
        f"lightly_config.{DIMENSION}": worker.num_ftrs and table is not None and table.is_dir(),
        "worker_config.embeddings": worker.embeddings,
        "worker_config.object_level": worker.object_level.task_name,
        "worker_config.remove_exact_duplicates": worker.remove_exact_duplicates,
        "worker_config.use_datapool": worker.use_datapool and pool is None,
    }
    return sorted([*worker.ignored, *(name for name, given in idle.items() if given)])


def model_of(table: Path) -> str | None:
    """The model that made the vectors of a run's folder; None where that is not known."""
    try:
        told = json.loads((table / "summary.json").read_text())
    except (OSError, ValueError):
        return None
    model = told.get("model") if isinstance(told, dict) else None
    return model if isinstance(model, str) else None
