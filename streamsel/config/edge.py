"""A pipeline of an edge device, `kind: edge`: cameras and folders of segments, selected one by one on the spot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streamsel.config.delivery import OutboxConfig
from streamsel.config.edge_source import EdgeSource
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.config.pipeline_values import Amount, File, MqttServer, Named, Seconds, ServerList, security_beside
from streamsel.config.value import Text, Value
from streamsel.config.window import Window, check_number, counted

__all__ = ["EdgeClips", "EdgeConfig", "EdgeKafka", "EdgeMqtt", "EdgeOutput", "Quota"]


class Quota(Value):
    """When old pictures go: the oldest ones, until all of it holds. None: as long as there is room.

    bytes: of pictures at most. days: their age at most. free: bytes of the disk that stay free; 0: nothing is removed
    for room, not even where the disk is full.
    """

    bytes: Annotated[Amount, Field(ge=1_000_000)] | None = None
    days: Annotated[float, Field(gt=0)] | None = None
    free: Annotated[Amount, Field(ge=0)] = 500_000_000


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

    server: MqttServer
    topic: Text = "streamsel/{source}/picks"
    username: Text | None = None
    password_file: File | None = None
    tls: bool = False
    ca: File | None = None

    @field_validator("topic")
    @classmethod
    def _known_parts(cls, value: str) -> str:
        if "{" in value.replace("{source}", "") or "}" in value.replace("{source}", ""):
            raise ValueError(f"of what is in braces only {{source}} is known, got {value!r}")
        return value


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

    outbox: what waits for a broker that is away. queue: bytes of
    frames that wait for the model; when it is full, the oldest frames of live sources go, and are counted.
    memory_limit: bytes of the process above which that queue shrinks; `memory` is something else. effort: with `exact`
    the model looks at each frame that is looked at, with `normal` at those that may be new.
    """

    ENDLESS: ClassVar[str] = "camera"

    kind: Literal["edge"]
    sources: Annotated[tuple[EdgeSource, ...], Field(min_length=1, max_length=64)]
    state: File
    effort: Literal["normal", "exact"] = "normal"
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
        above = _whole(self.output.folder).parents
        watching = (one for one in self.sources if one.folder is not None and _whole(one.folder) in above)
        if (one := next(watching, None)) is not None:
            raise ValueError(
                f"output.folder lies in sources.{one.name}.folder, which is watched: its clips would be read as"
                " segments; put it beside that"
            )
        if sum(source.pipe is not None for source in self.sources) > 1:
            raise ValueError("sources: there is one standard input: give one pipe at most")
        return self

    @model_validator(mode="after")
    def _whole_windows(self) -> Self:
        for source in self.sources:
            if source.window is not None:
                check_number(f"sources.{source.name}.window", source.window, self.selection)
        return self

    @model_validator(mode="after")
    def _clips_in_time(self) -> Self:
        late = next((one.name for one in self.sources if one.live and one.clips and self.window_of(one)), None)
        if self.output.clips is not None and late is not None:
            raise ValueError(
                f"sources.{late}: what it sent is gone when its window ends and is chosen from: say clips: false there"
            )
        return self

    @property
    def windowed(self) -> bool:
        """See `ServiceConfig`: of all sources, but for those that say otherwise themselves."""
        return self.window is not None or all(source.window for source in self.sources)

    def window_of(self, source: EdgeSource) -> Window | None:
        """The window of a source, with its number of picks; None where frames are decided at once."""
        return counted(source.window if source.decides else self.window, self.selection)

    def identity(self) -> dict[str, Any]:
        """What must be equal for state to be gone on with, beside the model, the goal and the source."""
        return {"selection": {key: value for key, value in self.rules.written().items() if key != "n_samples"}}


def _whole(folder: Path) -> Path:
    """Without `..`, from the root on; no disk is asked, which may be away."""
    return Path(os.path.normpath(folder.absolute()))
