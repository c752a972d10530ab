"""What went wrong with a broker, in one line for the user: what, where, what to do; never a secret."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ssl import SSLCertVerificationError, SSLError
from typing import Final

from kafka import errors  # type: ignore[import-untyped]
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from streamsel.errors import SinkError, StreamselError, UsageError
from streamsel.topic.spoken import PlainError, TlsError

__all__ = ["explained", "explanation", "lasting", "missing"]

LONGEST: Final = 200
"""Characters that are told of an error nobody foresaw."""

TOO_LARGE: Final = "a record is larger than the topic takes; lower the inline limit, or raise max.message.bytes"

UNKEPT: Final = (
    "the broker has no place yet for groups and transactions; if that stays, it has fewer nodes than"
    " offsets.topic.replication.factor and transaction.state.log.replication.factor ask for: lower them, or start more"
)

LASTING: Final[Mapping[type[KafkaError], str]] = {
    TlsError: "TLS is spoken there, and we speak in the clear; set security.protocol to SSL or SASL_SSL, or the port",
    PlainError: "no TLS is spoken there, and we speak it; set security.protocol to PLAINTEXT, or the port",
    errors.SaslAuthenticationFailedError: "the broker refuses the login; check username and password, or the token",
    errors.UnsupportedSaslMechanismError: "the broker does not offer this way of login; check the mechanism",
    errors.IllegalSaslStateError: "the broker does not expect a login; check the protocol and the port",
    errors.TopicAuthorizationFailedError: "not allowed to use the topic; ask for the right to read, write or create it",
    errors.GroupAuthorizationFailedError: "not allowed to use the consumer group; ask for the right to read it",
    errors.TransactionalIdAuthorizationFailedError: "not allowed to send transactions; ask for the right to this id",
    errors.AuthorizationError: "not allowed; ask who runs the broker for the right",
    errors.MessageSizeTooLargeError: TOO_LARGE,
    errors.RecordListTooLargeError: TOO_LARGE,
    errors.InvalidTopicError: "no broker takes this topic's name",
    errors.PolicyViolationError: "the broker's policy forbids it; ask who runs the broker",
    errors.InvalidReplicationFactorError: "too few brokers for the replicas that the topic should have",
    errors.UnsupportedCodecError: "records are compressed in a way that cannot be read here; set compression.type",
    errors.UnsupportedVersionError: "the broker is too old; Apache Kafka 2.5 or later is needed",
    errors.IncompatibleBrokerVersion: "the broker is too old, or the address is that of a controller",
}
"""What stays wrong however often it is tried."""

PASSING: Final[Mapping[type[KafkaError], str]] = {
    errors.UnknownTopicOrPartitionError: "no such topic; create it, or check its name",
    errors.LeaderNotAvailableError: "the topic has no leader yet; is the cluster starting?",
    errors.ProducerFencedError: "another process sends under the same transactional id; end one of them",
    errors.InvalidProducerEpochError: "another process sends under the same transactional id; end one of them",
    errors.FencedInstanceIdError: "another process has the same instance name; give each its own",
    errors.NotEnoughReplicasError: "too few replicas are in sync to take a record; is a broker down?",
    errors.NotEnoughReplicasAfterAppendError: "too few replicas are in sync to take a record; is a broker down?",
    errors.InconsistentGroupProtocolError: "the group has members that share partitions in another way; end them first",
    errors.CoordinatorNotAvailableError: UNKEPT,
    errors.KafkaStorageError: "the broker cannot write to its disk",
}


@contextmanager
def explained(where: object, kind: type[StreamselError] = SinkError, *, spoken: bool = False) -> Iterator[None]:
    """Raises a KafkaError within as one line of this kind (SinkError, SourceError), with the KafkaError as its cause.

    where: what the line begins with: the address, or address and topic. spoken: whether the broker has let us in
    before, so that nothing is wrong with how it is spoken to. Errors of streamsel pass through.
    """
    try:
        yield
    except KafkaError as error:
        raise kind(f"{where}: {explanation(error, spoken=spoken)}") from error


def explanation(error: BaseException, *, spoken: bool = False) -> str:
    """What an error of the client means and what to do, without the address. spoken: see `explained`."""
    known = next((one for one in type(error).__mro__ if one in LASTING or one in PASSING), None)
    if known is not None:
        return LASTING.get(known) or PASSING[known]
    if isinstance(error, errors.KafkaTimeoutError):
        return _of_waiting(error)
    if isinstance(error, errors.KafkaConnectionError):
        return _of_connecting(error, spoken)
    return _short(getattr(error, "description", None) or _plain(error))


def lasting(error: BaseException | None) -> bool:
    """Whether trying again cannot help: the login, the rights, a certificate, a record too large. Looks at causes."""
    while error is not None:
        if isinstance(error, (*LASTING, UsageError)) or _of_certificates(error):
            return True
        error = error.__cause__
    return False


def missing(error: BaseException | None) -> bool:
    """Whether a topic was asked for that is not there. Looks at causes."""
    while error is not None:
        if isinstance(error, errors.UnknownTopicOrPartitionError):
            return True
        error = error.__cause__
    return False


def _of_waiting(error: BaseException) -> str:
    if "update metadata" in str(error):
        return "no such topic, or no broker leads it; create it, or check its name"
    if "initializing transactional state" in str(error):
        return (
            "no transactions can be sent yet; is the broker overloaded or stopped, or has it fewer nodes than"
            " transaction.state.log.replication.factor asks for?"
        )
    return f"{_plain(error)}; is the broker overloaded or stopped?"


def _of_connecting(error: BaseException, spoken: bool) -> str:
    root = error if error.__cause__ is None else error.__cause__
    if _of_certificates(root):
        return _of_certificates(root)
    failure = _tls_failure(root)
    if failure is not None:
        return f"TLS fails: {failure.reason or failure}; check the protocol and the port"
    hung_up = "socket disconnected" in str(root) or any(isinstance(one, ConnectionError) for one in root.args)
    if spoken and (hung_up or isinstance(root, errors.KafkaProtocolError)):
        return "the broker hung up; it is tried again: does it still run?"
    if hung_up:
        return "the broker hangs up; does it expect TLS or a login (security)?"
    if isinstance(root, errors.KafkaProtocolError):
        return "no Kafka broker answers there; does it expect TLS (security)? check the port"
    why = _plain(error if isinstance(root, (errors.KafkaTimeoutError, errors.RequestTimedOutError)) else root)
    return f"no broker answers: {why}; check the address, and that it runs"


def _of_certificates(error: BaseException) -> str:
    """What is wrong with the broker's certificate or ours; empty where it is not that."""
    failure = _tls_failure(error)
    if isinstance(failure, SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {failure.verify_message}; check ca and the broker's name"
    if failure is not None and "CERTIFICATE" in (failure.reason or ""):
        return f"the broker refuses our certificate: {failure.reason}; check certificate and key"
    return ""


def _tls_failure(error: BaseException) -> SSLError | None:
    """The client tells of one from a handshake by its context, and later by its argument."""
    found = (one for one in (error.__context__, *error.args) if isinstance(one, SSLError))
    return next(found, None) if isinstance(error, KafkaError) else None


def _plain(error: BaseException) -> str:
    text = str(error.args[0] if error.args else type(error).__name__)
    number = re.match(r"(\d+) E[A-Z]+$", text)  # as the client tells of an OSError
    return os.strerror(int(number[1])).lower() if number else _short(text)


def _short(text: str) -> str:
    return textwrap.shorten(text, LONGEST, placeholder=" ...")
