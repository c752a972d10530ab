"""Sequences by the edge daemon as a process: of segments, and of a real camera; killed and cut off in the middle."""

from __future__ import annotations

import json
from itertools import groupby, pairwise
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from streamsel.config import EdgeConfig
from streamsel.config.pipeline_file import read_pipeline
from streamsel.edge.process import spill
from streamsel.edge.running import run_edge
from streamsel.testing.edge_telling import asked, picks_in_state, status
from streamsel.testing.gate import Gate
from tests.edge.daemon import Daemon, film, segment, wait_for_more

pytestmark = pytest.mark.xdist_group("camera")

LENGTH = 5
SEGMENTS = 4
FRAMES = 4 * 12
YARD = {"name": "yard", "folder": "recordings", "quiet": 0}
DIVERSE = {"strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
SELECTION = {"selection_config": DIVERSE, "worker_config": {"selected_sequence_length": LENGTH}}


def record(daemon: Daemon) -> None:
    for number in range(SEGMENTS):
        segment(daemon.folder / "recordings", f"{number}.mp4", scenes=[number, number + 1, 2 * number + 3, 1])


def test_a_disk_that_sequences_may_fill_is_told_at_the_start(tmp_path: Path, monkeypatch, caplog) -> None:
    long = {**SELECTION, "worker_config": {"selected_sequence_length": 1000}}
    daemon = Daemon(tmp_path, [YARD], selection=long, min_distance=None, target_ratio=0.1)
    config, ends = read_pipeline(daemon.file), Event()
    assert isinstance(config, EdgeConfig)
    ends.set()
    for free, expected in ((235_000_000, 1), (236_000_000, 0)):
        caplog.clear()
        monkeypatch.setattr(spill.shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        run_edge(daemon.file, config, ends)
        told = [one.facts["reason"] for one in caplog.records if one.message == "little room for sequences"]
        wanted = "frames that wait for their sequence may take 236 MB there in 1080p, and 235 MB are free"
        assert [one.startswith(f"{tmp_path / 'state'}: {wanted}") for one in told] == [True] * expected


def check(daemon: Daemon, source: str) -> list[list[dict[str, Any]]]:
    """Facts of whole picks, numbered without a gap, each of frames of one stream in their order."""
    found = [json.loads(file.read_text()) for file in (daemon.folder / "picks" / source).rglob("*.jpg.json")]
    found.sort(key=lambda fact: (fact["ordinal"], fact["sequence"]["place"]))
    picks = [list(pick) for _, pick in groupby(found, key=lambda fact: fact["ordinal"])]
    assert [pick[0]["ordinal"] for pick in picks] == list(range(len(picks)))
    assert len({fact["id"] for fact in found}) == len(found)
    for pick in picks:
        assert [fact["sequence"]["place"] for fact in pick] == list(range(LENGTH))
        assert len({(fact["sequence"]["number"], fact.get("started"), fact.get("segment")) for fact in pick}) == 1
        assert all(one["index"] < other["index"] for one, other in pairwise(pick))
    return picks


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed daemon keeps."""
    daemon = Daemon(tmp_path_factory.mktemp("calm"), [YARD], selection=SELECTION, metrics="127.0.0.1:0")
    record(daemon)
    with daemon.started() as running:
        running.wait(lambda: len(running.events("read")) == SEGMENTS)
        assert [told["frames"] for told in running.events("read")] == [FRAMES] * SEGMENTS
        source = status(running)["sources"][0]
        assert source["incomplete"] == SEGMENTS * (FRAMES % LENGTH) > 0
        assert source["frames"] == SEGMENTS * FRAMES
        assert f'streamsel_edge_incomplete_total{{source="yard"}} {source["incomplete"]:.1f}' in asked(
            running, "/metrics"
        )
        assert running.stop() == 0
    assert running.events("stopped")[0]["incomplete"] == source["incomplete"]
    picks = check(daemon, "yard")
    assert SEGMENTS < len(picks) < SEGMENTS * FRAMES // LENGTH
    for pick in picks:
        first = LENGTH * pick[0]["sequence"]["number"]
        assert [fact["index"] for fact in pick] == list(range(first, first + LENGTH))
    assert len(picks) == picks_in_state(daemon.folder / "state", "yard")
    return daemon.outcome()


def test_killed_at_any_moment_it_keeps_the_same(tmp_path: Path, expected: dict[str, bytes]) -> None:
    daemon = Daemon(tmp_path, [YARD], selection=SELECTION)
    record(daemon)
    daemon.killed_at([("picture", 3), ("commit", 4), ("committed", 2), ("picture", LENGTH + 2)])
    daemon.comes_to(expected, (2 / 4, 3 / 4))


def test_another_length_is_refused_while_it_runs_and_at_a_start(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, [YARD], selection=SELECTION)
    segment(daemon.folder / "recordings", "0.mp4", scenes=[0, 1])
    with daemon.started() as running:
        running.wait(lambda: running.events("read"))
        other = {**SELECTION, "worker_config": {"selected_sequence_length": 2}}
        daemon.write({**daemon.config, "selection": other})
        told = running.wait(lambda: running.events("not reloaded"))
        assert told[0]["reason"] == "selection changed: that takes a restart"
        assert running.stop() == 0
    with daemon.started() as running:
        assert running.process.wait(60) == 2
        assert "the saved state is of another selection" in running.text


def test_a_cameras_sequences_are_whole_whatever_becomes_of_it(tmp_path: Path, gate: Gate) -> None:
    """It hangs up and comes back; and the daemon is killed before it."""
    films = [film(tmp_path / f"{number}.mp4", range(100 * number, 100 * number + 40)) for number in range(3)]
    output = {"folder": "picks", "clips": {"before": 1, "after": 1, "longest": 4}}
    daemon = Daemon(tmp_path, [{"name": "gate", "url": gate.url, "stall": 3}], selection=SELECTION, output=output)
    daemon.write({**daemon.config, "metrics": "127.0.0.1:0"})
    gate.shows(films[0])
    with daemon.started() as running:
        wait_for_more(running, daemon, 2 * LENGTH)
        gate.goes()
        running.wait(lambda: running.events("lost"))
        gate.shows(films[1])
        running.wait(lambda: len(running.events("connected")) == 2)
        wait_for_more(running, daemon, 2 * LENGTH)
        assert status(running)["sources"][0]["held"] == 0
        running.kill()
    gate.shows(films[2])
    with daemon.started() as running:
        wait_for_more(running, daemon, 2 * LENGTH)
        told = running.wait(lambda: (one := status(running)["sources"][0])["clips"] and one)
        assert told["clips_given_up"] == 0
        assert running.stop() == 0
    picks = check(daemon, "gate")
    assert len(picks) == picks_in_state(daemon.folder / "state", "gate")
    assert len({pick[0]["started"] for pick in picks}) == 3
    numbers = [pick[0]["sequence"]["number"] for pick in picks]
    assert numbers == sorted({*numbers})
    assert all(fact["clip"] for pick in picks for fact in pick)


def test_windows_of_a_cameras_sequences_are_ended_by_the_clock(tmp_path: Path, gate: Gate) -> None:
    window = {"picks": 2 * LENGTH, "minutes": 0.05}
    daemon = Daemon(
        tmp_path, [{"name": "gate", "url": gate.url}], selection=SELECTION, window=window, min_distance=None
    )
    gate.shows(film(tmp_path / "film.mp4", range(40)))
    with daemon.started() as running:
        running.wait(lambda: len(running.events("chosen")) >= 2)
        assert running.stop() == 0
    assert {told["picks"] for told in running.events("chosen")} <= {LENGTH, 2 * LENGTH}
    for pick in check(daemon, "gate"):
        assert all(fact["window"] == pick[0]["window"] for fact in pick)
        assert pick[0]["window"]["begin"] <= pick[-1]["taken"] < pick[0]["window"]["end"]
