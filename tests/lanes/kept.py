"""Whoever keeps pictures for a lane, and its changelog; and the law that any cut and any restart give the same."""

from __future__ import annotations

from collections.abc import Sequence

from streamsel.lanes.candidates import HELD
from streamsel.lanes.deciding import BrokenOff, Key, Place, Settled, Taken, Verdict, pictures
from streamsel.lanes.lane import Lane
from streamsel.lanes.making import Lanes
from streamsel.lanes.sequences import STREAMS
from tests.lanes.made_lanes import compact

__all__ = ["Keeper", "kept_by", "same"]


class Keeper:
    """It is told of each picture once that it is kept, and once that it is released; what is picked is at hand or held.

    What it holds is of candidates, as the state knows them, and of frames that wait for their sequence.
    """

    def __init__(self) -> None:
        self.held: set[Key] = set()
        self.picks: list[tuple[Place, Verdict]] = []
        self.verdicts: list[Verdict] = []
        self.state: dict[bytes, bytes] = {}

    def take(self, lane: Lane, batch: Sequence[Taken | BrokenOff]) -> None:
        frames = [row for row in batch if isinstance(row, Taken)]
        settled = lane.settle(batch)
        assert len(settled.verdicts) == len(frames)
        self.verdicts += settled.verdicts
        self.told(lane, settled, {row.place for row in frames})

    def told(self, lane: Lane, settled: Settled, at_hand: set[Place]) -> None:
        picked = {key for last, verdict in settled.picks for key, _ in pictures(last, verdict)}
        assert at_hand.issuperset(key[:2] for key in picked - self.held)
        assert at_hand.issuperset(key[:2] for key in settled.kept)
        assert self.held.isdisjoint(settled.kept)
        assert self.held.issuperset(settled.released)
        self.held = (self.held | {*settled.kept}) - {*settled.released}
        self.picks += settled.picks
        compact(self.state, lane.entries())
        assert self.held.issuperset(self.candidates)
        assert self.held == self.candidates or any(key.startswith(STREAMS) for key in self.state)

    @property
    def candidates(self) -> set[Key]:
        keys = [
            key.removeprefix(HELD).partition(b"/objects/")[0].split(b"/") for key in self.state if key.startswith(HELD)
        ]
        return {tuple(map(int, key)) for key in keys}


def kept_by(made: Lanes, batches: Sequence[Sequence[Taken | BrokenOff]], *, anew: bool = False) -> Keeper:
    """What a lane makes of batches, and of the end of what is open. anew: it is restored before each batch."""
    keeper, lane = Keeper(), made.lane(0)
    for batch in batches:
        keeper.take(lane, batch)
        if anew:
            lane = made.lane(0, keeper.state)
    if lane.open:
        keeper.told(lane, lane.end(2e9), set())
    assert not keeper.candidates
    return keeper


def same(one: Keeper, other: Keeper) -> bool:
    """Whether all that can be seen of them is equal."""
    assert one.picks == other.picks
    assert one.verdicts == other.verdicts
    assert one.state == other.state
    assert one.held == other.held
    return True
