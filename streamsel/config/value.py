"""What all parts of a selection config share: the frozen model that forbids unknown keys, and the types of fields.

Types are strict: "5" is no number, true is no 1, and neither NaN nor infinity is a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from streamsel.config.nearest import shown, unknown

__all__ = ["Kind", "Label", "Name", "Number", "Scalar", "Task", "Text", "Value", "Whole", "at", "typed"]

Kind = Literal["vectors", "objects", "numbers", "counts", "labels"]
"""The kind of column that an entry reads: see `streamsel.selection.columns`."""


def at(key: str, text: str) -> PydanticCustomError:
    """An error of this key of the value at hand, with the text as it is."""
    return PydanticCustomError("at_key", "{text}", {"key": key, "text": text})


class Value(BaseModel):
    """Frozen, hashable where its fields are, and any key that it does not know is an error with the nearest match."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise at(str(key), unknown("key", key, cls.model_fields))
        return data


def typed(*models: type[Value]) -> BeforeValidator:
    """For a union of models told apart by `type`: says which types there are when it is missing or unknown."""
    names = [name for model in models for name in get_args(model.model_fields["type"].annotation)]

    def check(data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        if "type" not in data:
            raise at("type", f"is missing; allowed: {', '.join(names)}")
        if data["type"] not in names:
            raise at("type", unknown("type", data["type"], names))
        return data

    return BeforeValidator(check)


def _scalar(value: Any) -> Any:
    if isinstance(value, str | bool) or (isinstance(value, int | float) and _finite(value)):
        return value
    raise ValueError(f"must be a number, a text, true or false, got {shown(value)}")


def _label(value: Any) -> Any:
    if isinstance(value, str | bool | int):
        return value
    raise ValueError(f"must be a category: a text, a whole number, true or false, got {shown(value)}")


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


Whole = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Scalar = Annotated[str | bool | int | float, PlainValidator(_scalar)]
Label = Annotated[str | bool | int, PlainValidator(_label)]
Task = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_+=,.@:/-]+$")]
Name = Task
"""Names of scores follow the rule of tasks."""
