"""Where side files are looked for, and that no name leads out of their folder."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsel.errors import DiskError, SourceError, StreamselError, UsageError
from streamsel.signals import side_folder
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata_schema import Entry
from streamsel.signals.predictions import Prediction
from streamsel.signals.schema import Category, TaskSchema
from streamsel.signals.side_folder import LARGEST, SideFolder
from streamsel.signals.writing import write_metadata, write_metadata_schema, write_prediction, write_task

CARS = TaskSchema("cars", "object-detection", (Category(0, "car"),))
KEYS = ["id", "name", "keypoint_names", "keypoint_skeleton", "path", "valueDataType", "defaultValue", "categories"]
CAR = Prediction(0, 0.5, bbox=(1, 2, 3, 4))


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """A folder `data` with an input below `data/input`, and a car on two of its pictures."""
    folder = tmp_path / "data/.lightly"
    write_task(folder, CARS)
    write_prediction(folder, CARS, "a.png", [CAR])
    write_prediction(folder, CARS, "input/b.png", [CAR])
    (tmp_path / "data/input").mkdir()
    return tmp_path / "data"


def test_it_is_found_beside_the_input_and_above_it(data_set: Path) -> None:
    beside, above = LightlyFolder.find(data_set), LightlyFolder.find(data_set / "input")
    assert beside is not None
    assert above is not None
    assert beside.predictions("cars").of("a.png") == (CAR,)
    assert above.prefix == "input/"
    assert above.predictions("cars").of("b.png") == (CAR,)
    assert above.predictions("cars").of("a.png") is None


def test_above_the_input_an_empty_one_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".lightly").mkdir()
    (tmp_path / "input").mkdir()
    assert LightlyFolder.find(tmp_path) is not None
    found = LightlyFolder.find(tmp_path / "input")
    assert found is None or found.path != tmp_path / ".lightly"


def test_it_can_be_named_itself_or_by_the_folder_above(data_set: Path) -> None:
    for path in (data_set, data_set / ".lightly"):
        assert LightlyFolder.named(path).predictions("cars").of("a.png") == (CAR,)
    with pytest.raises(UsageError, match=r"neither a .lightly folder nor one that holds it"):
        LightlyFolder.named(data_set / "input")


def test_folders_that_are_not_listed_are_ignored(data_set: Path) -> None:
    (data_set / ".lightly/predictions/other").mkdir()
    assert list(LightlyFolder.named(data_set).tasks) == ["cars"]


def test_nothing_is_read_that_nobody_asks_for(data_set: Path) -> None:
    write_metadata_schema(data_set / ".lightly", [Entry("weather", "OTHER_STRING")])
    (data_set / ".lightly/predictions/tasks.json").write_text("broken")
    folder = LightlyFolder.named(data_set)
    assert list(folder.metadata.entries) == ["weather"]
    with pytest.raises(SourceError, match=r"tasks.json: no valid JSON, line 1, column 1"):
        folder.predictions("cars")


def test_an_unknown_task_names_the_nearest(data_set: Path) -> None:
    with pytest.raises(UsageError, match=r"no task 'car' in .*tasks.json; did you mean 'cars'\?; known: cars"):
        LightlyFolder.named(data_set).predictions("car")


def test_the_detector_that_was_built_in_is_told_to_be_none(data_set: Path) -> None:
    with pytest.raises(UsageError, match=r"no task 'lightly_pretagging' in .*known: cars; the product's own detector"):
        LightlyFolder.named(data_set).predictions("lightly_pretagging")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "schema.json: missing, though predictions/tasks.json lists the task"),
        ({"task_type": "detection"}, 'task_type: expected one of classification, .*found "detection"'),
        ({"task_type": "classification"}, r"categories: expected a list"),
        ({"task_type": "classification", "categories": []}, "categories: expected at least one"),
        ({"task_type": "classification", "categories": [{"id": -1, "name": "a"}]}, r"categories\[0\].id: .*-1"),
        ({"task_type": "classification", "categories": [{"id": 0}]}, r"categories\[0\].name: .*found nothing"),
        (
            {"task_type": "classification", "categories": [{"id": 0, "name": "a"}, {"id": 0, "name": "b"}]},
            r"categories\[1\].id: .*found 0",
        ),
        (
            {"task_type": "keypoint-detection", "categories": [{"id": 0, "name": "a", "keypointSkeleton": [[0]]}]},
            r"categories\[0\].keypoint_skeleton\[0\]: expected a pair",
        ),
    ],
)
def test_a_listed_task_needs_a_schema(data_set: Path, content: object, error: str) -> None:
    path = data_set / ".lightly/predictions/cars/schema.json"
    path.unlink() if content is None else path.write_text(json.dumps(content))
    with pytest.raises(SourceError, match=error):
        LightlyFolder.named(data_set).predictions("cars")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=6,
)


def refusal(read: Callable[[], object]) -> str:
    try:
        read()
    except SourceError as error:
        return str(error)
    return ""


@given(JSON, st.dictionaries(st.sampled_from(KEYS), JSON))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_a_schema_holds_it_is_read_or_refused_in_one_line(
    data_set: Path, anything: object, changed: dict[str, object]
) -> None:
    folder = data_set / ".lightly"
    (folder / "metadata").mkdir(exist_ok=True)
    category = {"id": 0, "name": "a", **changed}
    for content in (anything, {"task_type": "keypoint-detection", "categories": [category]}):
        (folder / "predictions/cars/schema.json").write_text(json.dumps(content))
        (folder / "metadata/schema.json").write_text(
            json.dumps([{"path": "a", "valueDataType": "OTHER_STRING"} | changed])
        )
        for read in (lambda: LightlyFolder(folder).tasks, lambda: LightlyFolder(folder).metadata):
            assert refusal(read).isprintable()


@pytest.mark.parametrize("task", ["../cars", "/cars", "a//b", "", "a b", 3, None, ["cars"]])
def test_a_task_is_the_name_of_a_folder_below(data_set: Path, task: object) -> None:
    (data_set / ".lightly/predictions/tasks.json").write_text(json.dumps(["cars", task]))
    with pytest.raises(SourceError, match=r"tasks.json: \[1\]: expected the name of a folder"):
        LightlyFolder.named(data_set).predictions("cars")


def test_what_is_not_there_says_what_it_must_hold(tmp_path: Path) -> None:
    (tmp_path / ".lightly").mkdir()
    folder = LightlyFolder.named(tmp_path)
    with pytest.raises(UsageError, match=r"tasks.json: no such file; it must hold a list of task names"):
        folder.predictions("cars")
    with pytest.raises(UsageError, match=r"metadata/schema.json: no such file"):
        _ = folder.metadata
    with pytest.raises(UsageError, match=r"relevant.txt: no such file"):
        folder.relevant(".lightly/relevant.txt")


def test_relevant_files_lie_in_the_folder(data_set: Path) -> None:
    (data_set / ".lightly/relevant.txt").write_text("a.png\ninput/b.png\n")
    above = LightlyFolder.find(data_set / "input")
    assert above is not None
    assert above.relevant(".lightly/relevant.txt").includes("b.png")
    assert not above.relevant(".lightly/relevant.txt").includes("a.png")
    assert LightlyFolder.named(data_set).relevant(".lightly/relevant.txt").includes("a.png")
    with pytest.raises(UsageError, match=r"must begin with .lightly/"):
        LightlyFolder.named(data_set).relevant("relevant.txt")
    with pytest.raises(SourceError, match=r"leads out of it"):
        LightlyFolder.named(data_set).relevant(".lightly/../a.txt")


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "sub/../../a.png", "a//b.png", "./a.png", "a\0.png"])
def test_no_name_leaves_the_folder(data_set: Path, name: str) -> None:
    (data_set / ".lightly/predictions/a.json").write_text('{"predictions": []}')
    with pytest.raises(SourceError, match=r"leads out of it"):
        LightlyFolder.named(data_set).predictions("cars").of(name)


def test_links_to_outside_are_refused(data_set: Path) -> None:
    (data_set / "outside").mkdir()
    (data_set / "outside/x.json").write_text('{"predictions": []}')
    task = data_set / ".lightly/predictions/cars"
    (task / "folder").symlink_to(data_set / "outside")
    (task / "file.json").symlink_to(data_set / "outside/x.json")
    for name in ("folder/x.png", "file.png"):
        with pytest.raises(SourceError, match=r"leads out of it"):
            LightlyFolder.named(data_set).predictions("cars").of(name)


def test_a_task_that_is_a_link_to_outside_is_refused(data_set: Path) -> None:
    task = data_set / ".lightly/predictions/cars"
    task.rename(data_set / "moved")
    task.symlink_to(data_set / "moved")
    with pytest.raises(SourceError, match="leads out of it"):
        LightlyFolder.named(data_set).predictions("cars")


def test_links_to_inside_are_followed(data_set: Path) -> None:
    task = data_set / ".lightly/predictions/cars"
    (task / "same").symlink_to(task / "input")
    (task / "c.json").symlink_to("a.json")
    (task / "lost.json").symlink_to("nowhere.json")
    files = LightlyFolder.named(data_set).predictions("cars")
    assert files.of("same/b.png") == files.of("c.png") == (CAR,)
    with pytest.raises(SourceError, match=r"lost.json: a link that leads nowhere"):
        files.of("lost.png")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("folder.json", "pipe.json"):
        with pytest.raises(SourceError, match=f"{name}: not a file"):
            SideFolder(tmp_path).json(name)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(SourceError, match=f"a.json: {LARGEST + 1} bytes; at most {LARGEST} are read"):
        SideFolder(tmp_path).json("a.json")


def test_names_that_are_too_long_have_no_file(tmp_path: Path) -> None:
    assert SideFolder(tmp_path).json("a" * 300 + ".json") is None


@pytest.mark.parametrize("name", ["a.json", "link.json"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_disk_that_fails_is_told_from_a_file_that_is_wrong(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_of: object) -> bytes:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "link.json").symlink_to("a.json")
    monkeypatch.setattr(side_folder, "_all", failing)
    with pytest.raises(SourceError) as error:
        SideFolder(tmp_path).json(name)
    assert isinstance(error.value, DiskError) == (number != errno.EACCES)


def test_other_text_is_refused_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(SourceError, match=r"a.json: no UTF-8 text at byte 7"):
        SideFolder(tmp_path).json("a.json")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes("\ufeff[1]".encode())
    assert SideFolder(tmp_path).json("a.json") == ([1], 6)


def test_writing_leaves_nothing_half_done(data_set: Path) -> None:
    folder = data_set / ".lightly"
    write_task(folder, TaskSchema("dogs", "classification", (Category(0, "dog"),)))
    assert list(LightlyFolder.named(data_set).tasks) == ["cars", "dogs"]
    with pytest.raises(UsageError, match=r"only what JSON can hold"):
        write_metadata(folder, "a.png", {"temperature": float("nan")})
    (folder / "metadata").write_text("")
    with pytest.raises(StreamselError, match=r"cannot write .*a.json"):
        write_metadata(folder, "a.png", {})
    assert not list(data_set.rglob("*.part"))
