"""What is to be chosen from a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streamsel.config import SelectionConfig

__all__ = ["TableRun"]


@dataclass(frozen=True, slots=True)
class TableRun:
    """A table and a selection. metadata: a second file for the same rows. query_sets: name -> path.

    lightly: a `.lightly` folder, whose predictions, metadata and relevant file names go by the rows' names. normalize:
    whether vectors are made as long as one.
    """

    table: Path
    config: SelectionConfig
    metadata: Path | None = None
    lightly: Path | None = None
    query_sets: Mapping[str, str] = field(default_factory=dict)
    normalize: bool = True

    @property
    def inputs(self) -> list[Path]:
        """Every file and folder that it reads, but for the pool."""
        return [self.table, *filter(None, (self.metadata, self.lightly)), *map(Path, self.query_sets.values())]
