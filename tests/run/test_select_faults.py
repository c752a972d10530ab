"""Corrupt frames and exact duplicates through `select`: found, listed with reasons, counted, kept over a kill."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import streamsel as library
from streamsel.errors import SourceError
from streamsel.testing.nasty import damaged
from streamsel.testing.videos import pictures, scenes
from tests.conftest import killed, outputs
from tests.run.drive import decisions

pytestmark = pytest.mark.usefixtures("quick_model")

MODES: dict[str, dict[str, Any]] = {"budget": {"n": 4}, "stream": {"min_distance": 0.4}}


@pytest.fixture(params=MODES)
def goal(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {**MODES[request.param], "table": False}


def listed(found: library.Selection, name: str) -> dict[str, str]:
    held: dict[str, str] = json.loads((found.folder / f"{name}.json").read_text())
    return held


def lossless(path: Path, shown: tuple[int, ...], frames: int = 6) -> Path:
    """A scene that comes twice has the same pictures, bit by bit."""
    return scenes(path, shown, frames, codec="ffv1", gop=1)


def test_corrupt_frames_and_pictures_are_listed(tmp_path: Path, goal: dict[str, Any]) -> None:
    folder = tmp_path / "in"
    pictures(folder / "stills", 3)
    (folder / "stills/001.png").write_bytes(b"no picture")
    damaged(folder / "hurt.mp4")
    found = library.select(folder, tmp_path / "out", **goal)
    corrupt = listed(found, "corrupt_samples")
    assert corrupt.pop("stills/001.png") == "cannot be decoded (UnidentifiedImageError)"
    problems = {source["id"]: source["problems"] for source in found.summary["sources"]}
    assert len(corrupt) == problems["hurt.mp4"]["damaged picture"] > 0
    assert all(name.startswith("hurt-") and why == "decoded with errors" for name, why in corrupt.items())
    assert found.summary["corrupt_samples"] == len(corrupt) + 1


def test_nothing_is_written_where_nothing_is_wrong(clip: Path, tmp_path: Path, goal: dict[str, Any]) -> None:
    found = library.select(clip, tmp_path / "out", remove_exact_duplicates=True, **goal)
    assert not list((tmp_path / "out").glob("*duplicates*")) + list((tmp_path / "out").glob("corrupt*"))
    assert (found.summary["corrupt_samples"], found.summary["duplicates"]) == (0, 0)


def test_exact_duplicates_are_turned_away(tmp_path: Path, goal: dict[str, Any]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lossless(folder / "a.mkv", (0, 1, 0))
    lossless(folder / "b.mkv", (1, 2))
    found = library.select(folder, tmp_path / "out", remove_exact_duplicates=True, **goal)
    again = {f"a-{12 + step:02d}-mkv.png": f"a-{step:02d}-mkv.png" for step in range(6)}
    again |= {f"b-{step:02d}-mkv.png": f"a-{6 + step:02d}-mkv.png" for step in range(6)}
    assert listed(found, "duplicates") == again
    assert found.summary["drops"]["duplicate"] == found.summary["duplicates"] == 12
    rows = [row for row in decisions(found) if row["reason"] == "duplicate"]
    assert [(row["source"], row["first"], row["last"]) for row in rows] == [("a.mkv", 12, 17), ("b.mkv", 0, 5)]
    assert not {f"{pick['id']}.png" for pick in found.picks} & set(again)
    kept = library.select(folder, tmp_path / "all", **goal)
    assert "duplicates" not in kept.summary
    assert "duplicate" not in kept.summary["drops"]


def test_the_product_s_key_switches_it_on(tmp_path: Path, goal: dict[str, Any]) -> None:
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    run = {
        "worker_config": {"remove_exact_duplicates": True},
        "selection_config": {"n_samples": 4, "strategies": [diverse]},
    }
    source = lossless(tmp_path / "a.mkv", (0, 1, 0))
    found = library.select(source, tmp_path / "out", selection=run, **goal)
    assert found.summary["duplicates"] == 6


def test_what_a_filter_turned_away_is_repeated_by_nothing(tmp_path: Path, goal: dict[str, Any]) -> None:
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    names = [f"a-{frame:02d}-mkv.png" for frame in range(6)]
    selection = {"strategies": [diverse], "constraints": [{"type": "EXCLUDE", "names": names}]}
    source = lossless(tmp_path / "a.mkv", (0, 0, 0))
    found = library.select(source, tmp_path / "out", selection=selection, remove_exact_duplicates=True, **goal)
    assert listed(found, "duplicates") == {f"a-{12 + k:02d}-mkv.png": f"a-{6 + k:02d}-mkv.png" for k in range(6)}
    assert found.summary["drops"]["excluded"] == 6


def test_a_sequence_goes_when_all_of_it_was_there_before(tmp_path: Path) -> None:
    source = lossless(tmp_path / "a.mkv", (0, 1, 0, 2))
    found = library.select(source, tmp_path / "out", n=4, sequence_length=4, remove_exact_duplicates=True, table=False)
    assert found.summary["duplicates"] == 6
    assert found.summary["drops"]["duplicate"] == 4  # the next sequence ends with another scene


def test_what_comes_later_is_compared_with_earlier_runs_too(tmp_path: Path, goal: dict[str, Any]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    options = {**goal, "remove_exact_duplicates": True}
    lossless(folder / "a.mkv", (0, 1))
    library.select(folder, tmp_path / "out", **options)
    lossless(folder / "b.mkv", (1, 2))
    found = library.select(folder, tmp_path / "out", only_new=True, **options)
    assert listed(found, "duplicates") == {f"b-{k:02d}-mkv.png": f"a-{6 + k:02d}-mkv.png" for k in range(6)}


def test_fresh_forgets_the_lists(tmp_path: Path, goal: dict[str, Any]) -> None:
    source = lossless(tmp_path / "a.mkv", (0, 0))
    library.select(source, tmp_path / "out", remove_exact_duplicates=True, **goal)
    assert (tmp_path / "out/duplicates.json").exists()
    library.select(source, tmp_path / "out", fresh=True, **goal)
    assert not (tmp_path / "out/duplicates.json").exists()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty")
    lossless(folder / "a.mkv", (0, 1, 2, 0, 3), 40)
    lossless(folder / "b.mkv", (1, 4, 2), 40)
    pictures(folder / "stills", 60)
    for broken in range(1, 60, 4):  # libav's threads do not mend a damaged video alike each time, so pictures
        (folder / f"stills/{broken:03}.png").write_bytes(b"no picture")
    shutil.copy(folder / "stills/000.png", folder / "stills/003.png")
    return folder


@pytest.mark.parametrize("mode", [["-n", "8"], ["--min-distance", "0.4"]], ids=["budget", "stream"])
def test_killed_runs_list_the_same(mode: list[str], faulty: Path, tiny: Path, tmp_path: Path) -> None:
    line = ["select", faulty, *mode, "--model", tiny, "--remove-exact-duplicates", "--no-table", "-q", "-o"]
    dice = random.Random(mode[0])
    killed(line, tmp_path, [dice.uniform(0.3, 0.9) for _ in range(3)])
    assert {"corrupt_samples.json", "duplicates.json"} <= set(outputs(tmp_path / "whole"))
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    ours, theirs = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("killed", "whole"))
    for summary in (ours, theirs):
        del summary["seconds"], summary["watched"]
    assert ours == theirs


def test_a_pick_is_not_noted_before_its_picture_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    pictures(folder, 4)
    noise = np.random.default_rng(0).integers(0, 255, (100, 40_000, 3), np.uint8)
    Image.fromarray(noise).save(folder / "9.png")  # too thin to be scaled
    with pytest.raises(SourceError, match="too thin"):
        library.select(folder, tmp_path / "out", min_distance=0.01, size=1, format="png")
    with closing(sqlite3.connect(tmp_path / "out/state.db")) as state:
        noted = [name for (files,) in state.execute("SELECT files FROM pick") for name in json.loads(files)]
    assert all((tmp_path / "out" / name).is_file() for name in noted)
