"""A pipeline of an edge device, `kind: edge`: cameras and folders of segments, selected one by one on the spot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from streamsel.config.delivery import OutboxConfig
from streamsel.config.nearest import shown
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.config.pipeline_values import Amount, File, Named, Rate, Seconds, Server, ServerList, security_beside
from streamsel.config.value import Text, Value

__all__ = ["EdgeClips", "EdgeConfig", "EdgeKafka", "EdgeMqtt", "EdgeOutput", "EdgeSource", "Memory", "Quota"]

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "rtp", "tcp")
PART = re.compile(r"[0-9]+:[0-9]+:[0-9]+:[0-9]+")
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
    min_distance: instead of the pipeline's. clips: whether it has clips, where the pipeline has.
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
    clips: bool = True

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        kinds = [name for name in ("url", "device", "folder", "pipe") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"give one of url, device, folder and pipe{', not ' + ' and '.join(kinds) if kinds else ''}"
            )
        for names in (("fps", "every", "keyframes"), ("target_ratio", "min_distance")):
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
    def live(self) -> bool:
        """Whether what is not taken at once is gone."""
        return self.folder is None


class Quota(Value):
    """When old pictures go: the oldest ones, until all of it holds. None: as long as there is room.

    bytes: of pictures at most. days: their age at most. free: bytes of the disk that stay free; 0: nothing is removed
    for room, not even where the disk is full.
    """

    bytes: Annotated[Amount, Field(ge=1_000_000)] | None = None
    days: Annotated[float, Field(gt=0)] | None = None
    free: Annotated[Amount, Field(ge=0)] = 500_000_000


class Memory(Value):
    """What a source remembers of its picks: what is forgotten is new again, and ordinals go on. None: all.

    days: for how long. picks: how many at most, the oldest go first; each takes 5 kB with the default model.
    """

    days: Annotated[float, Field(gt=0, le=36500)] | None = None
    picks: Annotated[int, Field(ge=1)] | None = 100_000


class EdgeClips(Value):
    """Clips of what was encoded, around picks. before, after: seconds. longest: seconds, where picks follow each other.

    memory: bytes of what live sources sent lately, all together; a clip begins later where it does not reach back.
    """

    before: Annotated[Seconds, Field(le=600)] = 5.0
    after: Annotated[Seconds, Field(le=600)] = 5.0
    longest: Annotated[Seconds, Field(gt=0, le=3600)] = 60.0
    memory: Annotated[Amount, Field(ge=1_000_000)] = 64_000_000

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.longest < self.before + self.after:
            raise ValueError(f"longest must be at least before and after, {self.before + self.after:g} seconds")
        return self


class EdgeOutput(Value):
    """Pictures as files: `folder/SOURCE/DAY/NAME.jpg`, each with its facts beside it as JSON. quality: 1 to 100.

    clips: around picks, beside the pictures; None: none.
    """

    folder: File
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    quota: Quota = Quota()
    clips: EdgeClips | None = None


class EdgeMqtt(Value):
    """Where events go, small JSON objects without the picture. topic: `{source}` in it is the source's name.

    username, password_file: of the broker. ca: a PEM file; with it, or with tls, the connection is TLS.
    """

    server: Server
    topic: Text = "streamsel/{source}/picks"
    username: Text | None = None
    password_file: File | None = None
    tls: bool = False
    ca: File | None = None


class EdgeKafka(Value):
    """Where picks go, with their pictures. key: of all records, such as the name of a device; None: the source's name.

    security: as `streamsel.topic.security` reads it. inline_limit: bytes of a picture up to which it travels in its
    record; a larger one is referred to, relative to the output's folder.
    """

    servers: ServerList
    topic: Named
    key: Text | None = None
    security: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    inline_limit: Annotated[Amount, Field(ge=0)] = 700_000

    @field_validator("security")
    @classmethod
    def _files_beside(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        return security_beside(value, info)


class EdgeConfig(ServiceConfig):
    """What runs beside cameras for weeks. state: a folder of its own, for one process at a time.

    memory: of each source. outbox: what waits for a broker that is away. queue: bytes of frames that wait for the
    model; when it is full, the oldest frames of live sources go, and are counted. memory_limit: bytes of the process
    above which that queue shrinks; `memory` is something else.
    """

    ENDLESS: ClassVar[str] = "camera"

    kind: Literal["edge"]
    sources: Annotated[tuple[EdgeSource, ...], Field(min_length=1, max_length=64)]
    state: File
    memory: Memory = Memory()
    output: EdgeOutput
    mqtt: EdgeMqtt | None = None
    kafka: EdgeKafka | None = None
    outbox: OutboxConfig = OutboxConfig()
    queue: Annotated[Amount, Field(ge=8_000_000)] = 64_000_000
    memory_limit: Annotated[Amount, Field(ge=100_000_000)] | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"sources: two are called {twice!r}: give each its own name")
        folders = {"output.folder": self.output.folder, "state": self.state}
        folders |= {f"sources.{one.name}.folder": one.folder for one in self.sources if one.folder is not None}
        for place, folder in folders.items():
            inside = (other for other in ("output.folder", "state") if other != place and folders[other] == folder)
            if (other := next(inside, None)) is not None:
                raise ValueError(f"{place} and {other} are one folder: each needs its own")
        if sum(source.pipe is not None for source in self.sources) > 1:
            raise ValueError("sources: there is one standard input: give one pipe at most")
        return self

    def identity(self) -> dict[str, Any]:
        """What must be equal for state to be gone on with, beside the model, the goal and the source."""
        return {"selection": self.rules.written()}
