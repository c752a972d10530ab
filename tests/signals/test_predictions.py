"""Prediction files: what is written is read equal, and what is wrong is named with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsel.data import Box
from streamsel.errors import SourceError, UsageError
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.prediction_files import PredictionFiles
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskKind, TaskSchema
from streamsel.signals.side_folder import SideFolder
from streamsel.signals.writing import write_prediction, write_task

KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
SHARES = st.floats(0, 1)
PIXELS = st.floats(-1e4, 1e4)
SIZES = st.floats(0, 1e4)
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@st.composite
def schemas(draw: st.DrawFn) -> TaskSchema:
    kind = draw(st.sampled_from(KINDS))
    ids = draw(st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True))
    names = draw(st.lists(NAMES, min_size=len(ids), max_size=len(ids), unique=True))
    points = draw(st.none() | st.lists(NAMES, min_size=2, max_size=4).map(tuple))
    skeleton = draw(st.none() | st.just(((0, 1), (1, 0)))) if points else None
    return TaskSchema("task", kind, tuple(Category(i, n, points, skeleton) for i, n in zip(ids, names, strict=True)))


@st.composite
def predictions(draw: st.DrawFn, schema: TaskSchema) -> Prediction:
    category = draw(st.sampled_from(schema.categories))
    count = len(schema.categories)
    weights = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count).filter(any))
    points = 3 * (len(category.keypoints) if category.keypoints else 2)
    keypoints = draw(st.lists(SHARES, min_size=points, max_size=points).map(tuple))
    optional = st.none() if schema.kind == "keypoint-detection" else st.nothing()
    bbox = draw(optional | st.tuples(PIXELS, PIXELS, SIZES, SIZES))
    runs = draw(st.lists(st.integers(0, 999), min_size=1).map(tuple))
    return Prediction(
        category.id,
        draw(SHARES | (st.none() if schema.kind == "classification" else st.nothing())),
        draw(st.none() | st.just(tuple(weight / sum(weights) for weight in weights))),
        None if schema.kind in ("classification", "semantic-segmentation") else bbox,
        runs if "segmentation" in schema.kind else None,
        keypoints if schema.kind == "keypoint-detection" else None,
    )


@st.composite
def written(draw: st.DrawFn) -> tuple[TaskSchema, list[Prediction]]:
    schema = draw(schemas())
    return schema, draw(st.lists(predictions(schema), max_size=3))


@given(written())
@SAME_FOLDER
def test_what_is_written_is_read_equal(tmp_path: Path, case: tuple[TaskSchema, list[Prediction]]) -> None:
    schema, listed = case
    write_task(tmp_path / ".lightly", schema)
    write_prediction(tmp_path / ".lightly", schema, "sub/video-01-mp4.png", listed)
    task = LightlyFolder.named(tmp_path).predictions("task")
    assert task.schema == schema
    assert task.of("sub/video-01-mp4.png") == tuple(listed)
    assert task.of("sub/video-02-mp4.png") is None


CARS = TaskSchema("cars", "object-detection", (Category(4, "dog"), Category(0, "car")))
POSES = TaskSchema("poses", "keypoint-detection", (Category(0, "person", ("nose", "chin")),))
LABELS = TaskSchema("labels", "classification", (Category(0, "day"), Category(1, "night")))
MASKS = TaskSchema("masks", "semantic-segmentation", (Category(0, "road"),))
GOOD = {"category_id": 4, "bbox": [1, 2, 3, 4], "score": 0.5}
POSE = {"category_id": 0, "keypoints": [10, 20, 0.5, 30, 15, 1], "score": 0.5}


def task_of(folder: Path, schema: TaskSchema, content: object, name: str = "a.json") -> PredictionFiles:
    path = folder / schema.task / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return PredictionFiles(schema, folder / schema.task)


def test_categories_are_in_the_order_of_their_ids() -> None:
    assert CARS.names == ("car", "dog")


def test_nothing_detected_is_not_nothing_known(tmp_path: Path) -> None:
    task = task_of(tmp_path, CARS, {"file_name": "a.png", "predictions": []})
    assert task.of("a.png") == ()
    assert task.of("b.png") is None
    assert task.boxes("a.png") == task.boxes("b.png") == []


def test_videos_that_come_later_are_found_however_they_are_padded(tmp_path: Path) -> None:
    """As a service asks, for years; of a video without any, the folder is not listed for each frame."""
    task = task_of(tmp_path, CARS, {"predictions": [GOOD]}, "yard/a-007-mp4.json")
    assert len(task.boxes("yard/a-7-mp4.png")) == 1
    task_of(tmp_path, CARS, {"predictions": [GOOD]}, "yard/b-0008-MP4.json")
    assert len(task.boxes("yard/b-8-mp4.png")) == 1
    listed = []
    names = SideFolder.file_names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SideFolder, "file_names", lambda folder, name: (listed.append(name), names(folder, name))[1])
        for number in range(20):
            task_of(tmp_path, CARS, {"predictions": []}, f"yard/d-{number}-mp4.json")
            assert task.of(f"yard/c-{number}-mp4.png") is None
    assert listed == ["yard"]


def test_boxes_say_what_and_which_they_are(tmp_path: Path) -> None:
    task = task_of(tmp_path, CARS, {"predictions": [{**GOOD, "extra": 1}, {**GOOD, "category_id": 0}]})
    boxes = task.boxes("a.jpg")
    assert boxes == [Box(1, 2, 3, 4, "dog", 0.5, 0, "cars"), Box(1, 2, 3, 4, "car", 0.5, 1, "cars")]


def test_keypoints_have_a_box_around_those_that_were_seen(tmp_path: Path) -> None:
    unseen = {**POSE, "keypoints": [10, 20, 0, 30, 15, 0]}
    task = task_of(tmp_path, POSES, {"predictions": [unseen, POSE, {**POSE, "bbox": [0, 0, 5, 5]}]})
    boxes = task.boxes("a.jpg")
    assert boxes == [Box(10, 15, 20, 5, "person", 0.5, 1, "poses"), Box(0, 0, 5, 5, "person", 0.5, 2, "poses")]


def test_a_task_without_boxes_says_which_have_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'labels' is classification, which has no boxes; .*object-detection"):
        task_of(tmp_path, LABELS, {"predictions": []}).boxes("a.png")


@pytest.mark.parametrize(
    ("schema", "content", "error"),
    [
        (CARS, [], r"its content: expected an object {...}, found \[\]"),
        (CARS, {}, r"predictions: expected a list \[...\], found nothing"),
        (CARS, {"predictions": [GOOD, 3]}, r"predictions\[1\]: expected an object"),
        (CARS, {"predictions": [{**GOOD, "category_id": 7}]}, r"predictions\[0\].category_id: .* 'cars', found 7"),
        (CARS, {"predictions": [{**GOOD, "category_id": True}]}, r"category_id: .* found true"),
        (CARS, {"predictions": [GOOD, {**GOOD, "bbox": [1, 2, 3]}]}, r"predictions\[1\].bbox: expected \[x, y, width"),
        (CARS, {"predictions": [{**GOOD, "bbox": [1, 2, -3, 4]}]}, r"bbox: .*0 or more, found \[1, 2, -3, 4\]"),
        (CARS, {"predictions": [{**GOOD, "bbox": None}]}, r"bbox: .*found nothing"),
        (CARS, '{"predictions": [{"category_id": 0, "bbox": [1, 2, 3, 1e999], "score": 1}]}', r"bbox\[3\]: .*finite"),
        (CARS, {"predictions": [{**GOOD, "score": 1.2}]}, r"predictions\[0\].score: .*0..1, found 1.2"),
        (CARS, {"predictions": [{"category_id": 0, "bbox": [1, 2, 3, 4]}]}, r"score: .*found nothing"),
        (CARS, {"predictions": [{**GOOD, "probabilities": [1]}]}, r"probabilities: expected 2 numbers.*found \"1 of"),
        (CARS, {"predictions": [{**GOOD, "probabilities": [0.7, 0.7]}]}, r"probabilities: .*sum to 1, found 1.4"),
        (CARS, {"predictions": [{**GOOD, "probabilities": [1.5, -0.5]}]}, r"probabilities\[0\]: .*0..1, found 1.5"),
        (CARS, '{"predictions": [{"score": NaN}]}', r"no valid JSON: NaN is not a number"),
        (CARS, '{"predictions": [', r"no valid JSON, line 1, column 18"),
        (CARS, "[" * 100_000, r"no valid JSON: nested too deeply"),
        (POSES, {"predictions": [{**POSE, "keypoints": [1, 2, 1]}]}, r"keypoints: .*of the 2 .*found \"3 numbers"),
        (POSES, {"predictions": [{**POSE, "keypoints": [1, 2, 2, 3, 4, 1]}]}, r"keypoints\[2\]: .*0..1, found 2"),
        (POSES, {"predictions": [{**POSE, "keypoints": [1, None, 1]}]}, r"keypoints\[1\]: expected a finite number"),
        (MASKS, {"predictions": [{"category_id": 0, "score": 1}]}, r"segmentation: expected run lengths"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, schema: TaskSchema, content: Any, error: str) -> None:
    with pytest.raises(
        SourceError, match=rf"^[^\n]*{schema.task}/a\.json: (predictions\[\d\]\.)?{error}[^\n]*$"
    ) as caught:
        task_of(tmp_path, schema, content).of("a.png")
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_probabilities_may_be_rounded(tmp_path: Path) -> None:
    three = TaskSchema("three", "classification", tuple(Category(i, str(i)) for i in range(3)))
    task = task_of(tmp_path, three, {"predictions": [{"category_id": 0, "probabilities": [0.333, 0.333, 0.333]}]})
    assert task.of("a.png") == (Prediction(0, None, (0.333, 0.333, 0.333)),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*POSE, *GOOD, "predictions"]), inner),
    max_leaves=8,
)


def read_or_refusal(task: PredictionFiles) -> tuple[Prediction, ...] | str | None:
    try:
        return task.of("a.png")
    except SourceError as error:
        return str(error)


@given(st.sampled_from([CARS, POSES, LABELS, MASKS]), JSON, st.dictionaries(st.sampled_from([*POSE, "bbox"]), JSON))
@SAME_FOLDER
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(
    tmp_path: Path, schema: TaskSchema, anything: Any, changed: dict[str, Any]
) -> None:
    for content in (
        anything,
        {"predictions": anything},
        {"predictions": [{**POSE, **GOOD, "category_id": 0, **changed}]},
    ):
        answer = read_or_refusal(task_of(tmp_path, schema, content))
        assert isinstance(answer, tuple) or (isinstance(answer, str) and answer.isprintable())


@pytest.mark.parametrize("file", ["v-7-mp4.json", "v-007-mp4.json", "v-00007-MP4.json"])
def test_frames_are_found_however_they_are_padded(tmp_path: Path, file: str) -> None:
    task = task_of(tmp_path, CARS, {"predictions": [GOOD]}, f"sub/{file}")
    assert len(task.boxes("sub/v-0007-mp4.png")) == 1
    assert task.of("sub/v-0008-mp4.png") is None


def test_an_error_names_the_file_that_was_read(tmp_path: Path) -> None:
    task = task_of(tmp_path, CARS, {"predictions": [3]}, "v-7-mp4.json")
    with pytest.raises(SourceError, match=r"cars/v-7-mp4.json: predictions\[0\]"):
        task.of("v-007-mp4.png")


def test_a_file_is_read_once_for_all_who_ask(tmp_path: Path) -> None:
    task = task_of(tmp_path, CARS, {"predictions": [GOOD]})
    first = task.of("a.png")
    (tmp_path / "cars/a.json").write_text("no JSON")
    assert task.of("a.png") is first


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a.png: predictions\[0\].category_id"):
        write_prediction(tmp_path, CARS, "a.png", [Prediction(9, 0.5, bbox=(1, 2, 3, 4))])
    with pytest.raises(UsageError, match=r"relative to the input's root"):
        write_prediction(tmp_path, CARS, "../../a.png", [])
    assert list(tmp_path.rglob("*.json")) == []


@pytest.mark.parametrize("categories", [(), (Category(0, "a"), Category(0, "b")), (Category(0, "a"), Category(1, "a"))])
def test_a_schema_needs_distinct_categories(categories: tuple[Category, ...]) -> None:
    with pytest.raises(UsageError, match=r"task 't': it needs categories"):
        TaskSchema("t", "classification", categories)
