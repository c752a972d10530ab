"""SIMILARITY to pictures, to vectors in a file, to what an earlier run picked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import streamsel as library
from streamsel.errors import UsageError
from streamsel.testing.videos import moving_picture
from tests.run.drive import DIVERSE, EMBEDDINGS, MODES, SIMILARITY, STREAM, config, entry, numbers

pytestmark = pytest.mark.usefixtures("quick_model")

SCENE = 2
LIKE_IT = entry({**EMBEDDINGS, "query_set": "wanted"}, SIMILARITY)


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Pictures of one scene of the data set."""
    folder = tmp_path_factory.mktemp("shots")
    for step in (0, 6, 11):
        Image.fromarray(moving_picture(SCENE, step)).save(folder / f"{step}.png")
    return folder


@pytest.fixture(scope="module")
def earlier(shots, tmp_path_factory):
    """A run that picked them."""
    return library.select(shots, tmp_path_factory.mktemp("earlier") / "out", n=3, table=False).folder


@pytest.fixture(params=["pictures", "run", "npy"])
def wanted(request, shots, earlier):
    return {"pictures": shots, "run": earlier, "npy": earlier / "embeddings.npy"}[request.param]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_like_the_query_set_is_picked(mode, wanted, data_set, tmp_path):
    sets = {"wanted": str(wanted)}
    found = library.select(
        data_set, tmp_path / "out", selection=config(LIKE_IT), query_sets=sets, table=False, **MODES[mode]
    )
    scenes = [frame // 12 for frame in numbers(found)]
    if mode == "budget":
        assert scenes == [SCENE] * 8
    else:
        assert scenes.count(SCENE) > 1.5 * len(scenes) / 6
    assert "SIMILARITY wanted" in found.picks[-1]["gains"]


def test_all_three_say_the_same(shots, earlier, data_set, tmp_path):
    picks = [
        library.select(data_set, tmp_path / f"{place}", selection=config(LIKE_IT), query_sets=sets, n=8).picks
        for place, sets in enumerate(
            ({"wanted": str(shots)}, {"wanted": str(earlier)}, [f"wanted={earlier / 'embeddings.npy'}"])
        )
    ]
    assert picks[0] == picks[1] == picks[2]


def test_a_negative_strength_avoids_it(shots, data_set, tmp_path):
    avoid = entry({**EMBEDDINGS, "dataset_id": "a" * 24, "tag_name": "known"}, SIMILARITY, strength=-1.0)
    sets = {f"{'a' * 24}/known": str(shots)}
    found = library.select(data_set, tmp_path / "out", selection=config(DIVERSE, avoid), query_sets=sets, n=8)
    assert SCENE not in [frame // 12 for frame in numbers(found)]


def test_objects_like_those_of_the_query_set(shots, data_set, tmp_path):
    like_it = entry({**EMBEDDINGS, "task": "cars", "query_set": "wanted"}, SIMILARITY)
    for mode, goal in MODES.items():
        found = library.select(
            data_set, tmp_path / mode, selection=config(like_it), query_sets={"wanted": str(shots)}, **goal
        )
        assert len(found) > 0
        assert "SIMILARITY cars wanted" in found.picks[-1]["gains"]


@pytest.mark.parametrize("goal", MODES.values(), ids=MODES)
def test_a_set_that_is_not_named_or_not_there(goal, data_set, tmp_path):
    with pytest.raises(UsageError, match=r"query set 'wanted': say where it is with --query-set wanted=PATH"):
        library.select(data_set, tmp_path / "out", selection=config(LIKE_IT), **goal)
    with pytest.raises(UsageError, match=r"strategies\[0\].input: --query-set wanted=nowhere: does not exist"):
        library.select(data_set, tmp_path / "out", selection=config(LIKE_IT), query_sets={"wanted": "nowhere"}, **goal)


def test_a_set_of_another_model_or_length_is_refused(earlier, data_set, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    np.save(other / "embeddings.npy", np.load(earlier / "embeddings.npy"))
    summary = json.loads((earlier / "summary.json").read_text())
    (other / "summary.json").write_text(json.dumps({**summary, "model": "other"}))
    np.save(tmp_path / "short.npy", np.eye(3, dtype=np.float32))
    for path, said in (
        (other, "model other"),
        (tmp_path / "short.npy", r"short.npy: holds vectors of 3 numbers, the model's have 145"),
    ):
        with pytest.raises(UsageError, match=said):
            library.select(
                data_set, tmp_path / "out", selection=config(LIKE_IT), query_sets={"wanted": str(path)}, **STREAM
            )
