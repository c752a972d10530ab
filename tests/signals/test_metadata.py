from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsel.data import Frame, Mark, Value
from streamsel.errors import SourceError, UsageError
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.metadata import MetadataFiles, MetadataSignal
from streamsel.signals.metadata_schema import Entry, MetadataKind, entries_from_json, lookup
from streamsel.signals.mismatch import MismatchError
from streamsel.signals.writing import write_metadata, write_metadata_schema

NAMES = st.text(st.characters(exclude_characters=".[]", exclude_categories=["Cs"]), min_size=1, max_size=5)
TYPED = {
    "NUMERIC_INT": st.integers(-99, 99),
    "NUMERIC_FLOAT": st.floats(-9, 9),
    "CATEGORICAL_INT": st.integers(-99, 99),
    "CATEGORICAL_STRING": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    "CATEGORICAL_BOOLEAN": st.booleans(),
    "CATEGORICAL_TIMESTAMP": st.integers(0, 2**40),
}


class NoPicture:
    width = height = 1
    i420 = rgb = None


def frame(name: str = "", source: str = "sub/v.mp4", index: int = 7) -> Frame:
    return Frame(Mark(source, index, index, Fraction(1, 25), name=name), NoPicture())  # type: ignore[arg-type]


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[Entry, Any]]:
    """Entries with distinct first steps, each with a value."""
    paths = draw(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4, unique_by=lambda p: p[0]))
    types = [draw(st.sampled_from(sorted(TYPED))) for _ in paths]
    defaults = [draw(st.none() | TYPED[kind]) for kind in types]
    entries = [Entry(".".join(p), t, d, "n") for p, t, d in zip(paths, types, defaults, strict=True)]
    return [(entry, draw(TYPED[entry.type])) for entry in entries]


def nested(path: str, value: Any) -> Any:
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


@given(tables())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_is_written_is_read_equal(tmp_path: Path, table: list[tuple[Entry, Any]]) -> None:
    folder = tmp_path / ".lightly"
    write_metadata_schema(folder, [entry for entry, _ in table])
    content = {key: value for entry, one in table for key, value in nested(entry.path, one).items()}
    write_metadata(folder, "sub/a.png", content)
    files = LightlyFolder.named(tmp_path).metadata
    assert list(files.entries.values()) == [entry for entry, _ in table]
    for entry, value in table:
        pair = [files.value(entry, "sub/a.png"), files.value(entry, "sub/b.png")]
        assert pair == [value, entry.default]
        assert [type(one) for one in pair] == [type(value), type(entry.default)]


TEMPERATURE = Entry("weather.temperature", "NUMERIC_FLOAT", 20.0)
SKY = Entry("weather.sky[1].name", "CATEGORICAL_STRING")
NIGHT = Entry("night", "CATEGORICAL_BOOLEAN", False)


@pytest.fixture
def files(tmp_path: Path) -> MetadataFiles:
    write_metadata_schema(tmp_path, [TEMPERATURE, SKY, NIGHT])
    write_metadata(tmp_path, "sub/v.mp4", {"weather": {"temperature": 5, "sky": [{}, {"name": "grey"}]}}, "video")
    write_metadata(tmp_path, "sub/v-07-mp4.png", {"weather": {"temperature": None}, "night": True}, "frame")
    write_metadata(tmp_path, "sub/v-08-mp4.png", {"weather": {"temperature": 8.5, "sky": []}}, "frame")
    return LightlyFolder(tmp_path).metadata


def values(files: MetadataFiles, key: str) -> list[Value]:
    frames = [frame(index=7), frame(index=8), frame(index=9), frame("v.png", "sub"), frame(source="sub/w.mp4")]
    names = ["sub/v-07-mp4.png", "sub/v-08-mp4.png", "sub/v-09-mp4.png", "sub/x.png", "sub/w-07-mp4.png"]
    return MetadataSignal(files, key).of(frames, names)


def test_a_frame_comes_before_its_video_and_that_before_the_default(files: MetadataFiles) -> None:
    assert values(files, "weather.temperature") == [5.0, 8.5, 5.0, 20.0, 20.0]
    assert values(files, "weather.sky[1].name") == ["grey", "grey", "grey", None, None]
    assert values(files, "night") == [True, False, False, False, False]


