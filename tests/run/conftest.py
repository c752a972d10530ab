"""The data set that tests of whole runs select from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.drive import drive


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drive(tmp_path_factory.mktemp("drive"))
