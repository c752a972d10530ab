"""Objects as what a lane selects: those that `select --objects` picks of the same frames, for any cut and restart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import SelectConfig, read_selection
from streamsel.data import Decision
from streamsel.decode.picture import StillPicture
from streamsel.embed import Row
from streamsel.errors import StateError, UsageError
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.candidates import HELD
from streamsel.lanes.deciding import Place, Verdict
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes, called
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.goals import budget_rules
from streamsel.rules.live import stream_selector
from streamsel.rules.object_rows import of_rows
from streamsel.rules.totals import Totals
from streamsel.selection.budget.best import Best
from streamsel.signals.lightly_folder import LightlyFolder
from tests.lanes.kept import Keeper, kept_by, same
from tests.lanes.made_lanes import DIM, DIVERSITY, Flat, cut, metadata, rows

MOST = 60
PLACES = st.lists(st.integers(0, MOST), max_size=6)
GOAL = WindowGoal(7, 20.0)
DISTRIBUTION = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
UNSURE = {"type": "SCORES", "task": "cars", "score": "objectness_least_confidence"}
TILES = {"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 2}
SURE = {"input": UNSURE, "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 0.3}}

SELECTIONS: dict[str, dict[str, Any]] = {
    "ratio": {"proportion_samples": 0.3, "strategies": [DIVERSITY]},
    "distance": {"strategies": [DIVERSITY], "constraints": [{"type": "MIN_DISTANCE", "distance": 0.05}]},
    "weights": {"proportion_samples": 0.3, "strategies": [metadata("score", "WEIGHTS"), DIVERSITY]},
    "scores": {"proportion_samples": 0.2, "strategies": [{"input": UNSURE, "strategy": {"type": "WEIGHTS"}}]},
    "balance": {
        "proportion_samples": 0.4,
        "strategies": [
            {"input": DISTRIBUTION, "strategy": {"type": "BALANCE", "distribution": "TARGET", "target": {"bus": 0.8}}},
            DIVERSITY,
        ],
    },
    "labels": {
        "proportion_samples": 0.4,
        "strategies": [metadata("label", "BALANCE", distribution="UNIFORM"), metadata("speed", "WEIGHTS")],
    },
    "typicality": {
        "proportion_samples": 0.3,
        "strategies": [
            {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "TYPICALITY", "num_nearest_neighbors": 3}}
        ],
    },
    "thresholds": {
        "proportion_samples": 0.5,
        "strategies": [SURE, metadata("speed", "THRESHOLD", operation="BIGGER", threshold=2), DIVERSITY],
    },
    "constraints": {
        "proportion_samples": 0.5,
        "strategies": [DIVERSITY],
        "constraints": [
            {"type": "AT_MOST", "count": 6, "per": {"type": "METADATA", "key": "label"}},
            {"type": "INCLUDE", "names": ["cam-6.jpg-1"]},
            {"type": "EXCLUDE", "names": ["cam-5.jpg", "cam-8.jpg-0"]},
        ],
    },
    "tiles": {"proportion_samples": 0.2, "strategies": [DIVERSITY], "auto_tasks": [TILES]},
    "duplicates": {"proportion_samples": 0.4, "strategies": [DIVERSITY], "worker": {"remove_exact_duplicates": True}},
    "random": {
        "proportion_samples": 0.3,
        "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}],
    },
    "bare": {"strategies": [metadata("score", "THRESHOLD", operation="BIGGER", threshold=0.5)]},
}
LABELS = ("car", "bus")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Up to four objects of frames of the names that `timed` gives, some without any; some boxes lie outside."""
    made = tmp_path_factory.mktemp("objects")
    task = made / ".lightly" / "predictions" / "cars"
    task.mkdir(parents=True)
    (task.parent / "tasks.json").write_text(json.dumps(["cars"]))
    categories = [{"id": number, "name": label} for number, label in enumerate(LABELS)]
    (task / "schema.json").write_text(json.dumps({"task_type": "object-detection", "categories": categories}))
    for number in range(MOST):
        found = [] if number % 13 == 4 else [_prediction(number, place) for place in range(number * 7 % 5)]
        if number % 10 != 9:
            (task / f"cam-{number}.json").write_text(json.dumps({"file_name": "", "predictions": found}))
    (task / "cam-20.json").write_text("{")
    return made


