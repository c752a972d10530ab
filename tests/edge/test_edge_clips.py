"""Clips of the daemon as a process, before real cameras and folders that come, go, and are killed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from streamsel.testing.edge_telling import asked, status
from streamsel.testing.servers import camera
from streamsel.testing.service_process import Running
from streamsel.testing.videos import scenes
from tests.edge.clip_films import STEP, begin_of, key_frames, shown
from tests.edge.daemon import Daemon, segment

pytestmark = pytest.mark.xdist_group("camera")

RULE = {"before": 1, "after": 1, "longest": 4}


def clips(daemon: Daemon) -> list[dict[str, Any]]:
    """Facts of all clips, by time; each lies beside its JSON."""
    found = [json.loads(file.read_text()) for file in (daemon.folder / "picks").rglob("*.mp4.json")]
    for facts in found:
        assert (daemon.folder / "picks" / facts["file"]).stat().st_size == facts["bytes"]
    return sorted(found, key=lambda facts: (facts["source"], facts["begin"]))


def written(daemon: Daemon) -> int:
    return len(list((daemon.folder / "picks").rglob("*.mp4")))


def picks(daemon: Daemon) -> list[dict[str, Any]]:
    found = [json.loads(file.read_text()) for file in (daemon.folder / "picks").rglob("*.jpg.json")]
    return sorted(found, key=lambda facts: facts["ordinal"])


def check_names(daemon: Daemon) -> None:
    """Each pick names a clip that names it."""
    told = [(id_, facts["file"]) for facts in clips(daemon) for id_ in facts["picks"]]
    assert sorted((facts["id"], facts["clip"]) for facts in picks(daemon)) == sorted(told)


def with_clips(folder: Path, source: dict[str, Any], **rule: Any) -> Daemon:
    output = {"folder": "picks", "clips": {**RULE, **rule}}
    return Daemon(folder, [source], output=output, min_distance=0.8, metrics="127.0.0.1:0")


@pytest.mark.parametrize(("bframes", "looks"), [("0", {}), ("3", {"keyframes": True})])
def test_clips_of_a_camera_show_to_the_bit_what_it_showed(tmp_path: Path, bframes: str, looks: dict[str, Any]) -> None:
    film = scenes(tmp_path / "film.mp4", [0, 0, 0, 1, 1, 1, 1, 1], 50, gop=20, options={"bf": bframes})
    with camera(film) as (port, _):
        daemon = with_clips(tmp_path, {"name": "gate", "url": f"rtsp://127.0.0.1:{port}/camera", **looks})
        with daemon.started() as running:
            running.wait(lambda: written(daemon) == 2)
            told = running.wait(lambda: (one := status(running))["sources"][0]["clips"] == 2 and one)
            metrics = asked(running, "/metrics")
            assert running.stop() == 0, running.text
    assert (told["sources"][0]["clips_short"], told["sources"][0]["clips_given_up"]) == (1, 0)
    assert 'streamsel_edge_clips_total{source="gate"} 2.0' in metrics
    first, second = clips(daemon)
    assert (first["cut_short"], second["cut_short"]) == ("it begins with the connection", None)
    assert begin_of(daemon.folder / "picks" / first["file"], film) == 0
    begin = begin_of(daemon.folder / "picks" / second["file"], film)
    at = picks(daemon)[1]["time"]
    assert begin == max(place for place in key_frames(film) if place * STEP <= at - 1 + 1e-6)
    assert second["starts_early_by"] == pytest.approx(at - 1 - begin * STEP, abs=1e-4)
    assert (begin + len(shown(daemon.folder / "picks" / second["file"]))) * STEP >= at + 1 - 1e-6
    check_names(daemon)


def test_memory_is_kept_within_its_bound_and_a_stop_closes_clips(tmp_path: Path) -> None:
    noise = {"bf": "0", "qp": "4", "preset": "ultrafast"}
    film = scenes(tmp_path / "film.mp4", [0] * 12, 25, size=(640, 480), gop=25, options=noise)
    assert film.stat().st_size > 4_000_000
    with camera(film) as (port, _):
        source = {"name": "gate", "url": f"rtsp://127.0.0.1:{port}/camera"}
        daemon = with_clips(tmp_path, source, before=8, longest=20, after=8, memory="1 MB")
        with daemon.started() as running:
            held: list[tuple[float, float]] = []
            running.wait(lambda: running.events("connected"))
            running.wait(lambda: held.append(ring(running)) or (held[-1][1] > 1_000_000))
            assert max(nbytes for nbytes, _ in held) <= 1_000_000
            assert running.stop() == 0, running.text
    (only,) = clips(daemon)
    assert only["cut_short"].startswith("it begins with the connection; ")
    assert begin_of(daemon.folder / "picks" / only["file"], film, whole_end=False) == 0


def ring(running: Running) -> tuple[float, float]:
    """Bytes that are kept, and that fell out."""
    lines = dict(line.rsplit(" ", 1) for line in asked(running, "/metrics").splitlines() if line[0] != "#")
    return float(lines["streamsel_edge_ring_bytes"]), float(lines["streamsel_edge_ring_dropped_bytes_total"])


def test_killed_while_a_camera_is_recorded_the_picture_stays_and_nothing_else(tmp_path: Path) -> None:
    film = scenes(tmp_path / "film.mp4", range(40), 25, gop=25, options={"bf": "0"})
    with camera(film) as (port, _):
        daemon = with_clips(tmp_path, {"name": "gate", "url": f"rtsp://127.0.0.1:{port}/camera"}, after=3, longest=600)
        with daemon.started() as running:
            running.wait(lambda: len(picks(daemon)) >= 2 and list((daemon.folder / "picks").rglob("*.part")))
            running.kill()
        assert written(daemon) == 0
        before = picks(daemon)
        with daemon.started() as running:
            running.wait(lambda: len(picks(daemon)) > len(before))
            assert running.stop() == 0, running.text
    assert list((daemon.folder / "picks").rglob("*.part")) == []
    kept = {facts["id"] for facts in picks(daemon)}
    assert len(kept - {facts["id"] for facts in before}) >= 1
    assert len(kept & {facts["id"] for facts in before}) >= len(before) - 1
    for facts in clips(daemon):
        begin_of(daemon.folder / "picks" / facts["file"], film, whole_end=False)


def test_a_folder_has_its_clips_also_when_it_is_killed_before_they_are_cut(tmp_path: Path) -> None:
    films = {
        name: segment(tmp_path / "in", name, scenes=shown, frames_per_scene=50, gop=20)
        for name, shown in (("a.mp4", [0, 1, 1, 2]), ("b.mp4", [3, 4]))
    }
    daemon = with_clips(tmp_path, {"name": "yard", "folder": "in", "quiet": 0})
    with daemon.started() as running:
        running.wait(lambda: len(running.events("read")) == 2)
        running.kill()
    named = {facts["id"] for facts in picks(daemon)}
    assert len(named) >= 2
    with daemon.started() as running:
        running.wait(lambda: {id_ for facts in clips_now(daemon) for id_ in facts["picks"]} == named)
        running.wait(lambda: status(running)["sources"][0]["clips"] >= 1)
        assert running.stop() == 0, running.text
    check_names(daemon)
    for facts in clips(daemon):
        begin_of(daemon.folder / "picks" / facts["file"], films[facts["segment"]])
    with daemon.started() as running:
        running.wait(lambda: running.events("started"))
        time.sleep(3)
        assert (status(running)["sources"][0]["clips"], running.stop()) == (0, 0)


def clips_now(daemon: Daemon) -> list[dict[str, Any]]:
    """Facts of clips that are there, while more are written."""
    files = list((daemon.folder / "picks").rglob("*.mp4"))
    return [json.loads(file.with_name(f"{file.name}.json").read_text()) for file in files]


def test_a_source_may_do_without(tmp_path: Path) -> None:
    segment(tmp_path / "in", "a.mp4", scenes=[0, 1], frames_per_scene=25)
    daemon = with_clips(tmp_path, {"name": "yard", "folder": "in", "quiet": 0, "clips": False})
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        assert running.stop() == 0
    assert [facts["clip"] for facts in picks(daemon)] == [None, None]
    assert written(daemon) == 0
