"""The command from files in to files out."""

from __future__ import annotations

import json
import shutil

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import streamsel as library
from streamsel.run.workspace import Workspace
from streamsel.testing.videos import pictures
from tests.conftest import inside, streamsel

STREAMS = (["-n", "6"], ["--proportion", "0.05"], ["--min-distance", "0.5"], ["--target-ratio", "0.1"], [])


@pytest.mark.parametrize("goal", STREAMS, ids=" ".join)
def test_every_file_is_there_and_they_agree(goal, clip, tmp_path):
    out = tmp_path / "out"
    streamsel("select", clip, "-o", out, *goal)
    found = library.Selection.load(out)
    table = pq.read_table(out / "manifest.parquet").to_pylist()
    assert [row["id"] for row in table] == [pick["id"] for pick in found.picks]
    vectors = np.load(out / "embeddings.npy")
    assert vectors.shape == (len(found), 1280)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for pick in found.picks:
        assert pick["file"] == f"frames/six-{pick['index']:03d}-mp4.jpg"
        assert Image.open(out / pick["file"]).size == (160, 120)
    assert len(list((out / "frames").iterdir())) == len(found) == found.summary["picks"]
    decisions = pq.read_table(out / "decisions.parquet").to_pylist()
    assert sum(row["count"] for row in decisions) == 120
    assert sum(row["count"] for row in decisions if row["decision"] == "pick") == len(found)
    assert sum(found.summary["drops"].values()) == 120 - len(found)
    assert found.summary["statistics"]["original"]["samples"] == 120
    assert all(0 <= row["nearest"] < len(found) for row in decisions if row["decision"] == "drop")
    assert not (out / "sequence_information.json").exists()


def test_the_frames_written_are_those_of_the_manifest(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "6", "--format", "png", "-q")
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    for pick in library.Selection.load(tmp_path / "out").picks:
        written = np.asarray(Image.open(tmp_path / "out" / pick["file"]).convert("RGB")).astype(int)
        assert np.abs(written - frames[pick["index"]]).mean() < 3
        assert pick["time"] == pytest.approx(pick["index"] / 25)


