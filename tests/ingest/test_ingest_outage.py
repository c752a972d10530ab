"""A broker that goes and comes back."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from streamsel.testing.kafka_broker import Broker
from tests.ingest.ingesting import Pipeline, Service, all_read, pictures

pytestmark = pytest.mark.xdist_group("ingest")


def test_a_broker_that_comes_back_is_gone_on_with(topic_name: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with Broker(tmp_path / "broker") as broker:
        pipeline = Pipeline(broker, topic_name, tmp_path / "work", records=4)
        pipeline.send(pictures(300))
        with Service(pipeline) as service:
            service.wait(lambda: len(pipeline.found()) > 20)
            for end in (broker.stop, broker.kill):
                end()
                time.sleep(1)
                broker.start()
                pipeline.send(pictures(100, seed=end is broker.kill))
                service.wait(lambda: all_read(pipeline))
            broker.kill()
            assert service.stop() == 0  # nothing is in hand: there is nobody to be waited for
        broker.start()
        assert sorted(pipeline.found()) == sorted(pipeline.expected())


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_one_that_has_nothing_to_do_tells_that_no_broker_answers(topic_name: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with Broker(tmp_path / "broker") as broker:
        pipeline = Pipeline(broker, topic_name, tmp_path / "work", more="metrics: 127.0.0.1:0")
        pipeline.send(pictures(8))
        with Service(pipeline) as service:
            service.wait(lambda: all_read(pipeline))
            host, _, port = service.events("started")[0]["metrics"].partition(":")
            assert host == "127.0.0.1"
            service.wait(lambda: "streamsel_lag_records{" in page(port, "/metrics")[1])
            assert page(port, "/healthz") == (200, "ok\n")
            broker.kill()
            (told,) = service.wait(lambda: service.events("no broker answers"))
            assert told["level"] == "warning"
            assert f"{broker.servers[0]}/{topic_name}: " in told["reason"]
            service.wait(lambda: page(port, "/healthz") == (503, "no broker answers\n"))
            shown = page(port, "/metrics")[1]
            assert "streamsel_broker_answers 0.0" in shown
            assert "streamsel_lag_records{" not in shown
            broker.start()
            service.wait(lambda: service.events("a broker answers again"))
            service.wait(lambda: page(port, "/healthz") == (200, "ok\n"))
            assert "streamsel_broker_answers 1.0" in page(port, "/metrics")[1]
            pipeline.send(pictures(40, seed=1))
            service.wait(lambda: all_read(pipeline))
            assert service.stop() == 0


def test_one_that_is_stopped_before_there_is_a_broker_never_started(topic_name: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with Broker(tmp_path / "broker") as broker:
        pipeline = Pipeline(broker, topic_name, tmp_path / "work")
        broker.kill()
        with Service(pipeline) as service:
            service.wait(lambda: service.events("waiting"))
            assert service.stop() == 0
            assert [service.events("started"), len(service.events("stopped"))] == [[], 1]
