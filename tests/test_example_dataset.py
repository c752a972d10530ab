"""The example data set: made of any clips, read back whole, and chosen from by each of its configs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

import streamsel
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.testing.videos import encode, moving_picture

EXAMPLE = Path(__file__).parent.parent / "examples" / "dataset"
CONFIGS = sorted(EXAMPLE.glob("selections/*"))
FRAMES, SIDE = 24, 40


def walk(path: Path, ground: int) -> Path:
    """A bright square that walks over a still ground, and a smaller one beside it."""
    still = moving_picture(ground, 0) // 2
    pictures = []
    for step in range(FRAMES):
        picture = still.copy()
        picture[20 : 20 + SIDE, 4 * step : 4 * step + SIDE] = 255
        picture[90:110, 130 - 5 * step : 150 - 5 * step] = (255, 40, 40)
        pictures.append(picture)
    with av.open(str(path), "w") as output:
        stream = cast(VideoStream, output.add_stream("libx264", rate=Fraction(8), options={"mbtree": "0"}))
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        encode(output, stream, pictures)
    return path


def make(folder: Path, *clips: Path) -> list[str]:
    command = [sys.executable, str(EXAMPLE / "make.py"), str(folder), *map(str, clips)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def name(clip: str, index: int) -> str:
    return f"clips/{clip}-{index:02}-mp4.png"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [walk(folder / "yard.mp4", 3), walk(folder / "hall.mp4", 4)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, clips: list[Path]) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    assert make(folder, *clips) == [f"clips/{clip.name}: {FRAMES} frames" for clip in clips]
    return folder


def test_every_frame_has_its_files_and_no_other_is_there(dataset: Path) -> None:
    for kind in ("predictions/moving_objects", "predictions/colours", "metadata"):
        found = {path.stem for path in (dataset / ".lightly" / kind / "clips").iterdir()}
        frames = {Path(name(clip, index)).stem for clip in ("yard", "hall") for index in range(FRAMES)}
        assert found - {"yard", "hall"} == frames


def test_predictions_are_read_back(dataset: Path) -> None:
    folder = LightlyFolder(dataset / ".lightly")
    assert {task: schema.kind for task, schema in folder.tasks.items()} == {
        "moving_objects": "object-detection",
        "colours": "classification",
    }
    for task in folder.tasks:
        for found in filter(None, (folder.predictions(task).of(name("yard", index)) for index in range(FRAMES))):
            for one in found:
                assert one.probabilities is not None
                assert one.category_id == np.argmax(one.probabilities)


def test_what_moves_is_found(dataset: Path) -> None:
    files = LightlyFolder(dataset / ".lightly").predictions("moving_objects")
    for index in range(FRAMES):
        large, small = files.boxes(name("hall", index))
        assert (large.x, large.y, large.width, large.height) == pytest.approx((4 * index, 20, SIDE, SIDE), abs=3)
        assert (small.x, small.y, small.width, small.height) == pytest.approx((130 - 5 * index, 90, 20, 20), abs=3)
        assert 0.5 < large.score <= 1


def test_metadata_are_those_of_the_frame_or_its_video(dataset: Path) -> None:
    metadata = LightlyFolder(dataset / ".lightly").metadata
    known = {
        key: metadata.value(metadata.entry(key), name("hall", 17), "clips/hall.mp4") for key in sorted(metadata.entries)
    }
    assert known.pop("scene.brightness") == pytest.approx(0.3, abs=0.2)
    assert known.pop("scene.motion") == pytest.approx((SIDE**2 + 20**2) / (160 * 120), rel=0.1)
    assert known == {"camera": "hall", "scene.moving": True, "second": 2}


def test_only_the_first_clip_is_relevant(dataset: Path) -> None:
    files = LightlyFolder(dataset / ".lightly").relevant(".lightly/first_clip.txt")
    assert [files.includes(clip) for clip in ("clips/yard.mp4", "clips/hall.mp4")] == [True, False]


def test_made_again_it_is_the_same(tmp_path: Path, clips: list[Path], dataset: Path) -> None:
    make(tmp_path, *clips)
    assert contents(tmp_path) == contents(dataset)


def test_the_config_in_the_readme_is_one_of_them() -> None:
    shown = re.findall(r"^```jsonc\n(.*?)^```", (EXAMPLE.parent.parent / "README.md").read_text(), re.M | re.S)
    assert shown == [(EXAMPLE / "selections" / "balanced.json").read_text()]


def test_five_configs() -> None:
    assert [config.stem for config in CONFIGS] == ["active_learning", "balanced", "diverse", "metadata", "objects"]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_its_configs_select_from_it(config: Path, dataset: Path, tmp_path: Path) -> None:
    found = streamsel.select(dataset, tmp_path / "picks", selection=config)
    wanted = streamsel.read_selection(config)
    assert 2 <= len(found) <= (wanted.n_samples or 0)
    assert len({pick["id"] for pick in found.picks}) == len(found)
    assert all((found.folder / pick["file"]).is_file() for pick in found.picks)
    told = [label for label in wanted.labels if not label.startswith("THRESHOLD")]
    assert all([*pick["gains"]] == told for pick in found.picks)
    if wanted.worker.relevant_filenames_file:
        assert {pick["source"] for pick in found.picks} == {"clips/yard.mp4"}


def test_a_config_without_embeddings_picks_by_the_published_formula(dataset: Path, tmp_path: Path) -> None:
    """ln(sum of motions) - ln(cross-entropy of the cameras' shares with halves), taken from the files themselves."""
    config = EXAMPLE / "selections" / "metadata.yaml"
    found = streamsel.select(dataset, tmp_path / "picks", selection=config)
    rows = [(clip, index) for clip in ("hall", "yard") for index in range(FRAMES)]  # sources come in order of name
    motion = [motion_of(dataset, *row) for row in rows]
    picks: list[int] = []

    def potential(row: int) -> float:
        of = [rows[pick][0] for pick in (*picks, row)]
        shares = np.array([of.count("hall"), of.count("yard")]) / len(of)
        entropy = -0.5 * np.log(np.maximum(shares, 1e-10)).sum()
        return float(np.log(sum(motion[pick] for pick in (*picks, row))) - np.log(entropy))

    def apart(row: int) -> bool:
        """0.4 s at 8 frames a second."""
        return all(rows[row][0] != rows[pick][0] or abs(rows[row][1] - rows[pick][1]) >= 4 for pick in picks)

    while (left := [row for row in range(len(rows)) if apart(row)]) and len(picks) < 12:
        picks.append(max(left, key=lambda row: (potential(row), -row)))
    assert [(Path(pick["source"]).stem, pick["index"]) for pick in found.picks] == [rows[pick] for pick in picks]


def motion_of(dataset: Path, clip: str, index: int) -> float:
    file = dataset / ".lightly" / "metadata" / Path(name(clip, index)).with_suffix(".json")
    return float(json.loads(file.read_text())["metadata"]["scene"]["motion"])
