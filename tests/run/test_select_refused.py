"""What is wrong is told in one line, with the nearest match, before anything is written or removed."""

from __future__ import annotations

import json

import pytest

import streamsel as library
from streamsel.errors import StreamselError
from tests.conftest import streamsel
from tests.run.drive import (
    BUDGET,
    CLASSES,
    DIVERSE,
    DIVERSITY,
    EMBEDDINGS,
    ENTROPY,
    LUMINANCE,
    MODES,
    RANDOM,
    SPEED,
    STREAM,
    TYPICALITY,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    entry,
)

pytestmark = pytest.mark.usefixtures("quick_model")

FAST = entry(SPEED, WEIGHTS)

ANYWHERE = {
    "a task": (
        config(entry({**ENTROPY, "task": "car"}, WEIGHTS)),
        r"^strategies\[0\].input.task: no task 'car' .*did you mean 'cars'",
    ),
    "a task of objects": (
        config(entry({**EMBEDDINGS, "task": "crs"}, DIVERSITY)),
        r"^strategies\[0\].input.task: no task 'crs' .*did you mean 'cars'",
    ),
    "a score": (
        config(entry({**ENTROPY, "score": "uncertainty_entrpy"}, WEIGHTS)),
        r"^strategies\[0\].input.score: .*uncertainty_entrpy.*did you mean 'uncertainty_entropy'",
    ),
    "a key": (
        config(DIVERSE, FAST, entry({**SPEED, "key": "gps.sped"}, WEIGHTS)),
        r"^strategies\[2\].input.key: .*gps.sped.*did you mean 'gps.speed'",
    ),
    "a key of a quota": (
        config(DIVERSE, constraints=[{"type": "AT_MOST", "count": 1, "per": {**WEATHER, "key": "wether"}}]),
        r"^constraints\[0\].per.key: .*wether.*did you mean 'weather'",
    ),
    "a measured key": (
        config(entry({**LUMINANCE, "key": "lightly.luminanc"}, WEIGHTS)),
        "lightly.luminanc.*did you mean 'lightly.luminance'",
    ),
    "a category": (
        config(
            entry({"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT", "categories": ["buss"]}, WEIGHTS)
        ),
        r"^strategies\[0\].input.categories: .*buss.*did you mean 'bus'",
    ),
    "a number as category": (config(entry(SPEED, UNIFORM)), "gps.speed.*NUMERIC_FLOAT"),
    "a category as number": (config(entry(WEATHER, WEIGHTS)), "weather.*CATEGORICAL_STRING"),
    "a list of names": (
        config(DIVERSE, constraints=[{"type": "EXCLUDE", "file": "nowhere.txt"}]),
        "nowhere.txt: cannot be read",
    ),
    "a class of a target": (
        config(entry(CLASSES, {"type": "BALANCE", "distribution": "TARGET", "target": {"buss": 1.0}})),
        "buss.*did you mean 'bus'",
    ),
    "a query set": (
        config(entry({**EMBEDDINGS, "query_set": "wanted"}, {"type": "SIMILARITY"})),
        r"^strategies\[0\].input: .*--query-set wanted=PATH",
    ),
}


def refused(data_set, out, selection, said, **options):
    with pytest.raises(StreamselError, match=said) as caught:
        library.select(data_set, out, selection=selection, **options)
    assert "\n" not in str(caught.value)
    assert not out.exists()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", ANYWHERE)
def test_unknown(what, mode, data_set, tmp_path):
    refused(data_set, tmp_path / "out", *ANYWHERE[what], **MODES[mode])


def test_a_query_set_that_is_not_there(data_set, tmp_path):
    selection = config(entry({**EMBEDDINGS, "query_set": "night"}, {"type": "SIMILARITY"}))
    said = r"^strategies\[0\].input: --query-set night=nowhere: does not exist"
    refused(data_set, tmp_path / "out", selection, said, query_sets={"night": "nowhere"}, **BUDGET)


def test_a_key_of_frames_beside_one_of_objects_names_its_own_place(data_set, tmp_path):
    label = {"type": "METADATA", "key": "label"}
    selection = config(entry(label, UNIFORM), entry({**SPEED, "key": "gps.sped"}, WEIGHTS))
    refused(data_set, tmp_path / "out", selection, r"^strategies\[1\].input.key", objects="cars", **BUDGET)


def test_a_task_of_objects_that_is_not_there(data_set, tmp_path):
    refused(
        data_set, tmp_path / "out", config(DIVERSE), "^--objects: .*'car'.*did you mean 'cars'", objects="car", **BUDGET
    )


def test_an_auto_task_is_not_called_as_a_task_with_predictions(data_set, tmp_path):
    tiles = {"type": "TILING", "name": "cars", "num_rows": 2, "num_cols": 2}
    selection = config(entry({**EMBEDDINGS, "task": "cars"}, DIVERSITY), auto_tasks=[tiles])
    said = r"^strategies\[0\]\.input\.task: .*'cars': is one of auto_tasks, and there are predictions of it"
    refused(data_set, tmp_path / "out", selection, said, **BUDGET)


def test_a_number_is_called_as_it_was_given(data_set, tmp_path):
    many = config(DIVERSE, n_samples=1000)
    refused(data_set, tmp_path / "out", many, "^n_samples 1000: there are only about 72 frames")
    refused(data_set, tmp_path / "out", config(DIVERSE), "^-n 1000: there are only about 72 frames", n=1000)
    refused(data_set, tmp_path / "out", config(DIVERSE, n_samples=7), "^n_samples 7 is no .* 8", sequence_length=4)


