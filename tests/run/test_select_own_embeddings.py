"""The user's own embeddings in place of a model: found by the names of frames, and as good as what made them."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import streamsel as library
from streamsel.embed.pooling import pool
from streamsel.errors import ModelError, SourceError, StateError, UsageError
from streamsel.run.going import Interrupted
from tests.conftest import killed, outputs
from tests.run.drive import (
    DAY,
    DIVERSE,
    EMBEDDINGS,
    FRAMES,
    LUMINANCE,
    SIMILARITY,
    SPEED,
    TYPICALITY,
    WEATHER,
    WEIGHTS,
    config,
    decisions,
    entry,
    name,
    number,
    numbers,
    threshold,
)

pytestmark = pytest.mark.usefixtures("quick_model")

RUNS = {
    "diversity": ({"selection": config(DIVERSE)}, {"n": 9}),
    "a proportion": ({}, {"proportion": 0.1}),
    "several goals": (
        {
            "selection": config(
                DIVERSE,
                entry(EMBEDDINGS, TYPICALITY),
                entry(SPEED, WEIGHTS),
                threshold(WEATHER, "NOT_IN", ["fog"]),
                constraints=[{"type": "AT_MOST", "count": 4, "per": {"type": "SOURCE"}}],
            )
        },
        {"n": 8},
    ),
    "sequences": ({"selection": config(DIVERSE)}, {"n": 12, "sequence_length": 4}),
    "no embeddings read": ({"selection": config(entry(SPEED, WEIGHTS))}, {"n": 5}),
}
STREAMS = {
    "distance": {"min_distance": 0.5},
    "ratio": {"target_ratio": 0.2},
    "sequences": {"target_ratio": 0.25, "sequence_length": 2},
}


@pytest.fixture(scope="module")
def vectors(data_set, tmp_path_factory, quick_model):
    """Of every frame, by the model, in the order looked at."""
    found = library.select(data_set, tmp_path_factory.mktemp("all") / "out", n=FRAMES, effort="exact")
    made = np.empty((FRAMES, quick_model.dim), np.float32)
    made[list(map(number, found.picks))] = np.load(found.folder / "embeddings.npy")
    return made


@pytest.fixture(scope="module")
def own(vectors, tmp_path_factory):
    return written(tmp_path_factory.mktemp("own") / "own.csv", map(name, range(FRAMES)), vectors)


def written(path: Path, names, vectors) -> Path:
    """As the product's users have it."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["filenames", *(f"embedding_{place}" for place in range(vectors.shape[1])), "labels"])
        lines.writerows([called, *map(str, row), 0] for called, row in zip(names, vectors, strict=True))
    return path


def same_choice(ours, theirs):
    """Picks and all that is told of them."""
    assert [{**pick, "file": ""} for pick in ours.picks] == [{**pick, "file": ""} for pick in theirs.picks]
    assert (ours.folder / "embeddings.npy").read_bytes() == (theirs.folder / "embeddings.npy").read_bytes()
    assert ours.summary["statistics"] == theirs.summary["statistics"]


@pytest.mark.parametrize("run", RUNS)
def test_vectors_of_the_model_choose_as_the_model_does(run, data_set, own, tmp_path):
    selection, goal = RUNS[run]
    theirs = library.select(data_set, tmp_path / "model", effort="exact", **selection, **goal)
    ours = library.select(data_set, tmp_path / "own", embeddings=own, **selection, **goal)
    same_choice(ours, theirs)
    assert len(ours) > 2
    assert ours.summary["embeddings"]["rows"] == FRAMES
    assert ours.summary["model"] == f"table of {ours.summary['embeddings']['dim']} numbers"


@pytest.mark.parametrize("mode", STREAMS)
def test_a_stream_decides_on_every_frame_as_a_selector_does_that_is_offered_all(mode, data_set, own, vectors, tmp_path):
    goal = dict(STREAMS[mode])
    ours = library.select(data_set, tmp_path / "own", embeddings=own, **goal)
    length = goal.pop("sequence_length", 1)
    rows = np.stack([pool(vectors[at : at + length]) if length > 1 else vectors[at] for at in range(0, FRAMES, length)])
    selector = library.Selector(**goal)
    kept = [place * length for place, row in enumerate(rows) if selector.offer(row).keep]
    assert numbers(ours) == kept
    assert 2 < len(kept) < FRAMES
    assert "held" not in {row["reason"] for row in decisions(ours)}


