"""Objects as samples: each selected one as a picture of its own, and a list of what they are.

A crop lies under `crops/`, named by its frame and its place among the frame's predictions:
`crops/sub/video_1-099-mp4-3.jpg`. Where objects of several tasks are selected these places say too little, and each
task has a folder: `crops/vehicles/sub/video_1-099-mp4-3.jpg`. `crops.jsonl` has a record per crop, in the order
selected, that leads back to the frame: the fields are those of `crop_record`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from streamsel.data import Box, Mark, Pixels
from streamsel.errors import UsageError
from streamsel.sink.durable import durable_file, sync_folder
from streamsel.sink.json_file import json_line
from streamsel.sink.names import object_id, safe_path
from streamsel.sink.picture_file import encode
from streamsel.sink.whole_files import WholeFiles

__all__ = ["Crop", "CropSink", "crop_record", "write_crops"]

CROPS = "crops"
"""Subfolder of the output folder in which crops lie."""


@dataclass(frozen=True, slots=True)
class Crop:
    """An object of a frame as a sample: where the frame is found again, the box in its pixels, and the padding.

    padding: by which share of its width and height the box is enlarged before cutting, 0 or more.
    """

    parent: Mark
    box: Box
    padding: float = 0.0


class CropSink:
    """Writes crops as JPEG below `folder/crops`. quality: 1..100. by_task: each task has a folder of its own.

    Writing a crop twice leaves one file. Raises UsageError for a quality that cannot be, SinkError when something
    cannot be written.
    """

    def __init__(self, folder: Path | str, *, quality: int = 95, by_task: bool = False) -> None:
        if not 1 <= quality <= 100:
            raise UsageError(f"quality must be 1 to 100, got {quality}")
        self.folder = Path(folder)
        self.quality = quality
        self.by_task = by_task
        self._files = WholeFiles(self.folder)

    def write(self, crop: Crop, pixels: Pixels, parent: str) -> str:
        """Writes one crop, (h, w, 3) uint8 RGB; gives its file's name relative to the folder.

        parent: `streamsel.sink.names.frame_id` of its frame.
        """
        task = f"{safe_path(quote(crop.box.task, safe=''))}/" if self.by_task else ""
        name = f"{CROPS}/{task}{safe_path(object_id(parent, crop.box.index))}.jpg"
        self._files.put(name, encode(pixels, "jpg", self.quality))
        return name

    def flush(self) -> None:
        """Returns when everything written so far would survive a power cut."""
        self._files.sync()


def crop_record(crop: Crop, parent: str, file: str | None, **more: Any) -> dict[str, Any]:
    """The record of one crop; `more` follows, such as `distance`, `gains`, `reason` of its selection.

    parent: `frame_id` of its frame, as in the manifest. file: what `write` gave; None in a dry run.
    """
    mark, box = crop.parent, crop.box
    record = {"parent": parent, "source": mark.source, "index": mark.index, "pts": mark.pts, "time": mark.time}
    record |= {"task": box.task, "object": box.index, "label": box.label, "score": box.score}
    record |= {"box": [box.x, box.y, box.width, box.height], "padding": crop.padding, "file": file}
    return {**record, **more}


def write_crops(folder: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes `crops.jsonl` atomically, from records read once. Raises SinkError."""
    with durable_file(folder / "crops.jsonl") as lines:
        for record in records:
            lines.write(json_line(record))
    sync_folder(folder)
