"""A pipeline file: what `streamsel run` does, as checked values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from streamsel.broker_names import is_server, is_topic
from streamsel.config.nearest import shown
from streamsel.config.reading import read_selection
from streamsel.config.selection import SelectionConfig
from streamsel.config.value import Text, Value

__all__ = ["BatchSize", "IngestConfig", "Input", "Output", "State"]

DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(|[kMG])(i?)B?\s*", re.IGNORECASE)
MODELS = (".onnx", ".xml", ".pt2")
SMALLEST_RECORD = 1000
FILES = ("ca", "certificate", "key", "password_file", "token_file")
"""Of `security`: paths."""


def _beside(path: Path, info: ValidationInfo) -> Path:
    """A path in a file is relative to that file."""
    return Path((info.context or {}).get("folder", ".")) / path.expanduser()


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = AMOUNT.fullmatch(value)
    if found is None:
        raise ValueError("must be an amount of bytes, such as 900000, 20MB or 64MiB")
    number, scale, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmg".index(scale.lower() or " "))


def _several(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _name(value: str) -> str:
    if not is_topic(value):
        raise ValueError(f"must be letters, digits, '.', '_' and '-', at most 249 of them, got {shown(value)}")
    return value


def _server(value: str) -> str:
    if not is_server(value):  # not shown: it may hold a password
        raise ValueError("must be host:port, such as localhost:9092 or [::1]:9092; a login goes to `security`")
    return value


File = Annotated[Path, AfterValidator(_beside)]
Amount = Annotated[int, BeforeValidator(_bytes)]
Named = Annotated[str, AfterValidator(_name)]
"""What a broker takes as the name of a topic, and the client as that of an instance."""
Server = Annotated[Text, AfterValidator(_server)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Input(Value):
    """What is read, and as whom.

    servers: `host:port` each. group: consumers of the same group share the partitions. instance: this member's name
    in it, which must be unique and should stay the same over restarts (static membership): then a restart moves no
    partitions and waits for nothing; None: a new name at each start. references: the folder that references in records
    are relative to, and never leave; None: references are refused. holds: what the records carry, `auto` goes by their
    headers. fps, every, keyframes: which frames of a video segment are looked at. largest: bytes of a picture; what is
    larger is a dead letter. session: seconds without a sign of life after which another member takes over.
    """

    servers: Annotated[tuple[Server, ...], BeforeValidator(_several), Field(min_length=1)]
    topic: Named
    group: Text = "streamsel"
    instance: Named | None = None
    references: File | None = None
    holds: Literal["auto", "pictures", "segments"] = "auto"
    fps: str | None = None
    every: int | None = Field(None, ge=1)
    keyframes: bool = False
    largest: Annotated[Amount, Field(ge=SMALLEST_RECORD)] = 20_000_000
    session: float = Field(30.0, ge=6, le=1800)

    @field_validator("fps", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("fps")
    @classmethod
    def _is_rate(cls, value: str | None) -> str | None:
        try:
            fine = value is None or Fraction(value) > 0
        except (ValueError, ZeroDivisionError):
            fine = False
        if fine:
            return value
        raise ValueError(f"must be a rate above 0, such as 2, 0.5 or 30000/1001, got {shown(value)}")

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        given = [name for name in ("fps", "every", "keyframes") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: give one of them")
        return self


class Output(Value):
    """Where picks go: to a topic, in the transaction that also holds offsets and state, or to a folder.

    inline_limit: bytes of a picture up to which it travels in its record; larger ones are written to the folder
    `claims`, and the record refers to them.
    """

    topic: Named | None = None
    folder: File | None = None
    inline_limit: Annotated[Amount, Field(ge=0)] = 700_000
    claims: File | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.topic is None) == (self.folder is None):
            raise ValueError("give one of topic and folder")
        unread = [name for name in ("inline_limit", "claims") if name in self.model_fields_set and self.folder]
        if unread:
            raise ValueError(
                f"{' and '.join(unread)} would change nothing: pictures in a folder are files; leave it out"
            )
        return self


class State(Value):
    """The changelog: a compacted topic with as many partitions as the input; None: `GROUP.TOPIC.state`."""

    topic: Named | None = None


class BatchSize(Value):
    """What is decided and committed at once.

    records: at most so many. seconds: how long is waited for more once there is one; 0: not at all. bytes: of records
    in memory, about: what is fetched ahead counts too, and one record may always be larger.
    """

    records: Annotated[int, Field(ge=1, le=10_000)] = 128
    seconds: Seconds = 0.05
    bytes: Annotated[Amount, Field(ge=1_000_000)] = 64_000_000


class IngestConfig(Value):
    """A consumer in a group: reads pictures from a topic, selects per partition, sends its picks on.

    security: as `streamsel.topic.security` reads it. selection: a selection config, or its file; DIVERSITY alone where
    none is given. target_ratio: share of the frames kept as they come; min_distance: kept when that far from all picks
    of its partition; neither: the model's own novelty distance. lightly: a `.lightly` folder with predictions and
    metadata by the names of the frames. dead_letter: the topic for what cannot be used; None: `TOPIC.dlq`.
    metrics: `host:port` of the Prometheus page; None: there is none. threads: of CPU, None: all.
    """

    kind: Literal["ingest"]
    input: Input
    security: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    model: Text = "default"
    weights: File | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    selection: SelectionConfig | None = None
    query_sets: Mapping[str, File] = Field(default_factory=dict)
    target_ratio: float | None = Field(None, gt=0, le=1)
    min_distance: float | None = Field(None, gt=0, le=2)
    lightly: File | None = None
    output: Output
    state: State = State()
    dead_letter: Named | None = None
    batch: BatchSize = BatchSize()
    metrics: Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")] | None = None
    log: Literal["text", "json"] = "text"
    threads: int | None = Field(None, ge=1, le=1024)

    @field_validator("model")
    @classmethod
    def _model_beside(cls, value: str, info: ValidationInfo) -> str:
        return str(_beside(Path(value), info)) if value.lower().endswith(MODELS) else value

    @field_validator("security")
    @classmethod
    def _files_beside(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        return {key: str(_beside(Path(str(one)), info)) if key in FILES else one for key, one in value.items()}

    @field_validator("selection", mode="before")
    @classmethod
    def _from_file(cls, value: Any, info: ValidationInfo) -> Any:
        return read_selection(_beside(Path(value), info)) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_goal(self) -> Self:
        share = self.selection.proportion_samples if self.selection else None
        given = {"target_ratio": self.target_ratio, "min_distance": self.min_distance}
        goals = [name for name, value in given.items() if value is not None]
        if len(goals) > 1:
            raise ValueError("target_ratio and min_distance exclude each other: give one of them")
        if self.selection is not None and self.selection.n_samples is not None:
            raise ValueError("n_samples needs an end, which a topic has not: give target_ratio or min_distance")
        if goals and share is not None:
            raise ValueError(f"{goals[0]} and proportion_samples exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _own_topics(self) -> Self:
        for made, place in ((self.state_topic, "state.topic"), (self.dead_letter_topic, "dead_letter")):
            if not is_topic(made):
                raise ValueError(f"{shown(made)} is no topic's name, and is made of the others here: give {place}")
        names = [self.input.topic, self.state_topic, self.dead_letter_topic, *filter(None, [self.output.topic])]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"topic {twice!r} has two uses: input, output, state and dead_letter must all differ")
        return self

    @property
    def rules(self) -> SelectionConfig:
        """The selection config; DIVERSITY alone, unless one is given."""
        return self.selection or SelectionConfig.model_validate({"strategies": [DIVERSITY]})

    @property
    def ratio(self) -> float | None:
        """The share to keep: target_ratio, or proportion_samples of the selection config."""
        return self.target_ratio or (self.selection.proportion_samples if self.selection else None)

    @property
    def state_topic(self) -> str:
        """The changelog's name."""
        return self.state.topic or f"{self.input.group}.{self.input.topic}.state"

    @property
    def dead_letter_topic(self) -> str:
        """Where the origin and reason of what cannot be used goes."""
        return self.dead_letter or f"{self.input.topic}.dlq"

    def identity(self) -> dict[str, Any]:
        """What must be equal for state to be gone on with, beside the model."""
        looking = self.input.model_dump(mode="json", include={"topic", "group", "fps", "every", "keyframes"})
        choice = self.model_dump(mode="json", include={"target_ratio", "min_distance"})
        return {**looking, **choice, "selection": self.rules.written()}