def _prediction(number: int, place: int) -> dict[str, Any]:
    x = 100 if (number + place) % 9 == 8 else 1 + 4 * place + number % 3
    score = (7 * number + 3 * place) % 10 / 10
    probabilities = [round(1 - score / 2, 3), round(score / 2, 3)]
    own = {"category_id": (number + place) % 2, "score": score, "probabilities": probabilities}
    return {**own, "bbox": [x, 2 + place, 5 + place, 6]}


def selection(kind: str, window: WindowGoal | None = None, task: str = "", padding: float = 0.2) -> Any:
    written = dict(SELECTIONS[kind])
    if window:
        written.pop("proportion_samples", None)
    named = {"task_name": task or ("tiles" if kind == "tiles" else "cars"), "padding": padding}
    return read_selection({**written, "worker": {**written.pop("worker", {}), "object_level": named}})


def lanes(kind: str, folder: Path, window: WindowGoal | None = None, **options: Any) -> Lanes:
    return Lanes(selection(kind, window, **options), Flat(), window=window, lightly=folder)


def timed(count: int, seed: int = 0, parts: int = 1) -> list[Taken]:
    """A second apart, without vectors, with pictures that differ from place to place; a few come twice."""
    made = []
    for number, row in enumerate(rows(count, seed, parts)):
        pixels = np.random.default_rng(seed * 100 + number // 7).integers(0, 255, (4, 4, 3))
        pixels = np.clip(pixels.repeat(6, 0).repeat(6, 1) + number % 7 // 2, 0, 255).astype(np.uint8)
        frame = replace(row.frame, picture=StillPicture(pixels))
        made.append(replace(row, frame=frame, vector=np.empty(0, np.float32), when=1e9 + number))
    return made


@pytest.mark.parametrize("window", [None, GOAL], ids=["at once", "by window"])
@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=4)
@given(count=st.integers(0, MOST), seed=st.integers(0, 5), parts=st.integers(1, 5), places=PLACES, anew=st.booleans())
def test_any_cut_and_any_restart_give_the_same(kind, window, count, seed, parts, places, anew, folder):
    made, taken = lanes(kind, folder, window), timed(count, seed, parts)
    whole, pieces = kept_by(made, [taken]), kept_by(made, cut(taken, places), anew=anew)
    assert same(pieces, whole)


class Select:
    """What `select --objects` makes of the same frames: rows of objects, and what its driver takes."""

    def __init__(self, kind: str, folder: Path, window: WindowGoal | None = None) -> None:
        self.config = SelectConfig.of(sources="one", selection=selection(kind, window), **({"n": 1} if window else {}))
        assert self.config.objects
        self.rules = FrameRules(
            self.config.rules,
            LightlyFolder.named(folder),
            Flat(),
            called,
            task=self.config.objects,
            padding=self.config.padding,
            embeds=window is not None,
            carried=True,
            remove_duplicates=self.config.remove_exact_duplicates,
        )
        assert self.rules.object_rows
        self.cut = self.rules.object_rows

    def things(self, taken: Sequence[Taken]) -> tuple[list[Row], list[Row]]:
        """Of frames that can be read: rows of them, and of their objects."""
        entrance = self.rules.entrance
        found: list[Row] = []
        windows = []
        for row in taken:
            (window,) = entrance.measured(iter([(row.frame,)]))
            read = {name: window[0].signals[name] for name in window[0].signals if name in entrance.columns}
            window = (replace(window[0], signals=read),)
            (reason,) = entrance.reasons([window])
            if not reason:
                entrance.admit([window])
                found.append(Row(row.offset, (row.frame.mark,), signals=read))
                windows.append(window)
        return found, self.cut.rows(found, windows)

    def batch(self, things: Sequence[Row], totals: Totals | None = None) -> Any:
        dim = DIM if self.cut._embedder else 0
        vectors = np.array([thing.vector for thing in things], np.float32).reshape(len(things), dim)
        return self.rules.batch(things, vectors, totals=totals)


def usable(kind: str, count: int, seed: int, folder: Path) -> list[Taken]:
    """Frames of which the lane takes each one; `select` would end at another."""
    made, taken = lanes(kind, folder).lane(0), timed(count, seed)
    return [row for row, verdict in zip(taken, made.take(taken), strict=True) if not verdict.unusable]


def known(picks: Sequence[tuple[Place, Verdict]]) -> list[Any]:
    return [(place[0], one.box, one.decision, dict(one.signals)) for place, one in picks]


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=4)
@given(seed=st.integers(0, 9), places=PLACES)
def test_it_picks_what_the_driver_of_a_stream_picks_of_the_same_objects(kind, seed, places, folder):
    taken = usable(kind, MOST, seed, folder)
    run = kept_by(lanes(kind, folder), cut(taken, places))
    straight = Select(kind, folder)
    frames, things = straight.things(taken)
    config = straight.config
    goal = {"target_ratio": config.target_ratio or config.proportion, "min_distance": config.min_distance}
    if kind == "distance":
        goal["min_distance"] = 0.05
    selector = stream_selector(config.rules, DIM, {}, straight.rules.entrance.classes, **goal)
    decisions: list[Decision] = []
    for thing in things:
        decisions += selector.offer(straight.batch([thing]))
    straight.cut.settle(decisions)
    picked = [(thing, one) for thing, one in zip(things, decisions, strict=True) if one]
    assert known(run.picks) == [(thing.id, thing.box, one, dict(thing.signals)) for thing, one in picked]
    assert picked
    assert [one.ordinal for _, one in run.picks] == list(range(len(run.picks)))
    told = dict(zip([row.id for row in frames], of_rows(frames, things, decisions), strict=True))
    for row, verdict in zip(taken, run.verdicts, strict=True):
        assert row.offset not in told or verdict.decision == told[row.offset]
    counts = json.loads(run.state[b"objects/counts#0"])
    assert counts == {"looked": straight.cut.looked, "drops": straight.cut.drops}
    for name, array in straight.cut.filter.state().items():
        assert run.state[f"objects/{name}#0".encode()] == array.tobytes()


