"""What holds between configs and options."""

from __future__ import annotations

import json

import pytest

import streamsel as library
from streamsel.config import SelectConfig
from streamsel.testing.videos import scenes
from tests.run.drive import (
    COUNT,
    DIVERSE,
    DIVERSITY,
    EMBEDDINGS,
    FRAMES,
    MODES,
    SPEED,
    STREAM,
    UNIFORM,
    WEATHER,
    WEIGHTS,
    config,
    entry,
    name,
    numbers,
    threshold,
    turned_away,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.mark.parametrize("length", [1, 4])
def test_diversity_alone_picks_what_a_number_picks(length, data_set, tmp_path):
    plain = library.select(data_set, tmp_path / "plain", n=8, sequence_length=length)
    asked = library.select(data_set, tmp_path / "asked", selection=config(DIVERSE), n=8, sequence_length=length)
    said = library.select(data_set, tmp_path / "said", selection=config(DIVERSE, n_samples=8), sequence_length=length)
    assert plain.picks == asked.picks == said.picks
    for file in ("manifest.jsonl", "embeddings.npy", "decisions.parquet"):
        assert (plain.folder / file).read_bytes() == (said.folder / file).read_bytes()


def test_diversity_alone_keeps_what_a_distance_keeps(data_set, tmp_path):
    plain = library.select(data_set, tmp_path / "plain", min_distance=0.5)
    asked = library.select(data_set, tmp_path / "asked", selection=config(DIVERSE), min_distance=0.5)
    ratio = library.select(data_set, tmp_path / "ratio", **STREAM)
    said = library.select(data_set, tmp_path / "said", selection=config(DIVERSE), **STREAM)
    assert plain.picks == asked.picks
    assert ratio.picks == said.picks


def test_a_distance_to_stop_at_is_the_least_distance_of_a_stream(data_set, tmp_path):
    stop = entry(EMBEDDINGS, DIVERSITY, stopping_condition_minimum_distance=0.3)
    hard = config(DIVERSE, constraints=[{"type": "MIN_DISTANCE", "distance": 0.3}])
    plain = library.select(data_set, tmp_path / "plain", min_distance=0.3)
    assert library.select(data_set, tmp_path / "stop", selection=config(stop)).picks == plain.picks
    assert library.select(data_set, tmp_path / "hard", selection=hard).picks == plain.picks
    assert len(plain) > len(library.select(data_set, tmp_path / "own", selection=config(DIVERSE)))
    rated = library.select(data_set, tmp_path / "rated", selection=config(stop, entry(SPEED, WEIGHTS)), **STREAM)
    assert min(pick["distance"] for pick in rated.picks[1:]) >= 0.3


def test_all_of_them(data_set, tmp_path):
    selection = config(entry(SPEED, WEIGHTS), threshold(WEATHER, "NOT_IN", ["fog"]), n_samples=-1)
    found = library.select(data_set, tmp_path / "out", selection=selection)
    assert sorted(numbers(found)) == [frame for frame in range(FRAMES) if weather(frame) != "fog"]


@pytest.mark.parametrize(("share", "wanted"), [(0.1, 8), (1.0, FRAMES)])
def test_a_share_is_of_all_frames_that_were_looked_at(share, wanted, data_set, tmp_path):
    passing = [frame for frame in range(FRAMES) if weather(frame) != "fog"]
    selection = config(DIVERSE, threshold(WEATHER, "NOT_IN", ["fog"]), proportion_samples=share)
    found = library.select(data_set, tmp_path / "out", selection=selection)
    assert len(found) == min(wanted, len(passing))


def test_options_go_before_the_config(data_set, tmp_path):
    selection = config(DIVERSE, n_samples=12)
    assert len(library.select(data_set, tmp_path / "n", selection=selection, n=4)) == 4
    assert len(library.select(data_set, tmp_path / "p", selection=selection, proportion=0.05)) == 4
    assert library.select(data_set, tmp_path / "r", selection=selection, **STREAM).summary["target"] == 0.2
    assert (
        library.select(data_set, tmp_path / "d", selection=selection, min_distance=1.1).summary["goal"].endswith("more")
    )


def test_a_config_from_a_file_as_text_or_as_values_is_the_same(data_set, tmp_path):
    values = config(DIVERSE, entry(COUNT, WEIGHTS), n_samples=6)
    (tmp_path / "selection.json").write_text(json.dumps(values))
    forms = (values, json.dumps(values), tmp_path / "selection.json", str(tmp_path / "selection.json"))
    configs = [SelectConfig.of(sources=str(data_set), selection=form) for form in forms]
    assert all(one == configs[0] for one in configs)


@pytest.mark.parametrize("mode", MODES)
def test_where_blocks_and_files_end_changes_nothing(mode, tmp_path):
    """Two files are one run: constraints and shares go on over them, and names tell them apart."""
    for place in ("a", "b"):
        scenes(
            tmp_path / f"in/{place}.mp4" if (tmp_path / "in").exists() else _made(tmp_path / "in") / f"{place}.mp4",
            (1, 2),
            20,
        )
    quota = {"type": "AT_MOST", "count": 2, "per": {"type": "SOURCE"}}
    selection = config(DIVERSE, entry({"type": "RANDOM"}, WEIGHTS), constraints=[quota])
    goal = {"n": 4} if mode == "budget" else {"target_ratio": 0.2}
    found = library.select(tmp_path / "in", tmp_path / "out", selection=selection, **goal)
    assert sorted(pick["source"] for pick in found.picks) == ["a.mp4", "a.mp4", "b.mp4", "b.mp4"]


def _made(folder):
    folder.mkdir()
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_where_no_frame_passes_nothing_is_picked(mode, data_set, tmp_path):
    selection = config(DIVERSE, threshold(SPEED, "BIGGER", 1000))
    found = library.select(data_set, tmp_path / "out", selection=selection, **MODES[mode])
    assert len(found) == 0
    assert turned_away(found, "threshold gps.speed") == set(range(FRAMES))
    assert found.summary["reached"] == 0


def test_balance_counts_what_is_picked_not_what_is_seen(data_set, tmp_path):
    found = library.select(data_set, tmp_path / "out", selection=config(entry(WEATHER, UNIFORM)), n=12)
    shares = found.summary["strategies"]["BALANCE weather"]["shares"]
    assert {name: share["reached"] for name, share in shares.items()} == {
        kind: pytest.approx(1 / 3) for kind in ("sunny", "rain", "fog")
    }
    assert len(set(map(name, numbers(found)))) == 12
