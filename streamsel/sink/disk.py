"""Picks as picture files or clips in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from streamsel.data import Frame, Mark, Pick, Picture
from streamsel.errors import SinkError, UsageError
from streamsel.sink.clip import encode_clip
from streamsel.sink.durable import shown
from streamsel.sink.making import Making
from streamsel.sink.names import (
    JPEG_EXTENSIONS,
    STILL_EXTENSIONS,
    clip_name,
    digits_for,
    frame_id,
    frame_name,
    started_at,
)
from streamsel.sink.picture_file import PictureFormat, encode, scaled, scaled_size
from streamsel.sink.whole_files import WholeFiles

__all__ = ["DiskFormat", "DiskSink"]

DiskFormat = Literal["jpg", "png", "clip"]

FRAMES = "frames"
"""Subfolder of the output folder in which pictures and clips lie."""

PIXEL = 9
"""Bytes that one takes while its picture is made: as decoded, as RGB, and as Pillow has it."""


class DiskSink:
    """Writes each pick as one file per frame, or as one clip, below `folder/frames`.

    format: `jpg` or `png` for pictures, `clip` for one MP4 per pick; None: jpg for frames of video, while a still
    stays the file that it was, byte for byte (also when its format is the one asked for). quality: 1..100. size:
    width of what is written, never enlarged; None: as large as the frame. A still's file is looked for in the
    picture's `original` (a path, or None where the pixels differ from the file, as when cropped).

    Names are those of `streamsel.sink.names`, and need two facts about a source: see `announce`. Pictures are made
    while the caller goes on, a few at a time; the last of them are written by `flush`.
    Raises UsageError for values that cannot mean anything, SinkError when something cannot be written, perhaps by the
    next `write` or `flush`.
    """

    def __init__(
        self, folder: Path | str, *, format: DiskFormat | None = None, quality: int = 95, size: int | None = None
    ) -> None:
        if format is not None and format not in get_args(DiskFormat):
            raise UsageError(f"format must be one of {', '.join(get_args(DiskFormat))}, got {format!r}")
        if not 1 <= quality <= 100:
            raise UsageError(f"quality must be 1 to 100, got {quality}")
        if size is not None and size < 1:
            raise UsageError(f"size must be a width of 1 pixel or more, got {size}")
        self.folder = Path(folder)
        self.format = format
        self.quality = quality
        self.size = size
        self._naming: dict[str, tuple[int, Sequence[tuple[int, str]]]] = {}
        self._files = WholeFiles(self.folder)
        self._making = Making(self._files.put)

    def announce(self, source: str, frames: int = 0, started: Sequence[tuple[int, str]] = ()) -> None:
        """States how frames of a source are named; before its first pick, and alike after a restart.

        frames: number of frames in it, which gives the zero-padding (0: unknown, no padding). started: for live
        sources the index from which each opening counts, and its UTC start as text (see `started_at`).
        """
        self._naming[source] = (digits_for(frames), started)

    def called(self, mark: Mark) -> str:
        """What a frame is called where users' files tell of it: `sub/video_1-099-mp4.png`, `sub/picture.jpg`."""
        if mark.name:
            return mark.name if mark.source in ("", ".") else f"{mark.source}/{mark.name}"
        return frame_name(mark, self._naming_of(mark)[0], "png", self._naming_of(mark)[1])

    def id_of(self, mark: Mark) -> str:
        """What a frame is called whatever its format: `sub/video_1-099-mp4`, `sub/picture.jpg`."""
        return frame_id(mark, *self._naming_of(mark))

    def write(self, pick: Pick, frames: Sequence[Frame]) -> list[str]:
        """Writes the pick's frames, given in the order of its marks.

        Returns the names of the files relative to the folder, one per frame, or one if it is a clip.
        """
        if tuple(frame.mark for frame in frames) != pick.candidate.marks:
            raise ValueError(f"pick {pick.ordinal} needs the frames of its {len(pick.candidate.marks)} marks, in order")
        if self.format == "clip":
            return [self._write_clip(frames)]
        return [self._write_picture(frame, self.format) for frame in frames]

    def encode(self, picture: Picture) -> bytes:
        """The file of a picture that has to be kept until it is written, because its source cannot be read again."""
        return self._encode(picture, "png" if self.format == "png" else "jpg")

    def flush(self) -> None:
        """Returns when everything written so far would survive a power cut."""
        self._making.finish()
        self._files.sync()

    def _write_clip(self, frames: Sequence[Frame]) -> str:
        digits, started = self._naming_of(frames[0].mark)
        name = clip_name([frame.mark for frame in frames], digits, started)
        self._files.put(f"{FRAMES}/{name}", encode_clip(frames, self.quality, self.size))
        return f"{FRAMES}/{name}"

    def _write_picture(self, frame: Frame, asked: PictureFormat | None) -> str:
        digits, started = self._naming_of(frame.mark)
        own = PurePosixPath(frame.mark.name).suffix.removeprefix(".")
        original = self._original(frame, own.lower(), asked)
        form = asked or ("png" if own.lower() == "png" else "jpg")
        made = partial(_read, original) if original else partial(self._encode, frame.picture, form)
        file = f"{FRAMES}/{frame_name(frame.mark, digits, own if original else form, started)}"
        size = PIXEL * frame.picture.width * frame.picture.height
        self._making.begin(file, made, size)
        return file

    def _encode(self, picture: Picture, form: PictureFormat) -> bytes:
        kept: bytes | None = getattr(picture, "encoded", None)
        return kept or encode(scaled(picture, self.size), form, self.quality)

    def _original(self, frame: Frame, own: str, asked: PictureFormat | None) -> Path | None:
        """The still's own file, where that is just what is asked for."""
        picture = frame.picture
        original: Path | None = getattr(picture, "original", None)
        fits = asked is None or own == asked or (asked == "jpg" and own in JPEG_EXTENSIONS)
        whole = scaled_size(picture.width, picture.height, self.size) == (picture.width, picture.height)
        return original if fits and whole and own in STILL_EXTENSIONS else None

    def _naming_of(self, mark: Mark) -> tuple[int, str]:
        digits, starts = self._naming.get(mark.source, (1, ()))
        return digits, started_at(starts, mark)


def _read(original: Path) -> bytes:
    try:
        return original.read_bytes()
    except OSError as error:
        raise SinkError(f"cannot copy {shown(original)}: {error.strerror}; put the file back and run again") from error
