"""What a pipeline's parts have in common, whatever they are."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_info

from streamsel.config import IngestConfig
from streamsel.daemon.metrics import Metrics
from streamsel.ingest.building import built
from streamsel.testing.ingest_material import tiny_model
from streamsel.topic.connection import Connection


def test_small_products_are_left_to_one_thread(tmp_path: Path) -> None:
    told = {"kind": "ingest", "input": {"servers": "127.0.0.1:1", "topic": "pictures"}, "output": {"topic": "picks"}}
    config = IngestConfig.model_validate({**told, "model": str(tiny_model(tmp_path)), "min_distance": 0.3})
    with built(config, Metrics(), Connection(config.input.servers)):
        pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}
