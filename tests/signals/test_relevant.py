from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import SourceError
from streamsel.signals.relevant import RelevantFiles

NAMES = st.text(st.characters(exclude_characters="*\\", exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda name: not name.startswith("/") and not name.endswith("/") and not {".", ".."} & {*name.split("/")}
)


def relevant(*lines: str) -> RelevantFiles:
    return RelevantFiles.parse("\n".join(lines).encode(), "list.txt")


@given(st.sets(NAMES, min_size=1), NAMES)
def test_single_names_take_in_themselves_alone(names: set[str], other: str) -> None:
    listed = relevant(*sorted(names))
    assert all(listed.includes(name) for name in names)
    assert listed.includes(other) == (other in names)


def test_blanks_inside_a_name_belong_to_it() -> None:
    assert relevant("my video.mp4  ", "").includes("my video.mp4")


def test_windows_lines_and_byte_order_marks_are_read() -> None:
    listed = RelevantFiles.parse("\ufeffa.mp4\r\nsub/*\r\n".encode(), "list.txt")
    assert listed.includes("a.mp4")
    assert listed.includes("sub/b.mp4")


def test_a_prefix_is_what_stands_before_the_first_star() -> None:
    listed = relevant("sub/image_4*", "other/")
    assert [listed.includes(name) for name in ("sub/image_4.png", "sub/image_40.png", "sub/image_2.png")] == [1, 1, 0]
    assert listed.includes("other/deep/a.mp4")
    assert not listed.includes("another/a.mp4")


def test_patterns_leave_out_and_take_in_again() -> None:
    listed = relevant("sub/* *.png !keep*.png", "all/* sub\\ dir/")
    files = {"sub/a.jpg": True, "sub/a.png": False, "sub/deep/keep_1.png": True, "b.jpg": False}
    files |= {"all/a.png": True, "all/sub dir/a.png": False}
    assert {name: listed.includes(name) for name in files} == files


def test_a_file_that_another_line_takes_in_is_relevant() -> None:
    assert relevant("sub/* *.png", "sub/a.png").includes("sub/a.png")


def test_a_pattern_without_a_blank_is_refused_with_the_line_that_is_meant() -> None:
    with pytest.raises(SourceError, match=r"list.txt: line 2: .*write `sub/\* \* !\*.png`"):
        relevant("a.mp4", "sub/*.png")
    assert relevant("sub/* * !*.png").includes("sub/a.png")
    assert not relevant("sub/* * !*.png").includes("sub/a.jpg")


@pytest.mark.parametrize("line", ["./a.mp4", "../a.mp4", "sub/../a.mp4", "/a.mp4", "./*"])
def test_names_with_dots_are_refused(line: str) -> None:
    with pytest.raises(SourceError, match=r"list.txt: line 1: .*relative to the input's root"):
        relevant(line)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"sub/* !"])
def test_what_cannot_be_read_is_one_line(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"^list.txt: [^\n]*$"):
        RelevantFiles.parse(data, "list.txt")


def test_entries_are_names_and_prefixes() -> None:
    assert relevant("a.mp4", "sub/*", "old/", "dir/x* *.png").entries == {"a.mp4", "sub/*", "old/*", "dir/x*"}
