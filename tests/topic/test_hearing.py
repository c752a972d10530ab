"""When nobody is there any more, as told by bytes and failures alone."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaConnectionError

from streamsel.errors import SinkError
from streamsel.testing.gate import free_port
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained
from streamsel.topic.hearing import SILENT, Hearing, unanswered


def test_nobody_answers_once_all_have_failed_for_a_while() -> None:
    now = [0.0]
    hearing, lost = Hearing(lambda: now[0]), KafkaConnectionError("lost")
    assert hearing.trouble is None
    hearing.failed(1, KafkaConnectionError("first"))
    now[0] = SILENT - 1
    hearing.failed(2, lost)
    assert hearing.trouble is None
    now[0] = SILENT
    assert hearing.trouble is lost
    assert hearing.lacks(1)
    hearing.answered(1)
    assert hearing.trouble is None
    assert (hearing.lacks(1), hearing.lacks(2)) == (False, True)


def test_one_that_answers_hides_no_other_but_somebody_is_there() -> None:
    now = [0.0]
    hearing = Hearing(lambda: now[0])
    for second in range(100):
        now[0] = float(second)
        hearing.failed(1, KafkaConnectionError("lost"))
        hearing.answered(2)
    assert hearing.trouble is None
    assert hearing.lacks(1)


def test_a_client_that_nobody_let_in_says_so() -> None:
    connection = Connection([f"127.0.0.1:{free_port()}"], wait=0.5)
    with pytest.raises(SinkError) as caught, explained("here"):
        connection.admin()
    assert unanswered(caught.value)
    assert not unanswered(SinkError("something else"))
