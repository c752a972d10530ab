"""A broker that goes and comes back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from streamsel.testing.kafka_broker import Broker
from tests.ingest.ingesting import Pipeline, Service, all_read, pictures

pytestmark = pytest.mark.xdist_group("kafka")


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
