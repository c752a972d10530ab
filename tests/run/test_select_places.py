"""Where side files are found: beside the input, above it, named; of videos in folders and of pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import streamsel as library
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.writing import write_metadata, write_metadata_schema
from streamsel.testing.videos import moving_picture
from tests.run.drive import DIVERSE, MODES, SPEED, WEIGHTS, config, drive, entry, numbers, speed, told

pytestmark = pytest.mark.usefixtures("quick_model")

FAST = entry(SPEED, WEIGHTS)


@pytest.fixture
def bare(data_set, tmp_path) -> Path:
    """The videos alone, in a folder inside of another."""
    shutil.copytree(data_set, tmp_path / "all/in", ignore=shutil.ignore_patterns(".lightly"))
    return tmp_path / "all/in"


def fastest(found):
    assert [pick["signals"]["gps.speed"] for pick in found.picks] == [speed(frame) for frame in numbers(found)]
    return sorted(speed(frame) for frame in numbers(found))


BEST = [90.0, 90.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]


def test_beside_the_input(bare, tmp_path):
    told(bare / ".lightly")
    assert fastest(library.select(bare, tmp_path / "out", selection=config(FAST), n=8)) == BEST


def test_above_the_input(bare, tmp_path):
    told(tmp_path / "all/.lightly", "in/")
    assert fastest(library.select(bare, tmp_path / "out", selection=config(FAST), n=8)) == BEST


def test_above_a_single_video(bare, tmp_path):
    told(bare / ".lightly")
    found = library.select(bare / "sub/night.mp4", tmp_path / "out", selection=config(FAST), n=2)
    assert [pick["signals"]["gps.speed"] for pick in found.picks] == [100, 100]
    assert found.picks[0]["source"] == "night.mp4"


@pytest.mark.parametrize("deeper", ["", ".lightly"])
def test_named(deeper, bare, tmp_path):
    told(tmp_path / "elsewhere/.lightly")
    found = library.select(bare, tmp_path / "out", selection=config(FAST), n=8, lightly=tmp_path / "elsewhere" / deeper)
    assert fastest(found) == BEST


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_of_stills(mode, tmp_path):
    folder = tmp_path / "stills"
    write_metadata_schema(folder / ".lightly", [Entry("gps.speed", "NUMERIC_FLOAT")])
    for still in range(24):
        path = folder / ("a" if still < 12 else "a b") / f"{still:02d}.{('png', 'jpg')[still % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(moving_picture(still // 4, still % 4)).save(path)
        write_metadata(folder / ".lightly", path.relative_to(folder).as_posix(), {"gps": {"speed": float(still)}})
    selection = config(DIVERSE, FAST, constraints=[{"type": "EXCLUDE", "names": ["a b/23.jpg"]}])
    found = library.select(
        folder, tmp_path / "out", selection=selection, **MODES[mode] | ({"n": 6} if mode == "budget" else {})
    )
    for pick in found.picks:
        assert pick["signals"]["gps.speed"] == float(Path(pick["file"]).stem)
        assert (tmp_path / "out" / pick["file"]).exists()
    assert 23.0 not in [pick["signals"]["gps.speed"] for pick in found.picks]
    assert found.summary["drops"]["excluded"] == 1


def test_the_groups_of_a_path(bare, tmp_path):
    regex = r"(?:.*/)?(?P<time>day|night)-"
    time = {"type": "METADATA", "key": "time"}
    selection = config(
        DIVERSE, entry(time, {"type": "BALANCE", "distribution": "UNIFORM"}, strength=9.0), lightly_path_regex=regex
    )
    found = library.select(bare, tmp_path / "out", selection=selection, n=8)
    assert [pick["source"] for pick in found.picks].count("sub/night.mp4") == 4


def test_frames_of_videos_whose_names_are_written_otherwise(bare, tmp_path):
    """Indices without padding, as some tools write them."""
    told(bare / ".lightly")
    for path in (bare / ".lightly").rglob("*-0*-mp4.json"):
        stem, index, ending = path.name.rsplit("-", 2)
        path.rename(path.with_name(f"{stem}-{int(index)}-{ending}"))
    assert fastest(library.select(bare, tmp_path / "out", selection=config(FAST), n=8)) == BEST


def test_what_was_picked_before_is_known_by_the_same_names(data_set, tmp_path):
    """Earlier picks are read again with what was known of them."""
    drive(tmp_path / "in")
    (tmp_path / "in/sub/night.mp4").rename(tmp_path / "later.mp4")
    selection = config(
        DIVERSE,
        entry({"type": "RANDOM"}, WEIGHTS),
        FAST,
        constraints=[{"type": "AT_MOST", "count": 5, "per": {"type": "SOURCE"}}, {"type": "MIN_GAP", "seconds": 0.1}],
    )
    first = library.select(tmp_path / "in", tmp_path / "out", selection=selection, n=4)
    (tmp_path / "later.mp4").rename(tmp_path / "in/sub/night.mp4")
    second = library.select(tmp_path / "in", tmp_path / "out", selection=selection, n=4, only_new=True)
    assert second.picks[:4] == first.picks
    assert {pick["source"] for pick in second.picks[4:]} == {"sub/night.mp4"}
    assert len(second) == 8
