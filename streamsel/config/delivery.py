"""How `select` sends its picks to a topic: what `--kafka-config` names, as checked values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from streamsel.config.complaint import complaint
from streamsel.config.environment import filled
from streamsel.config.nearest import quoted, shown
from streamsel.config.pipeline_values import Amount, File, Seconds
from streamsel.config.reading import load
from streamsel.config.value import Text, Value
from streamsel.errors import UsageError

__all__ = ["DeliveryConfig", "OutboxConfig", "read_delivery"]


class OutboxConfig(Value):
    """What waits for a broker that is away. cap: bytes of it at most.

    policy: what goes when there is no room for all: the `oldest`, the `least_novel` (nearest to an earlier pick), or
    the newest (`refuse`). What was dropped is counted and listed in summary.json.
    """

    cap: Annotated[Amount, Field(ge=1_000_000)] = 1_000_000_000
    policy: Literal["oldest", "least_novel", "refuse"] = "oldest"


class DeliveryConfig(Value):
    """Nothing of it must be given.

    security: as `streamsel.topic.security` reads it. key: of all records, such as the name of a device, so that they
    stay in order; None: the source's id, of each of them. inline_limit: bytes of a picture up to which it travels in
    its record. claims: a folder for copies of larger ones, to which the reference in a record is relative; None: it is
    relative to the output folder. wait: seconds that a run waits at its end for what is not sent yet.
    """

    security: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    key: Text | None = None
    inline_limit: Annotated[Amount, Field(ge=0)] = 700_000
    claims: File | None = None
    outbox: OutboxConfig = OutboxConfig()
    wait: Seconds = 60.0


def read_delivery(source: Path | str | Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> DeliveryConfig:
    """What a YAML or JSON file describes, or plain values. Paths in a file are relative to it; `filled` from environ.

    Raises UsageError, one line that says where, what is wrong and what is allowed.
    """
    file = None if isinstance(source, Mapping) else Path(source)
    try:
        return _checked(filled(load(source if file is None else file), environ), file)
    except UsageError as error:
        raise UsageError(f"{'kafka_config' if file is None else quoted(str(file), 300)}: {error}") from None
    except RecursionError:
        raise UsageError(f"{quoted(str(source), 300)}: is nested too deeply") from None


def _checked(values: Any, file: Path | None) -> DeliveryConfig:
    if not isinstance(values, Mapping):
        raise UsageError(f"must be a mapping, got {shown(values)}")
    try:
        folder = Path() if file is None else file.absolute().parent
        return DeliveryConfig.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        raise UsageError(complaint(error, values)) from None
