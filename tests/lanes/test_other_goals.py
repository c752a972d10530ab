"""A lane whose goal becomes one of another kind: what was picked counts as picked, and nothing held is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.data import Vector
from streamsel.errors import StateError
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.candidates import HELD
from streamsel.lanes.deciding import Place, Verdict
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.lane import Lane, Taken
from streamsel.lanes.making import Lanes
from streamsel.selection.stream.rate import SETTLED, band
from tests.lanes.made_lanes import SELECTIONS, Flat, compact, rows

GOALS: dict[str, dict[str, Any]] = {
    "ratio": {"target_ratio": 0.1},
    "distance": {"min_distance": 0.35},
    "auto": {},
    "window": {"window": WindowGoal(5, 60.0)},
}
DISTANCE = 0.35
PAIRS = [(one, other) for one in GOALS for other in GOALS if one != other]


def lanes(goal: str, kind: str = "ratio", **options: Any) -> Lanes:
    written = {key: value for key, value in SELECTIONS[kind].items() if key != "proportion_samples"}
    return Lanes(read_selection(written), Flat(), movable=True, **{**GOALS[goal], **options})


def timed(count: int, seed: int = 0, first: int = 0) -> list[Taken]:
    """Frames of records from a first one on, a second apart."""
    return [
        replace(row, offset=first + number, part=0, last=True, when=1e9 + first + number)
        for number, row in enumerate(rows(count, seed))
    ]


class Run:
    """One lane's life over several goals, with its state as it is stored."""

    def __init__(self) -> None:
        self.state: dict[bytes, bytes] = {}
        self.vectors: dict[Place, Vector] = {}
        self.picks: list[tuple[Place, Verdict]] = []

    def opened(self, made: Lanes) -> Lane:
        """As the loop does it: a window that is open ends before all else."""
        lane = made.lane(0, self.state)
        if lane.parting:
            self._keep(lane, lane.end(2e9).picks)
            lane = made.lane(0, self.state)
        assert not lane.parting
        return lane

    def take(self, made: Lanes, taken: Sequence[Taken]) -> Lane:
        lane = self.opened(made)
        self.vectors |= {(row.offset, row.part): row.vector for row in taken}
        for row in taken:
            (entered,) = lane.enter([row])
            self._keep(lane, [] if isinstance(entered, Verdict) else lane.decide([entered]).picks)
        return lane

    def _keep(self, lane: Lane, picks: Sequence[tuple[Place, Verdict]]) -> None:
        self.picks += picks
        compact(self.state, lane.entries())

    def apart(self, start: int) -> list[float]:
        """How far each pick from the start-th on is from all before it."""
        chosen = np.array([self.vectors[place] for place, _ in self.picks], np.float64)
        return [
            float(np.sqrt(np.square(chosen[:number] - chosen[number]).sum(axis=1)).min())
            for number in range(start, len(chosen))
        ]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_what_was_picked_counts_as_picked(before: str, after: str) -> None:
    run = Run()
    held = run.take(lanes(before), timed(150)).open
    earlier = len(run.picks)
    lane = run.opened(lanes(after))
    chosen = len(run.picks) - earlier
    assert (chosen > 0) == (held is not None)
    assert lane.looked == 150
    run.take(lanes(after), timed(200, seed=1, first=150))
    names = {key.partition(b"/")[0] for key in run.state} - {b"entrance", b"inspection", b"#lane"}
    assert names == ({b"window", b"candidates", b"earlier", b"#pick", b"#held"} if after == "window" else {b"selector"})
    run.opened(lanes("distance"))  # what a window holds is chosen of
    assert [verdict.ordinal for _, verdict in run.picks] == list(range(len(run.picks)))
    assert len(run.picks) > earlier + chosen
    told = [verdict.decision.distance for _, verdict in run.picks[earlier:]]
    assert told == pytest.approx(run.apart(earlier), abs=1e-5)
    assert after != "distance" or min(run.apart(earlier + chosen)) >= DISTANCE


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_killed_right_behind_it_all_is_as_it_was(before: str, after: str) -> None:
    """Until something is told of the new goal, the state is the old one, and gives the same again."""
    run = Run()
    run.take(lanes(before), timed(150))
    lane = run.opened(lanes(after))
    state = dict(run.state)
    first = lane.decide([])
    again = lanes(after).lane(0, state)
    assert (len(again), again.looked, again.position, again.open) == (len(lane), lane.looked, lane.position, lane.open)
    one, other = dict(state), dict(state)
    compact(one, lane.entries())
    compact(other, again.entries())
    assert one == other
    assert not first.picks
    restored = lanes(after).lane(0, one)
    assert (len(restored), restored.position) == (len(lane), lane.position)


