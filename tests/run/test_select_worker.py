"""Sequences, and what the arguments of a scheduled run say beside the selection."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import streamsel as library
from streamsel.choosing.api import check
from streamsel.config import read_selection
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.errors import UsageError
from tests.run.drive import (
    BUSES,
    CLASSES,
    DAY,
    DIVERSE,
    FRAMES,
    MODES,
    SPEED,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    decisions,
    entry,
    name,
    number,
    numbers,
    objects,
    speed,
    threshold,
    turned_away,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")

LENGTH = 4
FAST = entry(SPEED, WEIGHTS)


def scheduled(selection, **worker):
    return {"worker_config": worker, "selection_config": selection, "lightly_config": {"loader": {"batch_size": 16}}}


@pytest.mark.parametrize("mode", MODES)
def test_values_of_sequences(mode, data_set, tmp_path):
    selection = config(
        DIVERSE, FAST, entry(CLASSES, UNIFORM), entry(BUSES, WEIGHTS), threshold(WEATHER, "IN", ["sunny"])
    )
    found = library.select(data_set, tmp_path / "out", selection=selection, sequence_length=LENGTH, **MODES[mode])
    assert len(found) > 0
    for pick in found.picks:
        frames = [number(pick) + k for k in range(LENGTH)]
        assert [frame["index"] for frame in pick["frames"]] == [pick["index"] + k for k in range(LENGTH)]
        assert pick["sequence"] == pick["index"] // LENGTH
        said = pick["signals"]
        assert said["gps.speed"] == pytest.approx(sum(map(speed, frames)) / LENGTH)
        assert said["cars.CATEGORY_COUNT.bus"] == sum(objects(frame).count(1) for frame in frames)
        assert said["weather"] == Counter(map(weather, frames)).most_common(1)[0][0] == "sunny"
        assert sum(said["cars.CLASS_DISTRIBUTION"].values()) == pytest.approx(sum(len(objects(f)) for f in frames))
    assert sum(row["count"] for row in decisions(found)) == FRAMES
    assert (tmp_path / "out/sequence_information.json").exists()


@pytest.mark.parametrize("mode", MODES)
def test_sequences_that_a_filter_turns_away_keep_their_numbers(mode, data_set, tmp_path):
    selection = config(DIVERSE, threshold(SPEED, "BIGGER", 74))
    found = library.select(data_set, tmp_path / "out", selection=selection, sequence_length=LENGTH, **MODES[mode])
    assert [pick["sequence"] for pick in found.picks] == [pick["index"] // LENGTH for pick in found.picks]
    means = {first: sum(speed(first + k) for k in range(LENGTH)) / LENGTH for first in range(0, FRAMES, LENGTH)}
    slow = {first + k for first, mean in means.items() if mean <= 74 for k in range(LENGTH)}
    assert slow
    assert turned_away(found, "threshold gps.speed") == slow


@pytest.mark.parametrize("mode", MODES)
def test_sequences_of_every_third_frame_speak_for_their_own_frames(mode, data_set, tmp_path):
    selection = config(DIVERSE, threshold(SPEED, "BIGGER", 74))
    goal = {"n": 4} if mode == "budget" else MODES[mode]
    found = library.select(data_set, tmp_path / "out", selection=selection, sequence_length=2, every=3, **goal)
    assert [pick["sequence"] for pick in found.picks] == [pick["index"] // 6 for pick in found.picks]
    assert sum(row["count"] for row in decisions(found)) == found.summary["frames"] == FRAMES // 3
    assert sum(found.summary["drops"].values()) == FRAMES // 3 - found.summary["picks"]


def test_the_length_of_a_scheduled_run(data_set, tmp_path):
    run = scheduled(config(DIVERSE, FAST, n_samples=8), selected_sequence_length=LENGTH)
    found = library.select(data_set, tmp_path / "out", selection=run)
    assert [len(pick["frames"]) for pick in found.picks] == [LENGTH, LENGTH]
    assert found.summary["picks"] == 8
    assert (
        found.picks
        == library.select(
            data_set, tmp_path / "own", selection=config(DIVERSE, FAST), n=8, sequence_length=LENGTH
        ).picks
    )


def test_a_scheduled_run_in_a_file(data_set, tmp_path):
    run = scheduled(config(DIVERSE, proportion_samples=0.1), selected_sequence_length=LENGTH)
    (tmp_path / "run.json").write_text(json.dumps(run))
    found = library.select(data_set, tmp_path / "out", selection=tmp_path / "run.json")
    assert found.summary["picks"] == 8


@pytest.fixture
def listed(data_set, tmp_path) -> Path:
    """The data set with a list of relevant files."""
    for path in data_set.iterdir():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).symlink_to(path, target_is_directory=path.is_dir())
    (tmp_path / "in/.lightly").unlink()
    (tmp_path / "in/.lightly").mkdir()
    return tmp_path / "in"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("line", ["sub/*", "sub/night.mp4"])
def test_relevant_files(mode, line, listed, tmp_path):
    (listed / ".lightly/relevant.txt").write_text(f"{line}\n")
    run = scheduled(config(DIVERSE), relevant_filenames_file=".lightly/relevant.txt")
    found = library.select(listed, tmp_path / "out", selection=run, **MODES[mode])
    assert {pick["source"] for pick in found.picks} == {"sub/night.mp4"}
    assert turned_away(found, "not relevant") == set(range(DAY))
    assert found.summary["frames"] == FRAMES


def test_entries_that_name_no_file_are_noted(listed, tmp_path):
    (listed / ".lightly/relevant.txt").write_text("nigt.mp4\nsub/night.mp4\nsub/nihgt.mp4\n")
    run = scheduled(config(DIVERSE), relevant_filenames_file=".lightly/relevant.txt")
    found = library.select(listed, tmp_path / "out", selection=run, n=3, table=False)
    told = "relevant_filenames_file: 2 of 3 entries name no file that was looked at: "
    (note,) = [one for one in found.summary["notes"] if "entries" in one]
    assert note.startswith(told)
    assert "sub/nihgt.mp4 (did you mean sub/night.mp4?)" in note
    (finding,) = [one for one in check(run, lightly=listed) if "entries" in one.text]
    assert (finding.level, finding.place) == ("note", "relevant_filenames_file")


def test_a_list_of_relevant_files_that_is_not_there(listed, tmp_path):
    run = scheduled(config(DIVERSE), relevant_filenames_file=".lightly/relevnat.txt")
    with pytest.raises(UsageError, match=r"relevnat.txt: no such file"):
        library.select(listed, tmp_path / "out", selection=run, n=8)
    assert not (tmp_path / "out").exists()


def test_vectors_from_elsewhere_are_refused_by_pipelines():
    run = scheduled(config(DIVERSE), embeddings=".lightly/embeddings/own.csv")
    with pytest.raises(ValueError, match=r"worker_config.embeddings '.*own.csv': .*streamsel select"):
        ServiceConfig(selection=read_selection(run))


@pytest.mark.parametrize("mode", MODES)
def test_any_frame_of_a_sequence_names_it(mode, data_set, tmp_path):
    lists = [{"type": "EXCLUDE", "names": [name(6)]}, {"type": "INCLUDE", "names": [name(23), name(60)]}]
    selection = config(DIVERSE, FAST, constraints=lists)
    found = library.select(data_set, tmp_path / "out", selection=selection, sequence_length=LENGTH, **MODES[mode])
    assert turned_away(found, "excluded") == {4, 5, 6, 7}
    assert {20, 60} <= set(numbers(found))
