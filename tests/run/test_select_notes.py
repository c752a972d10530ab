"""What a run notes: names that never came, classes that never occur, options that change nothing, sources too short."""

from __future__ import annotations

import json
import re
import shutil

import pytest

import streamsel as library
from streamsel.errors import UsageError
from streamsel.testing import nasty
from streamsel.testing.videos import pictures
from tests.conftest import streamsel
from tests.run.drive import (
    DIVERSE,
    FRAMES,
    LANE,
    LIGHTS,
    MODES,
    SPEED,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    entry,
    name,
    threshold,
)

pytestmark = pytest.mark.usefixtures("quick_model")

FAST = entry(SPEED, WEIGHTS)


@pytest.fixture(params=MODES)
def noted(request, data_set, tmp_path):
    def notes(selection, **options):
        goal = MODES[request.param] | options
        return library.select(data_set, tmp_path / "out", selection=selection, table=False, **goal).summary["notes"]

    return notes


def including(*names, **top):
    return {"constraints": [{"type": "INCLUDE", "names": list(names)}], **top}


def test_nothing_to_note(noted):
    quota = {"type": "AT_MOST", "count": 5, "per": WEATHER, "classes": ["rain", "fog"]}
    target = {"type": "BALANCE", "target": {"sunny": 0.5, "snow": 0.0}}
    constraints = [quota, {"type": "INCLUDE", "names": [name(3), name(FRAMES - 1)]}]
    assert noted(config(FAST, entry(WEATHER, target), constraints=constraints)) == []


def test_names_that_never_came_and_names_that_were_turned_away(noted):
    selection = config(FAST, threshold(WEATHER, "NOT_IN", ["fog"]), **including("day-99-mp4.png", name(4), name(3)))
    assert noted(selection) == [
        "INCLUDE day-99-mp4.png: no frame of this name came",
        f"INCLUDE {name(4)}: threshold weather",
    ]


def test_objects_that_are_not_there(data_set, tmp_path):
    """Frame 3 has three objects, frame 4 none."""
    wanted = ["day-03-mp4-1.jpg", "day-03-mp4-7.jpg", "day-99-mp4-0.jpg"]
    selection = config(DIVERSE, **including(*wanted))
    found = library.select(data_set, tmp_path / "out", selection=selection, objects="cars", n=5, table=False)
    assert "day-03-mp4-1" in [pick["id"] for pick in found.picks]
    assert found.summary["notes"] == [
        "INCLUDE day-03-mp4-7.jpg: its frame came, and was not picked",
        "INCLUDE day-99-mp4-0.jpg: no frame of this name came",
    ]


def test_more_names_than_picks(data_set, tmp_path):
    selection = config(DIVERSE, **including(*map(name, range(6))))
    with pytest.raises(UsageError, match="INCLUDE names 6, and only 5 can be picked"):
        library.select(data_set, tmp_path / "out", selection=selection, n=5)
    assert not (tmp_path / "out").exists()
    found = library.select(data_set, tmp_path / "out", selection=selection, proportion=0.06, table=False)
    assert found.summary["notes"] == [f"INCLUDE {name(5)}: its frame came, and was not picked"]


def test_a_name_that_must_be_there_and_must_not(data_set, tmp_path):
    selection = config(DIVERSE, **including(name(3), name(4)))
    selection["constraints"].append({"type": "EXCLUDE", "names": ["day-04-mp4"]})
    with pytest.raises(UsageError, match=r"constraints\[0\]: INCLUDE day-04-mp4.png: an EXCLUDE names it as well"):
        library.select(data_set, tmp_path / "out", selection=selection, n=5)


def test_classes_that_never_occur(noted):
    quota = {"type": "AT_MOST", "count": 3, "per": WEATHER, "classes": ["hail", "sunnny", "rain"]}
    target = {"type": "BALANCE", "target": {"sunny": 0.5, "snow": 0.2}}
    filtered = threshold(WEATHER, "NOT_IN", ["fog"])
    lost = {"type": "BALANCE", "target": {"fog": 0.5}}
    selection = config(FAST, entry(WEATHER, target), filtered, entry(WEATHER, lost, strength=0.5), constraints=[quota])
    assert noted(selection) == [
        "strategies[1].strategy.target: no frame behind the filters is of class 'snow'",
        "strategies[3].strategy.target: no frame behind the filters is of class 'fog'",
        "constraints[0].classes: no frame behind the filters is of class 'hail'",
        "constraints[0].classes: no frame behind the filters is of class 'sunnny'; did you mean 'sunny'?",
    ]


def test_classes_of_objects_that_never_occur(data_set, tmp_path):
    quota = {"type": "AT_MOST", "count": 3, "per": {"type": "METADATA", "key": "label"}, "classes": ["car", "lorry"]}
    selection = config(DIVERSE, constraints=[quota])
    found = library.select(data_set, tmp_path / "out", selection=selection, objects="cars", n=5, table=False)
    assert found.summary["notes"] == [
        "constraints[0].classes: no frame or object behind the filters is of class 'lorry'"
    ]


def test_some_of_what_is_excluded_came(noted):
    limits = [{"type": "EXCLUDE", "names": ["dya-03-mp4.png", "day-03-mp4.jpg"]}]
    assert noted(config(FAST, constraints=limits)) == []


def test_exclusions_and_quotas_that_meet_nothing(noted):
    town = {"type": "AT_MOST", "count": 1, "per": {"type": "METADATA", "key": "town"}}
    limits = [{"type": "EXCLUDE", "names": ["dya-03-mp4.png"]}, town]
    assert noted(config(FAST, lightly_path_regex=r"town_(?P<town>\w+)", constraints=limits)) == [
        "constraints[1].per: no frame behind the filters is of any class",
        "EXCLUDE: names 1 frames, dya-03-mp4.png among them, and none of them came",
    ]


