"""Objects by the edge daemon as a process: of segments as `select --objects` has them, and of a real camera; killed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streamsel.testing.edge_telling import asked, picks_in_state, status
from streamsel.testing.gate import Gate
from streamsel.testing.ingest_trial import objects_of
from tests.conftest import streamsel
from tests.edge.daemon import Daemon, film, pictures, segment

pytestmark = pytest.mark.xdist_group("camera")

SEGMENTS = 3
TILES = objects_of("tiles", 0.25)
YARD = {"name": "yard", "folder": "recordings", "quiet": 0}
GOAL = {"selection": TILES, "min_distance": 0.4}


def record(daemon: Daemon) -> None:
    for number in range(SEGMENTS):
        segment(daemon.folder / "recordings", f"{number}.mp4", scenes=[number, number + 1, 2 * number + 3, 1])


def check(daemon: Daemon, source: str) -> list[dict[str, Any]]:
    """Facts of all picks, numbered without a gap, each an object of its own."""
    found = [json.loads(file.read_text()) for file in (daemon.folder / "picks" / source).rglob("*.jpg.json")]
    found.sort(key=lambda fact: fact["ordinal"])
    assert [fact["ordinal"] for fact in found] == list(range(len(found)))
    assert (
        len({fact["id"] for fact in found}) == len({(fact["parent"], fact["object"]) for fact in found}) == len(found)
    )
    assert all(fact["file"].endswith(f"-{fact['object']}.jpg") for fact in found)
    return found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    """One that nothing disturbed, and that has ended."""
    daemon = Daemon(tmp_path_factory.mktemp("calm"), [YARD], **GOAL, metrics="127.0.0.1:0")
    record(daemon)
    with daemon.started() as running:
        running.wait(lambda: len(running.events("read")) == SEGMENTS)
        told = running.wait(lambda: (one := status(running))["sources"][0]["picks"] and one)
        assert f'streamsel_edge_picks_total{{source="yard"}} {told["sources"][0]["picks"]:.1f}' in asked(
            running, "/metrics"
        )
        assert running.stop() == 0
    picks = check(daemon, "yard")
    assert told["sources"][0]["picks"] == sum(one["picks"] for one in running.events("read")) == len(picks) > 9
    assert len(picks) == picks_in_state(daemon.folder / "state", "yard")
    last = [(one["source"], one["object"]) for one in told["picks"]]
    assert last[0] == ("yard", {"task": "tiles", "number": picks[-1]["object"], "label": "", "score": 1.0})
    return daemon


def test_it_keeps_byte_for_byte_what_select_cuts_out_of_the_same_video(calm: Daemon, tmp_path: Path) -> None:
    selection = tmp_path / "selection.json"
    selection.write_text(json.dumps(TILES))
    recordings, goal = calm.folder / "recordings", ("--selection", selection, "--min-distance", GOAL["min_distance"])
    streamsel("select", recordings, *goal, "--model", calm.folder / "tiny.onnx", "-o", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "crops.jsonl").read_text().splitlines()]
    cut = [(one["source"], one["index"], one["object"], (tmp_path / "out" / one["file"]).read_bytes()) for one in lines]
    kept = [
        (fact["segment"], fact["index"], fact["object"], (calm.folder / "picks" / fact["file"]).read_bytes())
        for fact in check(calm, "yard")
    ]
    assert kept == cut


def test_killed_at_any_moment_it_keeps_the_same(calm: Daemon, tmp_path: Path) -> None:
    expected = calm.outcome()
    daemon = Daemon(tmp_path, [YARD], **GOAL)
    record(daemon)
    daemon.killed_at([("picture", 3), ("commit", 4), ("committed", 2), ("picture", 2)])
    daemon.comes_to(expected, (2 / 4, 3 / 4))


def test_windows_of_a_folder_are_chosen_after_a_kill_too(tmp_path: Path) -> None:
    """Candidates are crops in the state: their segment may be gone by the end of their window."""
    window = {"picks": 6, "minutes": 0.05}
    daemon = Daemon(tmp_path, [YARD], selection=TILES, window=window, min_distance=None)
    record(daemon)
    with daemon.started() as running:
        running.wait(lambda: len(running.events("read")) == SEGMENTS)
        running.kill()
    for file in (daemon.folder / "recordings").iterdir():
        file.unlink()
    with daemon.started() as running:
        running.wait(lambda: running.events("chosen"))
        assert running.stop() == 0
    picks = check(daemon, "yard")
    assert [fact["window"]["order"] for fact in picks] == [*range(6)] * (len(picks) // 6)
    assert all((daemon.folder / "picks" / fact["file"]).stat().st_size for fact in picks)


def predict(daemon: Daemon, segment: int, frames: dict[int, str]) -> None:
    """A car in the first frames of a segment, but for what is said of some of them."""
    task = daemon.folder / ".lightly" / "predictions" / "cars"
    (task / "yard").mkdir(parents=True, exist_ok=True)
    (task.parent / "tasks.json").write_text('["cars"]')
    schema = {"task_type": "object-detection", "categories": [{"id": 0, "name": "car"}]}
    (task / "schema.json").write_text(json.dumps(schema))
    for number in range(12):
        found = [{"category_id": 0, "bbox": [5 * number, 20, 60, 40], "score": 0.5}]
        told = json.dumps({"file_name": "", "predictions": found})
        (task / "yard" / f"{segment}-{number:02d}-mp4.json").write_text(frames.get(number, told))


def test_predictions_are_read_when_their_segment_is_and_damaged_ones_end_nothing(tmp_path: Path) -> None:
    others = [YARD, {**YARD, "name": "lane"}]
    daemon = Daemon(tmp_path, others, selection=objects_of("cars", 0.0), min_distance=1e-4, lightly=".lightly")
    (tmp_path / "recordings").mkdir()
    predict(daemon, 0, {})
    told = streamsel("check", daemon.file, "--json").stdout
    (finding,) = [one for one in json.loads(told)["findings"] if one["place"] == "lightly"]
    assert finding["level"] == "note"
    assert "predictions/cars/lane: there is no such folder, so no object of lane is known" in finding["text"]
    daemon.write({**daemon.config, "sources": [YARD]})
    empty = json.dumps({"file_name": "", "predictions": []})
    predict(daemon, 0, {2: "{", 3: empty})
    segment(daemon.folder / "recordings", "0.mp4", scenes=[0])
    with daemon.started() as running:
        running.wait(lambda: len(running.events("read")) == 1)
        predict(daemon, 1, {})
        segment(daemon.folder / "recordings", "1.mp4", scenes=[1])
        segment(daemon.folder / "recordings", "2.mp4", scenes=[2])
        running.wait(lambda: len(running.events("read")) == 3)
        assert running.stop() == 0
    (unusable,) = running.events("unusable")
    assert "0-02-mp4.json: no valid JSON" in unusable["last"]
    picks = check(daemon, "yard")
    frames = [(0, number) for number in range(12) if number not in (2, 3)] + [(1, number) for number in range(12)]
    assert [(fact["parent"], fact["object"]) for fact in picks] == [
        (f"yard/{one}-{at}-mp4.png", 0) for one, at in frames
    ]
    assert {(fact["label"], fact["score"], fact["task"]) for fact in picks} == {("car", 0.5, "cars")}


def test_objects_of_a_camera_are_numbered_on_over_losses_and_kills(tmp_path: Path, gate: Gate) -> None:
    """Objects of one frame are shown by one clip."""
    films = [film(tmp_path / f"{number}.mp4", range(100 * number, 100 * number + 40)) for number in range(2)]
    output = {"folder": "picks", "clips": {"before": 1, "after": 1, "longest": 4}}
    source = {"name": "gate", "url": gate.url, "stall": 3}
    daemon = Daemon(tmp_path, [source], **GOAL, output=output, metrics="127.0.0.1:0")
    gate.shows(films[0])
    with daemon.started() as running:
        running.wait(lambda: pictures(daemon) > 8)
        gate.goes()
        running.wait(lambda: running.events("lost"))
        gate.shows(films[1])
        before = pictures(daemon)
        running.wait(lambda: pictures(daemon) > before + 8)
        assert status(running)["sources"][0]["held"] == 0
        running.kill()
    with daemon.started() as running:
        before = pictures(daemon)
        running.wait(lambda: pictures(daemon) > before + 8)
        told = running.wait(lambda: (one := status(running)["sources"][0])["clips"] and one)
        assert told["clips_given_up"] == 0
        assert running.stop() == 0
    picks = check(daemon, "gate")
    assert len(picks) == picks_in_state(daemon.folder / "state", "gate")
    assert len({fact["started"] for fact in picks}) == 3
    frames = Counter(fact["parent"] for fact in picks)
    assert max(frames.values()) > 1
    assert len({(fact["parent"], fact["clip"]) for fact in picks}) == len(frames)
