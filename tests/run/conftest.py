"""The data set that tests of whole runs select from, and a model that costs them little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.embed.load import load_embedder
from tests.run.drive import drive
from tests.run.quick_model import QuickModel


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drive(tmp_path_factory.mktemp("drive"))


@pytest.fixture(scope="module")
def quick_model() -> Iterator[QuickModel]:
    """`select` in this process embeds with it, whatever model is asked for."""
    model = QuickModel()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamsel.build.load_embedder", lambda name, **options: model)
        yield model


@pytest.fixture
def default_model(quick_model: QuickModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test takes that is about the true vectors, in a module that has the quick one."""
    monkeypatch.setattr("streamsel.build.load_embedder", load_embedder)
