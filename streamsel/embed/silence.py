"""Libraries that report on standard error what they also raise are kept from it while they load a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["silence"]

ERROR_STREAM = 2


@contextmanager
def silence(*loggers: str) -> Iterator[None]:
    """Inside, nothing reaches the process's standard error, by which C++ writes, and these loggers tell nothing."""
    with _muted(loggers), _closed():
        yield


@contextmanager
def _muted(names: tuple[str, ...]) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


@contextmanager
def _closed() -> Iterator[None]:
    kept: int | None = None
    with suppress(OSError):  # a process may have no standard error
        kept = os.dup(ERROR_STREAM)
    if kept is None:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, ERROR_STREAM)
        yield
    finally:
        os.dup2(kept, ERROR_STREAM)
        os.close(kept)
        os.close(nowhere)
