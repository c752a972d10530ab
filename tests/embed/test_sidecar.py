"""Sidecars: what is missing has a default, what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamsel.embed.sidecar import Recipe, read_sidecar, sidecar_path
from streamsel.errors import ModelError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "plants.onnx"


def write(model: Path, text: str) -> None:
    sidecar_path(model).write_text(text, "utf-8")


def test_lies_beside_the_model(model: Path) -> None:
    assert sidecar_path(model) == model.with_name("plants.onnx.json")


def test_without_a_sidecar_the_defaults_hold(model: Path) -> None:
    assert read_sidecar(model) == Recipe()
    mine = Recipe("mine", scale=1)
    assert read_sidecar(model, mine) is mine


def test_every_key_is_taken(model: Path) -> None:
    given = {
        "name": "plants",
        "mean": [1, 2, 3],
        "std": [4, 5, 6.5],
        "scale": 2,
        "size": [320, 240],
        "layout": "NHWC",
        "novelty_distance": 0.5,
    }
    write(model, json.dumps(given))
    assert read_sidecar(model) == Recipe("plants", (1, 2, 3), (4, 5, 6.5), 2, (320, 240), "NHWC", 0.5)


def test_some_keys_leave_the_other_defaults(model: Path) -> None:
    write(model, '{"size": 96}')
    assert read_sidecar(model, Recipe("mine", scale=7)) == Recipe("mine", scale=7, size=(96, 96))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"novelty": 0.5}', "unknown key 'novelty', did you mean 'novelty_distance'"),
        ('{"xyz": 1}', "unknown key 'xyz'; known are name, mean"),
        ('{"mean": [1, 2]}', "mean must be three numbers, found"),
        ('{"mean": "abc"}', "mean must be three numbers"),
        ('{"std": [1, 1, 0]}', "std must be three numbers above 0"),
        ('{"scale": 0}', "scale must be a number above 0, found 0"),
        ('{"scale": true}', "scale must be a number above 0, found true"),
        ('{"scale": NaN}', "scale must be"),
        ('{"size": 0}', "size must be"),
        ('{"size": [224, 100000]}', "size must be"),
        ('{"size": true}', "size must be"),
        ('{"size": 22.5}', "size must be"),
        ('{"layout": "CHW"}', 'layout must be "NCHW" or "NHWC"'),
        ('{"layout": ["NCHW"]}', "layout must be"),
        ('{"name": ""}', "name must be"),
        ('{"name": "a\\nb"}', "name must be"),
        ('{"novelty_distance": 2.5}', "novelty_distance must be"),
        ("[1]", "expected an object"),
        ('{"size": 1', "not JSON"),
    ],
)
def test_what_is_wrong_is_named(model: Path, text: str, complaint: str) -> None:
    write(model, text)
    with pytest.raises(ModelError) as raised:
        read_sidecar(model)
    assert complaint in str(raised.value)
    assert str(raised.value).startswith(str(sidecar_path(model)))
    assert "\n" not in str(raised.value)


def test_unreadable_is_named(model: Path) -> None:
    sidecar_path(model).mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        read_sidecar(model)


def test_preprocessing_tells_recipes_apart() -> None:
    assert Recipe("a", novelty_distance=1).preprocessing() == Recipe("b").preprocessing()
    assert Recipe(scale=1).preprocessing() != Recipe().preprocessing()
