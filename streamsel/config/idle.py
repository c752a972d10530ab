"""Options of a run that change nothing in it, so that the user can be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsel.config.select_config import SelectConfig

__all__ = ["idle_in_pictures", "idle_options"]

TIMES = ("start", "end", "duration", "fps", "keyframes")


def idle_options(config: SelectConfig) -> list[str]:
    """A line for each option that was given and has nothing to work on."""
    return [*_of_objects(config), *_of_queries(config), *_of_pictures(config), *_of_the_worker(config)]


def _of_objects(config: SelectConfig) -> Iterator[str]:
    if config.padding and config.objects is None and not config.rules.reads_objects:
        yield "--padding changes nothing: neither --objects nor a strategy reads objects, whose boxes it enlarges"


def _of_queries(config: SelectConfig) -> Iterator[str]:
    compared = {entry.query for entry in config.rules.strategies}
    for name, _ in config.query_sets:
        if name not in compared:
            known = ", ".join(sorted(query for query in compared if query)) or "none"
            yield f"--query-set {name} changes nothing: no strategy compares with it (they compare with: {known})"


def _of_pictures(config: SelectConfig) -> Iterator[str]:
    if config.format == "png" and "quality" in config.model_fields_set and config.objects is None:
        yield "--quality changes nothing: it is that of JPEG, and png loses nothing"


def _of_the_worker(config: SelectConfig) -> Iterator[str]:
    if config.rules.worker.use_datapool and config.pool is None:
        yield "worker_config.use_datapool changes nothing: name the file that remembers picks with --pool"
    if config.rules.worker.ignored:
        yield f"these options of the config change nothing here: {', '.join(config.rules.worker.ignored)}"


def idle_in_pictures(config: SelectConfig, folders: Sequence[str]) -> list[str]:
    """A line for each of these folders of pictures, which have no times, where options ask for some."""
    given = ", ".join(f"--{name}" for name in TIMES if getattr(config, name))
    told = f"its pictures have no times, and are all looked at: {given} is not for them"
    return [f"{folder}: {told}" for folder in folders] if given else []
