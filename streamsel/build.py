"""config -> objects: the only file that knows every room."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsel.config import SelectConfig
from streamsel.coreset import Coreset
from streamsel.data import Decision, Source, Vector
from streamsel.decode.scan import expected_frames
from streamsel.decode.sources import expand
from streamsel.embed import Embedder, Row, Scout, Window
from streamsel.embed.baseline import NoSamples, Samples
from streamsel.embed.everyone import Everyone
from streamsel.embed.gate import Gate
from streamsel.embed.judge import Judge
from streamsel.embed.larder import BARE, Larder
from streamsel.embed.load import load_embedder
from streamsel.embed.pooling import pool
from streamsel.embed.scout import DIM, describe
from streamsel.embed.shortlist import Shape, Shortlist
from streamsel.embed.watch import Watch
from streamsel.errors import ModelError, UsageError
from streamsel.pipeline import Parts, Progress
from streamsel.rules.frame_rules import FrameRules, lightly_folder
from streamsel.rules.goals import budget_rules
from streamsel.rules.live import distance_of, stream_selector
from streamsel.rules.pooled import Pooled
from streamsel.rules.queries import query_vectors
from streamsel.run.facts import Facts, announce
from streamsel.run.ledger import Ledger
from streamsel.run.opener import Opener
from streamsel.run.pooling import begun
from streamsel.run.recall import recall, recall_bare
from streamsel.run.seen import Seen
from streamsel.run.states import States
from streamsel.run.workspace import Workspace
from streamsel.selection import Selector
from streamsel.selection.budget.best import Best
from streamsel.selection.columns import Batch, concatenate
from streamsel.signals.crops import crop
from streamsel.sink.crops import CropSink
from streamsel.sink.disk import DiskSink
from streamsel.sink.objects import ObjectSink

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["build", "check", "embedder_of", "expected", "identity", "resolve"]

FACTOR = {"fast": 3, "normal": 6}
LEAST = 96
"""Members of the scout's coreset however few are wanted: embedding them takes a quarter of a second."""
OBJECTS = 4
"""So many times the candidates where objects are compared, which the scout cannot see."""
JUDGED = 8192
STREAM_SAMPLES = 512
STREAM_SEEN = 1024


def build(
    config: SelectConfig,
    space: Workspace,
    sources: Sequence[Source],
    embedder: Embedder,
    pool: Pool | None,
    frames: int,
    progress: Progress,
    stopping: Callable[[], bool],
) -> Parts:
    """All parts of a run, restored to where its store stands. frames: about how many there are in all.

    Raises ModelError, UsageError.
    """
    space.agree_model(embedder.name)
    disk = DiskSink(space.folder, format=config.format, quality=config.quality, size=config.size)
    announce(disk, space.store)
    opener = Opener(config)
    bare = not config.rules.reads_vectors
    larder = Larder(None if (config.effort == "exact" and not bare) or config.objects else embedder.size)
    judge = Judge(embedder)
    dim = embedder.dim if config.rules.reads_vectors else 0
    vectors = [pick.vector[:dim] for pick in space.store.picks()]
    picks = np.array(vectors, np.float32).reshape(len(vectors), dim)
    first = space.store.note("rows") or 0
    scout = _scout(config, frames, judge, larder, first)
    rules = _rules(config, sources, embedder, disk)
    selector = _selector(config, judge, rules, space, pool)
    seen = None if config.budget or bare or config.objects else Seen(Coreset(STREAM_SEEN, embedder.dim, uniform=0))
    states = States(rules.entrance, objects=rules.object_rows, scout=scout, judge=judge, selector=selector, seen=seen)
    states.restore(space.store.arrays(), picks)
    return Parts(
        sources=sources,
        open=opener.open,
        begin=Facts(config, disk, larder).begin,
        length=config.sequence_length,
        entrance=rules.entrance,
        scout=scout,
        judge=judge,
        selector=selector,
        recall=partial(recall_bare if bare or config.objects else recall, space.store, judge),
        embed=(lambda window: _embed(judge, [window])[0])
        if config.compares or pool is not None
        else (lambda window: BARE),
        objects=rules.objects,
        cut=rules.object_rows,
        batch=rules.batch,
        seen=seen,
        budget=_budget(config, rules),
        reached=partial(_told, rules, selector),
        sink=_object_sink(config, disk) if config.objects else disk,
        store=space.store,
        ledger=Ledger(space.store, larder, states.arrays),
        progress=progress,
        stopping=stopping,
    )


