"""Errors of a group's member, told apart: what building it anew may heal, and what only a person can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors  # type: ignore[import-untyped]

from streamsel.errors import SinkError
from streamsel.topic.explaining import explanation, lasting
from streamsel.topic.unpacking import UnreadableError

__all__ = ["Damaged", "Lost", "losing"]

OWN: Final = (
    errors.FencedInstanceIdError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidSessionTimeoutError,
    errors.KafkaConfigurationError,
)
"""What is as lasting for a member. A fenced instance, built anew, would fence its successor, which would fence it, and
so on without end."""


class Lost(Exception):  # noqa: N818 - nobody made a mistake
    """A member that cannot go on: everything since its last commit is undone, and it has to be built anew."""


class Damaged(Lost):
    """Lost, for a record could not be read; where that happens again at once, its topic is damaged."""


@contextmanager
def losing(where: object) -> Iterator[None]:
    """Errors of the client become Lost, or SinkError where a new member would fare no better.

    After fencing the client raises its plainest error (kafka-python 3.0.12), so whatever is not known to last is Lost.
    """
    try:
        yield
    except (errors.KafkaError, OSError, RuntimeError, AssertionError) as error:
        told = f"{where}: {explanation(error)}"
        if lasting(error) or isinstance(error, OWN):
            raise SinkError(told) from error
        raise (Damaged if isinstance(error, UnreadableError) else Lost)(told) from error
