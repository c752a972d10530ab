"""The output folder of a run: whose it is, what state it is in, and how it is started anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamsel.data import Source
from streamsel.errors import InUseError, SinkError, StateError
from streamsel.store import Changes
from streamsel.store.embedded import SqliteStore

__all__ = ["OUTPUTS", "Workspace", "is_workspace"]

OUTPUTS = (
    "manifest.jsonl",
    "manifest.parquet",
    "decisions.parquet",
    "embeddings.npy",
    "summary.json",
    "selection.json",
    "sequence_information.json",
    "crops.jsonl",
    "corrupt_samples.json",
    "duplicates.json",
)
STATE = "state.db"


def is_workspace(folder: Path) -> bool:
    """Whether a run was begun there."""
    return (folder / STATE).exists()


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
        self._reopens = bool(self.store.note("chosen") or self.store.note("complete"))

    def close(self) -> None:
        """Let go of the state; everything committed is in it."""
        self.store.close()

    def _claim(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = next(self.folder.iterdir(), None)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SinkError(f"{self.folder}: cannot be used as output folder ({reason}); choose another -o") from error
        if found is not None and not is_workspace(self.folder):
            raise StateError(f"{self.folder}: holds files that streamsel did not write; choose an empty folder for -o")

    def _clear(self) -> None:
        """Remove what an earlier run wrote here, and nothing else."""
        if not is_workspace(self.folder):
            return
        store = self._readable()
        for name in [name for pick in store.picks() for name in pick.files or ()] if store else []:
            (self.folder / name).unlink(missing_ok=True)
            _remove_empty((self.folder / name).parent, self.folder)
        for name in (*OUTPUTS, STATE, f"{STATE}-wal", f"{STATE}-shm"):
            (self.folder / name).unlink(missing_ok=True)
        if store:
            store.close()

    def _readable(self) -> SqliteStore | None:
        """The store as it is, or None where it is damaged or of another version; in use it is an error."""
        try:
            return SqliteStore(self.folder / STATE)
        except InUseError:
            raise
        except StateError:
            return None

    @property
    def sources(self) -> list[str]:
        """Ids of the sources of the run that is there; empty where there is none."""
        return list((self.store.note("identity") or {}).get("sources", ()))

    def agree(self, identity: Mapping[str, Any], *, only_new: bool) -> None:
        """Note what this run is, or raise StateError where the folder belongs to another.

        One that has not looked at a frame yet, because something was wrong with it, gives way.
        """
        known = self.store.note("identity")
        if known not in (None, dict(identity)) and not self._began():
            self.store.close()
            self._clear()
            self.store, known = SqliteStore(self.folder / STATE), None
        if known is not None:
            differ = [key for key in sorted(known | dict(identity)) if known.get(key) != identity.get(key)]
            if only_new:
                grows = {"sources", "embeddings"} if self.store.note("complete") else {"sources"}
                differ = [key for key in differ if key not in grows]
                self._refuse_gone(known, set(identity["sources"]))
            if differ == ["sources"] and set(known["sources"]) <= set(identity["sources"]):
                raise StateError(f"{self.folder}: sources came that were not there; add them with --only-new")
            if differ:
                raise StateError(
                    f"{self.folder}: belongs to another run ({_difference(known, identity, differ)}); "
                    "use the same options, another -o, or --fresh to start anew"
                )
        self.store.commit(Changes(notes={"identity": identity}))

    def _refuse_gone(self, known: Mapping[str, Any], there: set[str]) -> None:
        """Raise StateError where a choice may yet fall on pictures of a source that is not there any more.

        One that an ended run was done with may go, as from a folder in which the oldest make room for new ones; from a
        stream any may, whose pictures are written at once.
        """
        ended = known["sources"] if self.store.note("complete") else self.store.note("ended_sources") or ()
        gone = [source for source in known["sources"] if source not in there and source not in ended]
        if gone and (known.get("n") or known.get("proportion")):
            raise StateError(f"{gone[0]}: is gone before the run was done with it; put it back, or use --fresh")

    def _began(self) -> bool:
        """Whether a frame was looked at."""
        return any(self.store.restore(stream).facts.get("frames") for stream in self.store.streams())

    def agree_model(self, name: str) -> None:
        """Note the model, or raise StateError where vectors of another one are in the state."""
        known = self.store.note("model")
        if known not in (None, name):
            raise StateError(f"{self.folder}: was made with model {known}, this is {name}; use --fresh to start anew")
        self.store.commit(Changes(notes={"model": name}))

    def refuse_changed(self, sizes: Mapping[str, int | None]) -> None:
        """Raise StateError where a source that was looked at to its end is not the file it was.

        sizes: source -> bytes, None where that says nothing.
        """
        for source, size in sizes.items():
            place = self.store.restore(source)
            if place.done and place.facts.get("size") != size:
                raise StateError(f"{source}: is not the file it was when it was looked at; use --fresh or another -o")

    def goes_on(self, sources: Sequence[Source], *, only_new: bool) -> bool:
        """Whether there is something to do: a run that has not ended, or one to go on with what came since.

        A run that had chosen before is ended first; what came since is looked at then, and once a process.
        """
        if not self.store.note("complete"):
            return True
        unfinished = any(not self.store.restore(source.id).done for source in sources)
        if not (self._reopens and only_new and unfinished):
            return False
        self._reopens = False
        self.store.commit(Changes(notes={"complete": False, "chosen": False}))
        return True


def _difference(known: Mapping[str, Any], now: Mapping[str, Any], keys: list[str]) -> str:
    def short(value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) < 60 else text[:57] + "..."

    there, here = _leaves({key: known.get(key) for key in keys}), _leaves({key: now.get(key) for key in keys})
    differ = [place for place in {**there, **here} if there.get(place) != here.get(place)]
    return ", ".join(f"{place}: {short(there.get(place))} there, {short(here.get(place))} here" for place in differ[:4])


def _leaves(value: Any, place: str = "") -> dict[str, Any]:
    """Place -> value of all that is not nested any further: `selection.strategies[0].strategy.strength`."""
    if isinstance(value, Mapping):
        parts = [(f"{place}.{key}" if place else str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple) and value:
        parts = [(f"{place}[{number}]", item) for number, item in enumerate(value)]
    else:
        return {place: value}
    return {name: leaf for part, item in parts for name, leaf in _leaves(item, part).items()}


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
