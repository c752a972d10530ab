"""Pipelines of edge devices: what they may hold, and what is said of those that hold something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config import EdgeConfig, read_pipeline
from streamsel.config.edge_source import EdgeSource
from streamsel.config.window import Window
from streamsel.errors import UsageError

PLAIN = """
kind: edge
sources: [{name: door, url: 'rtsp://viewer:${PASSWORD}@camera/1'}]
state: state
output: {folder: picks}
"""

WINDOW = "window: {picks: 9, minutes: 60}"
BEST = "selection: {n_samples: 8, strategies: [{input: {type: EMBEDDINGS}, strategy: {type: DIVERSITY}}]}"


def read(folder: Path, text: str, **environ: str) -> EdgeConfig:
    file = folder / "edge.yaml"
    file.write_text(text)
    config = read_pipeline(file, {"PASSWORD": "geheim", **environ})
    assert isinstance(config, EdgeConfig)
    return config


def test_what_is_not_said_is_told_by_the_rest(tmp_path: Path) -> None:
    config = read(tmp_path, PLAIN)
    assert config.sources[0].url == "rtsp://viewer:geheim@camera/1"
    assert config.sources[0].live
    assert (config.state, config.output.folder) == (tmp_path / "state", tmp_path / "picks")
    assert (config.mqtt, config.kafka, config.output.quota.free) == (None, None, 500_000_000)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    assert "geheim" not in repr(read(tmp_path, PLAIN))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("url: 'rtsp:", "url: 'rtps:", "sources[0].url: must be a URL that begins with one of rtsp://"),
        ("name: door,", "", "sources[0].name: is missing"),
        ("name: door", "name: 'front door'", "sources[0].name: must be letters, digits"),
        (
            "name: door",
            "name: door, folder: x",
            "sources[0]: give one of url, device, folder and pipe, not url and folder",
        ),
        ("name: door", "name: door, mask: ['1:2:3']", "sources[0].mask[0]: must be width:height:x:y"),
        ("name: door", "name: door, crop: '0:9:0:0'", "sources[0].crop: must be width:height:x:y"),
        ("name: door", "name: door, hours: ['7-9']", "sources[0].hours[0]: must be hours of the day"),
        ("name: door", "name: door, fps: 2, every: 3", "sources[0]: fps and every exclude each other"),
        ("name: door", "name: door, stal: 3", "sources[0].stal: unknown key 'stal'; did you mean 'stall'?"),
        ("url: '", "device: '", "sources[0].device: is a URL, which goes to `url`"),
        ("url: '", "folder: '", "sources[0].folder: is a URL, which goes to `url`"),
        ("url: '", "pipe: '", "sources[0].pipe: is a URL, which goes to `url`"),
        ("url: '", "crop: '", "sources[0].crop: must be width:height:x:y"),
        ("@camera", "@ca\u2100mera", "sources[0].url: must be a URL"),
        (
            "url: 'rtsp://viewer:${PASSWORD}@camera/1'",
            "url: ['rtsp://viewer:${PASSWORD}@camera/1']",
            "sources[0].url: ",
        ),
        ("state: state", "state: picks", "output.folder and state are one folder"),
        ("sources: [", "sources: [{name: yard, folder: .}, ", "output.folder lies in sources.yard.folder"),
        ("url: '", "quiet: 3, url: '", "sources[0]: quiet is for folders"),
        ("sources: [", "sources: [{name: yard, folder: x, stall: 3}, ", "sources[0]: stall is for cameras and streams"),
        ("folder: picks", "topic: picks", "output.topic: unknown key 'topic'"),
        ("state: state", "state: state\nqueue: 1MB", "queue: "),
        (
            "state: state",
            "state: state\nmqtt: {server: broker}",
            "mqtt.server: must be host:port, such as localhost:1883",
        ),
        ("state: state", "state: state\ntarget_ratio: 0.1\nmin_distance: 1", "target_ratio and min_distance exclude"),
        ("sources: [", "sources: [{name: door, folder: x}, ", "sources: two are called 'door'"),
        (
            "state: state",
            "state: state\nwindow: {minutes: 60}",
            "window: does not say how many: write `window: {picks:",
        ),
        ("state: state", "state: state\nwindow: {picks: 9, minutes: 0.01}", "window.minutes: "),
        ("state: state", "state: state\nwindow: {picks: 9, minutes: 1441}", "window.minutes: "),
        ("state: state", "state: state\nwindow: {picks: 0, minutes: 60}", "window.picks: "),
        ("state: state", f"state: state\n{WINDOW}\ntarget_ratio: 0.1", "target_ratio and window exclude each other"),
        ("state: state", f"state: state\n{WINDOW}\nmin_distance: 1", "min_distance and window exclude each other"),
        ("name: door", f"name: door, {WINDOW}, min_distance: 1", "sources[0]: min_distance and window exclude"),
        ("state: state", f"state: state\n{BEST}", "n_samples needs an end, which a camera has not: give `window: {min"),
        ("state: state", f"state: state\n{BEST}\n{WINDOW}", "window: picks is 9 and n_samples 8: leave one out"),
        ("state: state", f"state: state\n{BEST.replace('8', '-1')}\nwindow: {{minutes: 60}}", "must be 1 to 1000 here"),
        (
            "state: state",
            f"state: state\n{BEST.replace('8', '1001')}\nwindow: {{minutes: 60}}",
            "be 1 to 1000 here, got 1001",
        ),
        ("state: state", "state: state\nwindow: {picks: 1001, minutes: 60}", "window.picks: "),
        (
            "state: state",
            f"state: state\n{BEST.replace('n_samples: 8', 'proportion_samples: 0.1')}\n{WINDOW}",
            "window and proportion_samples exclude each other",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, before: str, after: str, told: str) -> None:
    assert before in PLAIN
    with pytest.raises(UsageError) as error:
        read(tmp_path, PLAIN.replace(before, after, 1))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        (["64:48:10:10"], False),
        (["500:500:0:0"], False),
        (["30:48:10:10", "34:48:40:10"], False),
        (["30:48:10:10", "34:47:40:10"], True),
        (["63:48:10:10"], True),
        (["64:48:11:10"], True),
        (["32:24:10:10", "32:24:42:10", "32:24:10:34", "32:24:42:34"], False),
        (["32:24:10:10", "32:24:42:10", "32:24:10:34"], True),
    ],
)
def test_a_mask_leaves_something_of_the_crop(mask: list[str], left: bool) -> None:
    given = {"name": "door", "device": "/dev/video0", "crop": "64:48:10:10", "mask": mask}
    if left:
        assert EdgeSource.model_validate(given).mask
    else:
        with pytest.raises(ValueError, match="hides all of the crop"):
            EdgeSource.model_validate(given)


def test_a_window_is_that_of_the_source_or_of_all_and_its_number_that_of_the_selection(tmp_path: Path) -> None:
    text = PLAIN.replace("sources: [", "sources: [{name: yard, folder: x, target_ratio: 0.1}, ")
    config = read(tmp_path, f"{text}\n{BEST}\nwindow: {{minutes: 60}}")
    assert config.window_of(config.sources[0]) is None
    assert config.window_of(config.sources[1]) == Window(picks=8, minutes=60)
    own = text.replace("name: door", "name: door, window: {picks: 3, minutes: 1}")
    config = read(tmp_path, f"{own}\n{WINDOW}")
    assert config.window_of(config.sources[1]) == Window(picks=3, minutes=1)
    assert config.identity() == read(tmp_path, f"{text}\nwindow: {{picks: 5, minutes: 2}}").identity()


def test_clips_of_a_camera_s_windows_would_come_too_late(tmp_path: Path) -> None:
    clips = PLAIN.replace("{folder: picks}", "{folder: picks, clips: {before: 2}}") + WINDOW
    with pytest.raises(UsageError, match=r"sources.door: what it sent is gone .*: say clips: false there"):
        read(tmp_path, clips)
    assert read(tmp_path, clips.replace("name: door,", "name: door, clips: false,")).output.clips
    assert read(tmp_path, clips.replace("url: 'rtsp://viewer:${PASSWORD}@camera/1'", "folder: in")).output.clips


def test_a_folder_that_leads_in_circles_is_no_error_of_the_file(tmp_path: Path) -> None:
    """The daemon says what is wrong with it, each time that it looks."""
    (tmp_path / "loop").symlink_to("loop")
    text = PLAIN.replace("sources: [", "sources: [{name: yard, folder: loop/in}, ")
    assert read(tmp_path, text).sources[0].name == "yard"
