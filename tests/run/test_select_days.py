"""Quotas per DAY: days come from metadata, from names, and from what recorded the pictures."""

from __future__ import annotations

import json
from collections import Counter

import av
import numpy as np
import pytest
from PIL import Image

import streamsel as library
from streamsel.errors import UsageError
from streamsel.run.going import Interrupted
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.writing import write_metadata, write_metadata_schema
from streamsel.testing.videos import scenes
from tests.conftest import outputs
from tests.run.drive import BUDGET, DIVERSE, MODES, config

pytestmark = pytest.mark.usefixtures("quick_model")

PER_DAY = {"type": "AT_MOST", "count": 2, "per": {"type": "DAY"}}


def dated(path, made, recorded):
    """A video of these scenes whose file says when it was recorded."""
    scenes(path.with_suffix(".tmp.mp4"), made, 12)
    with av.open(str(path.with_suffix(".tmp.mp4"))) as source, av.open(str(path), "w") as output:
        output.metadata["creation_time"] = recorded
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    path.with_suffix(".tmp.mp4").unlink()
    return path


def days(found):
    return Counter(pick["signals"]["DAY"] for pick in found.picks)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    dated(folder / "noon.mp4", (0, 1, 2), "2024-05-17T12:00:00Z")
    dated(folder / "midnight.mp4", (3, 4, 5), "2024-05-17T23:59:59.500000Z")
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_videos_go_by_the_time_at_which_they_were_recorded(mode, recorded, tmp_path):
    found = library.select(recorded, tmp_path / "out", selection=config(DIVERSE, constraints=[PER_DAY]), **MODES[mode])
    assert days(found) == {"2024-05-17": 2, "2024-05-18": 2}
    for pick in found.picks:
        late = pick["source"] == "midnight.mp4" and pick["time"] >= 0.5
        assert pick["signals"]["DAY"] == ("2024-05-18" if late else "2024-05-17")


@pytest.mark.parametrize("mode", MODES)
def test_stopped_after_every_block_days_are_counted_on(mode, recorded, tmp_path):
    selection = config(DIVERSE, constraints=[PER_DAY])
    library.select(recorded, tmp_path / "whole", selection=selection, **MODES[mode])
    while True:
        try:
            library.select(recorded, tmp_path / "out", selection=selection, stopping=lambda: True, **MODES[mode])
        except Interrupted:
            continue
        break
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_at_least_so_many_of_each_day(recorded, tmp_path):
    least = {"type": "AT_LEAST", "count": 3, "per": {"type": "DAY"}, "classes": ["2024-05-18"]}
    found = library.select(recorded, tmp_path / "out", selection=config(DIVERSE, constraints=[least]), n=4)
    assert days(found)["2024-05-18"] >= 3
    least["classes"] = ["2024-05-19"]
    found = library.select(recorded, tmp_path / "none", selection=config(DIVERSE, constraints=[least]), n=4)
    assert any("2024-05-19" in note for note in found.summary["notes"])


def test_metadata_goes_before_what_the_file_says(recorded, tmp_path):
    write_metadata_schema(tmp_path / ".lightly", [Entry("timestamp", "CATEGORICAL_STRING")])
    for place in range(36):
        known = {"timestamp": f"2020-01-0{1 + place // 12}T08:00"}
        write_metadata(tmp_path / ".lightly", f"noon-{place:02d}-mp4.png", known, "frame")
    selection = config(DIVERSE, constraints=[PER_DAY])
    found = library.select(recorded, tmp_path / "out", selection=selection, lightly=tmp_path / ".lightly", n=10)
    counts = {f"2020-01-0{day}": 2 for day in (1, 2, 3)}
    assert days(found) == {**counts, "2024-05-17": 2, "2024-05-18": 2}


def test_names_of_folders_tell_days(tmp_path):
    for day in ("2024-05-17", "2024-05-18"):
        (tmp_path / "in" / day).mkdir(parents=True)
        scenes(tmp_path / "in" / day / "one.mp4", (0, 1, 2, 3), 12)
    selection = config(DIVERSE, constraints=[PER_DAY], lightly_path_regex=r"^(?P<date>\d{4}-\d\d-\d\d)/")
    found = library.select(tmp_path / "in", tmp_path / "out", selection=selection, **BUDGET)
    assert days(found) == {"2024-05-17": 2, "2024-05-18": 2}


def test_pictures_say_when_they_were_taken(tmp_path):
    dice = np.random.default_rng(5)
    (tmp_path / "in").mkdir()
    for place in range(9):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:{17 + place // 3} 10:00:00"
        pixels = dice.integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{place}.jpg", exif=exif)
    selection = config(DIVERSE, constraints=[PER_DAY])
    found = library.select(tmp_path / "in", tmp_path / "out", selection=selection, n=9)
    assert days(found) == {"2024-05-17": 2, "2024-05-18": 2, "2024-05-19": 2}
    Image.fromarray(pixels).save(tmp_path / "in" / "bare.jpg")
    for mode in MODES.values():
        found = library.select(tmp_path / "in", tmp_path / "other", selection=selection, fresh=True, **mode)
        assert found.summary["drops"]["no day"] == 1
        assert days(found) == {"2024-05-17": 2, "2024-05-18": 2, "2024-05-19": 2}
        (told,) = [note for note in found.summary["notes"] if "day" in note]
        assert told.startswith(
            "the day of 1 frames is not known, that of index 9 in in the first: they were not chosen"
        )


def test_a_folder_of_which_no_picture_tells_its_day_is_refused_before_anything_is_done(tmp_path):
    for folder in ("bare", "dated"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0132] = "2024:05:17 10:00:00"
    for place in range(3):
        pixels = np.full((48, 64, 3), 60 * place, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in/bare" / f"{place}.jpg")
        Image.fromarray(pixels).save(tmp_path / "in/dated" / f"{place}.jpg", exif=exif if place == 2 else Image.Exif())
    selection = config(DIVERSE, constraints=[PER_DAY])
    with pytest.raises(UsageError, match=r"^constraints\[0\]\.per: bare: no picture in it says the day"):
        library.select(tmp_path / "in", tmp_path / "out", selection=selection, n=2)
    assert not (tmp_path / "out").exists()
    found = library.select(tmp_path / "in/dated", tmp_path / "out", selection=selection, n=1)
    assert (len(found), found.summary["drops"]["no day"]) == (1, 2)
    (tmp_path / "in/.lightly").mkdir()
    (tmp_path / "in/.lightly/listed.txt").write_text("dated/*\n")
    run = {"selection_config": selection, "worker_config": {"relevant_filenames_file": ".lightly/listed.txt"}}
    found = library.select(tmp_path / "in", tmp_path / "listed", selection=run, n=1)
    assert (found.summary["drops"]["no day"], found.summary["drops"]["not relevant"]) == (2, 3)


def test_picks_of_a_pool_count_in_their_days(recorded, tmp_path):
    pool = tmp_path / "pool.parquet"
    selection = config(DIVERSE, constraints=[PER_DAY])
    library.select(recorded / "noon.mp4", tmp_path / "noon", selection=selection, pool=pool, n=2)
    found = library.select(recorded, tmp_path / "all", selection=selection, pool=pool, n=8)
    assert days(found) == {"2024-05-18": 2}
    assert json.loads((tmp_path / "all/summary.json").read_text())["drops"]
