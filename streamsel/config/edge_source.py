"""A source of an edge pipeline: a camera, a stream, a pipe, or a folder of segments, and how it is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from streamsel.config.nearest import shown
from streamsel.config.pipeline_values import File, Named, Rate, Seconds
from streamsel.config.value import Text, Value
from streamsel.config.window import Window

__all__ = ["GOALS", "EdgeSource"]

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "rtp", "tcp")
PART = re.compile(r"[0-9]+:[0-9]+:[0-9]+:[0-9]+")
GOALS = ("target_ratio", "min_distance", "window")
HOURS = re.compile(r"(?P<from>([01][0-9]|2[0-3]):[0-5][0-9])-(?P<to>([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")


def _url(value: str) -> str:
    if value.partition("://")[0].lower() not in SCHEMES or not _is_url(value):  # not shown: it may hold a password
        raise ValueError(f"must be a URL that begins with one of {', '.join(one + '://' for one in SCHEMES)}")
    return value


def _is_url(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme)
    except ValueError:
        return False


def _no_url(value: Any) -> Any:
    if "://" in str(value):
        raise ValueError("is a URL, which goes to `url`")  # not shown: it may hold a password
    return value


def _part(value: str) -> str:
    if not PART.fullmatch(value) or 0 in [int(one) for one in value.split(":")][:2]:
        raise ValueError(f"must be width:height:x:y in pixels, as in 640:60:0:0, got {shown(value)}")
    return value


def _hours(value: str) -> str:
    if not HOURS.fullmatch(value):
        raise ValueError(f"must be hours of the day, as in 07:30-18:00 or 22:00-06:00, got {shown(value)}")
    return value


def _corners(part: str) -> tuple[int, int, int, int]:
    """Left, upper, right, lower edge."""
    width, height, x, y = map(int, part.split(":"))
    return x, y, x + width, y + height


def _covered(whole: tuple[int, int, int, int], parts: Sequence[tuple[int, int, int, int]]) -> bool:
    """Whether parts cover a whole: then they cover each of the fields that their edges divide it into."""
    left, upper, right, lower = whole
    across = {left, *(x for one in parts for x in one[::2] if left <= x < right)}
    down = {upper, *(y for one in parts for y in one[1::2] if upper <= y < lower)}
    corners = [(x, y) for x in across for y in down]
    return all(any(one[0] <= x < one[2] and one[1] <= y < one[3] for one in parts) for x, y in corners)


Part = Annotated[str, AfterValidator(_part)]
Hours = Annotated[str, AfterValidator(_hours)]


class EdgeSource(Value):
    """One of: url (a camera or live stream), device (a V4L2 camera, `/dev/video0`), folder (into which a recorder drops
    finished segments of video), pipe (what comes on standard input: the format, as `h264`, `mpegts` or `matroska`).

    name: what its picks and its state are called by. fps, every, keyframes: which frames are looked at. crop: the part
    that is looked at and kept. mask: parts that are not looked at, such as a clock; pictures are kept whole. hours: of
    the day, local time, in which it is looked at; none: always. stall: seconds without a frame after which a connection
    is taken for dead. quiet: seconds that a segment must not have changed to count as finished. target_ratio,
    min_distance, window: instead of the pipeline's. clips: whether it has clips, where the pipeline has.
    """

    name: Annotated[Named, Field(max_length=100)]
    url: Annotated[Text, AfterValidator(_url)] | None = Field(None, repr=False)
    device: Annotated[Text, AfterValidator(_no_url)] | None = None
    folder: Annotated[File, BeforeValidator(_no_url)] | None = None
    pipe: Annotated[Text, AfterValidator(_no_url)] | None = None
    fps: Rate | None = None
    every: int | None = Field(None, ge=1)
    keyframes: bool = False
    crop: Part | None = None
    mask: tuple[Part, ...] = ()
    hours: tuple[Hours, ...] = ()
    stall: Annotated[Seconds, Field(ge=1, le=3600)] = 15.0
    quiet: Annotated[Seconds, Field(ge=0, le=3600)] = 10.0
    target_ratio: float | None = Field(None, gt=0, le=1)
    min_distance: float | None = Field(None, gt=0, le=2)
    window: Window | None = None
    clips: bool = True

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        kinds = [name for name in ("url", "device", "folder", "pipe") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"give one of url, device, folder and pipe{', not ' + ' and '.join(kinds) if kinds else ''}"
            )
        idle, kind = ("quiet", "folders") if self.live else ("stall", "cameras and streams")
        if idle in self.model_fields_set:
            raise ValueError(f"{idle} is for {kind}, which this is not: leave it out")
        for names in (("fps", "every", "keyframes"), GOALS):
            given = [name for name in names if getattr(self, name)]
            if len(given) > 1:
                raise ValueError(f"{' and '.join(given)} exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.crop is not None and self.mask and _covered(_corners(self.crop), [_corners(one) for one in self.mask]):
            raise ValueError("the mask hides all of the crop: correct one of them")
        return self

    @property
    def decides(self) -> bool:
        """Whether it says itself how much of it is kept."""
        return any(getattr(self, name) for name in GOALS)

    @property
    def live(self) -> bool:
        """Whether what is not taken at once is gone."""
        return self.folder is None
