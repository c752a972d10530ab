from __future__ import annotations

import errno
import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamsel.data import Box, Mark
from streamsel.errors import SinkError, UsageError
from streamsel.sink.crops import Crop, CropSink, crop_record, write_crops
from streamsel.sink.names import frame_id
from streamsel.testing.broken_disk import BrokenDisk

MARK = Mark("sub/video_1.mp4", 99, 99 * 3600, Fraction(1, 90_000))
BOX = Box(1.5, 2, 8, 6, "car", 0.75, 3, "vehicles")
CROP = Crop(MARK, BOX, 0.1)
PARENT = frame_id(MARK, 3)
PIXELS = np.full((6, 8, 3), (20, 90, 160), np.uint8)


def files_in(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_crop_is_named_by_its_frame_and_place(tmp_path: Path) -> None:
    sink = CropSink(tmp_path)
    assert sink.write(CROP, PIXELS, PARENT) == "crops/sub/video_1-099-mp4-3.jpg"
    sink.flush()
    (data,) = files_in(tmp_path).values()
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (8, 6))
    assert np.abs(np.asarray(picture).astype(int) - (20, 90, 160)).max() <= 2


def test_writing_twice_leaves_one_and_names_do_not_depend_on_order(tmp_path: Path) -> None:
    crops = [Crop(MARK, Box(0, 0, 8, 6, index=index)) for index in range(3)]
    for folder, order in (("one", crops), ("twice", crops * 2), ("back", crops[::-1])):
        sink = CropSink(tmp_path / folder)
        assert len({sink.write(crop, PIXELS, PARENT) for crop in order}) == 3
        sink.flush()
    assert files_in(tmp_path / "one") == files_in(tmp_path / "twice") == files_in(tmp_path / "back")


def test_the_same_place_of_several_tasks_has_several_files(tmp_path: Path) -> None:
    sink = CropSink(tmp_path, by_task=True)
    tasks = ["a", "b", "a/b", "..", "/a", "", "á\n"]
    names = [sink.write(Crop(MARK, Box(0, 0, 8, 6, task=task)), PIXELS, PARENT) for task in tasks]
    assert names[0] == "crops/a/sub/video_1-099-mp4-0.jpg"
    assert len(set(names)) == len(tasks) == len(files_in(tmp_path))
    assert set(names) == set(files_in(tmp_path))


@pytest.mark.parametrize("parent", ["../../x", "/abs", "a\0\nb", "x" * 300, ".."])
def test_no_name_leaves_the_folder(tmp_path: Path, parent: str) -> None:
    inner = tmp_path / "a" / "b"
    name = CropSink(inner).write(CROP, PIXELS, parent)
    assert set(files_in(tmp_path)) == {f"a/b/{name}"}


def test_records_lead_back_to_the_frame(tmp_path: Path) -> None:
    records = [
        crop_record(CROP, PARENT, "crops/sub/video_1-099-mp4-3.jpg", reason="greedy", distance=float("inf")),
        crop_record(Crop(MARK, Box(0, 0, 1, 1)), PARENT, None),
    ]
    write_crops(tmp_path, iter(records))
    first, second = map(json.loads, (tmp_path / "crops.jsonl").read_text().splitlines())
    assert first == {
        "parent": "sub/video_1-099-mp4",
        "source": "sub/video_1.mp4",
        "index": 99,
        "pts": 356_400,
        "time": 3.96,
        "task": "vehicles",
        "object": 3,
        "label": "car",
        "score": 0.75,
        "box": [1.5, 2, 8, 6],
        "padding": 0.1,
        "file": "crops/sub/video_1-099-mp4-3.jpg",
        "reason": "greedy",
        "distance": None,
    }
    assert (second["file"], second["box"], second["label"]) == (None, [0, 0, 1, 1], "")


@pytest.mark.parametrize("good", range(4))
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path, good: int) -> None:
    write_crops(tmp_path, [crop_record(CROP, PARENT, None)])
    before = files_in(tmp_path)
    with BrokenDisk(min(good, 2), errno.ENOSPC).installed(), pytest.raises(SinkError, match="free some space"):
        write_crops(tmp_path, [])
    with BrokenDisk(good, errno.ENOSPC).installed(), pytest.raises(SinkError, match="free some space"):
        CropSink(tmp_path).write(CROP, PIXELS, PARENT)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_cannot_be_is_one_line(tmp_path: Path, quality: int) -> None:
    with pytest.raises(UsageError, match="quality must be 1 to 100"):
        CropSink(tmp_path, quality=quality)
