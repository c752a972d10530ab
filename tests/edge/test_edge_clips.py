"""Clips of the daemon as a process, before real cameras and folders: each shows to the bit what its source showed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from streamsel.testing.servers import camera
from streamsel.testing.service_process import Running
from streamsel.testing.videos import scenes
from tests.edge.daemon import Daemon, segment

pytestmark = pytest.mark.xdist_group("camera")

RULE = {"before": 1, "after": 1, "longest": 4}


def clips(daemon: Daemon) -> list[dict[str, Any]]:
    """Facts of all clips, each of which lies beside its JSON."""
    found = [json.loads(file.read_text()) for file in (daemon.folder / "picks").rglob("*.m*.json")]
    for facts in found:
        assert (daemon.folder / "picks" / facts["file"]).stat().st_size == facts["bytes"]
    return sorted(found, key=lambda facts: facts["begin"])


def picks(daemon: Daemon) -> list[dict[str, Any]]:
    """Facts of all pictures."""
    return [json.loads(file.read_text()) for file in sorted((daemon.folder / "picks").rglob("*.jpg.json"))]


def shown(file: Path) -> list[tuple[float, int]]:
    """Seconds and fingerprint of each picture that a player shows."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        return [
            (float(frame.pts * stream.time_base), hash(frame.to_ndarray().tobytes()))
            for frame in container.decode(stream)
        ]


def check(daemon: Daemon, films: dict[str, Path]) -> list[dict[str, Any]]:
    """Each clip shows a part of its film without a gap, from a key frame on, with times from 0; films: by source."""
    found = clips(daemon)
    for facts in found:
        pictures, film = shown(daemon.folder / "picks" / facts["file"]), films[facts["source"]]
        whole = shown(film)
        prints = [print_ for _, print_ in pictures]
        begin = next(n for n in range(len(whole)) if [p for _, p in whole[n : n + len(prints)]] == prints)
        assert begin in key_frames(film)
        assert pictures[0][0] == 0
        assert all(round(later - one, 3) == 0.04 for (one, _), (later, _) in pairwise(pictures))
        assert facts["frames"] == len(pictures)
        assert facts["time"][1] - facts["time"][0] == pytest.approx(0.04 * len(pictures))
    named = {facts["file"]: set(facts["picks"]) for facts in found}
    for facts in picks(daemon):
        if facts["clip"] in named:
            assert facts["id"] in named[facts["clip"]]
    assert sum(map(len, named.values())) == sum(facts["clip"] in named for facts in picks(daemon))
    return found


def key_frames(film: Path) -> set[int]:
    """Places of key frames in the order shown."""
    with av.open(str(film)) as container:
        return {n for n, frame in enumerate(container.decode(container.streams.video[0])) if frame.key_frame}


@pytest.mark.parametrize("bframes", ["0", "3"])
def test_a_camera(tmp_path: Path, bframes: str) -> None:
    film = scenes(tmp_path / "film.mp4", [0, 0, 0, 1, 1, 1, 1, 1], 50, gop=20, options={"bf": bframes})
    with camera(film) as (port, _):
        source = {"name": "gate", "url": f"rtsp://127.0.0.1:{port}/camera"}
        daemon = Daemon(tmp_path, [source], output={"folder": "picks", "clips": RULE}, min_distance=0.8)
        with daemon.started() as running:
            running.wait(lambda: len(list((daemon.folder / "picks").rglob("*.mp4"))) >= 2)
            assert running.stop() == 0, running.text
    found = check(daemon, {"gate": film})
    assert [facts["cut_short"] for facts in found] == ["it begins with the connection", None]
