"""Values of names from files, of windows from their frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamsel.config import read_selection
from streamsel.data import Frame, Mark
from streamsel.errors import UsageError
from streamsel.rules.readings import Reading, readings_of
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskSchema
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task

CARS = TaskSchema("cars", "object-detection", (Category(0, "car"), Category(1, "bus")))
COUNT = {"type": "PREDICTIONS", "task": "cars", "name": "CATEGORY_COUNT"}
CLASSES = {"type": "PREDICTIONS", "task": "cars", "name": "CLASS_DISTRIBUTION"}
ROAD = {"type": "METADATA", "key": "road"}
SPEED = {"type": "METADATA", "key": "speed"}


@pytest.fixture
def folder(tmp_path):
    lightly = tmp_path / ".lightly"
    write_task(lightly, CARS)
    write_metadata_schema(lightly, [Entry("road", "CATEGORICAL_STRING"), Entry("speed", "NUMERIC_FLOAT", 7.0)])
    for row in range(4):
        cars = [Prediction(k % 2, 0.5, bbox=(0, 0, 9, 9), probabilities=(0.5, 0.5)) for k in range(row)]
        write_prediction(lightly, CARS, f"{row}.png", cars)
        write_metadata(lightly, f"{row}.png", {"road": ("city", "land", "land", "sea")[row], "speed": float(row)})
    return LightlyFolder(lightly)


def reading(folder, what, how, **top) -> Reading:
    (one,) = readings_of(
        read_selection({"n_samples": 1, "strategies": [{"input": what, "strategy": how}], **top}), folder
    )
    return one


WEIGHTS = {"type": "WEIGHTS"}
BALANCE = {"type": "BALANCE", "distribution": "UNIFORM"}
EQUAL = {"type": "THRESHOLD", "operation": "EQUAL", "threshold": "land"}
NAMES = [f"{row}.png" for row in range(4)]


@pytest.mark.parametrize(
    ("what", "how", "single", "together"),
    [
        (SPEED, WEIGHTS, [0.0, 1.0, 2.0, 3.0], 1.5),
        (COUNT, WEIGHTS, [0, 1, 2, 3], 6),
        (ROAD, EQUAL, ["city", "land", "land", "sea"], "land"),
        (ROAD, BALANCE, None, {"city": 1.0, "land": 2.0, "sea": 1.0}),
        (CLASSES, BALANCE, [{}, {"car": 0.5, "bus": 0.5}, {"car": 1.0, "bus": 1.0}, None], {"car": 3.0, "bus": 3.0}),
    ],
)
def test_a_sequence_has_the_mean_of_numbers_the_sum_of_counts_the_most_frequent_label(
    what, how, single, together, folder
):
    one = reading(folder, what, how)
    frames = [frame(name) for name in NAMES]
    assert one.of([frames], [NAMES]) == [pytest.approx(together) if isinstance(together, dict) else together]
    values = one.of_names(NAMES)
    for value, expected in zip(values, single or values, strict=True):
        assert expected is None or value == pytest.approx(expected)
    assert one.of([[one_frame] for one_frame in frames], [[name] for name in NAMES]) == values


def frame(name):
    return Frame(Mark(".", 0, 0, Fraction(1, 25), 0, name), None)


def test_what_has_no_file_has_defaults(folder):
    assert reading(folder, SPEED, WEIGHTS).of_names(["none.png"]) == [7.0]
    assert reading(folder, COUNT, WEIGHTS).of_names(["none.png"]) == [0]
    assert reading(folder, ROAD, EQUAL).of_names(["none.png"]) == [None]


def test_each_column_is_read_once(folder):
    config = read_selection(
        {
            "n_samples": 1,
            "strategies": [
                {"input": COUNT, "strategy": WEIGHTS},
                {"input": COUNT, "strategy": {"type": "THRESHOLD", "operation": "BIGGER", "threshold": 0}},
                {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}},
                {"input": {"type": "RANDOM"}, "strategy": WEIGHTS},
            ],
            "constraints": [
                {"type": "AT_MOST", "count": 1, "per": ROAD},
                {"type": "AT_MOST", "count": 1, "per": {"type": "SOURCE"}},
            ],
        }
    )
    columns = [one.column for one in readings_of(config, folder)]
    assert columns == ["PREDICTIONS cars CATEGORY_COUNT", "METADATA road (labels)"]


def test_classes_are_all_of_the_schema(folder):
    assert list(reading(folder, CLASSES, BALANCE).classes) == ["car", "bus"]


def test_a_folder_is_needed():
    with pytest.raises(UsageError, match="--lightly"):
        reading(None, COUNT, WEIGHTS)


def test_what_is_measured_needs_no_folder(tmp_path):
    one = reading(None, {"type": "METADATA", "key": "lightly.luminance"}, WEIGHTS)
    assert one.column == "METADATA lightly.luminance"
    dark, bright = (Frame(Mark("s", level, level, Fraction(1)), Flat(level)) for level in (10, 200))
    low, high = one.of([[dark], [bright]], [["a"], ["b"]])
    assert 0 <= low < high <= 100


class Flat:
    """A picture of one grey."""

    width = height = 64

    def __init__(self, level):
        self._level = level

    def i420(self):
        return np.full((96, 64), self._level, np.uint8)

    def rgb(self, width=None, height=None):
        return np.full((height or 64, width or 64, 3), self._level, np.uint8)
