"""A pipeline file: what `streamsel run` does, as checked values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streamsel.broker_names import is_topic
from streamsel.config.nearest import shown
from streamsel.config.pipeline_base import ServiceConfig
from streamsel.config.pipeline_values import Amount, File, Named, Rate, Seconds, ServerList, security_beside
from streamsel.config.value import Text, Value
from streamsel.config.window import Window, counted

__all__ = ["BatchSize", "IngestConfig", "Input", "Output", "State"]

SMALLEST_RECORD = 1000


class Input(Value):
    """What is read, and as whom.

    servers: `host:port` each. group: consumers of the same group share the partitions. instance: this member's name in
    it, which must be unique and should stay the same over restarts (static membership): then a restart moves no
    partitions and waits for nothing; None: a new name at each start. references: the folder that references in records
    are relative to, and never leave; None: references are refused. holds: what the records carry, `auto` goes by their
    headers. fps, every, keyframes: which frames of a video segment are looked at. largest, pixels: of a picture, the
    latter also of a segment's frames; what has more bytes or pixels is a dead letter. gap: seconds between two pictures
    of a source after which a sequence begins anew; None: it never does. session: seconds without a sign of life after
    which another member takes over.
    """

    servers: ServerList
    topic: Named
    group: Text = "streamsel"
    instance: Named | None = None
    references: File | None = None
    holds: Literal["auto", "pictures", "segments"] = "auto"
    fps: Rate | None = None
    every: int | None = Field(None, ge=1)
    keyframes: bool = False
    largest: Annotated[Amount, Field(ge=SMALLEST_RECORD)] = 20_000_000
    pixels: int = Field(50_000_000, ge=10_000, le=170_000_000)
    gap: float | None = Field(None, gt=0, allow_inf_nan=False)
    session: float = Field(30.0, ge=6, le=1800)

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


class IngestConfig(ServiceConfig):
    """A consumer in a group: reads pictures from a topic, selects per partition, sends its picks on.

    security: as `streamsel.topic.security` reads it. dead_letter: the topic for what cannot be used; None: `TOPIC.dlq`.
    window: of the times of records, of each partition.
    """

    ENDLESS: ClassVar[str] = "topic"

    kind: Literal["ingest"]
    input: Input
    security: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    output: Output
    state: State = State()
    dead_letter: Named | None = None
    batch: BatchSize = BatchSize()

    @field_validator("security")
    @classmethod
    def _files_beside(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        return security_beside(value, info)

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
    def sequence_length(self) -> int:
        """Frames of a pick."""
        return self.rules.worker.selected_sequence_length

    @property
    def goal(self) -> Window | None:
        """The window with its number of picks; None where frames are decided at once."""
        return counted(self.window, self.selection)

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
        looking |= {} if self.input.gap is None else {"gap": self.input.gap}
        choice = self.model_dump(mode="json", include={"target_ratio", "min_distance"})
        selection = self.rules.written()
        if (window := self.goal) is None:
            return {**looking, **choice, "selection": selection}
        selection.pop("n_samples", None)  # the same may be said in two places
        return {**looking, "window": window.model_dump(mode="json"), "selection": selection}
