"""What a strategy reads: EMBEDDINGS, SCORES, PREDICTIONS, METADATA or RANDOM.

Each input names its column, `column`, what it is called in the manifest, `subject`, and which strategies it goes
with, `fits`.
"""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from streamsel.config.nearest import unknown
from streamsel.config.value import Kind, Name, Task, Text, Value, Whole, typed

__all__ = ["CATEGORICAL", "MEASURED", "Embeddings", "Input", "Metadata", "Predictions", "Random", "Scores"]

MEASURED = (
    "lightly.sharpness",
    "lightly.snr",
    "lightly.uniformRowRatio",
    "lightly.luminance",
    "lightly.width",
    "lightly.height",
    "lightly.meanRed",
    "lightly.meanGreen",
    "lightly.meanBlue",
    "lightly.contrast",
)
"""The metadata that is measured on pictures; no other key may begin with `lightly.`."""

CATEGORICAL = ("lightly.width", "lightly.height")
"""Of these, whole numbers, which may serve as categories."""


class Embeddings(Value):
    """Vectors: one per row; with `task`, one per object that the task found (also an auto task or lightly_pretagging).

    SIMILARITY compares them with a query set: `query_set` names one, which is our own key; `dataset_id` and
    `tag_name` (3 characters or more) together are the name that the product users come from gives it. Its ids are 24
    hex digits; here any will do, since it is a name only.
    """

    fits: ClassVar[tuple[str, ...]] = ("DIVERSITY", "TYPICALITY", "SIMILARITY")

    type: Literal["EMBEDDINGS"]
    task: Task | None = None
    dataset_id: Annotated[str, Field(pattern=r"^[^/\s]+$")] | None = None
    tag_name: Annotated[str, Field(min_length=3, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9 .:;=@_-]+$")] | None = None
    query_set: Text | None = None

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if (self.dataset_id is None) != (self.tag_name is None):
            raise ValueError("dataset_id and tag_name go together: give both")
        if self.query_set is not None and self.dataset_id is not None:
            raise ValueError("query_set and dataset_id both name a query set: give one of them")
        return self

    @property
    def query(self) -> str | None:
        """The name of the query set: `query_set`, else `dataset_id/tag_name`."""
        return f"{self.dataset_id}/{self.tag_name}" if self.dataset_id is not None else self.query_set

    @property
    def kind(self) -> Kind:
        """Whether a row has one vector or one per object."""
        return "objects" if self.task else "vectors"

    @property
    def column(self) -> str:
        """`EMBEDDINGS` or `EMBEDDINGS task`."""
        return _words("EMBEDDINGS", self.task)

    @property
    def subject(self) -> str:
        """The task and the query set, where given."""
        return _words(self.task, self.query)


class Scores(Value):
    """One number per row: how much its predictions leave to learn, such as `uncertainty_entropy`."""

    fits: ClassVar[tuple[str, ...]] = ("WEIGHTS", "THRESHOLD")
    kind: ClassVar[Kind] = "numbers"

    type: Literal["SCORES"]
    task: Task
    score: Name

    @property
    def column(self) -> str:
        """`SCORES task score`."""
        return _words("SCORES", self.subject)

    @property
    def subject(self) -> str:
        """The task and the score."""
        return _words(self.task, self.score)


class Predictions(Value):
    """What a task found: CLASS_DISTRIBUTION, how much of each class; CATEGORY_COUNT, how many objects.

    `categories`, distinct class names as the task's schema spells them, goes with CATEGORY_COUNT; without it objects
    of all classes count.
    """

    type: Literal["PREDICTIONS"]
    task: Task
    name: Literal["CLASS_DISTRIBUTION", "CATEGORY_COUNT"]
    categories: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None

    @field_validator("categories")
    @classmethod
    def _distinct(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names and len(set(names)) < len(names):
            raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
        return names

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.categories and self.name == "CLASS_DISTRIBUTION":
            raise ValueError("categories goes with CATEGORY_COUNT; CLASS_DISTRIBUTION holds every class")
        return self

    @property
    def kind(self) -> Kind:
        """A distribution holds counts, a count is a number."""
        return "counts" if self.name == "CLASS_DISTRIBUTION" else "numbers"

    @property
    def column(self) -> str:
        """`PREDICTIONS task CLASS_DISTRIBUTION` or `PREDICTIONS task CATEGORY_COUNT car,person`, sorted."""
        return _words("PREDICTIONS", self.task, self.name, self._counts)

    @property
    def subject(self) -> str:
        """The task and the categories, where given."""
        return _words(self.task, self._counts)

    @property
    def fits(self) -> tuple[str, ...]:
        """Strategies that read distributions, or numbers."""
        return ("BALANCE",) if self.name == "CLASS_DISTRIBUTION" else ("WEIGHTS", "THRESHOLD")

    @property
    def _counts(self) -> str:
        return ",".join(name.replace("\\", r"\\").replace(",", r"\,") for name in sorted(self.categories or ()))


class Metadata(Value):
    """A value that comes with a picture, by its dotted key, or is measured on it: one of MEASURED.

    Numbers go with WEIGHTS and THRESHOLD, categories (texts, whole numbers, booleans) with BALANCE and THRESHOLD. The
    groups of `lightly_path_regex` are keys as well.
    """

    fits: ClassVar[tuple[str, ...]] = ("WEIGHTS", "THRESHOLD", "BALANCE")

    type: Literal["METADATA"]
    key: Text

    @field_validator("key")
    @classmethod
    def _known(cls, key: str) -> str:
        if key.startswith("lightly.") and key not in MEASURED:
            raise ValueError(unknown("key", key, MEASURED))
        return key

    @property
    def categorical(self) -> bool:
        """Whether its values may be categories."""
        return self.key not in MEASURED or self.key in CATEGORICAL

    def column(self, kind: Kind) -> str:
        """`METADATA weather.temperature` where numbers are read, else `METADATA weather (counts)` or `(labels)`."""
        key = json.dumps(self.key) if self.key.endswith((")", '"')) else self.key
        return _words("METADATA", key, "" if kind == "numbers" else f"({kind})")

    @property
    def subject(self) -> str:
        """The key."""
        return self.key


class Random(Value):
    """One random number per row, from `random_seed`, else from the config's."""

    fits: ClassVar[tuple[str, ...]] = ("WEIGHTS", "THRESHOLD")
    kind: ClassVar[Kind] = "numbers"

    type: Literal["RANDOM"]
    random_seed: Whole | None = None

    @property
    def column(self) -> str:
        """`RANDOM 42`, or `RANDOM` where the config's seed is used."""
        return _words("RANDOM", "" if self.random_seed is None else str(self.random_seed))

    @property
    def subject(self) -> str:
        """The same as the column."""
        return self.column


Input = Annotated[
    Embeddings | Scores | Predictions | Metadata | Random,
    Field(discriminator="type"),
    typed(Embeddings, Scores, Predictions, Metadata, Random),
]


def _words(*words: str | None) -> str:
    return " ".join(filter(None, words))