STREAMS = {
    "at least": (
        config(DIVERSE, constraints=[{"type": "AT_LEAST", "count": 2, "per": WEATHER}]),
        STREAM,
        r"^constraints\[0\]: AT_LEAST cannot be promised of a stream.*-n",
    ),
    "a sum": (config(entry(SPEED, WEIGHTS, stopping_condition_max_sum=5)), STREAM, "max_sum.*stream|stream.*max_sum"),
    "a range": (
        config(entry(SPEED, WEIGHTS, target_range={"min_sum": 1, "max_sum": 5})),
        STREAM,
        r"^strategies\[0\]: .*stream has no end.*target_range",
    ),
    "a distance of objects to stop at": (
        config(entry({**EMBEDDINGS, "task": "cars"}, DIVERSITY, stopping_condition_minimum_distance=0.3), FAST),
        STREAM,
        "DIVERSITY cars: a stream goes on; leave out stopping_condition_minimum_distance",
    ),
    "a typicality to stop at": (
        config(entry(EMBEDDINGS, TYPICALITY, stopping_condition_minimum_typicality=0.3), FAST),
        STREAM,
        "TYPICALITY: a stream goes on; leave out stopping_condition_minimum_typicality",
    ),
    "weights without a ratio": (config(DIVERSE, FAST), {"min_distance": 0.3}, "gps.speed.*target.ratio"),
    "random without a ratio": (config(entry(RANDOM, WEIGHTS)), {}, "target.ratio"),
    "balance without a ratio": (config(entry(WEATHER, UNIFORM)), {"min_distance": 0.3}, "target.ratio"),
}


@pytest.mark.parametrize("what", STREAMS)
def test_a_stream_refuses(what, data_set, tmp_path):
    selection, options, said = STREAMS[what]
    refused(data_set, tmp_path / "out", selection, said, **options)


def test_sequences_that_do_not_divide_the_number(data_set, tmp_path):
    out = tmp_path / "out"
    refused(data_set, out, config(DIVERSE), r"-n 10 .*use -n 8 or -n 12", n=10, sequence_length=4)
    refused(data_set, out, config(DIVERSE, n_samples=10), r"10.*8 or (-n )?12", sequence_length=4)
    run = {"worker_config": {"selected_sequence_length": 4}, "selection_config": config(DIVERSE, n_samples=10)}
    refused(data_set, out, run, r"n_samples 10 .*use 8 or 12")


def test_more_than_there_is(data_set, tmp_path):
    refused(data_set, tmp_path / "out", config(FAST, n_samples=100), "n_samples 100: there are only about 72 frames")


def test_a_day_is_not_known_of_these_files(data_set, tmp_path):
    quota = {"type": "AT_MOST", "count": 2, "per": {"type": "DAY"}}
    refused(
        data_set,
        tmp_path / "out",
        config(DIVERSE, constraints=[quota]),
        r"^constraints\[0\]\.per: day.mp4: its file does not say the day it was recorded on: .*METADATA 'day'",
        **BUDGET,
    )


def test_without_side_files_it_says_how_to_name_them(clip, tmp_path):
    refused(clip, tmp_path / "out", config(FAST), "no .lightly folder was found.*--lightly", n=5)
    refused(clip, tmp_path / "out", config(FAST), "neither a .lightly folder", n=5, lightly=tmp_path)


def test_an_earlier_run_is_not_removed_for_a_config_that_is_wrong(data_set, tmp_path):
    found = library.select(data_set, tmp_path / "out", n=4)
    wrong = config(entry({**SPEED, "key": "gps.sped"}, WEIGHTS))
    with pytest.raises(StreamselError, match=r"gps.sped"):
        library.select(data_set, tmp_path / "out", selection=wrong, n=4, fresh=True)
    assert library.select(data_set, tmp_path / "out", n=4).picks == found.picks


def test_another_selection_in_the_same_folder_is_another_run(data_set, tmp_path):
    library.select(data_set, tmp_path / "out", n=4)
    with pytest.raises(StreamselError, match=r"belongs to another run \(selection"):
        library.select(data_set, tmp_path / "out", selection=config(FAST), n=4)


def test_the_command_says_it_in_one_line(data_set, tmp_path):
    (tmp_path / "selection.json").write_text(json.dumps(ANYWHERE["a key"][0]))
    line = ["select", data_set, "-n", 5, "--selection", tmp_path / "selection.json", "-o", tmp_path / "out"]
    done = streamsel(*line, check=False)
    assert done.returncode == 2
    assert "gps.sped" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert not (tmp_path / "out").exists()


def test_a_value_that_is_missing_names_its_frame(data_set, tmp_path):
    """It is found on the way; what was seen before stays."""
    told = data_set / ".lightly/metadata/day-40-mp4.json"
    kept = told.read_text()
    try:
        told.unlink()
        with pytest.raises(
            StreamselError, match=r"day-40-mp4.png: METADATA gps.speed must be a number, nothing is known of it"
        ):
            library.select(data_set, tmp_path / "out", selection=config(FAST), n=5)
    finally:
        told.write_text(kept)
    assert len(library.select(data_set, tmp_path / "out", selection=config(FAST), n=5)) == 5


def test_a_file_of_predictions_that_is_broken_names_itself_and_the_other_videos_go_on(data_set, tmp_path):
    told = data_set / ".lightly/predictions/cars/day-41-mp4.json"
    kept = told.read_text()
    try:
        told.write_text('{"file_name": "x", "predictions": [{"category_id": 9}]}')
        found = library.select(data_set, tmp_path / "out", selection=config(entry(ENTROPY, WEIGHTS), FAST), n=5)
    finally:
        told.write_text(kept)
    assert "cars/day-41-mp4.json: predictions[0]" in found.summary["failed"]["day.mp4"]
    assert found.summary["frames"] == 41 + 24
    assert len(found) == 5
