from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from streamsel.data import Box, Frame, Pick, Picture, Pixels
from streamsel.sink.crops import CropSink
from streamsel.sink.disk import DiskSink
from streamsel.sink.objects import ObjectSink
from streamsel.testing.sinks import check_sink, flat_pick

BOX = Box(8, 4, 16, 12, "car", 0.9, 3, "cars")


def cut(picture: Picture, box: Box, padding: float) -> Pixels:
    return picture.rgb(int(box.width * (1 + padding)), int(box.height * (1 + padding)))


def make(folder: Path) -> ObjectSink:
    return ObjectSink(DiskSink(folder), CropSink(folder), cut, 0.5)


def test_it_keeps_what_every_sink_promises(tmp_path: Path) -> None:
    check_sink(make, tmp_path, box=BOX)


def test_a_pick_is_its_frame_and_its_crop(tmp_path: Path) -> None:
    sink = make(tmp_path)
    names = sink.write(*flat_pick(box=BOX))
    sink.flush()
    assert names == ["frames/sub/video_1-0-mp4.jpg", "crops/sub/video_1-0-mp4-3.jpg"]
    assert [Image.open(tmp_path / name).size for name in names] == [(48, 32), (24, 18)]


def test_objects_of_one_frame_share_it(tmp_path: Path) -> None:
    class Counting(DiskSink):
        writes = 0

        def write(self, pick: Pick, frames: Sequence[Frame]) -> list[str]:
            self.writes += 1
            return super().write(pick, frames)

    disk = Counting(tmp_path)
    sink = ObjectSink(disk, CropSink(tmp_path), cut)
    frames: list[Frame] = []
    names = []
    for index in range(4):
        pick, frames = flat_pick(0, box=Box(0, 0, 8, 8, index=index))
        names.append(sink.write(pick, frames))
    sink.flush()
    assert disk.writes == 1
    assert len({frame for frame, _ in names}) == 1
    assert len({crop for _, crop in names}) == 4
    assert sink.encode(frames[0].picture) == (tmp_path / names[0][0]).read_bytes()


def test_a_pick_without_a_box_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pick 0 has no box"):
        make(tmp_path).write(*flat_pick())
