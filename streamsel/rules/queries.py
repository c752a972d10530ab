"""Query sets: the vectors that SIMILARITY compares with, from pictures, an earlier run, or a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from streamsel.config import SelectionConfig
from streamsel.data import Vector
from streamsel.decode.open import open_decoder
from streamsel.decode.sources import expand
from streamsel.embed import Embedder
from streamsel.errors import UsageError
from streamsel.rules.places import told_at
from streamsel.tables.reading import read_table

__all__ = ["check_path", "queries_of", "query_vectors"]


def query_vectors(
    config: SelectionConfig, sets: Mapping[str, str], embedder: Callable[[], Embedder] | None
) -> dict[str, Vector]:
    """Query set -> (Q, D) float32, for each that the config names.

    sets: name -> folder of pictures (embedded by `embedder`, when one is needed), output folder of a run, or a table.
    Raises UsageError for a name that is not among them, or vectors of another model.
    """
    found: dict[str, Vector] = {}
    for name, place in queries_of(config).items():
        with told_at(place):
            if name not in sets:
                raise UsageError(f"query set {name!r}: say where it is with --query-set {name}=PATH")
            check_path(name, sets[name])
            found[name] = _vectors(Path(sets[name]), embedder)
    return found


def queries_of(config: SelectionConfig) -> dict[str, str]:
    """Name of each query set that a config names -> the place where it does so first."""
    entries = reversed(list(enumerate(config.strategies)))
    return {entry.query: f"strategies[{place}].input" for place, entry in entries if entry.query}


def check_path(name: str, path: str) -> None:
    """Raises UsageError where a query set is not there."""
    if not Path(path).exists():
        raise UsageError(f"--query-set {name}={path}: does not exist")


def _vectors(path: Path, embedder: Callable[[], Embedder] | None) -> Vector:
    if path.is_dir() and not (path / "embeddings.npy").exists():
        if embedder is None:
            raise UsageError(f"{path}: holds pictures, and a table's model is not known; give a table of their vectors")
        return _embedded(path, embedder())
    if embedder is not None and (path / "summary.json").exists():
        made = json.loads((path / "summary.json").read_text()).get("model")
        if made != embedder().name:
            raise UsageError(f"{path}: was made with model {made}, this is {embedder().name}: use the same for both")
    vectors = read_table(path).vectors
    if vectors is None:
        raise UsageError(f"{path}: holds no embeddings; a query set needs some")
    if embedder is not None and vectors.shape[1] != embedder().dim:
        raise UsageError(f"{path}: holds vectors of {vectors.shape[1]} numbers, the model's have {embedder().dim}")
    return vectors


def _embedded(folder: Path, embedder: Embedder) -> Vector:
    parts: list[Vector] = []
    pending = []
    for source in expand([str(folder)]):
        with open_decoder(source) as decoder:
            for frame in decoder.read():
                pending.append(frame.picture.rgb(*embedder.size))
                if len(pending) == embedder.batch:
                    parts.append(embedder.embed(np.stack(pending)))
                    pending = []
    if pending:
        parts.append(embedder.embed(np.stack(pending)))
    if not parts:
        raise UsageError(f"{folder}: holds no picture that can be read; a query set needs some")
    return np.concatenate(parts)
