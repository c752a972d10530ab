"""Which selector a run has, and what it tells of a choice once that is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsel.config import SelectConfig
from streamsel.data import Decision
from streamsel.embed import Embedder
from streamsel.embed.judge import Judge
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.goals import budget_rules
from streamsel.rules.live import distance_of, stream_selector
from streamsel.rules.material import VECTORS
from streamsel.rules.pooled import Pooled
from streamsel.rules.queries import query_vectors
from streamsel.rules.reached import compared
from streamsel.run.pooling import begun
from streamsel.run.workspace import Workspace
from streamsel.selection import Selector
from streamsel.selection.budget.best import Best
from streamsel.selection.columns import Batch, concatenate

if TYPE_CHECKING:
    from streamsel.pool.datapool import Pool

__all__ = ["distance_of_run", "driver_of", "selector_of", "told_of"]


def selector_of(config: SelectConfig, judge: Judge, rules: FrameRules, space: Workspace, pool: Pool | None) -> Selector:
    """The selector, with what counts as picked already: earlier picks of the run, and of its pool."""
    own = rules.picked(list(space.store.picks()))
    if pool is None:
        return driver_of(config, judge.embedder, rules, own)
    earlier = rules.pooled(pool, *begun(pool, space.store), judge.embedder)
    before = earlier if own is None else concatenate([earlier, own])
    vectors = earlier[VECTORS].rows if VECTORS in earlier.columns else np.empty((0, 0), np.float32)
    return Pooled(driver_of(config, judge.embedder, rules, before), earlier, vectors)


def driver_of(config: SelectConfig, embedder: Embedder, rules: FrameRules, before: Batch | None) -> Selector:
    """before: rows that a budget counts as picked already."""
    queries = query_vectors(config.rules, dict(config.query_sets), lambda: embedder)
    if config.budget:
        return Best(budget_rules(config.rules, queries, rules.totals), before=before)
    classes = rules.entrance.classes
    goal = {"target_ratio": config.target_ratio, "min_distance": distance_of_run(config, embedder)}
    return stream_selector(config.rules, embedder.dim, queries, classes, **goal)


def distance_of_run(config: SelectConfig, embedder: Embedder) -> float | None:
    """How far from all picks a row of a stream must be: as asked for, or the model's own where nothing else decides."""
    asked = [distance for distance in (config.min_distance, distance_of(config.rules)) if distance]
    if asked or config.target_ratio or not config.rules.reads_vectors:
        return max(asked, default=None)
    return embedder.novelty_distance


def told_of(
    rules: FrameRules, selector: Selector, order: Sequence[int], decisions: Sequence[Decision]
) -> dict[str, Any]:
    """What was asked for and reached; of a budget also why it ended, and which groups lack picks."""
    inner = selector.inner if isinstance(selector, Pooled) else selector
    ending = {"ended": inner.ended, "unmet": inner.unmet()} if isinstance(inner, Best) else {}
    told = rules.reached(order, decisions, inner.before if isinstance(inner, Best) else None)
    if isinstance(inner, Best) and told:
        told["strategies"] = compared(told["strategies"], inner.means(order))
    return {**told, **ending}
