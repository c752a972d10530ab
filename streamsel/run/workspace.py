"""The output folder of a run: whose it is, what state it is in, and how it is started anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamsel.errors import SinkError, StateError
from streamsel.store import Changes
from streamsel.store.embedded import SqliteStore

__all__ = ["OUTPUTS", "Workspace"]

OUTPUTS = (
    "manifest.jsonl",
    "manifest.parquet",
    "decisions.parquet",
    "embeddings.npy",
    "summary.json",
    "selection.json",
    "sequence_information.json",
)
STATE = "state.db"


class Workspace:
    """Opens OUT and its state.

    Raises StateError when the folder holds something else or another run, SinkError when it cannot be written.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self._claim()
        if fresh:
            self._clear()
        self.store = SqliteStore(folder / STATE)

    def _claim(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = next(self.folder.iterdir(), None)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SinkError(f"{self.folder}: cannot be used as output folder ({reason}); choose another -o") from error
        if found is not None and not (self.folder / STATE).exists():
            raise StateError(f"{self.folder}: holds files that streamsel did not write; choose an empty folder for -o")

    def _clear(self) -> None:
        """Remove what an earlier run wrote here, and nothing else."""
        if not (self.folder / STATE).exists():
            return
        with suppress(StateError):
            store = SqliteStore(self.folder / STATE)
            files = [name for pick in store.picks() for name in pick.files or ()]
            store.close()
            for name in files:
                (self.folder / name).unlink(missing_ok=True)
                _remove_empty((self.folder / name).parent, self.folder)
        for name in (*OUTPUTS, STATE, f"{STATE}-wal", f"{STATE}-shm"):
            (self.folder / name).unlink(missing_ok=True)

    def agree(self, identity: Mapping[str, Any], *, only_new: bool) -> None:
        """Note what this run is, or raise StateError where the folder belongs to another."""
        known = self.store.note("identity")
        if known is not None:
            differ = [key for key in sorted(known | dict(identity)) if known.get(key) != identity.get(key)]
            if only_new and set(known.get("sources", ())) <= set(identity["sources"]):
                differ = [key for key in differ if key != "sources"]
            if differ == ["sources"] and set(known["sources"]) <= set(identity["sources"]):
                raise StateError(f"{self.folder}: sources came that were not there; add them with --only-new")
            if differ:
                raise StateError(
                    f"{self.folder}: belongs to another run ({_difference(known, identity, differ)}); "
                    "use the same options, another -o, or --fresh to start anew"
                )
        self.store.commit(Changes(notes={"identity": identity}))

    def reopen(self) -> None:
        """Let an ended run go on with what came to its sources since."""
        self.store.commit(Changes(notes={"complete": False, "chosen": False}))

    @property
    def complete(self) -> bool:
        """Whether the run in this folder has ended."""
        return bool(self.store.note("complete"))


def _difference(known: Mapping[str, Any], now: Mapping[str, Any], keys: list[str]) -> str:
    def short(value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) < 60 else text[:57] + "..."

    return ", ".join(f"{key}: {short(known.get(key))} there, {short(now.get(key))} here" for key in keys[:4])


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
