"""A broker that asks who is there, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsel.errors import StreamselError
from streamsel.testing.kafka_broker import Broker


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Has the topics `picks`, and `small`, which takes records of 1,000 bytes; tests are of xdist's group `kafka`."""
    try:
        with Broker(tmp_path_factory.mktemp("guarded"), secure=True) as broker:
            broker.create("picks", 2)
            broker.create("small", 1, max_message_bytes=1000)
            yield broker
    except StreamselError as error:
        pytest.fail(str(error), pytrace=False)
