"""JSON in headers that is nested so deep that it could end who reads it, beside a broker that is made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamsel.config import read_selection
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.making import Lanes
from streamsel.topic.cloudevent import Event
from tests.ingest.made_broker import Broker, run, topic
from tests.lanes.made_lanes import DIVERSITY, FREQUENCY, Flat, predictions

SELECTION = read_selection({"strategies": [{"input": FREQUENCY, "strategy": {"type": "WEIGHTS"}}, DIVERSITY]})
DEPTHS = [*range(20, 40), *range(900, 1001)]
FINE = sum(depth < 31 for depth in DEPTHS)
EVERY = len(DEPTHS)


@pytest.mark.parametrize("goal", [{"target_ratio": 0.5}, {"window": WindowGoal(EVERY, 3600.0)}], ids=" ".join)
@pytest.mark.parametrize("header", ["predictions", "metadata"])
def test_it_is_a_dead_letter_or_a_picture_and_nothing_that_is_picked_is_lost(
    header: str, goal: dict[str, Any], tmp_path: Path
) -> None:
    lanes = Lanes(SELECTION, Flat(), lightly=predictions(tmp_path, 3), **goal)
    nested = [b'{"cars":[],"other":[' + b"[" * depth + b"1" + b"]" * depth + b"]}" for depth in DEPTHS]
    cars = [] if header == "predictions" else [("predictions", b'{"cars":[]}')]
    made = zip(topic(1, EVERY + 1)[0], [*nested, b"{}"], strict=True)
    broker = run(Broker({0: [replace(one, headers=((header, text), *cars)) for one, text in made]}), lanes=lanes)
    letters = [Event.from_headers(record.headers) for where, record in broker.sent if where == "dead"]
    reasons = [letter.extensions["reason"] for letter in letters if letter]
    assert len([reason for reason in reasons if reason.endswith("(is nested more than 32 deep)")]) == EVERY - FINE
    assert not [reason for reason in reasons if "was picked" in reason]
    assert len([where for where, _ in broker.sent if where == "picks"]) >= 2
