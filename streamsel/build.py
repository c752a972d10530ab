"""config -> objects: the only file that knows every room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectConfig
from streamsel.data import Source, Vector
from streamsel.decode import Decoder
from streamsel.decode.looking import Looking
from streamsel.decode.open import open_decoder
from streamsel.embed import Row, Scout, Window
from streamsel.embed.baseline import Samples
from streamsel.embed.judge import Judge
from streamsel.embed.larder import Larder
from streamsel.embed.load import load_embedder
from streamsel.embed.pooling import pool
from streamsel.embed.scout import DIM, describe
from streamsel.embed.shortlist import Shape, Shortlist
from streamsel.errors import UsageError
from streamsel.ledger import Ledger
from streamsel.pipeline import Parts, Progress
from streamsel.seen import Seen
from streamsel.selection import Selector
from streamsel.selection.greedy import Greedy
from streamsel.sink.disk import DiskSink
from streamsel.workspace import Workspace

__all__ = ["build"]

FACTOR = {"fast": 3, "normal": 8}
JUDGED = 8192
STREAM_SAMPLES = 512
STREAM_SEEN = 1024


def build(
    config: SelectConfig, space: Workspace, sources: Sequence[Source], progress: Progress, stopping: Callable[[], bool]
) -> Parts:
    """All parts of a run, restored to where its store stands. Raises ModelError, UsageError, SourceError."""
    embedder = load_embedder(config.model, device=config.device, weights=config.weights)
    sink = DiskSink(space.folder, format=config.format, quality=config.quality, size=config.size)
    opener = Opener(config, sink)
    larder = Larder(None if config.effort == "exact" else embedder.size)
    judge = Judge(embedder)
    picks = np.array([pick.vector for pick in space.store.picks()], np.float32).reshape(-1, embedder.dim)
    if config.budget:
        scout: Scout = _shortlist(config, sources, judge, larder, opener)
        selector: Selector = Greedy(embedder.dim, preselected=picks)
        seen = None
    else:
        raise UsageError("not yet")
    states = States(scout=scout, judge=judge, selector=selector, seen=seen)
    states.restore(space.store.arrays(), picks)
    return Parts(
        sources=sources,
        open=opener.open,
        begin=opener.begin,
        length=config.sequence_length,
        max_gap=np.inf,
        scout=scout,
        judge=judge,
        selector=selector,
        seen=seen,
        budget=config.picks_among if config.budget else None,
        sink=sink,
        store=space.store,
        ledger=Ledger(space.store, larder, states.arrays),
        progress=progress,
        stopping=stopping,
    )


class Opener:
    """Opens sources with the run's options, and states the facts by which their frames are counted and named."""

    def __init__(self, config: SelectConfig, sink: DiskSink) -> None:
        self._sink, self._length = sink, config.sequence_length
        fps = Fraction(config.fps) if config.fps else None
        self._options = {"looking": Looking(config.every or 1, fps, config.keyframes)}

    def open(self, source: Source) -> Decoder:
        """A decoder for the source."""
        return open_decoder(source, **self._options)

    def expected(self, source: Source) -> int:
        """About how many rows the source will give; 0 when it cannot be read, which its turn will tell."""
        return 0

    def begin(self, source: Source, decoder: Decoder, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts noted of a source at its first frame, kept over restarts."""
        made = {"total": 100, "expected": None, "started": ""}
        noted = {name: facts.get(name, value) for name, value in made.items()}
        self._sink.announce(source.id, noted["total"], noted["started"])
        return noted


def _shortlist(
    config: SelectConfig, sources: Sequence[Source], judge: Judge, larder: Larder, opener: Opener
) -> Shortlist:
    rows = config.picks_among(sum(map(opener.expected, sources)) // config.sequence_length) if not config.n else 0
    n = max(1, rows or (config.n or 0) // config.sequence_length)
    samples = Samples(larder, n)
    if config.effort == "exact":
        shape = Shape(max(FACTOR["normal"] * n, JUDGED), judge.embedder.dim, 0.0)
        return Shortlist(lambda block: _embed(judge, block), shape, samples, keep_vectors=True)
    return Shortlist(_describe, Shape(FACTOR[config.effort] * n, DIM), samples)


def _describe(block: Sequence[Window]) -> Vector:
    """The scout's descriptors of a block of windows, (B, DIM)."""
    rows = describe(np.stack([frame.picture.i420() for window in block for frame in window]))
    length = len(block[0])
    return rows if length == 1 else np.stack([pool(part) for part in rows.reshape(len(block), length, -1)])


def _embed(judge: Judge, block: Sequence[Window]) -> Vector:
    """The judge's own vectors of a block of windows, (B, D)."""
    size = judge.embedder.size
    return judge.vectors([Row(0, (), tuple(frame.picture.rgb(*size) for frame in window)) for window in block])


class States:
    """The arrays of everything that remembers, each under its part's name."""

    def __init__(self, *, scout: Scout, judge: Judge, selector: Selector, seen: Seen | None) -> None:
        self._parts = {"scout": scout, "judge": judge, "selector": selector, "seen": seen}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a commit writes."""
        held = {name: part.state() for name, part in self._parts.items() if part is not None}
        return {f"{name}/{key}": array for name, arrays in held.items() for key, array in arrays.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], picks: Vector) -> None:
        """Bring every part back to what was committed; the picks' vectors are stored apart."""
        for name, part in self._parts.items():
            own = {key.partition("/")[2]: array for key, array in arrays.items() if key.startswith(f"{name}/")}
            if part is not None and own:
                part.restore({**own, "picks": picks} if name == "selector" else own)
