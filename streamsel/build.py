"""config -> objects: the only file that knows every room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamsel.config import SelectConfig
from streamsel.coreset import Coreset
from streamsel.data import Source
from streamsel.decode.sources import expand
from streamsel.embed import Embedder
from streamsel.embed.judge import Judge, KnowingJudge
from streamsel.embed.larder import BARE, Larder
from streamsel.embed.load import load_embedder
from streamsel.embed.unneeded import Unneeded
from streamsel.errors import UsageError
from streamsel.rules.frame_rules import FrameRules, lightly_folder
from streamsel.rules.own_vectors import OwnVectors
from streamsel.rules.wanted_names import check_wanted
from streamsel.run.facts import Facts, announce
from streamsel.run.going import Progress
from streamsel.run.ledger import Ledger
from streamsel.run.opener import Opener
from streamsel.run.own import own_vectors, refuse_live, refuse_strangers
from streamsel.run.parts import Parts
from streamsel.run.recall import recall, recall_bare
from streamsel.run.scouting import scout_of
from streamsel.run.seen import Seen
from streamsel.run.selecting import distance_of_run, driver_of, selector_of, told_of
from streamsel.run.states import States, arrays_of
from streamsel.run.workspace import Workspace
from streamsel.signals.crops import crop
from streamsel.sink.crops import CropSink
from streamsel.sink.disk import DiskSink
from streamsel.sink.objects import ObjectSink

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool
    from streamsel.run.sending import Sending

__all__ = ["build", "check", "embedder_of", "expected", "identity", "resolve"]

STREAM_SEEN: Final = 1024
"""Rows that stand for all that a stream has embedded."""


def build(
    config: SelectConfig,
    space: Workspace,
    sources: Sequence[Source],
    embedder: Embedder,
    pool: Pool | None,
    frames: int,
    progress: Progress,
    stopping: Callable[[], bool],
    sending: Sending | None = None,
) -> Parts:
    """All parts of a run, restored to where its store stands. frames: about how many there are in all.

    sending: picks go to a topic as well. Raises ModelError, UsageError.
    """
    if config.embeds:
        space.agree_model(embedder.name)
    disk = DiskSink(space.folder, format=config.format, quality=config.quality, size=config.size)
    announce(disk, space.store)
    opener = Opener(config)
    bare = not config.rules.reads_vectors
    known = config.own or (config.judges_all and not bare)
    larder = Larder(None if known or config.objects else embedder.size)
    judge = (
        KnowingJudge(embedder, partial(embedder.of, called=disk.called))
        if isinstance(embedder, OwnVectors)
        else Judge(embedder)
    )
    dim = embedder.dim if config.rules.reads_vectors else 0
    vectors = [pick.vector[:dim] for pick in space.store.picks()]
    picks = np.array(vectors, np.float32).reshape(len(vectors), dim)
    first = space.store.note("rows") or 0
    distance = None if config.budget else distance_of_run(config, embedder)
    scout = scout_of(config, frames, judge, larder, first, distance)
    rules = _rules(config, sources, embedder, disk)
    arrays = space.store.arrays()
    rules.objects.kept.restore(arrays_of("kept", arrays))  # they count as picked
    selector = selector_of(config, judge, rules, space, pool)
    seen = None if config.budget or bare or config.objects else Seen(Coreset(STREAM_SEEN, embedder.dim, uniform=0))
    states = States(
        rules.entrance,
        objects=rules.object_rows,
        kept=rules.objects.kept,
        scout=scout,
        judge=judge,
        selector=selector,
        seen=seen,
    )
    states.restore(arrays, picks)
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
        embed=(lambda window: judge.of_windows([window])[0])
        if config.compares or pool is not None
        else (lambda window: BARE),
        objects=rules.objects,
        cut=rules.object_rows,
        batch=rules.batch,
        seen=seen,
        budget=_budget(config, rules),
        reached=partial(told_of, rules, selector),
        sink=_object_sink(config, disk) if config.objects else disk,
        store=space.store,
        ledger=Ledger(space.store, larder, states.arrays, sending),
        progress=progress,
        stopping=stopping,
    )


def check(config: SelectConfig, sources: Sequence[Source], embedder: Embedder, folder: Path) -> None:
    """Raises what `build` would raise of a selection config, before anything is written in `folder`, or removed."""
    check_wanted(config.rules, None if config.pool else config.n, config.asks)
    sink = DiskSink(folder)
    rules = _rules(config, sources, embedder, sink)
    driver_of(config, embedder, rules, None)
    if config.pool is None:  # which may know the sources
        refuse_strangers(config, embedder, sources)


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
        sources=sources,
    )


def _object_sink(config: SelectConfig, disk: DiskSink) -> ObjectSink:
    return ObjectSink(disk, CropSink(disk.folder, quality=config.quality), crop, config.padding)


def _budget(config: SelectConfig, rules: FrameRules) -> Callable[[Sequence[int]], int] | None:
    """How many rows to pick: of all frames, or of as many objects as those found stand for."""
    if not config.budget:
        return None
    if not config.objects:
        return lambda weights: config.picks_among(rules.entrance.seen)
    least = 0 if config.n is None else 1  # what was kept beside the coreset stands for nothing but itself
    return lambda weights: config.picks_among(sum(max(weight, least) for weight in weights))


def resolve(config: SelectConfig) -> tuple[SelectConfig, list[Source]]:
    """The sources that a config names, and the config as it is for them: without an end, a share is a target ratio.

    Raises SourceError, and UsageError where they do not fit the goal.
    """
    Opener(config)  # wrong times, rates and rectangles are told before anything is done
    if config.kafka:
        from streamsel.run.sending import check_sending

        check_sending(config)
    sources = expand(config.sources)
    refuse_live(config, sources)
    live = [source.id for source in sources if source.kind == "live"]
    if live and not config.duration and config.selection is not None and config.proportion is not None:
        config = config.model_copy(update={"proportion": None, "target_ratio": config.proportion})
    if live and config.proportion is not None:
        raise UsageError(f"{live[0]}: has no end, and --proportion needs a known length: use --target-ratio")
    if live and config.budget and not config.duration:
        raise UsageError(f"{live[0]}: has no end, so -n needs --duration there")
    return config, sources


def identity(config: SelectConfig, sources: Sequence[Source], embedder: Embedder) -> dict[str, Any]:
    """What must be equal for two commands to be the same run."""
    own = {"embeddings": embedder.digest} if isinstance(embedder, OwnVectors) else {}
    return {**config.identity(), **own, "sources": [source.id for source in sources]}


def embedder_of(config: SelectConfig, sources: Sequence[Source]) -> Embedder:
    """What gives vectors, where any are read: the model that a config names, or the user's own embeddings.

    Raises ModelError, UsageError, SourceError.
    """
    if config.own:
        return own_vectors(config, sources)
    if not config.embeds:
        return Unneeded()
    return load_embedder(config.model, device=config.device, weights=config.weights)


def expected(source: Source, config: SelectConfig) -> int | None:
    """At most about how many frames of a source will be looked at; None where it has no end. Raises SourceError."""
    return Opener(config).expected(source)
