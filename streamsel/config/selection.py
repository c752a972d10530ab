"""The selection config: what to pick, as the product users come from writes it, with keys of our own.

Theirs: n_samples, proportion_samples, strategies, auto_tasks, lightly_path_regex. Ours: constraints, random_seed and
worker, and the operations and query sets that `strategies` and `inputs` describe. Older spellings are understood:
strength beside a strategy, CORESET for DIVERSITY, a target without distribution.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from streamsel.config.auto_tasks import AutoTask
from streamsel.config.constraints import Constraint, MinDistance
from streamsel.config.inputs import Embeddings, Input, Metadata, Predictions, Random, Scores
from streamsel.config.strategies import Balance, Similarity, Strategy, Threshold
from streamsel.config.value import Kind, Number, Value, Whole
from streamsel.config.worker import WorkerOptions
from streamsel.errors import UsageError

__all__ = ["Entry", "SelectionConfig"]

OLDER = {"CORESET": "DIVERSITY"}


class Entry(Value):
    """One strategy and what it reads."""

    input: Input
    strategy: Strategy

    @model_validator(mode="before")
    @classmethod
    def _older(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not isinstance(data.get("strategy"), Mapping):
            return data
        beside = {key: value for key, value in data.items() if key == "strength"}
        strategy = {**beside, **data["strategy"]}
        if beside and "strength" in data["strategy"]:
            raise ValueError("strength is given twice, in strategy and beside it: leave one")
        if isinstance(name := strategy.get("type"), str):
            strategy["type"] = OLDER.get(name, name)
        return {key: value for key, value in data.items() if key not in beside} | {"strategy": strategy}

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.strategy.type not in self.input.fits:
            name = f"PREDICTIONS {self.input.name}" if isinstance(self.input, Predictions) else self.input.type
            fits = " or ".join(self.input.fits)
            raise ValueError(f"input {name} does not go with strategy {self.strategy.type}: it takes {fits}")
        return self

    @model_validator(mode="after")
    def _query(self) -> Self:
        if not isinstance(self.input, Embeddings):
            return self
        if isinstance(self.strategy, Similarity) and self.query is None:
            raise ValueError("SIMILARITY needs a query set: query_set, or dataset_id and tag_name, in its input")
        if not isinstance(self.strategy, Similarity) and self.query is not None:
            raise ValueError(f"{self.strategy.type} compares with no query set: only SIMILARITY does")
        return self

    @model_validator(mode="after")
    def _numeric(self) -> Self:
        categorical = isinstance(self.input, Metadata) and self.input.categorical
        if isinstance(self.strategy, Threshold) and self.strategy.reads_labels and not categorical:
            raise ValueError(f"{self.input.subject} holds numbers: compare with a number, or BETWEEN two")
        if isinstance(self.strategy, Balance) and isinstance(self.input, Metadata) and not categorical:
            raise ValueError(f"{self.input.key} holds numbers, not categories: it takes WEIGHTS or THRESHOLD")
        return self

    @property
    def kind(self) -> Kind:
        """The kind of column it reads."""
        if not isinstance(self.input, Metadata):
            return self.input.kind
        if isinstance(self.strategy, Balance):
            return "counts"
        return "labels" if isinstance(self.strategy, Threshold) and self.strategy.reads_labels else "numbers"

    @property
    def column(self) -> str:
        """The name of the column it reads; entries that read the same have the same."""
        return self.input.column(self.kind) if isinstance(self.input, Metadata) else self.input.column

    @property
    def query(self) -> str | None:
        """The name of the query set that SIMILARITY compares with."""
        return self.input.query if isinstance(self.input, Embeddings) else None

    @property
    def label(self) -> str:
        """What its gains are called, such as `WEIGHTS lightly.sharpness`; `SelectionConfig.labels` are unique."""
        return f"{self.strategy.type} {self.input.subject}".rstrip()


class SelectionConfig(Value):
    """What to pick.

    n_samples: frames, -1 for all, 0 for none. proportion_samples: 0..1 of all frames, on a stream the target ratio.
    strategies: one or more. auto_tasks: objects without a model, for EMBEDDINGS only. lightly_path_regex: its named
    groups, `(?P<name>...)`, become metadata keys of each picture's name. constraints: what no gain outweighs.
    random_seed: for everything random that has no seed of its own. worker: what the product's worker was told.
    """

    n_samples: Annotated[Whole, Field(ge=-1)] | None = None
    proportion_samples: Annotated[Number, Field(ge=0, le=1)] | None = None
    strategies: Annotated[tuple[Entry, ...], Field(min_length=1)]
    auto_tasks: tuple[AutoTask, ...] = ()
    lightly_path_regex: str | None = None
    constraints: tuple[Constraint, ...] = ()
    random_seed: Whole = 0
    worker: WorkerOptions = WorkerOptions()

    @field_validator("lightly_path_regex")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            groups = re.compile(pattern).groupindex if pattern is not None else {"": 0}
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"is no regular expression: {error}") from None
        if not groups:
            raise ValueError("must have a named group, (?P<name>...), for each metadata key")
        return pattern

    @field_validator("auto_tasks", "constraints", mode="before")
    @classmethod
    def _absent(cls, value: Any) -> Any:
        return () if value is None else value

    @model_validator(mode="after")
    def _one_goal(self) -> Self:
        if self.n_samples is not None and self.proportion_samples is not None:
            raise ValueError("n_samples and proportion_samples exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _whole_sequences(self) -> Self:
        n, length = self.n_samples, self.worker.selected_sequence_length
        if n is not None and n > 0 and n % length:
            low, high = n // length * length, -(-n // length) * length
            near = f"{low} or {high}" if low else f"{high}"
            raise ValueError(f"n_samples {n} is no multiple of selected_sequence_length {length}; use {near}")
        return self

    @model_validator(mode="after")
    def _tasks(self) -> Self:
        names = [task.name for task in self.auto_tasks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"auto_tasks: two of them are called {name!r}")
        for position, entry in enumerate(self.strategies):
            if isinstance(entry.input, Scores | Predictions) and entry.input.task in names:
                raise ValueError(
                    f"strategies[{position}].input.task: {entry.input.task!r} is an auto task, which has neither "
                    "classes nor probabilities: it goes with EMBEDDINGS only"
                )
        return self

    def check_goal(self, own: str = "") -> None:
        """Raises UsageError unless exactly one thing says how many to pick; own: the caller's, such as `-n`."""
        ours = [name for name in ("n_samples", "proportion_samples") if getattr(self, name) is not None]
        if ours and own:
            raise UsageError(f"{ours[0]} and {own} exclude each other: give one of them")
        if not ours and not own:
            raise UsageError("nothing says how many to pick: give n_samples (-1 for all) or proportion_samples")

    def budget(self, total: int) -> int | None:
        """How many frames to pick among so many; None where the config does not say.

        A proportion is rounded up, to whole sequences; there are never more than the whole sequences in `total`.
        """
        length = self.worker.selected_sequence_length
        wanted = total if self.n_samples == -1 else self.n_samples
        if self.proportion_samples is not None:
            wanted = math.ceil(Fraction(str(self.proportion_samples)) * total / length) * length
        return None if wanted is None else min(wanted, total // length * length)

    def seed_of(self, entry: Entry) -> int:
        """The seed of what is random in an entry: its own, else the config's."""
        own = entry.input.random_seed if isinstance(entry.input, Random) else None
        return self.random_seed if own is None else own

    @property
    def labels(self) -> tuple[str, ...]:
        """What the gains of each entry are called, in order, all different: of equals the second ends in ` 2`."""
        taken: list[str] = []
        for entry in self.strategies:
            choices = (entry.label if rank == 1 else f"{entry.label} {rank}" for rank in range(1, len(taken) + 2))
            taken.append(next(label for label in choices if label not in taken))
        return tuple(taken)

    @property
    def reads_vectors(self) -> bool:
        """Whether anything in it reads embeddings, of rows or of their objects."""
        embedded = any(entry.kind in ("vectors", "objects") for entry in self.strategies)
        return embedded or any(isinstance(one, MinDistance) for one in self.constraints)

    @property
    def reads_objects(self) -> bool:
        """Whether anything in it reads embeddings of objects."""
        return any(entry.kind == "objects" for entry in self.strategies)

    @property
    def path_keys(self) -> tuple[str, ...]:
        """The metadata keys that lightly_path_regex reads off names."""
        return tuple(re.compile(self.lightly_path_regex or "").groupindex)

    def written(self) -> dict[str, Any]:
        """As plain JSON values without defaults, which the reader takes back as the same config."""
        return self.model_dump(mode="json", exclude_defaults=True)