def check(config: SelectConfig, sources: Sequence[Source], embedder: Embedder, folder: Path) -> None:
    """Raises what `build` would raise of a selection config, before anything is written in `folder`, or removed."""
    sink = DiskSink(folder)
    rules = _rules(config, sources, embedder, sink)
    _driver(config, embedder, rules, None)


def _rules(config: SelectConfig, sources: Sequence[Source], embedder: Embedder, sink: DiskSink) -> FrameRules:
    return FrameRules(
        config.rules,
        lightly_folder(config.lightly, sources),
        embedder,
        sink.called,
        remove_duplicates=config.remove_exact_duplicates,
        task=config.objects,
        padding=config.padding,
        embeds=config.pool is not None,
    )


def _object_sink(config: SelectConfig, disk: DiskSink) -> ObjectSink:
    return ObjectSink(disk, CropSink(disk.folder, quality=config.quality), crop, config.padding)


def _budget(config: SelectConfig, rules: FrameRules) -> Callable[[Sequence[int]], int] | None:
    """How many rows to pick: of all frames, or of as many objects as those found stand for."""
    if not config.budget:
        return None
    return lambda weights: config.picks_among(sum(weights) if config.objects else rules.entrance.seen)


def resolve(config: SelectConfig) -> tuple[SelectConfig, list[Source]]:
    """The sources that a config names, and the config as it is for them: without an end, a share is a target ratio.

    Raises SourceError, and UsageError where they do not fit the goal.
    """
    Opener(config)  # wrong times, rates and rectangles are told before anything is done
    sources = expand(config.sources)
    live = [source.id for source in sources if source.kind == "live"]
    if live and not config.duration and config.selection is not None and config.proportion is not None:
        config = config.model_copy(update={"proportion": None, "target_ratio": config.proportion})
    if live and config.budget and not config.duration:
        raise UsageError(f"{live[0]}: has no end, so -n and --proportion need --duration there")
    return config, sources


def identity(config: SelectConfig, sources: Sequence[Source]) -> dict[str, Any]:
    """What must be equal for two commands to be the same run."""
    return {**config.identity(), "sources": [source.id for source in sources]}


def embedder_of(config: SelectConfig) -> Embedder:
    """The model that a config names; raises ModelError."""
    return load_embedder(config.model, device=config.device, weights=config.weights)


