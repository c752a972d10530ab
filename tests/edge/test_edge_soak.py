"""A minute before a camera that shows much and hangs up often: nothing grows but the picks, and the ratio holds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.testing.looping import looped
from streamsel.testing.servers import camera
from streamsel.testing.soaking import FROM, Reading, beyond, read
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon

pytestmark = pytest.mark.xdist_group("camera")

RATIO = 0.05
QUEUE = 8_000_000
"""Bytes, the least that can be asked for: on a busy machine it is full at times."""
WARM, LONG = 25.0, 55.0
"""Seconds until memory is as large as it should be for good, and until the end."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand frames twice, in eleven seconds."""
    folder = tmp_path_factory.mktemp("film")
    options = {"bf": "0", "preset": "ultrafast"}
    return looped(scenes(folder / "once.mp4", range(50), 20, options=options), folder / "film.mp4", times=2, speed=7)


def resident(readings: Sequence[Reading]) -> float:
    """MB beside the queue: the middle one of several, since single ones are of whatever moment."""
    return statistics.median(one.resident - one.waiting for one in readings)


def most(readings: Sequence[Reading], what: str) -> int:
    return max(int(getattr(one, what)) for one in readings)


def test_a_minute_leaves_nothing_behind(tmp_path: Path, film: Path) -> None:
    with camera(film) as (port, _):
        source = {"name": "gate", "url": f"rtsp://127.0.0.1:{port}/camera"}
        options = {"min_distance": None, "target_ratio": RATIO, "metrics": "127.0.0.1:0", "queue": QUEUE}
        daemon = Daemon(tmp_path, [source], **options)
        with daemon.started() as running:
            running.wait(lambda: running.events("connected"))
            readings = [read(running, tmp_path / "state")]
            while readings[-1].seconds < readings[0].seconds + LONG:
                time.sleep(0.5)
                readings.append(read(running, tmp_path / "state"))
            assert running.stop() == 0
            assert len(running.events("connected")) > 2
            assert running.events("stopped")[0]["picks"] >= readings[-1].picks > 0
    warm = [one for one in readings if one.seconds > readings[0].seconds + WARM]
    early, late = warm[: len(warm) // 4], warm[-len(warm) // 4 :]
    assert resident(late) - resident(early) < 5
    assert most(late, "descriptors") <= most(early, "descriptors") + 4
    assert most(late, "threads") <= most(early, "threads") + 4
    assert max(one.waiting for one in readings) <= QUEUE / 1e6
    assert readings[-1].decided > FROM
    assert max(beyond(one, RATIO) for one in readings) <= 0
