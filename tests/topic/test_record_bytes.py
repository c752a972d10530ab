"""Whatever bounds the memory of records counts all parts of them: a header may be as large as a picture."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from streamsel.topic import Message, Record, nbytes_of
from streamsel.topic.again import _bounded
from streamsel.topic.clients import _until_full
from streamsel.topic.member import _Found

PARTS: list[dict[str, Any]] = [
    {"key": bytes(1000)},
    {"value": bytes(1000)},
    {"headers": (("x", bytes(999)),)},
    {"headers": (("ö" * 500, b""),)},
]


def message(offset: int, **said: Any) -> Message:
    return Message(**{"partition": 0, "offset": offset, "key": None, "value": None, **said})


def client(offset: int, **said: Any) -> SimpleNamespace:
    """A record as the client has it."""
    parts = {"key": None, "value": None, "headers": [("e", None)], "timestamp": 0, **said}
    return SimpleNamespace(partition=0, offset=offset, **parts)


@pytest.mark.parametrize("said", PARTS, ids=lambda said: next(iter(said)))
def test_each_part_counts_wherever_records_are_held(said: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert nbytes_of(message(0, **said)) == Record(**{"key": b"", "value": None, **said}).nbytes == 1000
    monkeypatch.setattr("streamsel.topic.again.HELD", 2500)
    assert list(_bounded([message(offset, **said) for offset in range(9)])) == [(0, 0), (0, 1)]
    found = _Found()
    found.add({TopicPartition("t", 0): [client(offset, **said) for offset in range(3)]})
    assert 3000 <= found.nbytes <= 3003

    def append(drained: dict[str, list[Any]], part: Any, room: int, update: bool) -> int:
        drained["place"].append(client(len(drained["place"]), **said))
        return 1

    bounded, drained = _until_full(append, 2500), {"place": list[Any]()}
    assert [bounded(drained, None, 99, True) for _ in range(3)] == [1, 1, 99]
