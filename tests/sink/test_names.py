from __future__ import annotations

import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsel.data import Mark
from streamsel.sink.names import STILL_EXTENSIONS, clip_name, digits_for, frame_id, frame_name, safe_path

LIVE = "20260102T030405Z"

harmful = st.sampled_from(
    ["", ".", "..", "C:", "c:x", "/", "\0", "\n", "a\\b", "\x85", "\u2028", "\udcff", "_", "~", "a" * 300, "é" * 130]
)
components = harmful | st.text(max_size=12)
paths = st.lists(components, min_size=1, max_size=4).map("/".join)
stills = st.builds(
    lambda stem, extension: f"{stem}.{extension}",
    st.lists(st.sampled_from([*"ab.-~", "png", "jpg", "xyz", "..", "/"]), min_size=1, max_size=5).map("".join),
    st.sampled_from(["png", "jpg", "JPG", "bmp", "xyz", "p-ng"]),
)


def mark(source: str, index: int = 0, pts: int = 0, name: str = "") -> Mark:
    return Mark(source, index, pts, Fraction(1, 90000), name=name)


def stays_inside(name: str) -> bool:
    whole = Path("/out") / name
    return Path("/out") in whole.parents and all(part not in ("", ".", "..") for part in name.split("/"))


def test_a_video_frame_is_named_as_its_users_know_it() -> None:
    assert digits_for(200) == 3
    assert frame_name(mark("sub/video_1.mp4", 99), 3, "png") == "sub/video_1-099-mp4.png"
    assert frame_id(mark("sub/video_1.mp4", 99), 3) == "sub/video_1-099-mp4"


def test_a_live_frame_is_named_by_start_and_pts() -> None:
    assert frame_name(mark("cam/yard", pts=90000), 1, "jpg", LIVE) == f"cam/yard-{LIVE}-00000000090000.jpg"


def test_a_clip_is_named_by_its_first_frame() -> None:
    assert clip_name([mark("v.mov", 8), mark("v.mov", 9)], 2) == "v-08-mov.mp4"


@pytest.mark.parametrize(
    ("name", "extension", "expected"),
    [
        ("a.jpg", "jpg", "pics/a.jpg"),
        ("a.png", "jpg", "pics/a-png.jpg"),
        ("a-png.jpg", "jpg", "pics/a-png-jpg.jpg"),
        ("left-001.jpg", "jpg", "pics/left-001.jpg"),
        ("day/a.JPG", "JPG", "pics/day/a.JPG"),
    ],
)
def test_a_still_keeps_its_name_when_it_keeps_its_format(name: str, extension: str, expected: str) -> None:
    assert frame_name(mark("pics", name=name), 1, extension) == expected


def test_a_still_of_the_folder_itself_needs_no_folder() -> None:
    assert frame_name(mark(".", name="a.jpg"), 1, "jpg") == "a.jpg"


@pytest.mark.parametrize("path", ["a b/Ünïcode ☃.mp4", "10:30.mp4", ".hidden/x", "host:554/stream", "-n", "a" * 240])
def test_ordinary_paths_are_left_as_they_are(path: str) -> None:
    assert safe_path(path) == path


@given(paths)
@example("../../etc/passwd")
@example("/etc/passwd")
@example("C:\\Windows\\x.mp4")
@example("a\nb")
@example("é" * 200)
def test_no_path_leaves_the_folder(path: str) -> None:
    safe = safe_path(path)
    assert stays_inside(safe)
    assert "\\" not in safe
    assert not {unicodedata.category(character) for character in safe} & {"Cc", "Cs", "Zl", "Zp"}
    assert all(len(part.encode()) <= 240 for part in safe.split("/"))


@given(paths)
def test_a_changed_path_would_be_changed_again(path: str) -> None:
    """No file can have, of its own, the name that another was given."""
    safe = safe_path(path)
    assert safe == path or safe_path(safe) != safe


@given(paths, paths)
def test_different_paths_stay_different(first: str, second: str) -> None:
    assert (safe_path(first) == safe_path(second)) == (first == second)


@given(paths, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 7), st.sampled_from(["jpg", "png", "mp4"]))
def test_different_frames_of_a_video_have_different_names(
    source: str, first: int, second: int, digits: int, extension: str
) -> None:
    names = {frame_name(mark(source, index), digits, extension) for index in (first, second)}
    assert len(names) == len({first, second})
    assert all(stays_inside(name) for name in names)


@given(paths, paths, st.integers(0, 300), st.integers(0, 300))
@example("x.1-mp4", "x-0.mp4", 0, 1)
@example("x.1", "x-0", 0, 1)
@example("x", "x.", 0, 0)
def test_frames_of_different_videos_have_different_names(first: str, second: str, i: int, j: int) -> None:
    same = frame_name(mark(first, i), 3, "jpg") == frame_name(mark(second, j), 3, "jpg")
    assert same == ((first, i) == (second, j))


@given(paths, st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_different_live_frames_have_different_names(source: str, first: int, second: int) -> None:
    names = {frame_name(mark(source, pts=pts), 1, "jpg", LIVE) for pts in (first, second)}
    assert len(names) == len({first, second})
    assert all(stays_inside(name) for name in names)


@given(st.lists(stills, unique=True, min_size=2, max_size=12), st.sampled_from(["jpg", "png", "mp4", None]))
@example(["a.png", "a.jpg", "a-png.jpg", "a-png-jpg.jpg", "a-.jpg", "a"], "jpg")
@example(["a.xyz", "a-xyz.jpg", "a.xyz-.jpg"], "jpg")
def test_different_stills_have_different_names(names: list[str], extension: str | None) -> None:
    """Whether all are given one format, or each keeps its own."""
    given_names = {
        frame_name(mark("pics", name=name), 1, extension or name.rpartition(".")[2] or "jpg") for name in names
    }
    assert len(given_names) == len(names)
    assert all(stays_inside(name) and name.startswith("pics/") for name in given_names)


@given(paths, stills)
def test_ids_of_frames_and_stills_stay_inside_too(source: str, name: str) -> None:
    assert stays_inside(frame_id(mark(source, 5), 3))
    assert stays_inside(frame_id(mark(source, name=name), 3))


def test_extensions_of_stills_are_lower_case() -> None:
    assert {extension.lower() for extension in STILL_EXTENSIONS} == STILL_EXTENSIONS
