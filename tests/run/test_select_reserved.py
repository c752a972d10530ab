"""Frames that look like hundreds of others: what is known of them counts as if every frame were judged."""

from __future__ import annotations

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

import streamsel as library
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task
from streamsel.testing.videos import encode, moving_picture
from tests.run.drive import CARS, DIVERSE, EMBEDDINGS, RANDOM, WEIGHTS, config, entry

BEFORE, STILL, AFTER = 30, 240, 20
RARE = (81, 123, 165)
KIND = {"type": "METADATA", "key": "kind"}
VALUE = {"type": "METADATA", "key": "value"}
FEW = {"type": "AT_LEAST", "count": 2, "per": KIND, "classes": ["rare"]}
COMMON = {"type": "AT_MOST", "count": 4, "per": KIND, "classes": ["common"]}


def balance(**how):
    return entry(KIND, {"type": "BALANCE", **how})


@pytest.fixture(scope="module")
def shop(tmp_path_factory, quick_model):
    """Thirty frames in which much happens, a long still one with noise, of which three are rare, and twenty more."""
    folder = tmp_path_factory.mktemp("shop")
    noise = np.random.default_rng(0)
    still = moving_picture(9, 0).astype(int)
    pictures = [moving_picture(number, 0) for number in range(BEFORE)]
    pictures += [np.clip(still + noise.integers(-3, 4, still.shape), 0, 255).astype(np.uint8) for _ in range(STILL)]
    pictures += [moving_picture(number, 5) for number in range(AFTER)]
    with av.open(str(folder / "shop.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 160, 120, "yuv420p", 1
        encode(output, stream, pictures)
    told = folder / ".lightly"
    write_metadata_schema(told, [Entry("kind", "CATEGORICAL_STRING", "common"), Entry("value", "NUMERIC_FLOAT", 1.0)])
    for frame in RARE:
        write_metadata(told, f"shop-{frame}-mp4.png", {"kind": "rare", "value": 50.0}, "frame")
    write_task(told, CARS)
    for frame in range(len(pictures)):
        found = [Prediction(0, 0.9, bbox=(1.0, 1.0, 9.0, 9.0))] * (frame % 5)
        write_prediction(told, CARS, f"shop-{frame:03d}-mp4.png", found)
    return folder / "shop.mp4"


FREQUENCY = {"type": "SCORES", "task": "cars", "score": "object_frequency"}


@pytest.fixture
def choose(shop, tmp_path):
    """Selects six frames; gives their numbers and the summary."""

    def made(*entries, effort="normal", n=6, **top):
        asked = config(*entries, **top)
        found = library.select(shop, tmp_path / effort, selection=asked, n=n, effort=effort, table=False)
        return [pick["index"] for pick in found.picks], found.summary

    return made


def rare(picks):
    return sum(pick in RARE for pick in picks)


@pytest.mark.parametrize("effort", ["fast", "normal", "exact"])
def test_at_least_finds_the_few_there_are(effort, choose):
    picks, summary = choose(DIVERSE, constraints=[FEW], effort=effort)
    assert rare(picks) == 2
    assert summary["unmet"] == {}


@pytest.mark.parametrize(
    "how", [{"distribution": "TARGET", "target": {"rare": 0.5}}, {"distribution": "UNIFORM"}], ids=["target", "uniform"]
)
def test_shares_are_those_of_a_choice_among_all_frames(how, choose):
    (picks, summary), (all_picks, whole) = (choose(DIVERSE, balance(**how), effort=one) for one in ("normal", "exact"))
    assert rare(picks) == rare(all_picks) > 0
    shares, exact = (one["strategies"]["BALANCE kind"]["shares"] for one in (summary, whole))
    assert shares == exact
    assert shares["rare"]["target"] == 0.5


def test_the_largest_values_are_there_to_choose(choose):
    weights = entry(VALUE, WEIGHTS, strength=5.0)
    (picks, summary), (all_picks, whole) = (choose(DIVERSE, weights, effort=one) for one in ("normal", "exact"))
    assert rare(picks) == rare(all_picks) == len(RARE)
    assert summary["strategies"]["WEIGHTS value"] == pytest.approx(whole["strategies"]["WEIGHTS value"], rel=0.02)


@pytest.mark.parametrize("what", [RANDOM, VALUE, FREQUENCY], ids=["random", "value", "frequency"])
def test_the_mean_of_the_input_is_that_of_all_frames(what, choose):
    means = []
    for effort in ("normal", "exact"):
        _, summary = choose(DIVERSE, entry(what, WEIGHTS), effort=effort)
        means.append(next(told["input_mean"] for label, told in summary["strategies"].items() if "WEIGHTS" in label))
    assert means[0] == pytest.approx(means[1], abs=1e-9)


def test_at_most_and_a_gap_leave_as_many_as_all_frames_would(choose):
    limits = [{"type": "MIN_GAP", "seconds": 1}, COMMON]
    picks, _ = choose(DIVERSE, constraints=limits)
    assert len(picks) == len(choose(DIVERSE, constraints=limits, effort="exact")[0]) == 6
    assert rare(picks) == 2


def still(picks):
    return sum(BEFORE <= pick < BEFORE + STILL for pick in picks)


@pytest.mark.parametrize("strength", [1.0, -1.0])
def test_typicality_counts_the_frames_that_each_one_stands_for(strength, choose):
    typical = entry(EMBEDDINGS, {"type": "TYPICALITY", "num_nearest_neighbors": 100}, strength=strength)
    (picks, summary), (all_picks, whole) = (choose(typical, effort=effort) for effort in ("normal", "exact"))
    assert still(picks) == still(all_picks) == (6 if strength > 0 else 0)
    gains = [told["strategies"]["TYPICALITY"]["gain"] for told in (summary, whole)]
    assert gains[0] == pytest.approx(gains[1], abs=0.1 if strength > 0 else 1)


def test_what_looks_for_near_duplicates_judges_every_frame(choose):
    alike = entry(EMBEDDINGS, {"type": "DIVERSITY"}, strength=-1.0)
    (picks, summary), (all_picks, whole) = (choose(alike, effort=effort) for effort in ("normal", "exact"))
    assert picks == all_picks
    assert summary["drops"] == whole["drops"]
    assert [note for note in summary["notes"] if "every frame was embedded" in note]
    assert not whole["notes"]


def test_every_frame_is_told_of_once(choose, tmp_path):
    weights = entry(VALUE, WEIGHTS)
    picks, summary = choose(DIVERSE, weights, balance(distribution="UNIFORM"), constraints=[FEW])
    rows = pq.read_table(tmp_path / "normal" / "decisions.parquet").to_pylist()
    told = [index for row in rows for index in range(row["first"], row["first"] + row["count"])]
    assert sorted(told) == list(range(BEFORE + STILL + AFTER))
    assert all(0 <= row["nearest"] < len(picks) for row in rows if row["decision"] == "drop")
    assert sum(summary["drops"].values()) == BEFORE + STILL + AFTER - len(picks)


def test_a_stopped_run_goes_on_to_the_same_picks(shop, choose, tmp_path):
    asked = [DIVERSE, entry(VALUE, WEIGHTS), balance(distribution="UNIFORM")]
    blocks = iter(range(100))
    with pytest.raises(library.StreamselError, match="all is saved"):
        library.select(
            shop, tmp_path / "cut", selection=config(*asked), n=6, table=False, stopping=lambda: next(blocks) == 9
        )
    found = library.select(shop, tmp_path / "cut", selection=config(*asked), n=6, table=False)
    assert [pick["index"] for pick in found.picks] == choose(*asked)[0]
