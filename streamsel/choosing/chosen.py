"""What a choice leaves in its folder, and how the same command again knows it."""

from __future__ import annotations

import hashlib
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from streamsel.choosing.checked_files import idle_queries
from streamsel.choosing.choosing import Choosing
from streamsel.choosing.comparison import comparison
from streamsel.choosing.included import idle_excludes
from streamsel.choosing.table_columns import idle_options, model_of, unseen_files
from streamsel.choosing.table_run import TableRun
from streamsel.config.constraints import Names
from streamsel.errors import SinkError, StateError, UsageError
from streamsel.rules.keys import keys_of, signals_of
from streamsel.rules.reached import compared, curve, reached
from streamsel.sink.chosen import chosen_record, write_chosen, write_names, write_rows
from streamsel.sink.embeddings import write_embeddings
from streamsel.sink.json_file import write_json

__all__ = ["ChosenFolder", "digest"]

OUTPUTS: Final = (
    "manifest.jsonl",
    "manifest.parquet",
    "decisions.parquet",
    "embeddings.npy",
    "filenames.txt",
    "selection.json",
    "summary.json",
)
STAMPED: Final = ("summary.json", "manifest.parquet", "predictions/tasks.json", "metadata/schema.json")
"""Files by which a folder that is read, of a run or `.lightly`, is known to have changed."""


class ChosenFolder:
    """An output folder. Raises StateError where it holds something else or another choice, SinkError if unusable."""

    def __init__(self, folder: Path, run: TableRun, pool: Path | None = None, *, fresh: bool = False) -> None:
        self.folder, self.identity = folder, identity_of(run, pool)
        self._idle = idle_options(run.config, pool, run.table)
        _check_apart(folder, run)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = {entry.name for entry in folder.iterdir()}
        except OSError as error:
            raise SinkError(
                f"{folder}: cannot be used as output folder ({error.strerror}); choose another -o"
            ) from error
        if found - set(OUTPUTS) - {f".{name}.part" for name in OUTPUTS}:
            raise StateError(f"{folder}: holds what streamsel choose did not write; choose an empty folder for -o")
        known = None if fresh else self._known()
        if known is not None and known != self.identity:
            raise StateError(f"{folder}: holds another choice; use the same options, another -o, or --fresh")
        self.complete = known is not None

    def _known(self) -> str | None:
        """The identity of the choice that is there; the summary is written last."""
        try:
            told = json.loads((self.folder / "summary.json").read_text())
            return str(told["identity"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, OSError) as error:
            raise StateError(f"{self.folder}: its summary.json cannot be read ({error}); use --fresh") from error

    def write(self, run: TableRun, found: Choosing, begun: float) -> None:
        """All files, the summary last, in place of those of an earlier choice; begun: by the monotonic clock.

        Raises SinkError.
        """
        for name in ("summary.json", *OUTPUTS):
            (self.folder / name).unlink(missing_ok=True)
        keys, names = keys_of(run.config), found.table.names
        picks = zip(found.order, found.places, strict=True)
        records = (
            chosen_record(names[row], row, found.decisions[row], signals_of(keys, found.batch, place))
            for row, place in picks
        )
        write_chosen(self.folder, records)
        write_rows(self.folder, names, found.decisions)
        write_names(self.folder, [names[row] for row in found.order])
        if found.table.vectors is not None:
            vectors = found.table.vectors
            write_embeddings(self.folder, (vectors[row] for row in found.order), vectors.shape[1])
        write_json(self.folder / "selection.json", run.config.written())
        write_json(self.folder / "summary.json", self._summary(run, found, begun))

    def _summary(self, run: TableRun, found: Choosing, begun: float) -> dict[str, Any]:
        drops: dict[str, int] = {}
        for decision in found.decisions:
            if not decision:
                drops[decision.reason] = drops.get(decision.reason, 0) + 1
        statistics = comparison(found.batch, found.places)
        return {
            "version": version("streamsel"),
            "identity": self.identity,
            "table": run.table.name,
            "model": model_of(run.table),
            "rows": len(found.table),
            "picks": len(found.order),
            "ended": found.ended,
            "drops": drops,
            "strategies": {
                **compared(reached(run.config, found.batch, found.places, found.judged, found.before), found.means),
                **found.passed,
            },
            "unmet": found.unmet,
            "curve": curve(found.places, found.judged),
            "statistics": None if statistics is None else statistics.to_json(),
            "notes": _notes(run, found),
            "ignored": self._idle,
            "config": run.config.written(),
            "seconds": round(time.monotonic() - begun, 3),
        }


def _notes(run: TableRun, found: Choosing) -> list[str]:
    """What came out otherwise than somebody may expect."""
    idle = [f"{one.place} {one.text}" for one in idle_queries(run.config, run.query_sets)]
    unseen = [*found.unseen.notes("row"), *unseen_files(run, found.table.names)]
    return [*idle, *unseen, *idle_excludes(run.config, found.table.names)]


def identity_of(run: TableRun, pool: Path | None) -> str:
    """What must be equal for two commands to be the same choice: the files as they are, and the config."""
    lists = [Path(one.file) for one in run.config.constraints if isinstance(one, Names) and one.file]
    files = [[str(path.resolve()), _stamp(path)] for path in [*run.inputs, *lists]]
    options = [run.config.written(), list(run.query_sets), run.normalize, str(pool.resolve()) if pool else None]
    return digest(json.dumps([files, options]).encode())


def digest(data: bytes) -> str:
    """32 hex digits that tell data apart."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _stamp(path: Path) -> list[list[int]]:
    """Size and time of a file, or of the files by which a folder is known."""
    files = [path / name for name in STAMPED] if path.is_dir() else [path]
    return [[file.stat().st_size, file.stat().st_mtime_ns] for file in files if file.is_file()]


def _check_apart(folder: Path, run: TableRun) -> None:
    """What is read must not be what is written over."""
    inside = next((path for path in run.inputs if path.resolve().is_relative_to(folder.resolve())), None)
    if inside is not None:
        raise UsageError(f"{inside}: is read, so it cannot be in the output folder; choose another -o")