def test_a_picture_has_no_video(files: MetadataFiles, tmp_path: Path) -> None:
    """Not even one whose name reads like a frame's."""
    signal = MetadataSignal(files, "weather.temperature")
    assert signal.of([frame("v-09-mp4.png", "sub")], ["sub/v-09-mp4.png"]) == [20.0]


def test_elements_of_arrays_have_two_spellings() -> None:
    content = {"a": [{"b": 1}, {"b": [2, 3]}]}
    assert lookup(content, Entry("a.1.b.0", "NUMERIC_INT").steps) == 2
    assert lookup(content, Entry("a[1].b[1]", "NUMERIC_INT").steps) == 3


@pytest.mark.parametrize(
    ("key", "kind", "error"),
    [
        ("weather.temperatur", None, "did you mean 'weather.temperature'"),
        ("lightly.sharpness", None, "are measured on frames, not read"),
        ("weather.temperature", "label", "is NUMERIC_FLOAT, a number; a label is needed here"),
        ("night", "number", "is CATEGORICAL_BOOLEAN, a label; a number is needed here"),
    ],
)
def test_a_wrong_key_is_a_wrong_config(files: MetadataFiles, key: str, kind: MetadataKind | None, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        MetadataSignal(files, key, kind)


@pytest.mark.parametrize(
    ("metadata", "key", "error"),
    [
        ({"weather": {"temperature": "5"}}, "weather.temperature", 'finite number \\(NUMERIC_FLOAT\\), found "5"'),
        ({"weather": {"temperature": True}}, "weather.temperature", "found true"),
        ({"night": 1}, "night", "metadata.night: expected true or false .*found 1"),
        ({"weather": {"sky": [0, {"name": 1}]}}, "weather.sky[1].name", "expected a text"),
    ],
)
def test_a_value_of_another_type_names_file_and_place(
    files: MetadataFiles, tmp_path: Path, metadata: Any, key: str, error: str
) -> None:
    write_metadata(tmp_path, "sub/x.png", metadata)
    with pytest.raises(SourceError, match=f"metadata/sub/x.json: metadata.{error}|{error}"):
        values(files, key)


@pytest.mark.parametrize("content", ["[]", "{}", '{"metadata": []}'])
def test_a_file_needs_its_frame(files: MetadataFiles, tmp_path: Path, content: str) -> None:
    (tmp_path / "metadata/sub/x.json").write_text(content)
    with pytest.raises(SourceError, match=r"metadata/sub/x.json: .*expected an object"):
        values(files, "night")


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"path": "a", "valueDataType": "INT"}, r"\[1\].valueDataType: expected one of NUMERIC_INT, .*found \"INT\""),
        ({"path": "a", "valueDataType": ["INT"]}, r"\[1\].valueDataType"),
        (
            {"path": "a", "valueDataType": "NUMERIC_INT", "defaultValue": 1.5},
            r"\[1\].defaultValue: expected an integer",
        ),
        ({"path": "lightly.snr", "valueDataType": "NUMERIC_INT"}, r"\[1\].path: .*'lightly.'"),
        ({"path": "first", "valueDataType": "NUMERIC_INT"}, r"\[1\].path: .*found \"first\""),
        ({"valueDataType": "NUMERIC_INT"}, r"\[1\].path: .*found nothing"),
        (3, r"\[1\]: expected an object"),
    ],
)
def test_an_entry_that_is_wrong_is_named(entry: object, error: str) -> None:
    with pytest.raises(MismatchError) as caught:
        entries_from_json([{"path": "first", "valueDataType": "OTHER_STRING"}, entry])
    assert re.match(error, str(caught.value)), str(caught.value)


def test_both_spellings_of_numbers_are_read() -> None:
    content = json.loads('[{"name": "T", "path": "t", "defaultValue": 1.0, "valueDataType": "NUMERICAL_INT"}]')
    assert entries_from_json(content) == (Entry("t", "NUMERIC_INT", 1, "T"),)
