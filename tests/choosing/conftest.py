"""A table that many tests choose from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.choosing.made import records, written


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return written(tmp_path / "rows.jsonl", records())
