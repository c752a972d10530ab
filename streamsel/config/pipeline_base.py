"""What all kinds of pipelines say: how frames are judged and which are kept, and how the process behaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streamsel.config.pipeline_values import File, HostPort, beside, beside_if_file
from streamsel.config.reading import RUN_KEYS, read_selection, selection_of
from streamsel.config.selection import SelectionConfig
from streamsel.config.value import Text, Value
from streamsel.config.window import Window, check_number

__all__ = ["Memory", "ServiceConfig"]

DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


class Memory(Value):
    """What a source, or a partition, remembers of its picks: what is forgotten is new again, and ordinals go on.

    days: for how long. picks: how many at most, the oldest go first; each takes 5 kB with the default model. None: all.
    """

    days: Annotated[float, Field(gt=0, le=36500)] | None = None
    picks: Annotated[int, Field(ge=1)] | None = 100_000


class ServiceConfig(Value):
    """What runs until it is asked to stop.

    selection: a selection config, or its file; DIVERSITY alone where none is given. target_ratio: share of the
    frames kept as they come; min_distance: kept when that far from all earlier picks; window: the best of each
    stretch of time; none of them: the model's own novelty distance. memory: of picks. lightly: a `.lightly` folder
    with predictions and metadata by the names of frames. metrics: `host:port` of the status page; None: there is
    none. threads: of CPU, None: all.
    """

    ENDLESS: ClassVar[str] = "stream"
    """What has no end here, as errors call it."""

    model: Text = "default"
    weights: File | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    selection: SelectionConfig | None = None
    query_sets: Mapping[str, File] = Field(default_factory=dict)
    target_ratio: float | None = Field(None, gt=0, le=1)
    min_distance: float | None = Field(None, gt=0, le=2)
    window: Window | None = None
    memory: Memory = Memory()
    lightly: File | None = None
    metrics: HostPort | None = None
    log: Literal["text", "json"] = "text"
    threads: int | None = Field(None, ge=1, le=1024)

    @field_validator("model")
    @classmethod
    def _model_beside(cls, value: str, info: ValidationInfo) -> str:
        return beside_if_file(value, info)

    @field_validator("selection", mode="before")
    @classmethod
    def _from_file(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return read_selection(beside(Path(value), info))
        whole = isinstance(value, Mapping) and value.keys() & set(RUN_KEYS)
        return selection_of(value) if whole else value

    @model_validator(mode="after")
    def _one_goal(self) -> Self:
        share = self.selection.proportion_samples if self.selection else None
        given = {"target_ratio": self.target_ratio, "min_distance": self.min_distance}
        goals = [name for name, value in given.items() if value is not None]
        if len(goals) > 1:
            raise ValueError("target_ratio and min_distance exclude each other: give one of them")
        if self.selection is not None and self.selection.n_samples is not None and not self.windowed:
            instead = "`window: {minutes: 60}` beside it, or target_ratio or min_distance instead"
            raise ValueError(f"n_samples needs an end, which a {self.ENDLESS} has not: give {instead}")
        if self.selection is not None and (refusal := self.selection.worker.refusal):
            raise ValueError(refusal)
        if goals and share is not None:
            raise ValueError(f"{goals[0]} and proportion_samples exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _whole_window(self) -> Self:
        if self.window is None:
            return self
        if given := [name for name in ("target_ratio", "min_distance") if getattr(self, name)]:
            raise ValueError(f"{given[0]} and window exclude each other: give one of them")
        check_number("window", self.window, self.selection)
        return self

    @property
    def windowed(self) -> bool:
        """Whether a number of picks means something: of each window of time."""
        return self.window is not None

    @property
    def rules(self) -> SelectionConfig:
        """The selection config; DIVERSITY alone, unless one is given."""
        return self.selection or SelectionConfig.model_validate({"strategies": [DIVERSITY]})

    @property
    def ratio(self) -> float | None:
        """The share to keep: target_ratio, or proportion_samples of the selection config."""
        return self.target_ratio or (self.selection.proportion_samples if self.selection else None)
