"""streamsel looks at video once, while it streams, and keeps the few frames that add something.

Everything public is here; it is loaded when it is first used, so that `import streamsel` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamsel.api import Plan, Selection, open, plan, select
    from streamsel.choosing.api import choose
    from streamsel.config import SelectConfig, SelectionConfig, read_selection
    from streamsel.data import Candidate, Decision, Frame, Mark, Pick, Picture, Source
    from streamsel.embed.load import load_embedder
    from streamsel.errors import ModelError, SinkError, SourceError, StateError, StreamselError, UsageError
    from streamsel.selection.selector import Selector

    __version__: str

__all__ = [
    "Candidate",
    "Decision",
    "Frame",
    "Mark",
    "ModelError",
    "Pick",
    "Picture",
    "Plan",
    "SelectConfig",
    "Selection",
    "SelectionConfig",
    "Selector",
    "SinkError",
    "Source",
    "SourceError",
    "StateError",
    "StreamselError",
    "UsageError",
    "__version__",
    "choose",
    "load_embedder",
    "open",
    "plan",
    "read_selection",
    "select",
]

_HOMES = {
    "streamsel.api": ("Plan", "Selection", "open", "plan", "select"),
    "streamsel.choosing.api": ("choose",),
    "streamsel.config": ("SelectConfig", "SelectionConfig", "read_selection"),
    "streamsel.data": ("Candidate", "Decision", "Frame", "Mark", "Pick", "Picture", "Source"),
    "streamsel.embed.load": ("load_embedder",),
    "streamsel.errors": ("ModelError", "SinkError", "SourceError", "StateError", "StreamselError", "UsageError"),
    "streamsel.selection.selector": ("Selector",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(module), name))
    if name == "__version__":
        from importlib.metadata import version

        return globals().setdefault(name, version("streamsel"))
    raise AttributeError(f"module 'streamsel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
