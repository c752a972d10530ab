from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.signals.frame_names import json_path, restyled, styles, video_of


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sub/video_1-099-mp4.png", "sub/video_1-099-mp4.json"),
        ("sub/picture.JPG", "sub/picture.json"),
        ("a.b/c.tar.gz", "a.b/c.tar.json"),
        ("a.b/c", "a.b/c.json"),
        (".hidden", ".hidden.json"),
    ],
)
def test_the_extension_becomes_json(name: str, path: str) -> None:
    assert json_path(name) == path


@given(
    st.integers(1, 6), st.sets(st.integers(0, 99999), min_size=1), st.integers(1, 8), st.sampled_from(["mp4", "MP4"])
)
def test_any_padding_is_found(digits: int, indices: set[int], asked: int, extension: str) -> None:
    """Whatever the padding of the files and that of the name: each frame that has a file finds it."""
    files = {index: f"a-b-{index:0{digits}d}-{extension}.json" for index in indices}
    known = styles([*files.values(), "schema.json", "other-1-mp4.json"])
    for index, file in files.items():
        path = f"sub/a-b-{index:0{asked}d}-mp4.json"
        assert (restyled(path, known) or path) == f"sub/{file}"


def test_frames_without_a_file_find_none_of_another_frame() -> None:
    known = styles(["v-005-mp4.json"])
    assert restyled("v-5-mp4.json", known) == "v-005-mp4.json"
    assert restyled("v-6-mp4.json", known) == "v-006-mp4.json"
    assert restyled("v-005-mp4.json", known) is None
    assert restyled("w-5-mp4.json", known) is None
    assert restyled("v-5-avi.json", known) is None


def test_stills_are_no_frames() -> None:
    assert video_of("a/v-005-MP4.json") == video_of("a/v-6-mp4.json") == "v-mp4"
    assert not video_of("a-1-b/picture.json")