def test_options_that_change_nothing(data_set, tmp_path):
    options = {"padding": 0.2, "query_sets": {"night": "none"}, "format": "png", "quality": 80}
    selection = config(DIVERSE, entry(LIGHTS, UNIFORM))
    found = library.select(data_set, tmp_path / "out", selection=selection, n=3, table=False, **options)
    told = found.summary["notes"]
    assert [note.partition(" changes nothing")[0] for note in told] == ["--padding", "--query-set night", "--quality"]
    assert library.plan(data_set, selection=selection, n=3, **options).notes == told
    quiet = {"padding": 0.2, "objects": "cars", "format": "png", "quality": 80}
    assert library.plan(data_set, selection=config(DIVERSE), n=3, **quiet).notes == []


@pytest.mark.parametrize("mode", MODES)
def test_categories_of_thresholds_that_never_occur(mode, data_set, tmp_path):
    selection = config(DIVERSE, threshold(WEATHER, "IN", ["rian", "fog"]), threshold(LANE, "NOT_IN", ["1"]))
    found = library.select(data_set, tmp_path / "out", selection=selection, table=False, **MODES[mode])
    assert len(found) > 0
    assert found.summary["notes"] == [
        "strategies[1].strategy.values: no frame has 'rian'; did you mean 'rain'?",
        "strategies[2].strategy.values: no frame has '1'; did you mean 1?",
    ]


def test_a_datapool_without_a_file(data_set, tmp_path):
    run = {"selection_config": config(DIVERSE), "worker_config": {"use_datapool": True}}
    note = "worker_config.use_datapool changes nothing: name the file that remembers picks with --pool"
    assert library.plan(data_set, selection=run, n=3).notes == [note]
    assert library.plan(data_set, selection=run, n=3, pool=tmp_path / "pool.parquet").notes == []


def test_sources_that_are_over_before_the_start(data_set, tmp_path):
    """`day.mp4` takes 1.92 seconds, `sub/night.mp4` half of that."""
    found = library.select(data_set, tmp_path / "out", n=3, start="1.2", table=False)
    assert found.summary["notes"] == ["sub/night.mp4 is over before --start 1.2"]
    assert found.summary["frames"] == 18


def test_what_a_config_asked_for_is_printed(data_set, tmp_path):
    (tmp_path / "rules.json").write_text(json.dumps(config(DIVERSE, n_samples=3)))
    line = ["select", data_set / "day.mp4", "--no-table"]
    asked = streamsel(*line, "-o", tmp_path / "out", "--selection", tmp_path / "rules.json").stdout
    assert "as much as may be" in asked
    assert "smallest distance" in asked


def test_notes_are_printed(data_set, tmp_path):
    shutil.copy(data_set / "day.mp4", tmp_path / "day.mp4")
    line = ["select", tmp_path / "day.mp4", "-n", "3", "--padding", "0.1", "--no-table"]
    assert "note: --padding changes nothing" in streamsel(*line, "-o", tmp_path / "out").stdout
    assert "note: --padding changes nothing" in streamsel(*line, "-o", tmp_path / "none", "--dry-run").stdout


BROKEN = {
    "short.mp4": (nasty.truncated, r"short\.mp4: breaks off, \d+ of about 36 frames came; copy it again"),
    "spoilt.mp4": (
        nasty.damaged,
        r"spoilt\.mp4: damaged pictures: \d+, undecodable pictures: \d+; copy it again if .*",
    ),
}


@pytest.mark.parametrize("goal", [{"n": 3}, {"min_distance": 0.1}], ids=str)
@pytest.mark.parametrize("name", BROKEN)
def test_a_source_that_is_damaged(name, goal, tmp_path):
    make, told = BROKEN[name]
    notes = library.select(make(tmp_path / name), tmp_path / "out", **goal).summary["notes"]
    assert len(notes) == 1
    assert re.fullmatch(told, notes[0])


def test_a_part_of_a_source_that_breaks_off(tmp_path):
    short = nasty.truncated(tmp_path / "short.mp4")
    notes = library.select(short, tmp_path / "out", n=2, start="0.1").summary["notes"]
    assert notes == ["short.mp4: breaks off; copy it again"]


def test_pictures_of_a_folder_that_cannot_be_opened(tmp_path):
    pictures(tmp_path / "shots", 6)
    (tmp_path / "shots/a.jpg").write_text("no picture")
    notes = library.select(tmp_path / "shots", tmp_path / "out", n=2).summary["notes"]
    assert notes == ["shots: pictures that cannot be opened: 1; corrupt_samples.json says which and why"]
    assert (tmp_path / "out/corrupt_samples.json").is_file()


def test_odd_times_are_no_damage(tmp_path):
    odd = nasty.times_restart(tmp_path / "odd.ts")
    assert library.select(odd, tmp_path / "out", n=3).summary["notes"] == []


def test_sources_without_a_whole_sequence(clip, tmp_path):
    found = library.select(clip, tmp_path / "out", sequence_length=300)
    assert found.summary["notes"] == ["six.mp4 gave no sequence of 300 frames: try a shorter --sequence-length"]


def test_times_of_pictures(clip, tmp_path):
    shots = pictures(tmp_path / "shots", 6)
    told = "shots: its pictures have no times, and are all looked at: --start, --fps is not for them"
    options = {"n": 2, "start": 1, "fps": 5}
    assert library.plan([shots, clip], **options).notes == [told]
    assert library.select([shots, clip], tmp_path / "out", **options).summary["notes"] == [told]
    assert library.plan(shots, n=2, every=2).notes == []
