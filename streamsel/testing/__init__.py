"""testing: what proves a part of streamsel, one's own or that of somebody else.

The checks raise AssertionError with the law that an implementation breaks; a new one is proved by calling its check.
`videos` makes synthetic videos, `nasty` damaged and unusual ones, `clips` fetches real ones; `broken_disk` fails
writes, `servers` plays a camera and a web server. Nothing here is used by the program.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamsel.testing.decoders import check_decoder
    from streamsel.testing.embedders import check_embedder
    from streamsel.testing.sinks import check_sink
    from streamsel.testing.strategies import check_selector, check_strategy

__all__ = ["check_decoder", "check_embedder", "check_selector", "check_sink", "check_strategy"]

_HOMES = {
    "check_decoder": "decoders",
    "check_embedder": "embedders",
    "check_selector": "strategies",
    "check_sink": "sinks",
    "check_strategy": "strategies",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"streamsel.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'streamsel.testing' has no attribute {name!r}")