@pytest.mark.parametrize("run", [*RUNS, *STREAMS])
def test_stopped_after_every_block_it_ends_like_one_that_was_not(run, data_set, own, tmp_path):
    selection, goal = RUNS[run] if run in RUNS else ({}, STREAMS[run])
    library.select(data_set, tmp_path / "whole", embeddings=own, **selection, **goal)
    stops = 0
    while True:
        try:
            library.select(data_set, tmp_path / "out", embeddings=own, stopping=lambda: True, **selection, **goal)
        except Interrupted:
            stops += 1
        else:
            break
    assert stops >= FRAMES // 16
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


@pytest.mark.parametrize("goal", ["-n 12", "--min-distance 0.2"])
def test_killed_at_any_moment_it_ends_like_one_that_was_not(goal, data_set, own, tmp_path):
    line = ["select", data_set, *goal.split(), "--embeddings", own, "-q", "-o"]
    dice = random.Random(goal)
    killed(line, tmp_path, [dice.uniform(0.3, 0.95) for _ in range(3)])
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")


@pytest.mark.parametrize(
    "called",
    [
        lambda frame: name(frame).replace(".png", ".jpg"),
        lambda frame: name(frame).removesuffix(".png"),
        lambda frame: name(frame).replace("mp4.png", "MP4.PNG"),
        lambda frame: name(frame).replace("-0", "-"),
        lambda frame: name(frame).replace("day-", "day-000"),
    ],
    ids=["another format", "no format", "capitals", "unpadded", "padded more"],
)
def test_frames_are_found_however_their_names_are_written(called, data_set, own, vectors, tmp_path):
    theirs = library.select(data_set, tmp_path / "as in 4.3", embeddings=own, n=5)
    other = written(tmp_path / "other.csv", map(called, range(FRAMES)), vectors)
    same_choice(library.select(data_set, tmp_path / "otherwise", embeddings=other, n=5), theirs)


@pytest.mark.parametrize("kind", ["parquet", "npy", "a run", "a choice"])
def test_any_table_that_choose_reads_will_do(kind, data_set, own, vectors, tmp_path):
    names = [name(frame) for frame in range(FRAMES)]
    path = tmp_path / f"own.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"file_name": names, "embedding": list(vectors)}), path)
    elif kind == "npy":
        np.save(path, vectors)
        (tmp_path / "filenames.txt").write_text("\n".join(names) + "\n")
    elif kind == "a run":
        library.select(data_set, path, n=FRAMES, effort="exact", table=False)
    else:
        library.choose(own, path, n=FRAMES)
    ours = library.select(data_set, tmp_path / "out", embeddings=path, n=6)
    same_choice(ours, library.select(data_set, tmp_path / "csv", embeddings=own, n=6))


