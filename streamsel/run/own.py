"""The user's own embeddings of a run: which file has them, and what can be told of it before a frame is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from streamsel.config import SelectConfig
from streamsel.data import Mark, Source
from streamsel.decode.folder import pictures
from streamsel.embed import Embedder
from streamsel.errors import SourceError, UsageError
from streamsel.rules.filters import relevant_files
from streamsel.rules.frame_rules import lightly_folder
from streamsel.rules.own_vectors import LACKING, OwnVectors
from streamsel.run.parts import Parts
from streamsel.run.workspace import Workspace
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.relevant import RelevantFiles
from streamsel.sink.disk import DiskSink

__all__ = ["check_own", "own_notes", "own_vectors", "refuse_live", "refuse_strangers", "turned_away"]

FRAMES = "SELECT COALESCE(SUM(frames), 0) FROM span WHERE reason = ?"
FIRST = "SELECT source, first FROM span WHERE reason = ? ORDER BY rowid LIMIT 1"


def own_vectors(config: SelectConfig, sources: Sequence[Source]) -> OwnVectors:
    """The embeddings that a config names. Raises UsageError, SourceError.

    Names in a file of the `.lightly` folder are relative to the folder in which that lies.
    """
    folder = lightly_folder(config.lightly, sources)
    path = config.embeddings or _in_folder(config.rules.worker.embeddings, folder)
    inside = folder is not None and path.resolve().is_relative_to(folder.path.resolve())
    found = OwnVectors.load(path, folder.prefix if folder is not None and inside else "")
    config.rules.worker.check_dimension(found.dim, str(path))
    return found


def _in_folder(name: str, folder: LightlyFolder | None) -> Path:
    if folder is None:
        raise UsageError(
            f"worker_config.embeddings {name!r}: no .lightly folder was found beside the input or above it; name it"
            " with --lightly, or the file with --embeddings"
        )
    return folder.embeddings(name)


def refuse_live(config: SelectConfig, sources: Sequence[Source]) -> None:
    """Raises UsageError where frames have no names before they come."""
    live = next((source.id for source in sources if source.kind == "live"), None)
    if config.own and live is not None:
        raise UsageError(
            f"{live}: is live, and no file has vectors of frames that are yet to come: leave embeddings out"
        )


def refuse_strangers(config: SelectConfig, embedder: Embedder, sources: Sequence[Source]) -> None:
    """Raises UsageError where own embeddings know nothing of one of these sources, as far as it is relevant."""
    if isinstance(embedder, OwnVectors):
        files = relevant_files(config.rules, lightly_folder(config.lightly, sources))
        embedder.refuse_strangers([(source.id, _named(source, files)) for source in sources])


def check_own(
    config: SelectConfig, embedder: Embedder, sources: Sequence[Source], space: Workspace, *, only_new: bool
) -> None:
    """Raises UsageError, StateError where own embeddings do not go with sources to look at, or with earlier picks.

    sources: those of which `refuse_strangers` was not asked yet.
    """
    if isinstance(embedder, OwnVectors):
        refuse_strangers(config, embedder, [one for one in sources if not space.store.restore(one.id).done])
        if only_new:
            embedder.check_picks(space.store.picks(), DiskSink(Path()).called)


def _named(source: Source, files: RelevantFiles | None) -> list[tuple[Mark, str]]:
    """Frames of a source that are relevant, and what they are called."""
    called = DiskSink(Path()).called
    found = [(mark, called(mark)) for mark in _marks(source)]
    return [one for one in found if not files or files.includes(_file(*one))]


def _marks(source: Source) -> Iterator[Mark]:
    """Its pictures; of a video the first frame. None of what cannot be read, which is told in its turn."""
    if source.kind == "video":
        yield Mark(source.id, 0, 0, Fraction(1))
        return
    try:
        found = pictures(source)
    except SourceError:
        return
    yield from (Mark(source.id, place, place, Fraction(1), 0, path.name) for place, path in enumerate(found))


def _file(mark: Mark, name: str) -> str:
    return name if mark.name else mark.source


def own_notes(parts: Parts) -> list[str]:
    """One line where frames had no vector."""
    own = parts.judge.embedder
    if not isinstance(own, OwnVectors):
        return []
    frames, first = turned_away(parts, LACKING)
    return [own.note(frames, first)] if frames else []


def turned_away(parts: Parts, reason: str) -> tuple[int, str]:
    """How many frames were turned away for that reason, and which was the first."""
    source, index = next(parts.store.query(FIRST, reason), ("", 0))
    return next(parts.store.query(FRAMES, reason))[0], f"that of index {index} in {source}"
