"""The service where the broker asks who comes: by TLS and SCRAM, with the certificates of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.errors import SinkError
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.service_process import Running, wait_for
from streamsel.testing.stalling import Stalling
from tests.ingest.ingesting import Pipeline, all_read, pictures, serving

pytestmark = pytest.mark.xdist_group("ingest")


@pytest.fixture
def pipeline(secure_broker: Broker, topic_name: str, tmp_path: Path) -> Pipeline:
    """Its secrets come from a file and the environment."""
    ca, username = secure_broker.ca, secure_broker.username
    login = f"protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: {username}, password_file: password"
    return Pipeline(secure_broker, topic_name, tmp_path, more=f"security: {{{login}, ca: {ca}}}")


def test_it_works_by_tls_and_scram(pipeline: Pipeline, secure_broker: Broker) -> None:
    (pipeline.folder / "password").write_text(secure_broker.password)
    pipeline.send(pictures(60))
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    assert sorted(pipeline.found()) == sorted(pipeline.expected())


def test_a_wrong_password_is_one_line_without_it(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (pipeline.folder / "password").write_text("not-the-password")
    refused = pytest.raises(SinkError, match="the broker refuses the login; check username and password")
    with refused as told, serving(pipeline):
        pass
    assert "\n" not in str(told.value)
    assert "not-the-password" not in f"{told.value}{capsys.readouterr()}{caplog.text}"


def test_a_port_that_falls_silent_is_waited_for(pipeline: Pipeline, secure_broker: Broker) -> None:
    (pipeline.folder / "password").write_text(secure_broker.password)
    pipeline.send(pictures(20))
    with Stalling(secure_broker.servers[0], 300) as port:
        file = pipeline.file()
        file.write_text(file.read_text().replace(secure_broker.servers[0], port.server))
        with Running(file) as member:
            (told,) = member.wait(lambda: member.events("waiting"))
            assert told["reason"].endswith("the TLS handshake comes to no end; check the address, and that it runs")
            port.heals()
            member.wait(lambda: all_read(pipeline))
            assert member.stop() == 0
    assert sorted(pipeline.found()) == sorted(pipeline.expected())
