"""One run of `select`, as checked values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from streamsel.config.delivery import DeliveryConfig, read_delivery
from streamsel.config.query_sets import query_sets_of
from streamsel.config.reading import read_selection
from streamsel.config.selection import SelectionConfig
from streamsel.errors import UsageError

__all__ = ["Format", "SelectConfig"]

Format = Literal["jpg", "png", "clip"]
Effort = Literal["fast", "normal", "exact"]

DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}

OPTIONS = {
    "n": "-n",
    "proportion": "--proportion",
    "target_ratio": "--target-ratio",
    "min_distance": "--min-distance",
    "every": "--every",
    "fps": "--fps",
    "keyframes": "--keyframes",
    "end": "--end",
    "duration": "--duration",
}
GOALS = ("n", "proportion", "target_ratio", "min_distance")
LOOKING = ("every", "fps", "keyframes")


class SelectConfig(BaseModel):
    """One run of `select`.

    Goal, at most one: n (frames), proportion (share of all frames), both chosen at the end as the best of all;
    target_ratio (share kept as the stream goes), min_distance (0..2, kept when that far from all picks). None: the
    model's own novelty distance. Frames are counted, not sequences: n must be a multiple of sequence_length.
    objects: the task whose objects are selected, and counted, in place of frames; padding: of their boxes.
    embeddings: a table that has the vectors of frames, by their names, in place of a model.
    kafka: BROKER/TOPIC to which picks are sent as well; kafka_config: how.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...] = Field(min_length=1, repr=False)
    n: int | None = Field(None, ge=1)
    proportion: float | None = Field(None, gt=0, le=1)
    target_ratio: float | None = Field(None, gt=0, le=1)
    min_distance: float | None = Field(None, gt=0, le=2)
    sequence_length: int = Field(1, ge=1)
    every: int | None = Field(None, ge=1)
    fps: str | None = None
    keyframes: bool = False
    start: str | None = None
    end: str | None = None
    duration: str | None = None
    crop: str | None = None
    size: int | None = Field(None, ge=1, le=16384)
    format: Format | None = None
    quality: int = Field(95, ge=1, le=100)
    effort: Effort = "normal"
    embeddings: Path | None = None
    model: str = "default"
    weights: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    table: bool = True
    selection: SelectionConfig | None = None
    lightly: Path | None = None
    query_sets: tuple[tuple[str, str], ...] = ()
    pool: Path | None = None
    remove_exact_duplicates: bool = False
    objects: str | None = Field(None, min_length=1)
    padding: float = Field(0.0, ge=0, allow_inf_nan=False)
    kafka: str | None = Field(None, min_length=1)
    kafka_config: DeliveryConfig | None = None

    @classmethod
    def of(cls, **values: Any) -> SelectConfig:
        """A config from keyword values; raises UsageError in the words of the command line.

        selection: a selection config, its file or its text. What it says of the number of frames and of sequences
        holds where nothing else is given here. query_sets: name -> path, or texts NAME=PATH.
        """
        if "query_sets" in values:
            values["query_sets"] = tuple(sorted(query_sets_of(values["query_sets"]).items()))
        selection = values.get("selection")
        if selection is not None and not isinstance(selection, SelectionConfig):
            values["selection"] = selection = read_selection(selection)
        if selection is not None:
            values = {**_said(selection, values), **values}
        how = values.get("kafka_config")
        if how is not None and not isinstance(how, DeliveryConfig):
            values["kafka_config"] = read_delivery(how)
        try:
            return cls(**values)
        except ValidationError as error:
            raise UsageError(_one_line(error)) from None

    @field_validator("sources", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return (str(value),) if isinstance(value, str | Path) else tuple(map(str, value))

    @field_validator("fps", "start", "end", "duration", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float | Fraction) else value

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        for group in (GOALS, LOOKING, ("end", "duration")):
            given = [OPTIONS[name] for name in group if getattr(self, name)]
            if len(given) > 1:
                raise ValueError(f"{' and '.join(given)} exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _whole_sequences(self) -> Self:
        length = self.sequence_length
        if self.n is not None and self.n % length:
            low, high = self.n // length * length, -(-self.n // length) * length
            option = "-n " if self.asks == "-n" else ""
            near = " or ".join(f"{option}{amount}" for amount in (low, high) if amount)
            raise ValueError(f"{self.asks} {self.n} is no multiple of --sequence-length {length}; use {near}")
        if self.format == "clip" and length == 1:
            raise ValueError("--format clip needs --sequence-length 2 or more")
        if self.effort == "exact" and not self.budget:
            raise ValueError("--effort goes with -n or --proportion; a stream embeds whatever may be new")
        return self

    @model_validator(mode="after")
    def _whole_objects(self) -> Self:
        if self.objects is not None and self.sequence_length > 1:
            raise ValueError(f"--objects {self.objects}: objects are of single frames: leave --sequence-length out")
        for place, entry in enumerate(self.rules.strategies if self.objects is not None else ()):
            if entry.kind == "objects":
                raise ValueError(
                    f"--objects {self.objects}: rows are objects already, and EMBEDDINGS theirs: leave"
                    f" strategies[{place}].input.task out"
                )
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        """Own embeddings are of frames, and all that there is."""
        told = "--embeddings" if self.embeddings else "worker_config.embeddings"
        if self.own and (self.model != "default" or self.weights is not None):
            option = "--weights" if self.weights is not None else "--model"
            raise ValueError(f"{option} and {told} exclude each other: vectors come from the one or the other")
        if self.own and self.objects is not None:
            raise ValueError(f"--objects {self.objects}: {told} has vectors of frames alone; leave one of them out")
        for place, entry in enumerate(self.rules.strategies if self.own else ()):
            if entry.kind == "objects":
                raise ValueError(
                    f"strategies[{place}].input.task: {told} has vectors of frames, not of their objects, which"
                    " `streamsel choose` reads of a table"
                )
        return self

    @model_validator(mode="after")
    def _told_where_to(self) -> Self:
        if self.kafka_config is not None and self.kafka is None:
            raise ValueError("--kafka-config says how to send: say where to by --kafka BROKER/TOPIC")
        return self

    @property
    def delivery(self) -> DeliveryConfig:
        """How picks are sent, where they are."""
        return self.kafka_config or DeliveryConfig()

    @property
    def compares(self) -> bool:
        """Whether the picks are compared with others: every n-th frame and random ones are no objects."""
        return self.table and self.objects is None

    @property
    def asks(self) -> str:
        """Where the number of frames is from, as errors call it."""
        said = self.selection.n_samples if self.selection else None
        return "-n" if said is None or said != self.n else "n_samples"

    @property
    def own(self) -> bool:
        """Whether vectors come from a table of the user's."""
        return self.embeddings is not None or bool(self.rules.worker.embeddings)

    @property
    def judges_all(self) -> bool:
        """Whether every frame is judged: what looks alike is what is looked for, or vectors are there already."""
        near = any(one.strategy.type == "DIVERSITY" and one.strategy.strength < 0 for one in self.rules.strategies)
        return self.effort == "exact" or self.own or (near and self.budget and self.objects is None)

    @property
    def embeds(self) -> bool:
        """Whether a model is needed: anything reads vectors, or one was named."""
        named = self.model != "default" or self.weights is not None or self.own
        return self.rules.reads_vectors or self.compares or self.pool is not None or named

    @property
    def budget(self) -> bool:
        """Whether the choice is made at the end, among all that was seen."""
        return self.n is not None or self.proportion is not None

    @property
    def goal(self) -> str:
        """The goal in words."""
        rows = "frames" if self.objects is None else f"objects of {self.objects}"
        if self.n is not None:
            return f"the best {self.n} {rows}"
        if self.proportion is not None:
            return f"the best {self.proportion:.4g} of all {rows}"
        if self.target_ratio is not None:
            return f"{self.target_ratio:.4g} of the {rows} as they come"
        if self.min_distance is not None:
            return f"{rows} at a distance of {self.min_distance:.4g} or more"
        return f"{rows} that are new to the model"

    def picks_among(self, rows: int) -> int:
        """How many rows (sequences of sequence_length frames) to pick among so many; a fraction is rounded up."""
        if self.n is not None:
            return min(self.n // self.sequence_length, rows)
        return min(rows, math.ceil(Fraction(str(self.proportion)) * rows))

    @property
    def rules(self) -> SelectionConfig:
        """The selection config; DIVERSITY alone, unless one is given."""
        return self.selection or SelectionConfig.model_validate({"strategies": [DIVERSITY]})

    def asked(self) -> dict[str, Any]:
        """The choice in the selection dialect that users know, as it was made."""
        share = self.proportion or self.target_ratio or 1
        amount = {"n_samples": self.n} if self.n else {"proportion_samples": share}
        written = {key: value for key, value in self.rules.written().items() if not key.endswith("_samples")}
        if self.min_distance is not None and self.selection is None:
            stop = {"type": "DIVERSITY", "stopping_condition_minimum_distance": self.min_distance}
            written["strategies"] = [{**DIVERSITY, "strategy": stop}]
        return {**amount, **written}

    def identity(self) -> dict[str, Any]:
        """What two commands must share to be the same run, beside the ids of its sources.

        The sources as they were typed stay out: a URL may hold a password. So does how picks are sent: a broker may
        move, but what went to one topic is not in another. Own embeddings are told by what they are, not where.
        """
        topic = {"kafka": self.kafka.rpartition("/")[2]} if self.kafka else {}
        return self.model_dump(mode="json", exclude={"table", "sources", "embeddings", "kafka", "kafka_config"}) | topic


def _refuse_empty(selection: SelectionConfig) -> None:
    """A run that picks nothing, or filters by what only the end of it tells, is none."""
    if selection.n_samples == 0 or selection.proportion_samples == 0:
        raise UsageError("the selection config asks for no frame at all: give n_samples or proportion_samples above 0")
    for place, entry in enumerate(selection.strategies):
        if entry.strategy.type == "THRESHOLD" and getattr(entry.input, "score", "") == "object_frequency":
            raise UsageError(
                f"strategies[{place}]: object_frequency is scaled by all that there is, which a filter before the end"
                " does not know: use it with WEIGHTS, or another score, or choose from a table"
            )


def _said(selection: SelectionConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a selection config says of a run, as options; goals only where none is given."""
    said: dict[str, Any] = {}
    _refuse_empty(selection)
    if selection.worker.selected_sequence_length > 1:
        said["sequence_length"] = selection.worker.selected_sequence_length
    if selection.worker.remove_exact_duplicates:
        said["remove_exact_duplicates"] = True
    if selection.worker.object_level.task_name:
        said["objects"] = selection.worker.object_level.task_name
    if selection.worker.object_level.padding:
        said["padding"] = selection.worker.object_level.padding
    if not any(given.get(goal) for goal in GOALS):
        if selection.n_samples == -1:
            said["proportion"] = 1.0
        elif selection.n_samples is not None:
            said["n"] = selection.n_samples
        elif selection.proportion_samples is not None:
            said["proportion"] = selection.proportion_samples
    return said


def _one_line(error: ValidationError) -> str:
    first: Mapping[str, Any] = error.errors()[0]
    text = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return text
    name = str(first["loc"][0])
    option = OPTIONS.get(name, "--" + name.replace("_", "-")) if name != "sources" else "SOURCE"
    return f"{option}: {text[:1].lower()}{text[1:]}, got {first['input']!r}"
