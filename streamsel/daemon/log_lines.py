"""What a service says: one line for each event, for people or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

__all__ = ["log_lines", "say"]

LOG: Final = logging.getLogger("streamsel.daemon")
FACTS: Final = "facts"


def say(event: str, level: int = logging.INFO, /, **facts: object) -> None:
    """One line: what happened, and facts of it as plain values."""
    LOG.log(level, event, extra={FACTS: facts})


@contextmanager
def log_lines(style: Literal["text", "json"], stream: TextIO | None = None) -> Iterator[None]:
    """Within, what streamsel logs from INFO on goes to the stream (by default standard error)."""
    logger, handler = logging.getLogger("streamsel"), logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    level = logger.level
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Text(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO  committed records=128 picks=3`."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {key}={_shown(value)}" for key, value in _facts(record).items())
        return f"{_time(record)} {record.levelname:7} {_line(record.getMessage())}{facts}"


class _Json(logging.Formatter):
    """`{"time": ..., "level": "info", "event": "committed", "records": 128}`."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps({**told, **_facts(record)}, ensure_ascii=False, default=str)


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = getattr(record, FACTS, {})
    return facts


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(' "=\n\r\t') & set(text) else text


def _line(text: str) -> str:
    return " ".join(text.split())
