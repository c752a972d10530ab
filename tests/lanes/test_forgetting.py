"""What a lane forgets: within its bounds, alike for any cut into batches and over restarts; then it is new again."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.config import IngestConfig, read_pipeline
from streamsel.embed.load import load_embedder
from streamsel.ingest.pictures import Pictures
from streamsel.ingest.work import Done, decided
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.lane import Taken
from streamsel.lanes.making import Lanes
from streamsel.testing.ingest_material import small_pictures, tiny_model
from streamsel.topic import Message
from streamsel.topic.incoming import Incoming
from tests.lanes.made_lanes import SELECTIONS, compact, cut, lanes, predictions, rows, settled

MOST = 80
PLACES = st.lists(st.integers(0, MOST), max_size=6)
SPANS = st.sampled_from([None, 5.0, 20.0, 70.0])
BOUNDS = st.sampled_from([None, 1, 3, 10])


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    return predictions(tmp_path_factory.mktemp("cars"), MOST)


def timed(seed: int, count: int = MOST, step: float = 1.0) -> list[Taken]:
    """Frames a second apart, but for clocks that are set back now and then."""
    random = np.random.default_rng(seed)
    times = 1e9 + np.arange(count) * step - random.choice([0, 0, 0, 3], count)
    return [replace(row, when=float(time)) for row, time in zip(rows(count, seed), times, strict=True)]


@pytest.mark.parametrize("kind", SELECTIONS)
@settings(max_examples=10)
@given(seed=st.integers(0, 5), places=PLACES, other=PLACES, seconds=SPANS, most=BOUNDS)
def test_any_cut_and_any_restart_forgets_the_same(cars, kind, seed, places, other, seconds, most):
    made, taken = lanes(kind, cars, forgetting=partial(Forgetting, seconds, most)), timed(seed)
    whole, expected = settled(made.lane(0), cut(taken, places))
    state, verdicts = {}, []
    for batch in cut(taken, other):
        lane = made.lane(0, state)
        verdicts += lane.take(batch)
        compact(state, lane.entries())
    assert verdicts == whole
    assert state == expected
    picks = [verdict for verdict in verdicts if verdict]
    assert [verdict.ordinal for verdict in picks] == list(range(len(picks)))
    assert all(verdict.decision.nearest < verdict.ordinal for verdict in picks)


@settings(max_examples=30)
@given(
    moves=st.lists(st.sampled_from([1.0, 1.0, 1.0, 4.0, 90.0, -3.0, -15.0, -40.0, -1e4, 1e4]), min_size=1, max_size=60),
    kept=st.lists(st.booleans(), min_size=60, max_size=60),
    places=PLACES,
    most=BOUNDS,
)
def test_however_a_clock_is_set_any_cut_forgets_the_same(moves, kept, places, most):
    times = (1e9 + np.cumsum(moves)).tolist()

    def gone(batches):
        forgetting, counts, place = Forgetting(20.0, most), [], 0
        for batch in batches:
            for run in forgetting.runs(batch):
                counts.append((place, forgetting.due(batch[run.start])))
                for time in batch[run]:
                    if kept[place]:
                        forgetting.picked(time)
                    place += 1
        return [told for told in counts if told[1]], {key: one.tolist() for key, one in forgetting.state().items()}

    assert gone(cut(times, places)) == gone([times]) == gone([[time] for time in times])


def test_what_a_clock_that_was_ahead_dated_in_the_future_is_forgotten_in_time():
    day, month = 86_400.0, 30 * 86_400.0
    forgetting = Forgetting(month)
    for number in range(100):
        assert forgetting.due(2e9 + number) == 0
        forgetting.picked(2e9 + number)
    gone, days = 0, 0
    while gone < 100:
        gone += forgetting.due(1.8e9 + days * day)
        forgetting.picked(1.8e9 + days * day)
        days += 1
    assert 30 <= days - 1 <= 30 + 30 / 16 + 1


def test_a_clock_that_was_ahead_before_the_first_pick_holds_nothing_up():
    forgetting = Forgetting(20.0)
    forgetting.due(2e9)
    forgetting.due(1e9)
    for number in range(3):
        forgetting.picked(1e9 + number)
    assert forgetting.due(1e9 + 30) == 2


@pytest.mark.parametrize("kind", ["ratio", "distance", "weights"])
def test_without_bounds_that_matter_nothing_changes(cars, kind):
    plain, _ = settled(lanes(kind, cars).lane(0), [timed(1)])
    bounded, _ = settled(lanes(kind, cars, forgetting=partial(Forgetting, 1e6, 10**6)).lane(0), [timed(1)])
    assert bounded == plain


def test_what_is_known_stays_within_its_bound(cars):
    lane = lanes("distance", cars, forgetting=partial(Forgetting, None, 8)).lane(0)
    for taken in timed(2, 400):
        lane.take([taken])
        assert len(lane._decider._selector.picks) <= 8
    assert len(lane) > 20


def test_what_was_forgotten_is_new_again(cars):
    made = lanes("distance", cars, forgetting=partial(Forgetting, 100.0)).lane(0)
    seen = timed(3, 40)
    first = sum(map(bool, made.take(seen)))
    later = [replace(one, offset=one.offset + 1000, when=one.when + 60) for one in seen]
    assert not any(made.take(later))
    much_later = [replace(one, offset=one.offset + 2000, when=one.when + 300) for one in seen]
    assert sum(map(bool, made.take(much_later))) >= first - 1


def test_state_of_before_there_was_a_bound_is_gone_on_with(cars):
    state = {}
    lane = lanes("distance", cars).lane(0)
    lane.take(timed(4, 60))
    compact(state, lane.entries())
    assert len(lane._decider._selector.picks) > 4
    bounded = lanes("distance", cars, forgetting=partial(Forgetting, None, 4)).lane(0, state)
    bounded.take([replace(one, offset=one.offset + 1000) for one in timed(5, 60)])
    assert len(bounded._decider._selector.picks) <= 4
    assert len(bounded) >= len(lane)


def test_state_in_which_earlier_versions_had_forgotten_is_gone_on_with(cars):
    made, state, other = lanes("distance", cars, forgetting=partial(Forgetting, None, 8)), {}, {}
    lane, taken = made.lane(0), timed(2, 400)
    for one in taken[:300]:
        lane.take([one])
        compact(state, lane.entries())
    gone = lane._decider.forgotten["selector/picks"]
    assert gone
    for key, value in state.items():
        name, part, number = key.decode().partition("#")
        if name == "selector/picks":
            old = f"selector/{gone}/picks" + (f"#{int(number) - gone}" if part else "")
            other[old.encode()] = value if part else json.dumps({**json.loads(value), "first": 0}).encode()
        else:
            other[key] = value
    assert other != state
    again = made.lane(0, other)
    assert again.take(taken[300:]) == lane.take(taken[300:])
    compact(other, again.entries())
    compact(state, lane.entries())
    assert other == state


def test_an_ingest_pipeline_forgets_by_the_times_of_records(tmp_path):
    tiny_model(tmp_path)
    values = {
        "kind": "ingest",
        "model": "tiny.onnx",
        "device": "cpu",
        "output": {"topic": "picks"},
        "min_distance": 0.1,
    }
    values |= {"input": {"servers": "h:1", "topic": "frames"}, "memory": {"days": 2, "picks": 50}}
    (tmp_path / "ingest.json").write_text(json.dumps(values))
    config = read_pipeline(tmp_path / "ingest.json")
    assert isinstance(config, IngestConfig)
    lane = Lanes.of(config, embedder := load_embedder(config.model, device="cpu")).lane(0)
    one, other = (made.value for made in small_pictures(2, scene=1))
    parts = SimpleNamespace(output=SimpleNamespace(pick=lambda *of: [of]))
    with Pictures(Incoming("frames"), embedder.size) as pictures:
        for day, picture, new in ((0, one, True), (1, other, True), (2, one, False), (4, one, True), (5, one, False)):
            (opened,) = pictures.opened([Message(0, day, b"cam", picture, (), (1_000_000 + 86_400 * day) * 1000)])
            decided(parts, lane, [opened], embedder.embed(opened.picture[None]), done := Done())
            assert len(done.picked) == new, day


@pytest.mark.parametrize(("seconds", "most"), [(0.0, None), (-1.0, None), (None, 0)])
def test_numbers_that_mean_nothing_are_refused(seconds, most):
    with pytest.raises(ValueError, match="Forgetting"):
        Forgetting(seconds, most)
