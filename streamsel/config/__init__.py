"""config: what a user asks for, as checked, frozen values. Imports no room: `build` makes objects of them.

`select_config` is one run of `select`; `pipeline` (Kafka) and `edge` (cameras) are what `run` does: `pipeline_file`
reads them, with values of the `environment`. `selection` is the selection config of the product users come from, made
of `inputs`, `strategies`, `constraints`, `auto_tasks` and `worker`; `idle` tells what in them changes nothing.
`reading` makes values of files and text as people have them (`notation` reads JSON, YAML and what documents print), and
errors of one line that name the place (`complaint`, `nearest`). Every model forbids unknown keys and refuses instead of
guessing. What is here is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamsel.config.edge import EdgeConfig
    from streamsel.config.pipeline import IngestConfig
    from streamsel.config.pipeline_file import read_pipeline
    from streamsel.config.reading import read_fragment, read_selection
    from streamsel.config.select_config import Format, SelectConfig
    from streamsel.config.selection import Entry, SelectionConfig
    from streamsel.config.worker import WorkerOptions

__all__ = [
    "EdgeConfig",
    "Entry",
    "Format",
    "IngestConfig",
    "SelectConfig",
    "SelectionConfig",
    "WorkerOptions",
    "read_fragment",
    "read_pipeline",
    "read_selection",
]

_HOMES = {
    "streamsel.config.edge": ("EdgeConfig",),
    "streamsel.config.pipeline": ("IngestConfig",),
    "streamsel.config.pipeline_file": ("read_pipeline",),
    "streamsel.config.reading": ("read_fragment", "read_selection"),
    "streamsel.config.select_config": ("Format", "SelectConfig"),
    "streamsel.config.selection": ("Entry", "SelectionConfig"),
    "streamsel.config.worker": ("WorkerOptions",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(module), name))
    raise AttributeError(f"module 'streamsel.config' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
