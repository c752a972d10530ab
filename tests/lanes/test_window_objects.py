"""Embeddings of objects in windows of time: the best of each window, as one choice among all that is known gives it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import read_selection
from streamsel.coreset import Coreset
from streamsel.data import Vector
from streamsel.decode.picture import StillPicture
from streamsel.embed.objects import embed_objects
from streamsel.errors import StateError
from streamsel.lanes import known_rows
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.candidates import HELD, capacity_of
from streamsel.lanes.deciding import Span, Verdict
from streamsel.lanes.earlier import EARLIER
from streamsel.lanes.earlier_objects import EarlierObjects
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes, called
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.goals import budget_rules
from streamsel.rules.totals import Totals
from streamsel.selection.budget.best import Best
from streamsel.signals.crops import crops_at
from streamsel.signals.lightly_folder import LightlyFolder
from tests.lanes.kept import Keeper, kept_by, same
from tests.lanes.made_lanes import DIM, DIVERSITY, Flat, cut, predictions, rows

MOST = 160
GOAL = WindowGoal(4, 60.0)
PLACES = st.lists(st.integers(0, MOST), max_size=6)
TILES = {"auto_tasks": [{"type": "TILING", "name": "tiles", "num_rows": 1, "num_cols": 2}]}


def of_objects(task: str, kind: str, query: str | None = None, **how: Any) -> dict[str, Any]:
    asked = {"query_set": query} if query else {}
    return {"input": {"type": "EMBEDDINGS", "task": task, **asked}, "strategy": {"type": kind, **how}}


SELECTIONS: dict[str, dict[str, Any]] = {
    "diversity": {"strategies": [of_objects("cars", "DIVERSITY")]},
    "both": {"strategies": [of_objects("cars", "DIVERSITY"), of_objects("tiles", "DIVERSITY"), DIVERSITY], **TILES},
    "similarity": {"strategies": [of_objects("cars", "SIMILARITY", "wanted"), DIVERSITY]},
    "typicality": {"strategies": [of_objects("tiles", "TYPICALITY", num_nearest_neighbors=3), DIVERSITY], **TILES},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """None to four cars, or buses, on each frame."""
    return predictions(tmp_path_factory.mktemp("predictions"), MOST)


def lanes(kind: str, folder: Path, goal: WindowGoal | None = GOAL, **options: Any) -> Lanes:
    sets = {"wanted": folder / "wanted.npy"} if kind == "similarity" else None
    return Lanes(read_selection(SELECTIONS[kind]), Flat(), window=goal, lightly=folder, query_sets=sets, **options)


def timed(count: int, seed: int = 0) -> list[Taken]:
    """A second apart, now and then none for minutes; of pictures a few come twice."""
    dice = np.random.default_rng(seed)
    whens = 1e9 + np.cumsum(np.where(dice.random(count) < 0.02, 150.0, dice.uniform(0, 1.5, count)))
    made = []
    for row, when in zip(rows(count, seed), whens, strict=True):
        pixels = np.random.default_rng(int(dice.integers(0, 2 * MOST))).integers(0, 255, (8, 8, 3)).astype(np.uint8)
        frame = replace(row.frame, picture=StillPicture(pixels), signals={})
        made.append(replace(row, frame=frame, when=float(when)))
    return made


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=6)
@given(count=st.integers(0, MOST), seed=st.integers(0, 5), places=PLACES, anew=st.booleans())
def test_any_cut_and_any_restart_give_the_same(kind, count, seed, places, anew, folder):
    made, taken = lanes(kind, folder), timed(count, seed)
    assert same(kept_by(made, cut(taken, places), anew=anew), kept_by(made, [taken]))


class Straight:
    """Window by window, all in one coreset, one choice, with all earlier picks as picks and all their objects."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.config, lightly = read_selection(SELECTIONS[kind]), LightlyFolder.named(folder)
        self.rules = FrameRules(self.config, lightly, Flat(), called, carried=True)
        self.boxes = {task: self.rules.objects._boxes[task] for task in self.rules.objects.tasks}
        self.queries = {"wanted": np.load(folder / "wanted.npy")}
        self.known: list[Taken] = []
        self.picks: list[tuple[tuple[int, int], Verdict]] = []

    def objects(self, row: Taken) -> dict[str, Vector]:
        found = {}
        for task, boxes in self.boxes.items():
            cuts = crops_at(row.frame.picture, boxes(row.frame, row.frame.mark.name), Flat.size, 0.0, {})
            found[task] = next(iter(embed_objects(Flat(), [[one for one in cuts if one is not None]])))
        return found

    def table(self, taken: Sequence[Taken], totals: Totals) -> Any:
        known = [known_rows.KnownRow(row.place, (row.frame.mark,), {}, row.when) for row in taken]
        vectors = np.array([row.vector for row in taken], np.float32).reshape(-1, DIM)
        return self.rules.batch(known, vectors, [self.objects(row) for row in taken], totals=totals)

    def window(self, held: Sequence[Taken], span: Span, seen: int) -> None:
        coreset, totals = Coreset(capacity_of(GOAL.picks), DIM, expected=seen or None), Totals()
        coreset.offer(np.stack([row.vector for row in held]))
        totals.add([{} for _ in held])
        members = [held[number] for number in coreset.members().ids]
        best = Best(budget_rules(self.config, self.queries, totals), before=self.table(self.known, totals))
        best.offer(self.table(members, totals))
        order, decisions = best.finish(GOAL.picks)
        for rank, number in enumerate(order):
            verdict = Verdict(decisions[number], len(self.known), {}, window=span, order=rank)
            self.picks.append((members[number].place, verdict))
            self.known.append(members[number])


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=5)
@given(count=st.integers(1, MOST), seed=st.integers(0, 5), places=PLACES)
def test_it_is_what_one_coreset_and_one_choice_give(kind, count, seed, places, folder):
    taken, straight, seen = timed(count, seed), Straight(kind, folder), 0
    begins = sorted({row.when // GOAL.seconds * GOAL.seconds for row in taken})
    for begin in begins:
        held = [row for row in taken if begin <= row.when < begin + GOAL.seconds]
        straight.window(held, Span(begin, begin + GOAL.seconds), seen)
        seen = len(held)
    assert kept_by(lanes(kind, folder), cut(taken, places)).picks == straight.picks


def test_of_older_picks_those_with_the_nearest_objects_count(folder, monkeypatch):
    """Though they are not near as a whole, and are none of the latest, which count in any case."""
    made, taken = lanes("diversity", folder), timed(MOST, 2)
    wanted = chosen(kept_by(made, [taken]))
    monkeypatch.setattr("streamsel.lanes.earlier.LATEST", 1)
    assert chosen(kept_by(made, [taken])) == wanted
    monkeypatch.setattr(EarlierObjects, "near", lambda objects, rows, breathe: ())
    assert chosen(kept_by(made, [taken])) != wanted


@settings(max_examples=30)
@given(dice=st.integers(0, 99), pairs=st.integers(1, 2000), rows_of=st.lists(st.integers(0, 30), max_size=12))
def test_the_nearest_objects_are_found_with_breaths_however_many_there_are(dice, pairs, rows_of):
    made, source = EarlierObjects(["cars"], DIM), np.random.default_rng(dice)
    for held in (0, 7, 1, 0, 12):
        made.add({"cars": source.normal(size=(held, DIM)).astype(np.float32)})
    sought = [{"cars": source.normal(size=(held, DIM)).astype(np.float32)} for held in rows_of]
    breaths: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        wanted = [*made.near(sought)]
        patched.setattr("streamsel.lanes.earlier_objects.PAIRS", pairs)
        assert [*made.near(sought, lambda: breaths.append(1))] == wanted
    assert len(breaths) == -(-sum(rows_of) // max(1, pairs // 20))


def test_while_objects_are_embedded_there_are_breaths(folder):
    """After each batch of a frame's: one frame may have hundreds of them."""
    tiles = {"type": "TILING", "name": "tiles", "num_rows": 8, "num_cols": 8}
    strategy = {"input": {"type": "EMBEDDINGS", "task": "tiles"}, "strategy": {"type": "DIVERSITY"}}
    made = Lanes(read_selection({"strategies": [strategy], "auto_tasks": [tiles]}), Flat(), window=GOAL)
    breaths: list[int] = []
    taken = timed(5)
    made.lane(0).settle(taken, lambda: breaths.append(1))
    assert len(breaths) >= len(taken) * 8 * 8 / Flat.batch


def chosen(keeper: Keeper) -> list[Any]:
    """Which were picked, in what order, and how far each was from all before; gains are of those that count alone."""
    return [(place, one.window, one.order, one.decision.distance) for place, one in keeper.picks]


def documents(keeper: Keeper, begin: bytes) -> set[bytes]:
    return {key for key in keeper.state if key.startswith(begin)}


@pytest.mark.parametrize("kind", ["diversity", "both"])
def test_objects_go_with_their_candidates_and_picks(kind, folder, monkeypatch):
    """Cut into documents of at most two objects, too; a few picks are remembered."""
    monkeypatch.setattr(known_rows, "ROOM", 2 * 4 * DIM)
    made, taken = lanes(kind, folder, forgetting=lambda: Forgetting(None, 5)), timed(MOST, 1)
    keeper, lane = Keeper(), made.lane(0)
    most = 0
    for batch in cut(taken, range(0, MOST, 10)):
        keeper.take(lane, batch)
        lane = made.lane(0, keeper.state)
        own = {key for key in documents(keeper, HELD) if b"objects" not in key}
        assert all(key.split(b"/objects/")[0] in own for key in documents(keeper, HELD))
        assert all(len(keeper.state[key]) <= 2 * 4 * DIM for key in documents(keeper, HELD) - own)
        most = max(most, len(documents(keeper, HELD)) - len(own))
    keeper.told(lane, lane.end(2e9), set())
    assert most > capacity_of(GOAL.picks) / 2
    picks = {key.split(b"/")[1] for key in documents(keeper, EARLIER)}
    assert len(picks) <= 5 < len(keeper.picks)
    assert any(key.endswith(b"/objects/1") for key in documents(keeper, EARLIER))
    assert keeper.picks == kept_by(made, [taken]).picks


@pytest.mark.parametrize("begin", [HELD, EARLIER])
def test_objects_that_are_missing_are_damage(begin, folder):
    made, keeper = lanes("both", folder), Keeper()
    keeper.take(made.lane(0), timed(MOST, 1)[:-1])
    lost = next(key for key in sorted(documents(keeper, begin)) if b"objects" in key)
    del keeper.state[lost]
    with pytest.raises(StateError, match="damaged"):
        made.lane(0, keeper.state)


def test_what_is_decided_as_it_comes_goes_on_with_the_objects_of_windows(folder):
    movable = {"movable": True}
    keeper = kept_by(lanes("diversity", folder, **movable), [timed(MOST, 1)])
    made = lanes("diversity", folder, None, target_ratio=0.2, **movable)
    straight = Straight("diversity", folder)
    places = {place for place, _ in keeper.picks}
    held = sum(len(straight.objects(row)["cars"]) for row in timed(MOST, 1) if row.place in places)
    keeper.take(made.lane(0, keeper.state), [])
    assert json.loads(keeper.state[b"selector/strategy.0.picks"])["shape"] == [held, DIM]
    assert not documents(keeper, EARLIER) | documents(keeper, HELD)
