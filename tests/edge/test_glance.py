"""The scout of live sources: what is surely not new goes no further, and nothing is held for ever."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsel.config import EdgeConfig, read_pipeline
from streamsel.data import Decision
from streamsel.edge.feeds.glance import LONGEST, Aim, Glance, enough
from streamsel.embed.gate import LEAST, LEAST_SHARE

STREAM = "{name: door, url: 'rtsp://camera/1'}"
BASE = f"kind: edge\nsources: [{STREAM}]\nstate: state\noutput: {{folder: picks}}\n"


class Shown:
    """A picture of which only the sample is asked for."""

    width, height = 64, 64

    def __init__(self, sample: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        self._sample = sample

    def i420(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return self._sample

    def rgb(self, width: int | None = None, height: int | None = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
        raise AssertionError("a glance needs the sample alone")


def scene(seed: int, noise: int = 0) -> Shown:
    """A picture; with noise, nearly the same one."""
    blocks = np.random.default_rng(seed).integers(40, 200, (12, 8))
    picture = np.kron(blocks, np.ones((8, 8), np.int64))
    return Shown((picture + np.random.default_rng(noise).integers(0, 3, picture.shape)).astype(np.uint8))


class Clock:
    value = 0.0

    def __call__(self) -> float:
        return self.value


def passed(glance: Glance, pictures: Sequence[Shown]) -> list[int]:
    """Places of those that were let through."""
    return [place for place, one in enumerate(pictures) if glance.at(one) is not None]


def test_what_looks_like_something_seen_is_held_and_counted() -> None:
    glance = Glance(Aim(), Clock())
    assert passed(glance, [scene(1), scene(1, 2), scene(1, 3)]) == [0]
    found = glance.at(scene(2))
    assert found is not None
    assert (found.number, found.held) == (3, 2)
    again = glance.at(scene(3))
    assert again is not None
    assert (again.number, again.held) == (4, 0)


def test_each_ten_seconds_one_is_let_through() -> None:
    """Else what was forgotten of the picks would never come back."""
    clock = Clock()
    glance = Glance(Aim(), clock)
    through = []
    for second in range(60):
        clock.value = float(second)
        through += [second] if glance.at(scene(1, second)) is not None else []
    assert through == list(range(0, 60, int(LONGEST)))


def test_what_is_far_from_being_a_pick_holds_more_around_it() -> None:
    told = {(0, 0): Decision(False, "near", 0.0)}
    blends = [blend(scene(1), scene(2), share) for share in (0.05, 0.1, 0.15)]
    asked = {}
    for room in (0.0, 1.0):
        glance = Glance(Aim(room=lambda decision, room=room: room), Clock())
        first = glance.at(scene(1))
        assert first is not None
        glance.settle(told, {(0, 0): first})
        asked[room] = len(passed(glance, blends))
    assert asked[1.0] < asked[0.0]


def blend(one: Shown, other: Shown, share: float) -> Shown:
    mixed = (1 - share) * one.i420().astype(float) + share * other.i420()
    return Shown(mixed.astype(np.uint8))


@pytest.mark.parametrize("ratio", [0.01, 0.2])
def test_a_ratio_lets_enough_through_where_nothing_changes(ratio: float) -> None:
    glance, count = Glance(Aim(ratio), Clock()), 1_000
    through = passed(glance, [scene(1, noise) for noise in range(count)])
    assert len(through) >= min(1.0, LEAST * ratio) * count
    moving = passed(Glance(Aim(ratio), Clock()), [scene(seed) for seed in range(count)])
    assert len(moving) >= LEAST_SHARE * count * 0.9


def test_another_aim_holds_from_now_on() -> None:
    glance = Glance(Aim(0.01), Clock())
    passed(glance, [scene(1, noise) for noise in range(50)])
    glance.aim(Aim(1.0))
    assert len(passed(glance, [scene(1, noise) for noise in range(100, 150)])) == 50


def test_decisions_on_frames_that_it_forgot_are_passed_over() -> None:
    glance = Glance(Aim(room=lambda decision: 1.0), Clock())
    first = glance.at(scene(0))
    assert first is not None
    passed(glance, [scene(seed) for seed in range(1, 1_000)])
    glance.settle({(0, 0): Decision(True, "first", math.inf)}, {(0, 0): first})


def test_what_was_dropped_before_it_was_judged_holds_nothing() -> None:
    glance = Glance(Aim(), Clock())
    assert passed(glance, [scene(1), scene(1, 2)]) == [0]
    assert [glance.at(scene(1, noise), 1) is not None for noise in (3, 4)] == [True, False]


def config(folder: Path, text: str) -> EdgeConfig:
    file = folder / "edge.yaml"
    file.write_text(text)
    made = read_pipeline(file, {})
    assert isinstance(made, EdgeConfig)
    return made


DIVERSE = "{input: {type: EMBEDDINGS}, strategy: {type: DIVERSITY}}"


@pytest.mark.parametrize(
    ("text", "is_enough"),
    [
        (BASE, True),
        (BASE + "target_ratio: 0.01", True),
        (BASE + f"selection: {{strategies: [{DIVERSE}], constraints: [{{type: MIN_DISTANCE, distance: 0.3}}]}}", True),
        (BASE + "effort: exact", False),
        (BASE + "window: {picks: 9, minutes: 60}", False),
        (BASE.replace("url: 'rtsp://camera/1'", "folder: in"), False),
        (BASE + f"selection: {{strategies: [{DIVERSE}], constraints: [{{type: MIN_GAP, seconds: 3}}]}}", False),
        (
            BASE + f"target_ratio: 0.1\nselection: {{strategies: [{DIVERSE}, "
            "{input: {type: METADATA, key: lightly.sharpness}, strategy: {type: WEIGHTS}}]}",
            False,
        ),
    ],
)
def test_it_is_asked_only_where_it_sees_what_decides(tmp_path: Path, text: str, is_enough: bool) -> None:
    made = config(tmp_path, text)
    assert enough(made, made.sources[0]) is is_enough
