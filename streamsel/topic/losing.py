"""Errors of a group's member, told apart: what building it anew may heal, and what only a person can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors  # type: ignore[import-untyped]

from streamsel.errors import SinkError

__all__ = ["Lost", "losing"]

HOPELESS: Final = (
    errors.AuthorizationError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidSessionTimeoutError,
    errors.KafkaConfigurationError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedVersionError,
)
"""Trying again with new clients ends the same way."""


class Lost(Exception):  # noqa: N818 - nobody made a mistake
    """A member that cannot go on: everything since its last commit is undone, and it has to be built anew."""


@contextmanager
def losing(instance: str | None = None) -> Iterator[None]:
    """Errors of the client become Lost; where building anew would not help they stay, for `explained` to tell.

    After fencing the client raises its plainest error (kafka-python 3.0.12), so whatever is not known to be hopeless
    is Lost. A fenced instance is hopeless for another reason: built anew it would fence its successor, which would
    fence it, and so on.
    """
    try:
        yield
    except errors.FencedInstanceIdError:
        raise SinkError(
            f"another process runs as instance {instance!r} of this group: give each its own name"
        ) from None
    except HOPELESS:
        raise
    except (errors.KafkaError, OSError, RuntimeError, AssertionError) as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
