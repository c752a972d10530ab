"""Whether the model of a pipeline loads, and whether its selection can be made on a stream without an end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeVar

from streamsel.choosing.finding import Finding, fine, note, problem
from streamsel.config.idle import idle_in_pipeline
from streamsel.config.pipeline import IngestConfig
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.errors import ModelError, StreamselError
from streamsel.lanes.making import Lanes

__all__ = ["model_findings", "rows_of", "selection_findings"]

T = TypeVar("T")


def selection_findings(config: IngestConfig) -> Generator[Finding, None, Lanes | None]:
    """Findings on model and selection; returns what makes lanes, where it can be made."""
    return model_findings(config, partial(Lanes.of, config), lambda model: f": {_goal(config, model)}")


def model_findings(
    config: ServiceConfig, lanes: Callable[[Embedder], T], goal: Callable[[Embedder], str]
) -> Generator[Finding, None, T | None]:
    """Findings on any pipeline's model, and on its selection; returns the lanes.

    lanes: made by a model, or a StreamselError is raised. goal: text behind the names of the strategies.
    """
    try:
        model = load_embedder(config.model, device=config.device, weights=config.weights, threads=config.threads)
    except ModelError as error:
        yield problem("model", str(error))
        return None
    yield fine("model", f"{model.name}: {model.dim} numbers a picture")
    try:
        made = lanes(model)
    except StreamselError as error:
        yield problem("selection", str(error))
        return None
    yield fine("selection", f"{', '.join(entry.label for entry in config.rules.strategies)}{goal(model)}")
    yield from (note("selection", line) for line in idle_in_pipeline(config))
    return made


def _goal(config: IngestConfig, model: Embedder) -> str:
    """What is kept, of each partition by itself."""
    rows = "objects" if config.rules.worker.object_level.task_name else "frames"
    return f"{rows_of(config)}, {_kept(config, model, rows)}"


def rows_of(config: ServiceConfig) -> str:
    """What a pick is."""
    worker = config.rules.worker
    if (length := worker.selected_sequence_length) > 1:
        return f"sequences of {length} frames"
    return f"objects of {task}" if (task := worker.object_level.task_name) else "frames"


def _kept(config: IngestConfig, model: Embedder, rows: str = "frames") -> str:
    if (window := config.goal) is not None:
        return f"the best {window.picks} of each {window.minutes:g} minutes of each partition"
    if config.ratio is not None:
        return f"{config.ratio:.4g} of the {rows} of each partition"
    if config.min_distance is not None:
        return f"what is {config.min_distance:.4g} from all picks of its partition"
    if config.selection is not None:
        return "what its distances and constraints let through"
    return f"what is new: {model.novelty_distance:.4g} from all picks of its partition"