@pytest.mark.parametrize("kind", SELECTIONS)
def test_of_a_window_it_picks_the_best_objects(kind, folder):
    """Where all of them are candidates."""
    taken = usable(kind, 28, 3, folder)
    goal = WindowGoal(20, 1e6)
    run = kept_by(lanes(kind, folder, goal), cut(taken, [5, 6, 11]))
    straight = Select(kind, folder, goal)
    _, things = straight.things(taken)
    assert 8 < len(things) <= 120
    totals = Totals()
    totals.add([thing.signals for thing in things])
    best = Best(budget_rules(straight.config.rules, {}, totals))
    best.offer(straight.batch(things, totals))
    order, decisions = best.finish(20)
    picked = [(things[row], decisions[row]) for row in order]
    assert known(run.picks) == [(thing.id, thing.box, one, dict(thing.signals)) for thing, one in picked]


@pytest.mark.parametrize("kind", SELECTIONS)
def test_picks_are_objects_and_a_ratio_counts_them(kind, folder):
    run = kept_by(lanes(kind, folder), [timed(MOST)])
    told = {(place, one.box.index) for place, one in run.picks if one.box}
    assert len(told) == len(run.picks) > 0
    if kind == "ratio":
        entered = np.frombuffer(run.state[b"objects/entered#0"], np.int64)
        assert len(run.picks) == pytest.approx(0.3 * entered[0], rel=0.35)
    if kind == "constraints":
        assert ((18, 0), 1) in told
        assert not told & {((24, 0), 0), *(((15, 0), place) for place in range(5))}
        assert max(Counter(one.box.label for _, one in run.picks).values()) <= 7


def test_a_frame_without_objects_is_looked_at_and_no_more(folder):
    verdicts = lanes("ratio", folder).lane(0).take(timed(30))
    for number in (0, 5, 10, 29):
        assert (verdicts[number].decision.reason, verdicts[number].unusable) == ("no object", "")


def test_predictions_that_cannot_be_read_are_told_and_count_nothing(folder):
    taken = timed(30, parts=30)
    run, lane = Keeper(), (made := lanes("ratio", folder)).lane(0)
    for row in taken:
        run.take(lane, [row])
        lane = made.lane(0, run.state)
    assert [number for number, one in enumerate(run.verdicts) if one.unusable] == [20]
    assert "cam-20.json" in run.verdicts[20].unusable
    whole = kept_by(lanes("ratio", folder), [taken[:20], [replace(row, last=row.last) for row in taken[21:]]])
    assert known(whole.picks) == known(run.picks)


def test_a_picture_whose_objects_would_fit_into_no_file_is_told(folder):
    (row,) = timed(1)
    for width, told in ((65_500, ""), (65_501, "65501 x 1 pixels")):
        wide = StillPicture(np.zeros((1, width, 3), np.uint8))
        (verdict,) = lanes("tiles", folder).lane(0).take([replace(row, frame=replace(row.frame, picture=wide))])
        assert verdict.unusable[:16] == told


