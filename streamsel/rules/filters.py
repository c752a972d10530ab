"""What keeps a row from being looked at any further: thresholds, exclusions, files that are not relevant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamsel.config import SelectionConfig
from streamsel.config.constraints import Names
from streamsel.errors import SourceError, UsageError
from streamsel.rules.material import NAME
from streamsel.selection.columns import Batch
from streamsel.selection.thresholds import passes
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.relevant import RelevantFiles

__all__ = ["Filter", "listed", "relevant_files", "same_name", "stem"]

LARGEST: Final = 64 << 20
"""Bytes that a list of names may have."""

PICTURES: Final = frozenset(["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"])

Reasons = npt.NDArray[np.object_]


class Filter:
    """Tells which rows of a batch are out, and why: `threshold ...`, `excluded`, `not relevant`.

    relevant: whether a name may be picked at all. Filters come before everything else: a row that is out takes no part
    in means, shares and distances.
    """

    def __init__(self, config: SelectionConfig, relevant: Callable[[str], bool] | None = None) -> None:
        self._relevant = relevant
        labels = zip(config.strategies, config.labels, strict=True)
        self._thresholds = [(entry, label) for entry, label in labels if entry.strategy.type == "THRESHOLD"]
        banned = [listed(one) for one in config.constraints if isinstance(one, Names) and one.type == "EXCLUDE"]
        self._banned = {name for names in banned for name in names}
        self._counts = {label: [0, 0] for _, label in self._thresholds}

    def __bool__(self) -> bool:
        return bool(self._thresholds or self._banned or self._relevant)

    def reasons(self, batch: Batch) -> Reasons:
        """(N,) object: why each row is out, None where it stays."""
        found: Reasons = np.full(len(batch), None, object)
        names = batch[NAME].values
        there = self._banned.intersection(names)
        elsewhere = {stem(name) for name in self._banned - there}
        for row, name in enumerate(names if self._banned or self._relevant else ()):
            if name in there or stem(name) in elsewhere:
                found[row] = "excluded"
            elif self._relevant and not self._relevant(name):
                found[row] = "not relevant"
        for entry, label in self._thresholds:
            options: Any = entry.strategy
            kept = passes(
                batch[entry.column],
                options.operation,
                options.threshold,
                values=options.values,
                minimum=options.minimum,
                maximum=options.maximum,
            )
            passed, rows = self._counts[label]
            self._counts[label] = [passed + int(np.count_nonzero(kept)), rows + len(kept)]
            for row in np.flatnonzero(~kept).tolist():
                found[row] = found[row] or label.replace("THRESHOLD", "threshold", 1)
        return found

    def passed(self) -> dict[str, dict[str, Any]]:
        """Label of a THRESHOLD -> what it asks for, and how many `rows` it was asked of and let through by itself."""
        return {
            label: {"asked": _asked(entry.strategy), "passed": self._counts[label][0], "rows": self._counts[label][1]}
            for entry, label in self._thresholds
        }

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The counts; nothing where there is no threshold."""
        return {"passed": np.array(list(self._counts.values()), np.int64)} if self._counts else {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become what `state` was taken from."""
        self._counts = dict(zip(self._counts, arrays["passed"].tolist(), strict=True))


def _asked(options: Any) -> str:
    """A THRESHOLD in words."""
    names = ("threshold", "values", "minimum", "maximum")
    values = [one for name in names if (one := getattr(options, name)) is not None]
    told = [", ".join(map(str, one)) if isinstance(one, list | tuple) else str(one) for one in values]
    return f"{options.operation} {' to '.join(told)}"


def relevant_files(config: SelectionConfig, folder: LightlyFolder | None) -> RelevantFiles | None:
    """The files that a config says are relevant; None where it says nothing. Raises UsageError, SourceError."""
    name = config.worker.relevant_filenames_file
    if name and folder is None:
        lacking = "no .lightly folder was found; name it with --lightly, or a pipeline's `lightly`"
        raise UsageError(f"relevant_filenames_file {name}: {lacking}")
    return folder.relevant(name) if name and folder else None


def listed(constraint: Names) -> Sequence[str]:
    """The names of an INCLUDE or EXCLUDE, from the config or from its file, one a line. Raises SourceError."""
    if constraint.file is None:
        return constraint.names or ()
    path = Path(constraint.file)
    try:
        if path.stat().st_size > LARGEST:
            raise SourceError(f"{path}: larger than {LARGEST >> 20} MB, so it is no list of names")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as a list of names, one a line ({error})") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def same_name(names: Sequence[str], wanted: Sequence[str]) -> list[int | None]:
    """Position among `names` of each that is wanted, None where it is not there; the very name goes before its stem."""
    place = {stem(name): row for row, name in enumerate(names)} | {name: row for row, name in enumerate(names)}
    return [place.get(name, place.get(stem(name))) for name in wanted]


def stem(name: str) -> str:
    """A frame is called the same whatever format its picture has."""
    bare, _, extension = name.rpartition(".")
    return bare if extension.lower() in PICTURES else name
