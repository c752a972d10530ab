"""OpenVINO, imported without its telemetry.

Importing openvino reports the import to its makers and loads an HTTP client for it, unless `openvino_telemetry` is
missing: so it is missing while that import lasts, and only then. Nothing else in streamsel imports openvino.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ops", "ov"]


@contextmanager
def missing(module: str) -> Iterator[None]:
    """Inside, importing `module` raises ImportError, unless it was imported before."""
    known = module in sys.modules
    if not known:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not known:
            del sys.modules[module]


with missing("openvino_telemetry"):
    import openvino as ov
    from openvino import opset13 as ops
