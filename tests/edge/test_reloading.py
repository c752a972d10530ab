"""New thresholds while it runs: what is taken in, and what is not."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from streamsel.config import EdgeConfig
from streamsel.config.pipeline_file import read_pipeline
from streamsel.config.window import Window
from streamsel.edge.reloading import Reloading

TEXT = """
kind: edge
sources: [{name: door, folder: recordings, target_ratio: 0.1}]
state: state
output: {folder: picks}
min_distance: 0.5
"""


class Edited:
    """A file of a config that somebody edits."""

    def __init__(self, folder: Path) -> None:
        self.file, self.asked, self._edits = folder / "edge.yaml", threading.Event(), 0
        self.write(TEXT)
        config = read_pipeline(self.file)
        assert isinstance(config, EdgeConfig)
        self.reloading = Reloading(self.file, config, self.asked)

    def write(self, text: str) -> None:
        self._edits += 1
        self.file.write_text(text)
        os.utime(self.file, ns=(self._edits, self._edits))


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    return Edited(tmp_path)


def test_nothing_is_read_while_nothing_changes(edited: Edited) -> None:
    assert not edited.reloading.changed()
    edited.asked.set()
    assert not edited.reloading.changed()


def test_thresholds_are_taken_in_once(edited: Edited) -> None:
    edited.write(TEXT.replace("0.5", "0.7").replace("0.1", "0.2"))
    config = edited.reloading.changed()
    assert config is not None
    assert not edited.reloading.changed()
    assert edited.reloading.take(config) == ["min_distance", "sources.door.target_ratio"]
    assert edited.reloading.config.min_distance == 0.7
    assert edited.reloading.config.sources[0].target_ratio == 0.2
    edited.asked.set()
    assert not edited.reloading.changed()


def test_thresholds_that_were_not_taken_come_again_and_those_in_force_do_not(edited: Edited) -> None:
    edited.write(TEXT.replace("0.5", "0.7"))
    assert edited.reloading.changed()
    edited.asked.set()
    assert edited.reloading.changed()
    edited.write(TEXT)
    assert not edited.reloading.changed()


def test_numbers_of_a_window_are_taken_in_and_no_window_comes_or_goes(edited: Edited, caplog) -> None:
    windows = TEXT.replace("min_distance: 0.5", "window: {picks: 9, minutes: 60}")
    edited.write(windows)
    assert not edited.reloading.changed()
    assert "window changed: that takes a restart" in caplog.records[-1].facts["reason"]
    config = read_pipeline(edited.file)
    assert isinstance(config, EdgeConfig)
    reloading = Reloading(edited.file, config, edited.asked)
    edited.write(windows.replace("9", "7"))
    other = reloading.changed()
    assert other is not None
    assert reloading.take(other) == ["window"]
    assert reloading.config.window_of(config.sources[0]) is None
    assert reloading.config.window == Window(picks=7, minutes=60)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace("picks", "others"), "output changed: that takes a restart"),
        (TEXT.replace("door", "gate"), "sources changed: that takes a restart"),
        (TEXT.replace("0.5", "many"), "min_distance"),
        ("kind: ingest", "input: is missing"),
    ],
)
def test_all_else_is_told_and_left(edited: Edited, text: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    before = edited.reloading.config
    edited.write(text)
    with caplog.at_level(logging.ERROR, "streamsel"):
        assert not edited.reloading.changed()
    assert told in caplog.records[-1].facts["reason"]  # type: ignore[attr-defined]
    assert edited.reloading.config == before


def test_a_file_that_is_away_for_a_moment_changes_nothing(edited: Edited, caplog: pytest.LogCaptureFixture) -> None:
    edited.file.unlink()
    assert not edited.reloading.changed()
    edited.write(TEXT.replace("0.5", "0.9"))
    assert edited.reloading.changed()