class Blind(Flat):
    """Makes nothing of what is dark."""

    def embed(self, pictures):
        vectors = super().embed(pictures)
        vectors[pictures.mean(axis=(1, 2, 3)) < 110] = np.nan
        return vectors


@pytest.mark.parametrize("window", [None, GOAL], ids=["at once", "by window"])
def test_of_what_the_model_makes_nothing_is_left_out(window, folder):
    made = Lanes(selection("ratio", window), Blind(), window=window, lightly=folder)
    whole, pieces = kept_by(made, [timed(MOST)]), kept_by(made, cut(timed(MOST), range(0, MOST, 4)), anew=True)
    assert whole.picks == pieces.picks
    assert whole.state == pieces.state
    assert json.loads(whole.state[b"objects/counts#0"])["drops"]["no embedding"] > 5
    assert not any(one.unusable for number, one in enumerate(whole.verdicts) if number != 20)


def test_it_gives_signs_of_life_while_it_embeds(folder):
    breaths: list[int] = []
    lanes("tiles", folder).lane(0).settle(timed(MOST), lambda: breaths.append(1))
    assert len(breaths) >= 4 * MOST // Flat.batch


def test_a_ratio_that_follows_windows_counts_objects(folder):
    """Where goals may change, as on a device; of frames there are fewer than of their objects, or more."""
    before, after = timed(MOST)[:40], timed(MOST)[40:]
    for kind in ("ratio", "tiles"):
        told = []
        for batches in ([after], cut(after, [1, 7, 8])):
            chosen, how = selection(kind, GOAL), {"lightly": folder, "movable": True}
            run, lane = Keeper(), Lanes(chosen, Flat(), window=GOAL, **how).lane(0)
            run.take(lane, before)
            made = Lanes(chosen, Flat(), target_ratio=0.3, **how)
            parting = made.lane(0, run.state)
            assert parting.parting
            run.told(parting, parting.end(2e9), set())
            known = len(run.picks)
            for batch in batches:
                run.take(made.lane(0, run.state), batch)
            told.append((run.picks, run.state))
            entered = np.frombuffer(run.state[b"objects/entered#0"], np.int64)[0]
            assert np.frombuffer(run.state[b"selector/looked#0"], np.int64)[0] == entered
        assert told[0] == told[1]
        assert len(run.picks) > known


def test_state_of_frames_another_task_or_padding_is_refused(folder):
    run = kept_by(lanes("ratio", folder), [timed(10)])
    frames = Lanes(read_selection(SELECTIONS["ratio"]), Flat(), lightly=folder)
    for other in (frames, lanes("ratio", folder, padding=0.3), lanes("tiles", folder)):
        with pytest.raises(StateError, match="another selection"):
            other.lane(0, run.state)


def test_damaged_state_is_refused(folder):
    made = lanes("ratio", folder, GOAL)
    run, lane = Keeper(), made.lane(0)
    run.take(lane, timed(10))
    key = next(key for key in run.state if key.startswith(HELD))
    for damaged in ({**run.state, key: b"{"}, {k: v for k, v in run.state.items() if k != b"objects/counts#0"}):
        with pytest.raises(StateError, match="saved state is damaged"):
            made.lane(0, damaged)


def test_what_cannot_be_is_refused_in_one_line(folder):
    both = {**SELECTIONS["ratio"], "worker": {"object_level": {"task_name": "cars"}, "selected_sequence_length": 2}}
    for written, lightly, told in (
        (both, folder, "objects are of single pictures"),
        (SELECTIONS["ratio"] | {"worker": {"object_level": {"task_name": "cars"}}}, None, "no .lightly folder"),
        (SELECTIONS["ratio"] | {"worker": {"object_level": {"task_name": "vans"}}}, folder, "vans"),
    ):
        with pytest.raises(UsageError, match=told) as error:
            Lanes(read_selection(written), Flat(), lightly=lightly)
        assert "\n" not in str(error.value)


def test_what_is_told_of_a_ratio_is_what_it_counts(folder: Path) -> None:
    lane = lanes("tiles", folder).lane(0)
    lane.settle(timed(30))
    assert lane.looked == 30 * 4
    assert 0.15 < len(lane) / lane.looked < 0.25
