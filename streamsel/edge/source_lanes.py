"""Each source's lane, and what its scout goes by, as an edge pipeline wants them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from streamsel.config import EdgeConfig
from streamsel.config.edge_source import EdgeSource
from streamsel.edge.feeds.glance import Aim, enough
from streamsel.edge.parts import Lanes
from streamsel.embed import Embedder
from streamsel.embed.room import room_of
from streamsel.errors import UsageError
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.making import Lanes as LaneMaker
from streamsel.sink.durable import shown

__all__ = ["aim_of", "lanes_of", "makers_of", "source_lanes"]


def source_lanes(config: EdgeConfig, embedder: Embedder) -> Lanes:
    """Of each source its name, and what makes its lane. Raises UsageError for a selection that no stream can keep."""
    return lanes_of(config, makers_of(config, embedder))


def lanes_of(config: EdgeConfig, makers: Sequence[LaneMaker]) -> Lanes:
    """Of each source its name, and what makes its lane."""
    return [(source.name, maker.lane) for source, maker in zip(config.sources, makers, strict=True)]


def makers_of(config: EdgeConfig, embedder: Embedder) -> list[LaneMaker]:
    """By the source's place. Raises UsageError for a selection that no stream can keep."""
    return [_maker(config, source, embedder) for source in config.sources]


def aim_of(config: EdgeConfig, source: EdgeSource, maker: LaneMaker, embedder: Embedder) -> Aim | None:
    """What a source's scout goes by; None: it has none."""
    if not enough(config, source):
        return None
    return Aim(maker.target_ratio, room_of(embedder, maker.distance))


def _maker(config: EdgeConfig, source: EdgeSource, embedder: Embedder) -> LaneMaker:
    goal, window = source if source.decides else config, config.window_of(source)
    _check_objects(config, source)
    return LaneMaker(
        config.selection and config.selection.model_copy(update={"n_samples": None}),
        embedder,
        target_ratio=goal.target_ratio,
        min_distance=goal.min_distance,
        window=None if window is None else WindowGoal.of(window),
        lightly=config.lightly,
        query_sets=config.query_sets,
        named=config.identity(),
        movable=True,
        called=lambda _: f"source {source.name}",
        anew=f"rename the folder {shown(config.state)} (what all sources remember, and what waits for brokers) or this"
        " source",
        forgetting=partial(Forgetting.of, config.memory),
    )


def _check_objects(config: EdgeConfig, source: EdgeSource) -> None:
    """Nobody predicts what a camera will show: boxes of its frames come from the selection alone."""
    task = config.rules.worker.object_level.task_name
    if task and source.live and task not in {one.name for one in config.rules.auto_tasks}:
        raise UsageError(
            f"source {source.name}: worker_config.object_level.task_name: {task!r} is none of auto_tasks, and nothing"
            " is predicted of a live source: name one of them, or take this source out"
        )
