"""Options of a run, or of a pipeline, that change nothing in it, so that the user can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from streamsel.config.pipeline import IngestConfig
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.config.select_config import SelectConfig
from streamsel.config.selection import SelectionConfig
from streamsel.config.worker import DIMENSION

__all__ = ["idle_in_pictures", "idle_in_pipeline", "idle_options"]

TIMES = ("start", "end", "duration", "fps", "keyframes")


def idle_options(config: SelectConfig) -> list[str]:
    """A line for each option that was given and has nothing to work on."""
    names = [f"--query-set {name}" for name, _ in config.query_sets]
    queries = _of_queries(config.rules, dict(zip(names, dict(config.query_sets), strict=True)))
    found = (_of_objects(config), queries, _of_pictures(config), _of_own(config), _of_the_pool(config))
    return [*chain.from_iterable(found), *_of_the_worker(config.rules, *_of_vectors(config.rules, own=config.own))]


def idle_in_pipeline(config: ServiceConfig) -> list[str]:
    """The same of a pipeline."""
    queries = _of_queries(config.rules, {f"query_sets.{name}": name for name in config.query_sets})
    pooled = ["worker_config.use_datapool"] if config.rules.worker.use_datapool else []
    return [
        *queries,
        *_of_the_gap(config),
        *_of_the_worker(config.rules, *pooled, *_of_vectors(config.rules, own=False)),
    ]


def _of_the_gap(config: ServiceConfig) -> Iterator[str]:
    if isinstance(config, IngestConfig) and config.input.gap is not None and config.sequence_length == 1:
        yield "input.gap changes nothing: it parts sequences, and selected_sequence_length is 1"


def _of_objects(config: SelectConfig) -> Iterator[str]:
    if config.padding and config.objects is None and not config.rules.reads_objects:
        yield "--padding changes nothing: neither --objects nor a strategy reads objects, whose boxes it enlarges"


def _of_own(config: SelectConfig) -> Iterator[str]:
    for option in ("device", "effort"):
        if config.own and option in config.model_fields_set:
            yield f"--{option} changes nothing: vectors are looked up, of every frame, and nothing is embedded"


def _of_vectors(rules: SelectionConfig, *, own: bool) -> Iterator[str]:
    """Vectors of frames have unit length, and as many numbers as the model gives them; own: as the table has."""
    if not rules.worker.normalize_embeddings:
        yield "worker_config.normalize_embeddings"
    if rules.worker.num_ftrs is not None and not own:
        yield f"lightly_config.{DIMENSION}"


def _of_queries(rules: SelectionConfig, given: Mapping[str, str]) -> Iterator[str]:
    """given: the option -> the query set that it names."""
    compared = {entry.query for entry in rules.strategies}
    for option, name in given.items():
        if name not in compared:
            known = ", ".join(sorted(query for query in compared if query)) or "none"
            yield f"{option} changes nothing: no strategy compares with it (they compare with: {known})"


def _of_pictures(config: SelectConfig) -> Iterator[str]:
    if config.format == "png" and "quality" in config.model_fields_set and config.objects is None:
        yield "--quality changes nothing: it is that of JPEG, and png loses nothing"


def _of_the_worker(rules: SelectionConfig, *further: str) -> Iterator[str]:
    ignored = sorted([*rules.worker.ignored, *further])
    if ignored:
        yield f"these options of the config change nothing here: {', '.join(ignored)}"


def _of_the_pool(config: SelectConfig) -> Iterator[str]:
    if config.rules.worker.use_datapool and config.pool is None:
        yield "worker_config.use_datapool changes nothing: name the file that remembers picks with --pool"


def idle_in_pictures(config: SelectConfig, folders: Sequence[str]) -> list[str]:
    """A line for each of these folders of pictures, which have no times, where options ask for some."""
    given = ", ".join(f"--{name}" for name in TIMES if getattr(config, name))
    told = f"its pictures have no times, and are all looked at: {given} is not for them"
    return [f"{folder}: {told}" for folder in folders] if given else []
