"""What no gain outweighs, chosen at the end and as frames come."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import streamsel as library
from streamsel.errors import UsageError
from tests.run.drive import (
    DIVERSE,
    FRAMES,
    MODES,
    SPEED,
    WEATHER,
    WEIGHTS,
    config,
    entry,
    name,
    numbers,
    objects,
    turned_away,
    weather,
)

pytestmark = pytest.mark.usefixtures("quick_model")

FAST = entry(SPEED, WEIGHTS)


@pytest.fixture(params=MODES)
def run(request, data_set, tmp_path):
    def selected(*constraints, entries=(DIVERSE, FAST), **options):
        selection = config(*entries, constraints=list(constraints))
        goal = MODES[request.param] | options
        return library.select(data_set, tmp_path / "out", selection=selection, table=False, **goal)

    selected.mode = request.param
    return selected


def test_a_distance(run):
    found = run({"type": "MIN_DISTANCE", "distance": 0.45})
    rows = np.load(found.folder / "embeddings.npy")
    assert len(found) > 3
    assert min(np.linalg.norm(a - b) for a, b in combinations(rows, 2)) >= 0.45 - 1e-6


def test_a_gap_in_time(run):
    found = run({"type": "MIN_GAP", "seconds": 0.2})
    for a, b in combinations(found.picks, 2):
        assert a["source"] != b["source"] or abs(a["time"] - b["time"]) >= 0.2 - 1e-6
    assert len(found) > 3


def test_so_many_of_a_source(run):
    found = run({"type": "AT_MOST", "count": 2, "per": {"type": "SOURCE"}})
    sources = [pick["source"] for pick in found.picks]
    assert sorted(sources) == ["day.mp4", "day.mp4", "sub/night.mp4", "sub/night.mp4"]


def test_so_many_of_a_category_and_of_a_class(run):
    found = run(
        {"type": "AT_MOST", "count": 1, "per": WEATHER, "classes": ["sunny"]},
        {"type": "AT_MOST", "count": 3, "per": {"type": "PREDICTIONS", "task": "cars"}, "classes": ["car"]},
    )
    assert [weather(frame) for frame in numbers(found)].count("sunny") == 1
    assert sum(0 in objects(frame) for frame in numbers(found)) <= 3


def test_so_many_of_the_class_that_is_most_probable(run):
    """Every frame has some probability of either class."""
    found = run({"type": "AT_MOST", "count": 2, "per": {"type": "PREDICTIONS", "task": "light"}})
    assert sorted(bool(frame % 3) for frame in numbers(found)) == [False, False, True, True]
    assert found.picks[0]["signals"]["light.CLASSES"] in ({"bright": 1.0}, {"dark": 1.0})


def test_a_class_that_the_schema_lacks(run):
    with pytest.raises(UsageError, match=r"constraints\[0\].classes: .*brigt.*did you mean 'bright'"):
        run({"type": "AT_MOST", "count": 2, "per": {"type": "PREDICTIONS", "task": "light"}, "classes": ["brigt"]})


def test_names_that_must_be_there(run):
    wanted = [3, 4, 5, 59]
    found = run({"type": "INCLUDE", "names": [name(frame) for frame in wanted]})
    assert set(wanted) <= set(numbers(found))
    reasons = {frame: pick["reason"] for frame, pick in zip(numbers(found), found.picks, strict=True)}
    assert {reasons[frame] for frame in wanted} == {"constraint INCLUDE"}


def test_names_that_must_be_there_among_more_than_the_scout_keeps(run, data_set):
    """Neighbours that look alike, of which the scout would keep one."""
    wanted = [25, 26, 27, 28]
    found = run({"type": "INCLUDE", "names": [name(frame)[:-4] for frame in wanted]}, n=None, target_ratio=0.05)
    assert set(wanted) <= set(numbers(found))


def test_names_in_a_file_that_must_not_be_there(run, tmp_path):
    (tmp_path / "seen.txt").write_text("".join(f"{name(frame)}\n" for frame in range(0, FRAMES, 2)))
    found = run({"type": "EXCLUDE", "file": str(tmp_path / "seen.txt")})
    assert turned_away(found, "excluded") == set(range(0, FRAMES, 2))
    assert all(frame % 2 for frame in numbers(found))
    assert found.summary["drops"]["excluded"] == FRAMES // 2


def test_at_least_so_many_of_a_category(data_set, tmp_path):
    quota = {"type": "AT_LEAST", "count": 4, "per": WEATHER, "classes": ["fog"]}
    found = library.select(data_set, tmp_path / "out", selection=config(FAST, constraints=[quota]), n=8)
    assert [weather(frame) for frame in numbers(found)].count("fog") >= 4
