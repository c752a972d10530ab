"""What went wrong with a broker, in one line for the user: what, where, what to do; never a secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLCertVerificationError, SSLError
from typing import Final

from kafka.errors import (  # type: ignore[import-untyped]
    BrokerResponseError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
)

from streamsel.errors import SinkError, StreamselError

__all__ = ["explained", "explanation", "lasting"]

LONGEST: Final = 200
"""Characters that are told of an error nobody foresaw."""

LASTING: Final = {
    "SaslAuthenticationFailedError": "the broker refuses the login; check username and password, or the token",
    "UnsupportedSaslMechanismError": "the broker does not offer this way of login; check the mechanism",
    "IllegalSaslStateError": "the broker does not expect a login; check the protocol and the port",
    "TopicAuthorizationFailedError": "not allowed to use the topic; ask for the right to read, write or create it",
    "GroupAuthorizationFailedError": "not allowed to use the consumer group; ask for the right to read it",
    "TransactionalIdAuthorizationFailedError": "not allowed to use transactions; ask for the right to write by this id",
    "ClusterAuthorizationFailedError": "not allowed on this cluster; ask for the right, or have the topic created",
    "MessageSizeTooLargeError": "a record is larger than the topic takes; lower the inline limit, or raise "
    "max.message.bytes",
    "RecordListTooLargeError": "records are larger than the topic takes; lower the inline limit, or raise "
    "max.message.bytes",
    "InvalidTopicError": "no broker takes this topic's name",
    "PolicyViolationError": "the broker's policy forbids it; ask who runs the broker",
    "InvalidReplicationFactorError": "too few brokers for the replicas that the topic should have",
    "UnsupportedVersionError": "the broker is too old; Apache Kafka 2.5 or later is needed",
    "IncompatibleBrokerVersion": "the broker is too old, or the address is that of a controller",
}
"""What stays wrong however often it is tried."""

PASSING: Final = {
    "UnknownTopicOrPartitionError": "no such topic; create it, or check its name",
    "LeaderNotAvailableError": "the topic has no leader yet; is the cluster starting?",
    "ProducerFencedError": "another process sends under the same transactional id; end one of them",
    "InvalidProducerEpochError": "another process sends under the same transactional id; end one of them",
    "FencedInstanceIdError": "another process has the same instance name; give each its own",
    "NotEnoughReplicasError": "too few replicas are in sync to take a record; is a broker down?",
    "NotEnoughReplicasAfterAppendError": "too few replicas are in sync to take a record; is a broker down?",
    "InconsistentGroupProtocolError": "the group has members that share partitions in another way; end them first",
    "KafkaStorageError": "the broker cannot write to its disk",
}


@contextmanager
def explained(where: object, kind: type[StreamselError] = SinkError) -> Iterator[None]:
    """Raises a KafkaError within as one line of this kind (SinkError, SourceError), with the KafkaError as its cause.

    where: what the line begins with: the address, or address and topic. Errors of streamsel pass through.
    """
    try:
        yield
    except KafkaError as error:
        raise kind(f"{where}: {explanation(error)}") from error


def explanation(error: BaseException) -> str:
    """What an error of the client means and what to do, without the address."""
    for known in type(error).__mro__:
        text = LASTING.get(known.__name__) or PASSING.get(known.__name__)
        if text:
            return text
    if isinstance(error, KafkaTimeoutError):
        return _of_waiting(error)
    if isinstance(error, KafkaConnectionError):
        return _of_connecting(error)
    described = error.description if isinstance(error, BrokerResponseError) else None
    return " ".join(str(described or error).split())[:LONGEST]


def lasting(error: BaseException | None) -> bool:
    """Whether trying again cannot help: the login, the rights, a certificate, a record too large. Looks at causes."""
    while error is not None:
        if any(known.__name__ in LASTING for known in type(error).__mro__) or _distrust(error):
            return True
        error = error.__cause__
    return False


def _of_waiting(error: BaseException) -> str:
    if "update metadata" in str(error):
        return "no such topic, or no broker leads it; create it, or check its name"
    return f"{_plain(error)}; is the broker overloaded or stopped?"


def _of_connecting(error: BaseException) -> str:
    root = error.__cause__ or error
    distrust = _distrust(root)
    if distrust is not None:
        return f"the broker's certificate is not trusted: {distrust.verify_message}; check ca and the broker's name"
    if isinstance(root.__context__, SSLError):
        return f"TLS fails: {root.__context__.reason or root.__context__}; check the protocol and the port"
    if "socket disconnected" in str(root):
        return "the broker hangs up; does it expect TLS or a login (security)?"
    if root is error:
        return f"no connection: {_plain(error)}; does the broker run?"
    return f"no broker answers: {_plain(root)}; check the address, and that it runs"


def _distrust(error: BaseException) -> SSLCertVerificationError | None:
    return error.__context__ if isinstance(error.__context__, SSLCertVerificationError) else None


def _plain(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:LONGEST]
