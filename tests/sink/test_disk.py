from __future__ import annotations

import errno
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamsel.data import Candidate, Decision, Frame, Mark, Pick
from streamsel.errors import SinkError, UsageError
from streamsel.sink import Sink
from streamsel.sink.disk import DiskFormat, DiskSink
from streamsel.testing.broken_disk import BrokenDisk
from streamsel.testing.sinks import FlatPicture, check_sink, flat_pick


class Original(FlatPicture):
    """A still that knows its file."""

    def __init__(self, original: Path | None) -> None:
        super().__init__((1, 2, 3))
        self.original = original


def still(name: str, original: Path | None) -> tuple[Pick, list[Frame]]:
    frame = Frame(Mark("pics", 0, 0, Fraction(1), name=name), Original(original))
    candidate = Candidate((frame.mark,), np.ones(1, np.float32))
    return Pick(0, candidate, Decision(True, "first", float("inf"))), [frame]


def file_of(folder: Path, name: str, form: str = "PNG") -> Path:
    path = folder / name
    Image.new("RGB", (48, 32), (1, 2, 3)).save(path, form, comment=b"keep me")
    return path


def put(sink: Sink, pick: Pick, frames: list[Frame]) -> list[str]:
    names = sink.write(pick, frames)
    sink.flush()
    return names


def read(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize(("form", "length"), [(None, 1), ("jpg", 1), ("png", 3), ("clip", 3)])
def test_it_is_a_sink(tmp_path: Path, form: DiskFormat | None, length: int) -> None:
    check_sink(lambda folder: DiskSink(folder, format=form), tmp_path, length)
    assert isinstance(DiskSink(tmp_path), Sink)


def test_names_have_the_zeros_that_the_source_needs(tmp_path: Path) -> None:
    sink = DiskSink(tmp_path, format="png")
    sink.announce("sub/video_1.mp4", frames=200)
    assert sink.write(*flat_pick(9)) == ["frames/sub/video_1-090-mp4.png"]
    sink.announce("cam", started=[(0, "20260102T030405Z")])
    assert sink.write(*flat_pick(1, source="cam")) == ["frames/cam-20260102T030405Z-00000000036000.png"]


@pytest.mark.parametrize(("form", "kind"), [("jpg", "JPEG"), ("png", "PNG")])
def test_a_picture_has_the_frame_s_colours(tmp_path: Path, form: DiskFormat, kind: str) -> None:
    (name,) = put(DiskSink(tmp_path, format=form), *flat_pick())
    picture = read(tmp_path / name)
    assert (picture.format, picture.size, picture.mode) == (kind, (48, 32), "RGB")
    assert np.abs(np.asarray(picture).astype(int) - (20, 90, 160)).max() <= 2


def test_a_picture_that_the_format_cannot_hold_is_one_line(tmp_path: Path) -> None:
    pick, frames = flat_pick()
    wide = [replace(frames[0], picture=FlatPicture((1, 2, 3), 65_501, 1))]
    with pytest.raises(SinkError, match="65501 x 1 pixels do not fit into a JPEG: use --format png"):
        put(DiskSink(tmp_path), pick, wide)
    assert put(DiskSink(tmp_path, format="png"), pick, wide)


def test_size_is_a_width_that_keeps_the_aspect_and_never_enlarges(tmp_path: Path) -> None:
    pick, frames = flat_pick()
    for size, expected in [(24, (24, 16)), (47, (47, 31)), (48, (48, 32)), (500, (48, 32)), (1, (1, 1))]:
        (name,) = put(DiskSink(tmp_path / str(size), size=size), pick, frames)
        assert read(tmp_path / str(size) / name).size == expected


def test_a_sequence_is_a_file_per_frame_or_one_clip(tmp_path: Path) -> None:
    pick, frames = flat_pick(1, length=3)
    assert DiskSink(tmp_path).write(pick, frames) == [f"frames/sub/video_1-{i}-mp4.jpg" for i in (10, 11, 12)]
    assert DiskSink(tmp_path, format="clip").write(pick, frames) == ["frames/sub/video_1-10-mp4.mp4"]


def test_frames_must_be_those_of_the_pick(tmp_path: Path) -> None:
    pick, frames = flat_pick(length=2)
    with pytest.raises(ValueError, match="pick 0 needs the frames of its 2 marks"):
        DiskSink(tmp_path).write(pick, frames[::-1])


@pytest.mark.parametrize(
    ("name", "asked", "size", "expected", "copied"),
    [
        ("a.png", None, None, "a.png", True),
        ("a.png", None, 48, "a.png", True),
        ("a.png", "png", None, "a.png", True),
        ("a.png", "jpg", None, "a-png.jpg", False),
        ("a.png", None, 24, "a.png", False),
        ("a.JPEG", "jpg", None, "a.JPEG", True),
        ("a.JPEG", None, None, "a.JPEG", True),
        ("a.bmp", None, None, "a.bmp", True),
        ("a.bmp", None, 24, "a-bmp.jpg", False),
        ("a.exe", None, None, "a.exe-.jpg", False),
    ],
)
def test_a_still_stays_its_file_unless_another_is_asked_for(
    tmp_path: Path, name: str, asked: DiskFormat | None, size: int | None, expected: str, copied: bool
) -> None:
    original = file_of(tmp_path, name)
    (written,) = put(DiskSink(tmp_path / "out", format=asked, size=size), *still(name, original))
    assert written == f"frames/pics/{expected}"
    assert ((tmp_path / "out" / written).read_bytes() == original.read_bytes()) == copied


def test_a_cropped_still_is_written_from_its_pixels(tmp_path: Path) -> None:
    (written,) = put(DiskSink(tmp_path), *still("a.jpg", None))
    assert written == "frames/pics/a.jpg"
    assert read(tmp_path / written).size == (48, 32)


def test_a_still_that_has_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"gone\.png: No such file or directory; put the file back"):
        put(DiskSink(tmp_path), *still("gone.png", tmp_path / "gone.png"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "gif"}, "format must be one of jpg, png, clip, got 'gif'"),
        ({"quality": 0}, "quality must be 1 to 100, got 0"),
        ({"quality": 101}, "quality must be 1 to 100, got 101"),
        ({"size": 0}, "size must be a width of 1 pixel or more, got 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DiskSink(tmp_path, **options)  # type: ignore[arg-type]


def test_a_full_disk_at_every_call_loses_nothing_and_a_second_try_completes(tmp_path: Path) -> None:
    first, second = flat_pick(0), flat_pick(1)
    with BrokenDisk(1000, errno.ENOSPC).installed() as disk:
        sink = DiskSink(tmp_path / "whole")
        names = sink.write(*first) + sink.write(*second)
        sink.flush()
    for good in range(disk.calls):
        folder = tmp_path / str(good)
        with pytest.raises(SinkError, match="No space left on device; free some space"):
            write_both(folder, good, first, second)
        for path in folder.rglob("*.*"):
            assert path.relative_to(folder).as_posix() in names
            assert path.read_bytes() == (tmp_path / "whole" / path.relative_to(folder)).read_bytes()
        sink = DiskSink(folder)
        assert put(sink, *first) + put(sink, *second) == names
    assert disk.calls >= 10


def write_both(folder: Path, good: int, *picks: tuple[Pick, list[Frame]]) -> None:
    with BrokenDisk(good, errno.ENOSPC).installed():
        sink = DiskSink(folder)
        for pick, frames in picks:
            sink.write(pick, frames)
        sink.flush()
