"""A user's mistake is one clear line on standard error, the right exit code, and no traceback."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from streamsel.testing import nasty
from tests.conftest import inside, streamsel


def refused(*arguments: object, code: int = 2) -> str:
    """The one line that the command says, after checking that it is one."""
    done = inside(*arguments, check=False)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("watching:", "judging:", "writing:"))]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("failed: " if code == 3 else "streamsel: ")
    assert "internal error" not in lines[0]
    return lines[0]


WRONG_OPTIONS = {
    ("-n", "0"): "-n: input should be greater than or equal to 1, got 0",
    ("-n", "100000"): "there are only about 120 frames",
    ("--proportion", "1.5"): "--proportion: input should be less than or equal to 1, got 1.5",
    ("--target-ratio", "2"): "--target-ratio: input should be less than or equal to 1, got 2",
    ("--min-distance", "-1"): "--min-distance",
    ("-n", "5", "--target-ratio", "0.1"): "-n and --target-ratio exclude each other",
    ("--every", "2", "--keyframes"): "--every and --keyframes exclude each other",
    ("-n", "10", "--sequence-length", "4"): "use -n 8 or -n 12",
    ("-n", "3", "--sequence-length", "4"): "use -n 4",
    ("-n", "5", "--format", "clip"): "--format clip needs --sequence-length",
    ("-n", "5", "--format", "bmp"): "'bmp'",
    ("-n", "5", "--quality", "101"): "--quality",
    ("-n", "5", "--crop", "10x10"): "write W:H:X:Y",
    ("-n", "5", "--start", "soon"): "'soon' is not a time",
    ("-n", "5", "--start", "9"): "--start 9: six.mp4 is over by then; begin earlier",
    ("-n", "5", "--start", "3", "--end", "2"): "--end 2: must be later than --start 3",
    ("-n", "5", "--start", "3", "--end", "2", "--dry-run"): "--end 2: must be later than --start 3",
    ("-n", "5", "--end", "0"): "--end 0: must be later than --start 0",
    ("-n", "5", "--duration", "0"): "--duration 0: that is no time at all; give more than 0",
    ("-n", "60", "--start", "3"): "there are only about 45 frames",
    ("-n", "60", "--fps", "5"): "there are only about 24 frames",
    ("-n", "60", "--keyframes"): "frames to look at; ask for",
    ("-n", "5", "--fps", "0/0"): "--fps",
    ("-n", "5", "--effort", "huge"): "'huge'",
    ("--target-ratio", "0.1", "--effort", "exact"): "--effort goes with -n or --proportion",
    ("-n", "5", "--model", "nothing.onnx"): "nothing.onnx",
    ("-n", "5", "--model", "torchvision:none_such"): "none_such",
    ("-n", "five"): "invalid value for '-n'",
    ("-n", "12.5"): "streamsel select --help tells",
    ("--nope",): "no such option: --nope",
}


@pytest.mark.parametrize("options", WRONG_OPTIONS, ids=" ".join)
def test_wrong_options(options, clip, tmp_path):
    assert WRONG_OPTIONS[options] in refused("select", clip, "-o", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


SAID = {0: ("--version",), 1: ("select", "none.mp4", "-o", "out"), 2: ("select", "a.mp4", "-o", "out", "-n", "0")}


@pytest.mark.parametrize("code", SAID)
def test_a_process_of_its_own_says_the_same(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here, there = inside(*SAID[code], check=False), streamsel(*SAID[code], check=False)
    assert here.returncode == there.returncode == code
    assert (here.stdout, here.stderr) == (there.stdout, there.stderr)
    assert (here.stdout + here.stderr).count("\n") == 1


def test_a_command_line_that_lacks_something(clip):
    assert "missing option '-o'" in refused("select", clip)
    assert "no such command 'choosy'" in refused("choosy")


WRONG_MODELS = {
    "no archive.pt2": (b"no model", "make one by torch.export.save"),
    "half.pt2": (b"PK\x03\x04" + bytes(100), "make one by torch.export.save"),
    "text.onnx": (b"this is no model", "make one by torch.onnx.export"),
    "half.onnx": (b"\x08\x09\x3a\x47\x0a\x19", "make one by torch.onnx.export"),
    "odd.onnx": (b"\x08\x09\x3a\x02\x08\x01", "OpenVINO cannot read it; make it anew"),
    "text.xml": (b"this is no model", "make one by openvino.save_model"),
    "page.xml": (b"<html><body/></html>", "make one by openvino.save_model"),
    "half.xml": (b"<?xml version='1.0'?><net name='x'", "OpenVINO cannot read it; make it anew"),
    "weights.pth": (b"", "give torchvision:NAME and these as its weights"),
}


@pytest.mark.parametrize("name", WRONG_MODELS)
def test_a_model_file_of_the_wrong_kind(name, clip, tmp_path):
    content, advice = WRONG_MODELS[name]
    (tmp_path / name).write_bytes(content)
    text = refused("select", clip, "-o", tmp_path / "out", "-n", "3", "--model", tmp_path / name)
    assert name in text
    assert advice in text


@pytest.mark.parametrize("name", ["clip.onnx", "clip.xml", "clip.pt2"])
def test_a_video_is_no_model(name, clip, tmp_path):
    shutil.copy(clip, tmp_path / name)
    assert "; make one by" in refused("select", clip, "-o", tmp_path / "out", "--model", tmp_path / name)


def test_a_model_file_that_is_not_there(clip, tmp_path):
    text = refused("select", clip, "-o", tmp_path / "out", "--model", tmp_path / "none.onnx")
    assert "none.onnx: no such file; give the path of one" in text


def test_weights_of_the_wrong_kind(clip, tmp_path):
    line = ("select", clip, "-o", tmp_path / "out", "--model", "torchvision:resnet18", "--weights")
    assert "give what torch.save(network.state_dict(), FILE) wrote" in refused(*line, clip)
    assert "no such file; give the path of one" in refused(*line, tmp_path / "none.pth")


@pytest.mark.parametrize("make", [nasty.text, nasty.nothing, nasty.audio_only, nasty.noise], ids=lambda f: f.__name__)
def test_what_is_no_video_is_named(make, tmp_path):
    wrong = make(tmp_path / "clip.mp4")
    assert "clip.mp4" in refused("select", wrong, "-o", tmp_path / "out", "-n", "3", code=1)


def test_what_is_not_there(clip, tmp_path):
    assert "none.mp4" in refused("select", tmp_path / "none.mp4", "-o", tmp_path / "out", code=1)
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("select", tmp_path / "empty", "-o", tmp_path / "out", code=1)
    text = refused("select", "rtsp://user:secret@127.0.0.1:1/x", "-o", tmp_path / "out", "-n", "3")
    assert "127.0.0.1_1/x: has no end, so -n needs --duration there" in text
    for more in ((), ("--duration", "1")):
        text = refused("select", "rtsp://127.0.0.1:1/x", "-o", tmp_path / "out", "--proportion", "0.1", *more)
        assert text.endswith("/x: has no end, and --proportion needs a known length: use --target-ratio")
    assert not (tmp_path / "out").exists()


def test_a_live_source_that_cannot_be_reached_keeps_its_password(tmp_path):
    url = "rtsp://user:secret@127.0.0.1:1/x"
    text = refused("select", url, "-o", tmp_path / "out", "-n", "3", "--duration", "1", code=1)
    assert "127.0.0.1" in text
    state = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "secret" not in text
    assert b"secret" not in state


def test_one_broken_file_among_good_ones_is_exit_code_3(clip, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip, folder / "good.mp4")
    nasty.text(folder / "bad.mp4")
    text = refused("select", folder, "-o", tmp_path / "out", "-n", "4", code=3)
    assert text.startswith("failed: bad.mp4: ")
    assert text.count("bad.mp4") == 1
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["picks"] == 4
    assert list(summary["failed"]) == ["bad.mp4"]
    quiet = streamsel("select", folder, "-o", tmp_path / "own", "-n", "4", "-q", check=False)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (3, "", text + "\n")


def test_a_name_of_two_lines_is_told_on_one(clip, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip, folder / "good.mp4")
    nasty.text(folder / "two\nlines.mp4")
    assert "failed: two\\nlines.mp4: " in refused("select", folder, "-o", tmp_path / "out", "-n", "4", code=3)
    done = inside("select", folder, "-o", tmp_path / "own", "-n", "4", "--dry-run")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["good.mp4", "two\\nlines.mp4", "2"]
    assert done.stdout.count("lines.mp4") == 1


def test_a_truncated_file_gives_what_it_has(tmp_path):
    short = nasty.truncated_ts(tmp_path / "short.ts")
    done = inside("select", short, "-o", tmp_path / "out", "-n", "3")
    assert done.returncode == 0
    assert len(list((tmp_path / "out/frames").iterdir())) == 3
    broken = nasty.truncated(tmp_path / "short.mp4")
    assert "note: short.mp4: breaks off, " in inside("select", broken, "-o", tmp_path / "own", "-n", "3").stdout


def test_an_output_folder_of_another_run(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "3", "-q")
    text = refused("select", clip, "-o", tmp_path / "out", "-n", "4")
    assert "n: 3 there, 4 here" in text
    assert "--fresh" in text
    inside("select", clip, "-o", tmp_path / "out", "-n", "4", "-q", "--fresh")
    assert len(list((tmp_path / "out/frames").iterdir())) == 4


def test_an_output_folder_with_something_else_in_it(clip, tmp_path):
    (tmp_path / "letter.txt").write_text("dear reader")
    assert "holds files that streamsel did not write" in refused("select", clip, "-o", tmp_path, "-n", "3", "--fresh")
    assert (tmp_path / "letter.txt").exists()


def test_an_output_folder_that_is_a_file(clip, tmp_path):
    (tmp_path / "out").write_text("x")
    assert "choose another -o" in refused("select", clip, "-o", tmp_path / "out", "-n", "3", code=1)


def test_no_permission(clip, tmp_path):
    """As root nothing is forbidden: then a file system that is read-only by nature stands in."""
    out = tmp_path / "closed/out"
    out.parent.mkdir()
    out.parent.chmod(0o500)
    target = "/proc/out" if os.geteuid() == 0 else out
    assert "choose another -o" in refused("select", clip, "-o", target, "-n", "3", code=1)


def test_debug_shows_where(clip, tmp_path):
    done = streamsel("select", clip, "-o", tmp_path / "out", "-n", "0", "--debug", check=False)
    assert "Traceback" in done.stderr
    assert done.returncode == 2


def test_a_crop_outside_the_picture(clip, tmp_path):
    assert "160 x 120" in refused("select", clip, "-o", tmp_path / "out", "-n", "5", "--crop", "4000:10:0:0", code=1)


def test_what_could_not_be_read_is_tried_again(clip, tmp_path):
    broken = nasty.text(tmp_path / "v.mp4")
    refused("select", broken, "-o", tmp_path / "out", "-n", "3", code=1)
    shutil.copy(clip, broken)
    inside("select", broken, "-o", tmp_path / "out", "-n", "3")
    assert len(list((tmp_path / "out/frames").iterdir())) == 3


def test_damaged_state_is_told(clip, tmp_path):
    inside("select", clip, "-o", tmp_path / "out", "-n", "3", "-q")
    (tmp_path / "out/state.db").write_bytes(b"\x00" * 5000)
    assert "state.db" in refused("select", clip, "-o", tmp_path / "out", "-n", "3")