@pytest.mark.parametrize("goal", [{"n": 6}, {"min_distance": 0.1}, {"n": 8, "sequence_length": 4}], ids=str)
def test_frames_without_a_vector_are_turned_away_and_counted(goal, data_set, vectors, tmp_path):
    missing = {3, 4, 5, 40, 70}
    length = goal.get("sequence_length", 1)
    away = {frame for frame in range(FRAMES) if {frame // length * length + k for k in range(length)} & missing}
    known = [frame for frame in range(FRAMES) if frame not in missing]
    path = written(tmp_path / "some.csv", map(name, known), vectors[known])
    found = library.select(data_set, tmp_path / "out", embeddings=path, **goal)
    assert not {number(pick) for pick in found.picks} & away
    assert found.summary["drops"]["no embedding"] == len(away)
    assert sum(found.summary["drops"].values()) + len(found) * length == FRAMES
    (told,) = [note for note in found.summary["notes"] if "no vector" in note]
    assert told.startswith(
        f"{path} has no vector of {len(away)} frames, that of index {min(away)} in day.mp4 the first"
    )


def test_names_of_the_lightly_folder_are_relative_to_where_it_lies(data_set, vectors, tmp_path):
    shutil.copytree(data_set, tmp_path / "in/cars", ignore=shutil.ignore_patterns(".lightly"))
    (tmp_path / "in/.lightly/embeddings").mkdir(parents=True)
    path = tmp_path / "in/.lightly/embeddings/own.csv"
    written(path, (f"cars/{name(frame)}" for frame in range(FRAMES)), vectors)
    plain = library.select(data_set, tmp_path / "model", n=6, effort="exact")
    for place, told in enumerate(("own.csv", "embeddings/own.csv", ".lightly/embeddings/own.csv")):
        selection = {"worker_config": {"embeddings": told}, "selection_config": {"n_samples": 6, **config(DIVERSE)}}
        ours = library.select(tmp_path / "in/cars", tmp_path / f"out {place}", selection=selection)
        same_choice(ours, plain)
    same_choice(library.select(tmp_path / "in/cars", tmp_path / "option", embeddings=path, n=6), plain)
    selection = {"worker_config": {"embeddings": "else.csv"}, "selection_config": config(DIVERSE)}
    with pytest.raises(UsageError, match=r"\.lightly/embeddings/else\.csv: no such file; put it there"):
        library.select(tmp_path / "in/cars", tmp_path / "none", selection=selection, n=6)
    selection["worker_config"]["embeddings"] = "../else.csv"
    with pytest.raises(UsageError, match=r"must be the name of a file in \.lightly/embeddings/"):
        library.select(tmp_path / "in/cars", tmp_path / "none", selection=selection, n=6)
    shutil.copy(data_set / "day.mp4", tmp_path / "alone.mp4")
    with pytest.raises(UsageError, match=r"no \.lightly folder was found"):
        library.select(tmp_path / "alone.mp4", tmp_path / "none", selection=selection, n=6)
    assert not (tmp_path / "none").exists()


def test_pictures_are_found_by_their_names(tmp_path, quick_model):
    dice = np.random.default_rng(4)
    pictures = dice.integers(0, 255, (12, 48, 64, 3), np.uint8)
    for place, pixels in enumerate(pictures):
        folder = tmp_path / "in" / ("front" if place % 2 else "rear")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"shot-{place:03d}-left.png")
    called = [f"{'front' if place % 2 else 'rear'}/shot-{place:03d}-left.png" for place in range(12)]
    rows = quick_model.embed(pictures)
    theirs = library.select(tmp_path / "in", tmp_path / "model", n=5, effort="exact")
    for kind, names in {"whole": called, "bare": [one.removesuffix(".png") for one in called]}.items():
        path = written(tmp_path / f"{kind}.csv", names, rows)
        same_choice(library.select(tmp_path / "in", tmp_path / kind, embeddings=path, n=5), theirs)
    others = written(tmp_path / "others.csv", [one.replace(".png", ".jpg") for one in called], rows)
    with pytest.raises(UsageError, match=r"has no vector of front \(nor of 1 more sources\): it names 'rear/shot"):
        library.select(tmp_path / "in", tmp_path / "none", embeddings=others, n=5)


def test_what_can_be_told_before_is_told_before(data_set, own, vectors, tmp_path):
    out = tmp_path / "out"
    half = written(tmp_path / "half.csv", map(name, range(DAY)), vectors[:DAY])

    def refused(error, told, source=data_set, **options):
        with pytest.raises(error, match=told) as raised:
            library.select(source, out, **{"embeddings": own, "n": 5, **options})
        assert "\n" not in str(raised.value)
        assert not out.exists()

    refused(UsageError, r"half.csv: has no vector of sub/night.mp4: it names 'day-00-mp4.png'", embeddings=half)
    refused(UsageError, "--model and --embeddings exclude each other", model="torchvision:resnet18")
    refused(UsageError, "--objects cars: --embeddings has vectors of frames alone", objects="cars")
    learned = {"selection_config": config(DIVERSE), "lightly_config": {"model": {"num_ftrs": 33}}}
    refused(UsageError, r"lightly_config\.model\.num_ftrs is 33, and the embeddings of .*own\.csv", selection=learned)
    crops = entry({**EMBEDDINGS, "task": "cars"}, {"type": "DIVERSITY"})
    refused(UsageError, r"strategies\[1\]\.input\.task: .* not of their objects", selection=config(DIVERSE, crops))
    refused(UsageError, "camera/one: is live", source="rtsp://camera/one", duration=5)
    refused(ModelError, "no novelty distance; say how much to keep by -n", n=None)
    alike = config(entry({**EMBEDDINGS, "query_set": "q"}, SIMILARITY))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(pictures / "a.png")
    refused(
        UsageError,
        r"strategies\[0\]\.input: pictures cannot be embedded where .*own.csv has the vectors",
        selection=alike,
        query_sets={"q": str(pictures)},
    )
    library.select(data_set, out, embeddings=own, n=5, selection=alike, query_sets={"q": str(own)})


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["day-00-mp4.png,1,0", "day-01-mp4.png,nan,0"], r'row 1 \("day-01-mp4.png"\): NaN or infinity'),
        (["day-00-mp4.png,1,0", "day-01-mp4.png,0,0"], r'row 1 \("day-01-mp4.png"\): its vector is all zeros'),
        (["day-00-mp4.png,1,0", "day-01-mp4.png,1"], "Expected 3 columns, got 2"),
        (["day-00-mp4.png,1,0", "day-00-mp4.png,1,1"], 'are both named "day-00-mp4.png"'),
        ([], "holds no row"),
    ],
    ids=["NaN", "zeros", "shorter", "twice", "nothing"],
)
def test_a_table_that_makes_no_sense_is_refused(lines, told, data_set, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["filenames,embedding_0,embedding_1", *lines]) + "\n")
    with pytest.raises(SourceError, match=told):
        library.select(data_set, tmp_path / "out", embeddings=path, n=1)


