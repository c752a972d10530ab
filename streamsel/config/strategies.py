"""What is done with what is read: DIVERSITY, TYPICALITY, SIMILARITY, WEIGHTS, BALANCE, THRESHOLD, with their options.

`strength` is -1e9..1e9, 1 by default; a negative one turns the goal round. THRESHOLD is a filter and has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from streamsel.config.nearest import shown
from streamsel.config.value import Label, Number, Scalar, Value, Whole, typed

__all__ = ["Balance", "Diversity", "Similarity", "Strategy", "TargetRange", "Threshold", "Typicality", "Weights"]

Strength = Annotated[Number, Field(ge=-1e9, le=1e9)]
Positive = Annotated[Number, Field(ge=0)]


def _shares(value: Any) -> Any:
    """Shares by class, sorted by class; class names that are whole numbers become texts."""
    if isinstance(value, tuple):
        value = dict(value)
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"must map classes to shares of 0..1, got {shown(value)}")
    for name, share in value.items():
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise ValueError(f"class {shown(name)} must be a text: put it in quotes")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"the share of {shown(name)} must be 0..1, got {shown(share)}")
    if not any(value.values()):
        raise ValueError("at least one share must be above 0")
    return tuple(sorted((str(name), float(share)) for name, share in value.items()))


Shares = Annotated[tuple[tuple[str, float], ...], PlainValidator(_shares), PlainSerializer(dict)]


class Diversity(Value):
    """Far from all other picks. stopping_condition_minimum_distance: 0 or more, at most 2 between unit vectors."""

    type: Literal["DIVERSITY"]
    strength: Strength = 1.0
    stopping_condition_minimum_distance: Positive | None = None


class Typicality(Value):
    """Amid many neighbours. num_nearest_neighbors: 2 or more. stopping_condition_minimum_typicality: above 0, to 1."""

    type: Literal["TYPICALITY"]
    strength: Strength = 1.0
    num_nearest_neighbors: Annotated[Whole, Field(ge=2)] = 20
    stopping_condition_minimum_typicality: Annotated[Number, Field(gt=0, le=1)] | None = None


class Similarity(Value):
    """Near to a query set, which the input names."""

    type: Literal["SIMILARITY"]
    strength: Strength = 1.0


class TargetRange(Value):
    """Bounds, both included, for the sum of the picks' values."""

    min_sum: Number
    max_sum: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_sum < self.min_sum:
            raise ValueError(f"max_sum must be min_sum or more, got {self.min_sum:g} and {self.max_sum:g}")
        return self


class Weights(Value):
    """High values. stopping_condition_max_sum: 0 or more, ends the run when the sum of the picks' values reaches it."""

    type: Literal["WEIGHTS"]
    strength: Strength = 1.0
    stopping_condition_max_sum: Positive | None = None
    target_range: TargetRange | None = None


class Balance(Value):
    """Shares of classes among the picks.

    distribution: TARGET, the shares of `target` (each 0..1; classes that it does not name share the rest); UNIFORM,
    the same for each class; INPUT, those of the whole input. A `target` alone means TARGET, as older configs have it.
    """

    type: Literal["BALANCE"]
    strength: Strength = 1.0
    distribution: Literal["TARGET", "UNIFORM", "INPUT"]
    target: Shares | None = None

    @model_validator(mode="before")
    @classmethod
    def _older(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("target") is not None:
            return {"distribution": "TARGET", **data}
        return data

    @model_validator(mode="after")
    def _targeted(self) -> Self:
        if self.distribution == "TARGET" and self.target is None:
            raise ValueError("distribution TARGET needs target: a share of 0..1 for each class")
        if self.distribution != "TARGET" and self.target is not None:
            raise ValueError(f"target goes with distribution TARGET, not with {self.distribution}")
        return self


Operation = Literal[
    "SMALLER", "SMALLER_EQUAL", "BIGGER", "BIGGER_EQUAL", "EQUAL", "NOT_EQUAL", "BETWEEN", "IN", "NOT_IN"
]


class Threshold(Value):
    """A filter before everything else: only rows whose value passes can be picked.

    SMALLER, SMALLER_EQUAL, BIGGER, BIGGER_EQUAL compare with the number `threshold`. Our own operations, on METADATA
    also for categories and booleans: EQUAL and NOT_EQUAL (`threshold`: a number, a text, true or false), BETWEEN
    (`minimum` and `maximum`, both included), IN and NOT_IN (`values`: a list of categories).
    """

    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {"BETWEEN": ("minimum", "maximum")} | dict.fromkeys(
        ("IN", "NOT_IN"), ("values",)
    )

    type: Literal["THRESHOLD"]
    operation: Operation
    threshold: Scalar | None = None
    values: Annotated[tuple[Label, ...], Field(min_length=1)] | None = None
    minimum: Number | None = None
    maximum: Number | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = self.needs.get(self.operation, ("threshold",))
        given = [key for key in ("threshold", "values", "minimum", "maximum") if getattr(self, key) is not None]
        if sorted(needs) != sorted(given):
            raise ValueError(
                f"operation {self.operation} takes {' and '.join(needs)}, got {' and '.join(given) or 'none'}"
            )
        if self.reads_labels and self.operation not in ("IN", "NOT_IN", "EQUAL", "NOT_EQUAL"):
            raise ValueError(f"operation {self.operation} takes a number as threshold, got {shown(self.threshold)}")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"maximum must be minimum or more, got {self.minimum:g} and {self.maximum:g}")
        return self

    @property
    def reads_labels(self) -> bool:
        """Whether it compares categories or booleans, not numbers."""
        return self.values is not None or isinstance(self.threshold, str | bool)


Strategy = Annotated[
    Diversity | Typicality | Similarity | Weights | Balance | Threshold,
    Field(discriminator="type"),
    typed(Diversity, Typicality, Similarity, Weights, Balance, Threshold),
]