def test_what_others_keep_beside_a_lane_stays_there() -> None:
    run = Run()
    run.take(lanes("window"), timed(150))
    run.state[b"#owed/7"] = b"a pick that is to be sent"
    run.take(lanes("distance"), timed(50, seed=1, first=150))
    left = {key for key in run.state if key.startswith(b"#")}
    assert left == {b"#lane", b"#owed/7"}


@pytest.mark.parametrize("before", ["window", "distance", "auto"])
def test_a_ratio_is_counted_from_there(before: str) -> None:
    run = Run()
    run.take(lanes(before), timed(400))
    ratio = lanes("ratio", target_ratio=0.05)
    run.opened(ratio)
    picks = len(run.picks)
    run.take(ratio, timed(SETTLED + 500, seed=1, first=400))
    looked = len(run.vectors) - 400 - (SETTLED + 500) // 11  # those without their values turn no other away
    assert abs(len(run.picks) - picks + 1 - 0.05 * looked) <= band(0.05, looked) + 0.05 * looked


@pytest.mark.parametrize("kind", ["weights", "natural balance", "constraints", "random", "typicality"])
def test_of_windows_all_is_known_that_a_selection_reads(kind: str) -> None:
    run = Run()
    run.take(lanes("window", kind), timed(150))
    run.opened(lanes("ratio", kind))
    chosen = len(run.picks)
    lane = run.take(lanes("ratio", kind), timed(100, seed=1, first=150))
    assert len(lane) == len(run.picks) > chosen
    assert [verdict.ordinal for _, verdict in run.picks] == list(range(len(run.picks)))
    if kind == "constraints":  # windows have picked 4 of each weather, which is the most
        assert {verdict.decision.reason for _, verdict in run.picks[chosen:]} == {"constraint INCLUDE"}


@pytest.mark.parametrize("kind", ["weights", "natural balance", "constraints"])
def test_of_what_was_picked_as_it_came_too_little_is_known_for_them(kind: str) -> None:
    run = Run()
    run.take(lanes("ratio", kind), timed(50))
    with pytest.raises(StateError, match="another selection, goal"):
        lanes("window", kind).lane(0, run.state)


def test_what_windows_forgot_stays_forgotten() -> None:
    forgetting = partial(Forgetting, most=8)
    run = Run()
    run.take(lanes("window", forgetting=forgetting), timed(400))
    lane = run.take(lanes("ratio", forgetting=forgetting), timed(100, seed=1, first=400))
    assert len(lane) == len(run.picks) > 20
    assert sum(key.startswith(b"selector/picks#") for key in run.state) <= 8
    run.take(lanes("window", forgetting=forgetting), timed(100, seed=2, first=500))
    assert [verdict.ordinal for _, verdict in run.picks] == list(range(len(run.picks)))


def test_a_window_of_a_version_that_kept_no_goal_is_chosen_of_as_well() -> None:
    run = Run()
    run.take(lanes("window", window=WindowGoal(9, 60.0)), timed(50))
    held: Mapping[bytes, bytes] = {key: one for key, one in run.state.items() if key.startswith(HELD)}
    run.state = {key: value for key, value in run.state.items() if not key.startswith(b"window/goal")}
    before = len(run.picks)
    run.opened(lanes("distance"))
    assert len(run.picks) - before == 9
    assert len(held) > 9
    assert not [key for key in run.state if key.startswith(HELD)]


def test_a_topics_lane_goes_by_its_own_goal_alone() -> None:
    run = Run()
    run.take(Lanes(None, Flat(), min_distance=0.3), timed(20))
    with pytest.raises(StateError, match="another selection, goal"):
        Lanes(None, Flat(), target_ratio=0.1).lane(0, run.state)
