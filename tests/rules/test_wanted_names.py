"""Names that must be picked: which came, over stops as well."""

from __future__ import annotations

import pytest

from streamsel.config import SelectionConfig
from streamsel.errors import UsageError
from streamsel.rules.wanted_names import WantedNames, check_wanted

GOAL = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}


def config(*constraints: dict[str, object]) -> SelectionConfig:
    return SelectionConfig.model_validate({"n_samples": 1, "strategies": [GOAL], "constraints": list(constraints)})


INCLUDE = {"type": "INCLUDE", "names": ["a.png", "b", "c.jpg", "d.png"]}


def test_why_each_name_is_no_pick():
    wanted = WantedNames(config(INCLUDE))
    wanted.come(["x.png", "b.png"], "threshold speed")
    wanted.come(["c.png", "d.jpg"], "")
    again = WantedNames(config(INCLUDE))
    again.restore(wanted.state())
    assert again.lacking({"d"}) == {
        "a.png": "no frame of this name came",
        "b": "threshold speed",
        "c.jpg": "its frame came, and was not picked",
    }


def test_a_name_that_comes_twice_was_turned_away_only_when_both_were():
    wanted = WantedNames(config(INCLUDE))
    for reason in ("duplicate", "", "duplicate"):
        wanted.come(["b.png"], reason)
    assert wanted.lacking(set())["b"] == "its frame came, and was not picked"


def test_objects_go_by_their_frames():
    wanted = WantedNames(config({"type": "INCLUDE", "names": ["v-1-mp4-3.jpg"]}), objects=True)
    wanted.come(["v-1-mp4.png"], "excluded")
    assert wanted.lacking(set()) == {"v-1-mp4-3.jpg": "excluded"}


def test_the_same_frame_by_two_names_is_one():
    check_wanted(config({"type": "INCLUDE", "names": ["a.png", "a.jpg", "a"]}), 1)
    with pytest.raises(UsageError, match="INCLUDE names 4, and only 3"):
        check_wanted(config(INCLUDE), 3)
    with pytest.raises(UsageError, match="only 3 can be picked; raise -n, or name fewer"):
        check_wanted(config(INCLUDE), 3, "-n")
    check_wanted(config(INCLUDE), None)
