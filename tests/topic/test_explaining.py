from __future__ import annotations

import pytest
from kafka import errors

from streamsel.errors import SinkError, SourceError, UsageError
from streamsel.topic.explaining import explained, explanation, lasting


def kinds(base: type[errors.KafkaError]) -> list[type[errors.KafkaError]]:
    return [base, *(one for kind in base.__subclasses__() for one in kinds(kind))]


KINDS = {one.__name__: one for one in kinds(errors.KafkaError) if one is not errors.LogTruncationError}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_error_of_the_client_is_one_line(kind: type[errors.KafkaError]) -> None:
    for error in (kind(), kind("two\nlines " * 50)):
        with pytest.raises(SinkError) as caught, explained("host:9092/picks"):
            raise error
        text = str(caught.value)
        assert text.startswith("host:9092/picks: ")
        assert len(text) < 300
        assert text.isprintable()
        assert caught.value.__cause__ is error
        assert lasting(caught.value) == lasting(error)


def test_the_caller_says_what_kind_it_is() -> None:
    with pytest.raises(SourceError), explained("host:9092", SourceError):
        raise errors.KafkaTimeoutError


@pytest.mark.parametrize("error", [UsageError("mine"), ValueError("theirs")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, explained("host:9092"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "passing", [errors.KafkaTimeoutError, errors.KafkaConnectionError, errors.NotLeaderForPartitionError]
)
def test_what_another_try_may_heal_does_not_last(passing: type[errors.KafkaError]) -> None:
    assert not lasting(passing())


def test_system_errors_are_told_in_words() -> None:
    error = errors.KafkaConnectionError("no answer in 2 s")
    error.__cause__ = errors.KafkaConnectionError("111 ECONNREFUSED")
    assert explanation(error) == "no broker answers: connection refused; check the address, and that it runs"


def test_a_broker_that_let_us_in_before_is_not_asked_for_another_protocol() -> None:
    error = errors.KafkaConnectionError("socket disconnected")
    assert "does it expect TLS" in explanation(error)
    assert explanation(error, spoken=True) == "the broker hung up; it is tried again: does it still run?"
    with pytest.raises(SinkError, match="hung up"), explained("host:9092", spoken=True):
        raise error