def test_rows_without_names_or_vectors_are_refused(data_set, vectors, tmp_path):
    np.save(tmp_path / "own.npy", vectors)
    with pytest.raises(SourceError, match=r"its rows have no names, .* one a line into filenames\.txt beside it"):
        library.select(data_set, tmp_path / "out", embeddings=tmp_path / "own.npy", n=1)
    (tmp_path / "filenames.txt").write_text("a\nb\n")
    with pytest.raises(SourceError, match=r"filenames\.txt: names 2 rows, and own\.npy has 72"):
        library.select(data_set, tmp_path / "out", embeddings=tmp_path / "own.npy", n=1)
    (tmp_path / "own.csv").write_text("filenames,labels\nday-00-mp4.png,0\n")
    with pytest.raises(SourceError, match="holds no embeddings"):
        library.select(data_set, tmp_path / "out", embeddings=tmp_path / "own.csv", n=1)


def test_another_file_is_another_run(data_set, own, vectors, tmp_path):
    first = library.select(data_set, tmp_path / "out", embeddings=own, n=5)
    moved = tmp_path / "moved.csv"
    shutil.copy(own, moved)
    assert library.select(data_set, tmp_path / "out", embeddings=moved, n=5).complete_already
    other = written(tmp_path / "other.csv", map(name, range(FRAMES)), vectors[::-1])
    with pytest.raises(StateError, match=r"belongs to another run \(embeddings: ") as raised:
        library.select(data_set, tmp_path / "out", embeddings=other, n=5)
    assert first.summary["embeddings"]["sha256"][:12] in str(raised.value)
    with pytest.raises(StateError, match="belongs to another run"):
        library.select(data_set, tmp_path / "out", n=5)


@pytest.mark.parametrize("goal", [{"n": 4}, {"min_distance": 0.4}], ids=str)
def test_only_new_takes_a_table_that_grew(goal, data_set, own, vectors, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    shutil.copy(data_set / "day.mp4", folder)
    half = written(tmp_path / "half.csv", map(name, range(DAY)), vectors[:DAY])
    first = library.select(folder, out, embeddings=half, **goal)
    shutil.copytree(data_set / "sub", folder / "sub")
    with pytest.raises(UsageError, match=r"half.csv: has no vector of sub/night.mp4"):
        library.select(folder, out, embeddings=half, only_new=True, **goal)
    turned = written(tmp_path / "turned.csv", map(name, range(FRAMES)), np.roll(vectors, 1, axis=1))
    with pytest.raises(StateError, match="than it was picked with: vectors of two models do not go together"):
        library.select(folder, out, embeddings=turned, only_new=True, **goal)
    second = library.select(folder, out, embeddings=own, only_new=True, **goal)
    assert second.picks[: len(first)] == first.picks
    assert {pick["source"] for pick in second.picks[len(first) :]} == {"sub/night.mp4"}


def test_a_pool_of_select_and_one_of_choose_are_one(data_set, own, tmp_path):
    library.choose(own, tmp_path / "chosen", n=3, pool=tmp_path / "pool.parquet")
    found = library.select(data_set, tmp_path / "out", embeddings=own, n=4, pool=tmp_path / "pool.parquet")
    earlier = {pick["id"] for pick in library.Selection.load(tmp_path / "chosen").picks}
    assert not {name(number(pick)) for pick in found.picks} & earlier
    assert json.loads((tmp_path / "out/summary.json").read_text())["model"].startswith("table of ")
    again = library.choose(own, tmp_path / "more", n=3, pool=tmp_path / "pool.parquet")
    assert not {pick["id"] for pick in again.picks} & earlier


def test_a_plan_tells_where_vectors_come_from(data_set, own):
    assert library.plan(data_set, embeddings=own, n=4).model == str(own)


def test_what_changes_nothing_is_told(data_set, own, tmp_path):
    found = library.select(data_set, tmp_path / "out", embeddings=own, n=4, effort="fast", device="cpu")
    assert [note.partition(" ")[0] for note in found.summary["notes"]] == ["--device", "--effort"]
    measured = config(DIVERSE, threshold(LUMINANCE, "BIGGER", 0))
    assert not library.select(data_set, tmp_path / "plain", embeddings=own, n=4, selection=measured).summary["notes"]