def expected(source: Source, config: SelectConfig) -> int | None:
    """At most about how many frames of a source will be looked at; None where it has no end. Raises SourceError."""
    frames = expected_frames(source)
    return None if frames is None else -(-frames // (config.every or 1))


def _scout(config: SelectConfig, frames: int, judge: Judge, larder: Larder, first: int) -> Scout:
    if not config.rules.reads_vectors:
        wanted = min(STREAM_SAMPLES, _wanted(config, frames)) if config.budget else STREAM_SAMPLES
        return Everyone(
            Samples(larder, wanted) if config.compares else NoSamples(larder), keeps=config.budget, first=first
        )
    return _shortlist(config, frames, judge, larder, first) if config.budget else _watch(config, judge, larder)


def _wanted(config: SelectConfig, frames: int) -> int:
    """About how many rows will be picked."""
    return max(1, config.picks_among(frames // config.sequence_length))


def _shortlist(config: SelectConfig, frames: int, judge: Judge, larder: Larder, first: int) -> Shortlist:
    rows = frames // config.sequence_length
    n = max(1, config.picks_among(rows) if config.n is None else config.n // config.sequence_length)
    samples = _samples(config, larder, n)
    if config.effort == "exact":
        shape = Shape(max(FACTOR["normal"] * n, JUDGED), judge.embedder.dim, 1 / FACTOR["normal"])
        return Shortlist(lambda block: _embed(judge, block), shape, samples, keep_vectors=True, first=first)
    wanted = max(FACTOR[config.effort] * n, LEAST) * (OBJECTS if config.rules.reads_objects else 1)
    return Shortlist(_describe, Shape(wanted, DIM), samples, first=first)


def _watch(config: SelectConfig, judge: Judge, larder: Larder) -> Watch:
    gate = Gate(target_ratio=config.target_ratio)
    single = config.sequence_length == 1 and not config.objects
    room = _room(config, judge.embedder) if single and not config.target_ratio else None
    return Watch(gate, _samples(config, larder, STREAM_SAMPLES), judge.embedder.size, room)


def _samples(config: SelectConfig, larder: Larder, capacity: int) -> Samples:
    return NoSamples(larder) if config.objects else Samples(larder, capacity)


def _room(config: SelectConfig, embedder: Embedder) -> Callable[[Decision], float] | None:
    """How far a decision is from being a pick, in novelty distances; None for a model whose own is not known."""
    try:
        novelty = embedder.novelty_distance
    except ModelError:
        return None
    distance = _distance(config, embedder) or novelty

    def room(decision: Decision) -> float:
        near = 0.0 if decision.keep else decision.distance
        return math.sqrt(max(0.0, distance**2 - near**2)) / novelty

    return room


def _selector(config: SelectConfig, judge: Judge, rules: FrameRules, space: Workspace, pool: Pool | None) -> Selector:
    own = rules.picked(list(space.store.picks()))
    if pool is None:
        return _driver(config, judge.embedder, rules, own)
    earlier = rules.pooled(pool, begun(pool, space.store), judge.embedder)
    before = earlier if own is None else concatenate([earlier, own])
    vectors = pool.vectors[: len(earlier)] if config.rules.reads_vectors else np.empty((0, 0), np.float32)
    return Pooled(_driver(config, judge.embedder, rules, before), earlier, vectors)


def _driver(config: SelectConfig, embedder: Embedder, rules: FrameRules, before: Batch | None) -> Selector:
    """before: rows that a budget counts as picked already."""
    queries = query_vectors(config.rules, dict(config.query_sets), lambda: embedder)
    if config.budget:
        return Best(budget_rules(config.rules, queries, rules.entrance.totals), before=before)
    classes = rules.entrance.classes
    goal = {"target_ratio": config.target_ratio, "min_distance": _distance(config, embedder)}
    return stream_selector(config.rules, embedder.dim, queries, classes, **goal)


def _distance(config: SelectConfig, embedder: Embedder) -> float | None:
    """How far from all picks a row of a stream must be: as asked for, or the model's own where nothing else decides."""
    asked = [distance for distance in (config.min_distance, distance_of(config.rules)) if distance]
    if asked or config.target_ratio or not config.rules.reads_vectors:
        return max(asked, default=None)
    return embedder.novelty_distance


def _describe(block: Sequence[Window]) -> Vector:
    """The scout's descriptors of a block of windows, (B, DIM)."""
    rows = describe(np.stack([frame.picture.i420() for window in block for frame in window]))
    length = len(block[0])
    return rows if length == 1 else np.stack([pool(part) for part in rows.reshape(len(block), length, -1)])


def _embed(judge: Judge, block: Sequence[Window]) -> Vector:
    """The judge's own vectors of a block of windows, (B, D)."""
    size = judge.embedder.size
    return judge.vectors([Row(0, (), tuple(frame.picture.rgb(*size) for frame in window)) for window in block])


def _told(rules: FrameRules, selector: Selector, order: Sequence[int], decisions: Sequence[Decision]) -> dict[str, Any]:
    """What was asked for and reached; of a budget also why it ended, and which groups lack picks."""
    inner = selector.inner if isinstance(selector, Pooled) else selector
    ending = {"ended": inner.ended, "unmet": inner.unmet()} if isinstance(inner, Best) else {}
    return {**rules.reached(order, decisions), **ending}
