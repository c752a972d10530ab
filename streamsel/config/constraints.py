"""What no gain outweighs: `constraints`, a list of our own beside `strategies`, such as

{"type": "MIN_DISTANCE", "distance": 0.2}
{"type": "AT_MOST", "count": 50, "per": {"type": "METADATA", "key": "weather"}, "classes": ["rain"]}
{"type": "AT_LEAST", "count": 5, "per": {"type": "PREDICTIONS", "task": "vehicles"}}
{"type": "MIN_GAP", "seconds": 2}
{"type": "INCLUDE", "names": ["drive-017-mp4.png"]}
{"type": "EXCLUDE", "file": "seen.txt"}
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from streamsel.config.inputs import CATEGORICAL, MEASURED, Metadata
from streamsel.config.value import Kind, Label, Number, Task, Text, Value, Whole, typed

__all__ = ["Constraint", "MinDistance", "MinGap", "Names", "Per", "PerDay", "PerMetadata", "PerSource", "Quota"]


class PerMetadata(Metadata):
    """Per category of a metadata key."""

    kind: ClassVar[Kind] = "labels"

    @field_validator("key")
    @classmethod
    def _counted(cls, key: str) -> str:
        if key not in CATEGORICAL and key in MEASURED:
            raise ValueError(f"{key} holds numbers, not categories, so nothing can be counted per value")
        return key


class PerPredictions(Value):
    """Per class that a task found in the row; a row with several classes counts for each of them.

    Each prediction is of one class: its category, or of a classification the most probable one.
    """

    kind: ClassVar[Kind] = "counts"
    name: ClassVar[str] = "CLASSES"

    type: Literal["PREDICTIONS"]
    task: Task


class PerSource(Value):
    """Per file or camera."""

    kind: ClassVar[Kind] = "labels"

    type: Literal["SOURCE"]


class PerDay(Value):
    """Per calendar day."""

    kind: ClassVar[Kind] = "labels"

    type: Literal["DAY"]


Per = Annotated[
    PerMetadata | PerSource | PerDay | PerPredictions,
    Field(discriminator="type"),
    typed(PerMetadata, PerSource, PerDay, PerPredictions),
]


class MinDistance(Value):
    """No two picks nearer than `distance`, above 0; at most 2 between unit vectors."""

    type: Literal["MIN_DISTANCE"]
    distance: Annotated[Number, Field(gt=0)]


class Quota(Value):
    """At most, or at least, `count` picks of each class of `per`, or only of those that `classes` lists."""

    type: Literal["AT_MOST", "AT_LEAST"]
    count: Annotated[Whole, Field(ge=0)]
    per: Per
    classes: Annotated[tuple[Label, ...], Field(min_length=1)] | None = None

    @property
    def kind(self) -> Kind:
        """Of the column it reads."""
        return self.per.kind

    @property
    def column(self) -> str:
        """`METADATA weather (labels)`, `SOURCE`, `DAY` or `PREDICTIONS task CLASSES`."""
        if isinstance(self.per, PerMetadata):
            return self.per.column(self.kind)
        if isinstance(self.per, PerPredictions):
            return f"PREDICTIONS {self.per.task} {self.per.name}"
        return self.per.type


class MinGap(Value):
    """No two picks of one source nearer in time than `seconds`, above 0."""

    type: Literal["MIN_GAP"]
    seconds: Annotated[Number, Field(gt=0)]


class Names(Value):
    """What must be picked (INCLUDE) or must not be (EXCLUDE): a list of `names`, or a `file` with one a line."""

    type: Literal["INCLUDE", "EXCLUDE"]
    names: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    file: Text | None = None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if (self.names is None) == (self.file is None):
            raise ValueError("takes either names or file: give one of them")
        return self


Constraint = Annotated[
    MinDistance | Quota | MinGap | Names, Field(discriminator="type"), typed(MinDistance, Quota, MinGap, Names)
]
