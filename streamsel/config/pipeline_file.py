"""Pipeline files -> checked values, with errors of one line that name the place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from streamsel.config.complaint import complaint
from streamsel.config.edge import EdgeConfig
from streamsel.config.environment import filled
from streamsel.config.nearest import quoted, shown, unknown
from streamsel.config.pipeline import IngestConfig
from streamsel.config.reading import load
from streamsel.errors import UsageError

__all__ = ["Pipeline", "read_pipeline"]

Pipeline = IngestConfig | EdgeConfig

KINDS: Final[Mapping[str, type[Pipeline]]] = {"ingest": IngestConfig, "edge": EdgeConfig}


def read_pipeline(file: Path, environ: Mapping[str, str] = os.environ) -> Pipeline:
    """What a YAML or JSON file describes. Relative paths in it are relative to the file; `filled` from environ.

    Raises UsageError, one line that says where, what is wrong and what is allowed.
    """
    try:
        return _pipeline(filled(load(file), environ), file.absolute().parent)
    except UsageError as error:
        raise UsageError(f"{quoted(file, 300)}: {error}") from None
    except RecursionError:
        raise UsageError(f"{quoted(file, 300)}: is nested too deeply") from None


def _pipeline(values: Any, folder: Path) -> Pipeline:
    if not isinstance(values, Mapping):
        raise UsageError(f"a pipeline must be a mapping with kind in it, got {shown(values)}")
    if "kind" not in values:
        raise UsageError(f"kind: is missing; allowed: {', '.join(KINDS)}")
    if values["kind"] not in KINDS:
        raise UsageError(f"kind: {unknown('kind', values['kind'], KINDS)}")
    try:
        return KINDS[values["kind"]].model_validate(values, context={"folder": folder})
    except ValidationError as error:
        raise UsageError(complaint(error, values)) from None
