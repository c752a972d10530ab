"""What `streamsel run` does before it begins, without a broker."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest
from kafka import errors

from streamsel.errors import SinkError
from streamsel.ingest import consuming
from streamsel.service import running
from streamsel.testing.ingest_material import tiny_model
from streamsel.topic.explaining import explained

PIPELINE = "{kind: ingest, input: {servers: 'host:1', topic: pictures}, output: {topic: picks}, model: tiny.onnx, "


class Answers:
    """Of a broker, one for each time that topics are prepared."""

    def __init__(self, *given: errors.KafkaError | None) -> None:
        self.left = list(given)

    def __call__(self, *asked: object) -> None:
        with explained("host:1/pictures"):
            if (answer := self.left.pop(0)) is not None:
                raise answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tiny_model(tmp_path)
    written = tmp_path / "ingest.yaml"
    written.write_text(PIPELINE + "min_distance: 0.3, log: json}")
    return written


def test_a_broker_that_is_not_there_yet_is_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = Answers(errors.KafkaConnectionError("no answer"), errors.LeaderNotAvailableError(), None)
    monkeypatch.setattr(consuming, "prepare_topics", answers)
    monkeypatch.setattr(consuming, "ingest", lambda parts, stopping: None)
    running.run(file, threading.Event())
    lines = [json.loads(line) for line in io.StringIO(capsys.readouterr().err)]
    assert [line["event"] for line in lines] == ["waiting", "waiting", "started", "stopped"]
    assert "host:1/pictures: no broker answers" in lines[0]["reason"]


@pytest.mark.parametrize("kind", [errors.SaslAuthenticationFailedError, errors.UnknownTopicOrPartitionError])
def test_what_waiting_does_not_heal_ends_it(
    kind: type[errors.KafkaError], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "prepare_topics", Answers(kind()))
    with pytest.raises(SinkError, match="host:1/pictures: "):
        running.run(file, threading.Event())


def test_asked_to_stop_it_waits_no_longer(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()
    stopping.set()
    monkeypatch.setattr(consuming, "prepare_topics", Answers(errors.KafkaConnectionError("no answer")))
    running.run(file, stopping)