def test_every_scene_is_found(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "8", "-q")
    scenes = {(0, 1, 2, 0, 3, 4)[p["index"] // 20] for p in library.Selection.load(tmp_path / "out").picks}
    assert scenes == {0, 1, 2, 3, 4}


def test_sequences(clip, tmp_path):
    out = tmp_path / "out"
    inside("select", clip, "-o", out, "-n", "12", "--sequence-length", "4", "-q")
    found = library.Selection.load(out)
    assert [len(pick["frames"]) for pick in found.picks] == [4, 4, 4]
    told = json.loads((out / "sequence_information.json").read_text())
    for pick, entry in zip(found.picks, told, strict=True):
        first = pick["index"]
        assert pick["sequence"] == first // 4
        assert entry["video_name"] == "six.mp4"
        assert entry["frame_indices"] == [first, first + 1, first + 2, first + 3]
        assert entry["frame_names"] == [f"six-{first + k:03d}-mp4.jpg" for k in range(4)]
        assert len(entry["frame_timestamps_pts"]) == len(entry["frame_timestamps_sec"]) == 4
    assert len(list((out / "frames").iterdir())) == 12


def test_a_proportion_of_sequences_is_rounded_up(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "--proportion", "0.04", "--sequence-length", "4", "-q")
    assert library.Selection.load(tmp_path / "out").summary["picks"] == 8


def test_clips(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "8", "--sequence-length", "4", "--format", "clip", "-q")
    files = sorted((tmp_path / "out/frames").iterdir())
    assert len(files) == 2
    with av.open(str(files[0])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_size_and_crop(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "3", "--crop", "100:80:10:20", "--size", "50", "-q")
    sizes = {Image.open(path).size for path in (tmp_path / "out/frames").iterdir()}
    assert sizes == {(50, 40)}


LOOKING = {
    ("--every", "10"): lambda index: index % 10 == 0,
    ("--fps", "5"): lambda index: index % 5 == 0,
    ("--start", "2"): lambda index: index >= 50,
    ("--end", "2"): lambda index: index <= 50,
    ("--start", "1", "--duration", "1"): lambda index: 25 <= index <= 50,
}


@pytest.mark.parametrize("options", LOOKING, ids=" ".join)
def test_what_is_looked_at(options, clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "5", *options, "-q")
    found = library.Selection.load(tmp_path / "out")
    assert len(found) == 5
    assert all(LOOKING[options](pick["index"]) for pick in found.picks)


def test_key_frames_alone(clip, tmp_path):
    with av.open(str(clip)) as container:
        keys = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    inside("select", clip, "-o", tmp_path / "out", "-n", "5", "--keyframes", "-q")
    picks = library.Selection.load(tmp_path / "out").picks
    assert len(picks) == 5
    assert {pick["index"] for pick in picks} <= set(keys)
    assert all(pick["index_exact"] is False for pick in picks)


def test_a_folder_of_pictures_is_copied_as_it_is(tmp_path):
    pictures(tmp_path / "shots", 8)
    inside("select", tmp_path / "shots", "-o", tmp_path / "out", "-n", "3", "-q")
    for pick in library.Selection.load(tmp_path / "out").picks:
        original = tmp_path / "shots" / pick["file"].rpartition("/")[2]
        assert (tmp_path / "out" / pick["file"]).read_bytes() == original.read_bytes()


def test_folders_below_the_folder_come_out_below_frames(clip, tmp_path):
    (tmp_path / "videos/a b/ü").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "videos/a b/ü/six.mp4")
    inside("select", tmp_path / "videos", "-o", tmp_path / "out", "-n", "2", "-q")
    assert len(list((tmp_path / "out/frames/a b/ü").iterdir())) == 2


def test_the_same_command_again_says_that_all_is_done_and_writes_nothing(clip, tmp_path):
    first = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    second = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3")
    assert " s (" not in second.stdout
    assert second.stderr == ""
    kept = [line for line in first.stdout.splitlines() if line.startswith("kept ")]
    told = f"{tmp_path / 'out'}: complete already, with 3 of 120 frames kept"
    assert second.stdout.splitlines() == [told if line in kept else line for line in first.stdout.splitlines()]
    assert {p: t for p, t in before.items() if "state.db" not in p.name} == {
        path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if "state.db" not in path.name
    }


def test_json_is_lines_of_json(clip, tmp_path):
    done = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3", "--json")
    events = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert events[-1]["event"] == "progress" or "done" in {event["event"] for event in events}
    done = next(event for event in events if event["event"] == "done")
    assert done["picks"] == 3
    assert "complete_already" not in done
    again = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3", "--json")
    assert json.loads(again.stdout) == done | {"complete_already": True}


def test_only_new_without_anything_new_says_that_all_is_done(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "3")
    done = inside("select", clip, "-o", tmp_path / "out", "-n", "3", "--only-new")
    assert "complete already" in done.stdout


def test_quiet_says_nothing(clip, tmp_path):
    done = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3", "--quiet")
    assert done.stdout + done.stderr == ""
    done = streamsel("select", clip, "-o", tmp_path / "own", "-n", "3", "--quiet", "--json")
    assert json.loads(done.stdout)["picks"] == 3
    assert done.stderr == ""


def test_a_dry_run_does_nothing(clip, tmp_path):
    done = inside("select", clip, "-o", tmp_path / "out", "-n", "3", "--dry-run")
    assert "six.mp4" in done.stdout
    assert "120" in done.stdout
    assert not (tmp_path / "out").exists()


def test_dry_run_counts_the_frames_between_the_times(clip, tmp_path):
    line = ["select", clip, "-o", tmp_path / "out", "-n", "3", "--dry-run"]
    assert "about 30 frames;" in inside(*line, "--start", "1", "--duration", "1.2").stdout
    assert "about 10 frames;" in inside(*line, "--end", "0.8", "--every", "2").stdout
    assert "about 5 frames;" in inside(*line, "--fps", "5", "--duration", "1").stdout
    assert "is over by then" in inside(*line, "--start", "60", check=False).stderr


def test_inspect_shows_the_table_again(clip, tmp_path):
    first = streamsel("select", clip, "-o", tmp_path / "out", "-n", "3")
    assert "Covering Radius" in first.stdout
    assert streamsel("inspect", tmp_path / "out").stdout == first.stdout
    done = streamsel("inspect", tmp_path, check=False)
    assert done.returncode == 2
    assert "holds no finished run" in done.stderr


def test_inspect_says_what_to_do_about_a_run_that_was_interrupted(tmp_path):
    Workspace(tmp_path / "out").store.close()
    done = inside("inspect", tmp_path / "out", check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"streamsel: {tmp_path / 'out'}: holds a run that is not finished: give the command that began it again,"
        " and it goes on\n"
    )
    assert "there is no such folder" in inside("inspect", tmp_path / "gone", check=False).stderr


def test_the_python_function_is_the_command(clip, tmp_path):
    streamsel("select", clip, "-o", tmp_path / "out", "-n", "3", "-q")
    found = library.select(clip, tmp_path / "own", n=3)
    assert found.picks == library.Selection.load(tmp_path / "out").picks
