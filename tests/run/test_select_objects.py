"""Objects as the things selected, through `select`: chosen at the end and as frames come."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import streamsel as library
from streamsel.data import Box
from streamsel.embed.load import load_embedder
from streamsel.embed.objects import embed_crops
from streamsel.errors import UsageError
from streamsel.pool.datapool import Pool
from streamsel.run.going import Interrupted
from streamsel.signals.crops import crop_at, region_of
from streamsel.testing.servers import camera
from streamsel.testing.videos import pictures, scenes
from tests.conftest import inside, killed, outputs, streamsel
from tests.run.drive import (
    DAY,
    DIVERSE,
    FRAMES,
    RANDOM,
    SPEED,
    UNIFORM,
    WEIGHTS,
    config,
    decisions,
    drive,
    entry,
    number,
    objects,
    speed,
    threshold,
)

pytestmark = pytest.mark.usefixtures("quick_model")

GOALS: dict[str, dict[str, Any]] = {
    "budget": {"n": 12},
    "share": {"proportion": 0.2},
    "distance": {"min_distance": 0.5},
    "ratio": {"target_ratio": 0.2},
}
CLASSES = {0: "car", 1: "bus", 4: "tram"}
LABEL = {"type": "METADATA", "key": "label"}
SCORE = {"type": "METADATA", "key": "score"}
TILES = {"type": "TILING", "name": "parts", "num_rows": 2, "num_cols": 3}
CORNERS = {"type": "CROP", "name": "parts", "bboxs": [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]}
TOTAL = sum(len(objects(frame)) for frame in range(FRAMES))


@pytest.fixture(params=["budget", "ratio"])
def mode(request: pytest.FixtureRequest) -> dict[str, Any]:
    return GOALS[request.param]


def crops(found: library.Selection) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (found.folder / "crops.jsonl").read_text().splitlines()]


def check(found: library.Selection) -> None:
    """What holds of every run that selects objects of the data set."""
    told = found.summary["objects"]
    assert told["picked"] == len(found) == found.summary["picks"] == len(crops(found))
    assert sum(told["drops"].values()) == told["looked"] - len(found)
    rows = decisions(found)
    assert sum(row["count"] for row in rows) == FRAMES == found.summary["frames"]
    held = {number(pick) for pick in found.picks}
    assert sum(row["count"] for row in rows if row["decision"] == "pick") == len(held) == told["frames"]
    assert sum(found.summary["drops"].values()) == FRAMES - len(held)
    assert len({pick["id"] for pick in found.picks}) == len(found)
    written = {file.relative_to(found.folder).as_posix() for file in found.folder.rglob("*.jpg")}
    assert written == {pick[file] for pick in found.picks for file in ("file", "crop")}
    assert found.summary["statistics"] is None


@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS)
def test_picks_are_objects(goal: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    found = library.select(data_set, tmp_path / "out", objects="cars", padding=0.25, **goal)
    check(found)
    assert len(found) == {"n": 12, "proportion": np.ceil(0.2 * TOTAL)}.get(next(iter(goal)), len(found)) > 0
    for pick, crop in zip(found.picks, crops(found), strict=True):
        frame, place = number(pick), pick["object"]
        assert pick["box"] == [10 + 40 * place, 20 + frame % 30, 32, 40]
        assert (pick["label"], pick["score"], pick["padding"]) == (CLASSES[objects(frame)[place]], 0.9, 0.25)
        assert (crop["parent"], crop["object"], crop["file"]) == (pick["parent"], place, pick["crop"])
        assert pick["id"] == f"{pick['parent']}-{place}"
        assert {crop[key] == pick[key] for key in ("box", "label", "score", "padding", "distance", "gains", "reason")}
        region = region_of(Box(*pick["box"]), 160, 120, 0.25)
        with Image.open(found.folder / pick["crop"]) as image:
            assert image.size == (region.right - region.left, region.bottom - region.top)


@pytest.mark.usefixtures("default_model")
def test_a_vector_is_that_of_what_is_in_the_box(data_set: Path, tmp_path: Path) -> None:
    found = library.select(data_set / "day.mp4", tmp_path / "out", objects="cars", padding=0.1, n=5)
    frames = {frame.mark.index: frame for frame in library.open(data_set / "day.mp4")}
    model = load_embedder("default")
    cut = [crop_at(frames[p["index"]].picture, Box(*p["box"]), model.size, 0.1) for p in found.picks]
    vectors = np.load(tmp_path / "out/embeddings.npy")
    np.testing.assert_allclose(vectors, list(embed_crops(model, cut)), atol=1e-5)
    gaps = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    for row, pick in enumerate(found.picks[1:], start=1):
        assert pick["distance"] == pytest.approx(gaps[row, :row].min(), abs=1e-3)


@pytest.mark.usefixtures("default_model")
@pytest.mark.parametrize("task", [TILES, CORNERS], ids=lambda task: task["type"])
def test_objects_of_auto_tasks(task: dict[str, Any], mode: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    selection = config(DIVERSE, auto_tasks=[task])
    found = library.select(data_set, tmp_path / "out", objects="parts", selection=selection, **mode)
    check(found)
    each = 6 if task is TILES else 2
    assert found.summary["objects"]["looked"] % each == 0
    assert {pick["object"] for pick in found.picks} <= set(range(each))
    if "n" in mode:
        assert len({number(pick) // 12 for pick in found.picks}) == 6


def test_objects_have_a_label_and_a_score_of_their_own(mode: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    selection = config(DIVERSE, entry(LABEL, UNIFORM, strength=5.0), threshold(SCORE, "BIGGER", 0.5))
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **mode)
    check(found)
    labels = [pick["label"] for pick in found.picks]
    assert [pick["signals"] for pick in found.picks] == [{"label": label, "score": 0.9} for label in labels]
    rare = [CLASSES[one] for frame in range(FRAMES) for one in objects(frame)].count("tram") / TOTAL
    assert labels.count("tram") / len(labels) > 1.5 * rare


def test_a_threshold_on_the_label_drops_objects(mode: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    selection = config(DIVERSE, threshold(LABEL, "IN", ["tram"]))
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **mode)
    check(found)
    assert {pick["label"] for pick in found.picks} == {"tram"}
    others = sum(one != 4 for frame in range(FRAMES) for one in objects(frame))
    drops = found.summary["objects"]["drops"]
    assert drops["threshold label"] <= others
    if "n" in mode:
        assert drops["threshold label"] == others


def test_other_values_are_those_of_the_frame(mode: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    selection = config(entry(SPEED, WEIGHTS), threshold(SPEED, "BIGGER", 45))
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **mode)
    check(found)
    assert all(pick["signals"]["gps.speed"] == speed(number(pick)) > 45 for pick in found.picks)
    assert not (tmp_path / "out/embeddings.npy").exists()
    if "n" in mode:
        best = sorted((speed(f) for f in range(FRAMES) for _ in objects(f)), reverse=True)
        assert sorted((speed(number(pick)) for pick in found.picks), reverse=True) == best[: len(found)]


def test_each_object_has_a_random_number_of_its_own(data_set: Path, tmp_path: Path) -> None:
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=config(entry(RANDOM, WEIGHTS)), n=20)
    check(found)
    full = [f for f in range(FRAMES) if len(objects(f)) == 3]
    assert any(0 < sum(number(pick) == frame for pick in found.picks) < 3 for frame in full)


def test_constraints_count_objects(mode: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    constraints = [
        {"type": "AT_MOST", "count": 2, "per": LABEL, "classes": ["bus"]},
        {"type": "MIN_GAP", "seconds": 0.07},
    ]
    selection = config(DIVERSE, constraints=constraints)
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **mode)
    check(found)
    assert sum(pick["label"] == "bus" for pick in found.picks) <= 2
    assert len({number(pick) for pick in found.picks}) == len(found)


def test_objects_are_included_and_excluded_by_the_names_of_their_crops(
    mode: dict[str, Any], data_set: Path, tmp_path: Path
) -> None:
    wanted, banned = (
        ["day-03-mp4-1.jpg", "sub/night-11-mp4-0"],
        ["day-07-mp4-0.jpg", "day-02-mp4-1.jpg", "day-11-mp4.png"],
    )
    constraints = [{"type": "INCLUDE", "names": wanted}, {"type": "EXCLUDE", "names": banned}]
    selection = config(entry(RANDOM, WEIGHTS), constraints=constraints)
    found = library.select(data_set, tmp_path / "out", objects="cars", selection=selection, **mode)
    check(found)
    assert {"day-03-mp4-1", "sub/night-11-mp4-0"} <= {pick["id"] for pick in found.picks}
    assert (found.summary["objects"]["drops"]["excluded"], found.summary["drops"]["excluded"]) == (2, 1)


def test_the_product_s_keys_switch_it_on(data_set: Path, tmp_path: Path) -> None:
    run = {
        "worker_config": {"object_level": {"task_name": "cars", "padding": 0.1}},
        "selection_config": {"n_samples": 7, "strategies": [DIVERSE]},
    }
    found = library.select(data_set, tmp_path / "out", selection=run)
    check(found)
    assert (len(found), found.picks[0]["padding"]) == (7, 0.1)
    same = library.select(data_set, tmp_path / "same", objects="cars", padding=0.1, n=7)
    assert [pick["id"] for pick in same.picks] == [pick["id"] for pick in found.picks]


def test_more_than_there_are(data_set: Path, tmp_path: Path) -> None:
    found = library.select(data_set, tmp_path / "out", objects="cars", n=1000)
    check(found)
    assert len(found) == TOTAL
    assert {pick["id"] for pick in found.picks} == {
        f"{'day' if frame < DAY else 'sub/night'}-{frame % DAY:02d}-mp4-{place}"
        for frame in range(FRAMES)
        for place in range(len(objects(frame)))
    }


def test_boxes_that_hold_nothing_are_counted(mode: dict[str, Any], tmp_path: Path) -> None:
    folder = drive(tmp_path / "in")
    for file in (folder / ".lightly/predictions/cars").rglob("*-0[0-9]-mp4.json"):
        told = json.loads(file.read_text())
        for one in told["predictions"][:1]:
            one["bbox"] = [500, 500, 10, 10]
        file.write_text(json.dumps(told))
    found = library.select(folder, tmp_path / "out", objects="cars", **mode)
    check(found)
    assert found.summary["objects"]["drops"]["box outside of the picture"] > 5


def test_where_there_is_no_object_nothing_is_picked(mode: dict[str, Any], tmp_path: Path) -> None:
    folder = drive(tmp_path / "in")
    for file in (folder / ".lightly/predictions/cars").rglob("*-mp4.json"):
        file.unlink()
    found = library.select(folder, tmp_path / "out", objects="cars", **mode)
    assert (len(found), crops(found)) == (0, [])
    assert found.summary["drops"]["no object"] == FRAMES - found.summary["drops"]["held"]


def test_pictures_keep_their_files(tmp_path: Path) -> None:
    pictures(tmp_path / "in", 4)
    selection = config(DIVERSE, auto_tasks=[TILES])
    found = library.select(tmp_path / "in", tmp_path / "out", objects="parts", selection=selection, n=10)
    for pick in found.picks:
        assert pick["id"] == f"{pick['parent']}-{pick['object']}"
        assert pick["crop"] == f"crops/{pick['id']}.jpg"
        assert (tmp_path / "out" / pick["file"]).read_bytes() == (tmp_path / pick["parent"]).read_bytes()


@pytest.mark.parametrize("goal", [["-n", "4", "--duration", "2"], ["--min-distance", "0.4"]], ids=["budget", "stream"])
def test_objects_of_a_camera(goal: list[str], tiny: Path, tmp_path: Path) -> None:
    video = scenes(tmp_path / "three.mp4", (0, 1, 2), 25)
    selection = tmp_path / "tiles.json"
    selection.write_text(json.dumps(config(DIVERSE, auto_tasks=[TILES])))
    with camera(video, "secret") as (port, _):
        url = f"rtsp://camera:secret@127.0.0.1:{port}/camera"
        tiles = ["--objects", "parts", "--selection", selection]
        done = streamsel("select", url, *goal, *tiles, "--model", tiny, "-o", tmp_path / "out", check=False)
    assert done.returncode in (0, 3), done.stderr
    found = library.Selection.load(tmp_path / "out")
    assert len(found) == len(crops(found)) == (4 if goal[0] == "-n" else len(found)) > 0
    for pick in found.picks:
        with Image.open(tmp_path / "out" / pick["file"]) as frame, Image.open(tmp_path / "out" / pick["crop"]) as crop:
            assert frame.size == (160, 120)
            assert crop.size in ((53, 60), (54, 60))


def test_new_sources_are_compared_with_earlier_objects(tmp_path: Path) -> None:
    folder = drive(tmp_path / "in")
    night = (folder / "sub/night.mp4").rename(tmp_path / "night.mp4")
    first = library.select(folder, tmp_path / "out", objects="cars", n=6)
    night.rename(folder / "sub/night.mp4")
    found = library.select(folder, tmp_path / "out", objects="cars", n=6, only_new=True)
    check(found)
    assert [p["id"] for p in found.picks[:6]] == [p["id"] for p in first.picks]
    assert all(pick["source"] == "sub/night.mp4" and pick["distance"] is not None for pick in found.picks[6:])


def test_a_pool_remembers_objects(data_set: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"objects": "cars", "pool": tmp_path / "objects.pool"}
    first = library.select(data_set / "day.mp4", tmp_path / "one", n=6, **options)
    second = library.select(data_set / "sub/night.mp4", tmp_path / "two", n=6, lightly=data_set, **options)
    with Pool.open(tmp_path / "objects.pool") as pool:
        names = [row.name for row in pool.rows()]
    assert names == [pick["crop"].removeprefix("crops/") for pick in (*first.picks, *second.picks)]


def test_fresh_forgets_the_crops(data_set: Path, tmp_path: Path) -> None:
    library.select(data_set, tmp_path / "out", objects="cars", n=6)
    found = library.select(data_set, tmp_path / "out", n=6, fresh=True)
    assert not list((tmp_path / "out").glob("crops*"))
    assert "objects" not in found.summary


def test_picked_objects_can_be_chosen_from(data_set: Path, tmp_path: Path) -> None:
    found = library.select(data_set, tmp_path / "out", objects="cars", n=8)
    chosen = library.choose(tmp_path / "out", tmp_path / "few", n=3)
    assert {pick["id"] for pick in chosen.picks} <= {pick["id"] for pick in found.picks}


TELL: dict[str, tuple[dict[str, Any], str]] = {
    "sequences": ({"sequence_length": 2, "n": 4}, "--objects cars: objects are of single frames: leave --seq"),
    "unknown task": ({"objects": "crs", "n": 4}, "'cars'"),
    "no boxes": ({"objects": "light", "n": 4}, "task 'light' is classification, which has no boxes"),
    "padding": ({"padding": -0.1, "n": 4}, "--padding: input should be greater than or equal to 0, got -0.1"),
    "infinite": ({"padding": float("inf"), "n": 4}, "--padding"),
    "twice": (
        {"selection": config(entry({"type": "EMBEDDINGS", "task": "cars"}, {"type": "DIVERSITY"})), "n": 4},
        "--objects cars: rows are objects already, and EMBEDDINGS theirs: leave strategies[0].input.task out",
    ),
}


@pytest.mark.parametrize("case", TELL)
def test_what_cannot_be_is_one_line(case: str, data_set: Path, tmp_path: Path) -> None:
    options, told = TELL[case]
    with pytest.raises(UsageError) as error:
        library.select(data_set, tmp_path / "out", **({"objects": "cars"} | options))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_task_without_its_folder_is_one_line(clip: Path, tmp_path: Path) -> None:
    done = inside("select", clip, "-n", "4", "--objects", "cars", "-o", tmp_path / "out", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--objects: task 'cars': no .lightly folder was found; name it with --lightly, or" in done.stderr


def test_the_command_tells_what_was_kept(data_set: Path, tmp_path: Path) -> None:
    done = inside("select", data_set, "-n", "9", "--objects", "cars", "--padding", "0.1", "-o", tmp_path / "out")
    assert f"kept 9 objects on {len(list((tmp_path / 'out/frames').rglob('*.jpg')))} of {FRAMES} frames" in done.stdout


@pytest.mark.parametrize("left", [1, 4, 8])
def test_stopped_between_two_objects_it_goes_on(left: int, data_set: Path, tmp_path: Path) -> None:
    asked = 0

    def counted() -> bool:
        nonlocal asked
        asked += 1
        return asked == last

    last = 0
    options: dict[str, Any] = {"objects": "cars", "n": 40}
    library.select(data_set, tmp_path / "whole", stopping=counted, **options)
    last, asked = asked - left, 0
    with pytest.raises(Interrupted):
        library.select(data_set, tmp_path / "stopped", stopping=counted, **options)
    assert 0 < len(list((tmp_path / "stopped/crops").rglob("*.jpg"))) < 40
    library.select(data_set, tmp_path / "stopped", **options)
    assert outputs(tmp_path / "stopped") == outputs(tmp_path / "whole")


@pytest.mark.parametrize(
    "mode",
    [["-n", "40"], ["--target-ratio", "0.3"], ["-n", "9", "--effort", "exact"]],
    ids=["budget", "ratio", "exact"],
)
def test_killed_runs_end_like_one_that_was_not(mode: list[str], data_set: Path, tiny: Path, tmp_path: Path) -> None:
    model = ["--model", str(tiny)] if "--effort" in mode else []
    line = ["select", data_set, *mode, *model, "--objects", "cars", "--padding", "0.2", "-q", "-o"]
    dice = random.Random(mode[0])
    killed(line, tmp_path, [dice.uniform(0.4, 0.95) for _ in range(3)])
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    ours, theirs = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("killed", "whole"))
    for summary in (ours, theirs):
        del summary["seconds"], summary["watched"]
    assert ours == theirs
