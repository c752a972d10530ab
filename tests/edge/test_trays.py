"""What waits for the others of its sequence takes so much memory and no more, and what is picked stays the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.edge import Seen
from streamsel.edge.keeping.jpeg_picture import BESIDE, JpegPicture
from streamsel.edge.process.spill import Spill
from streamsel.edge.trays import Trays
from streamsel.errors import SinkError
from streamsel.signals.looked import Looked
from tests.edge.edge_trial import PLENTY, Trial, config, files, material, outcome, seen
from tests.edge.sequence_trial import CAMERAS, DIVERSE, LENGTH, door, facts_of, of_sequences


def key(one: Seen) -> tuple[int, int, int]:
    return one.place, one.offset, one.part


@pytest.mark.parametrize("most", [0, 20_000, 40_000, 200_000])
def test_frames_that_wait_as_jpeg_or_on_disk_are_written_as_the_same_bytes(fresh, most: int) -> None:
    told = []
    for one in (PLENTY, most):
        folder = fresh()
        Trial(folder, (5,), made=of_sequences(), other=of_sequences(), most=one).run(material())
        told.append(outcome(folder))
    assert told[0] == told[1]


MEASURED = {"input": {"type": "METADATA", "key": "lightly.sharpness"}, "strategy": {"type": "WEIGHTS"}}
BRIGHT = {
    "input": {"type": "METADATA", "key": "lightly.luminance"},
    "strategy": {"type": "THRESHOLD", "threshold": 54, "operation": "BIGGER"},
}


def test_what_is_measured_is_the_same_of_frames_whose_pixels_are_gone(fresh) -> None:
    """Of a camera that shows each of nine pictures twice, exactly, and then others."""
    worker = {"selected_sequence_length": LENGTH, "remove_exact_duplicates": True}
    selection = {"selection_config": {"strategies": [DIVERSE, MEASURED, BRIGHT]}, "worker_config": worker}
    made = config(selection=selection, sources=CAMERAS, min_distance=None, target_ratio=1.0)
    frames = [
        replace(one, frame=replace(one.frame, picture=door(number % 9 if number < 18 else number).frame.picture))
        for number, one in enumerate(map(door, range(36)))
    ]
    told = []
    for most, trays in ((PLENTY, True), (60_000, True), (0, True), (PLENTY, False)):
        folder = fresh()
        Trial(folder, (4,), made=made, most=most, trays=trays).run(frames)
        told.append({file.name: file.read_bytes() for file in files(folder / "picks")})
    assert told[0] == told[1] == told[2] == told[3]
    kept = facts_of(folder)
    assert {"METADATA lightly.sharpness", "METADATA lightly.luminance"} <= {*kept[0]["signals"]}
    numbers = {fact["sequence"]["number"] for fact in kept}
    assert numbers.isdisjoint({3, 4, 5}), "these were there before"
    assert 0 < len(numbers) < 9, "some are too dark"


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(2, 7), st.sampled_from([0, 30_000, 100_000, PLENTY]))
def test_trays_hold_what_they_say_and_give_all_in_order(fresh, places, length: int, most: int) -> None:
    counts, given_, out = Counter[int](), [], []
    trays = Trays(length, lambda: most, small, partial(Spill, fresh()), lambda place, frames: None)
    for place in places:
        number = counts[place]
        counts[place] += 1
        one = seen(place, 0 if place == 0 else number, number if place == 0 else 0, scene=0, last=place != 0)
        given_.append(one)
        out += [row for row, _ in trays.take([(one, np.empty(0, np.float32))])]
        trays.fit()
        assert trays.frames == sum(count % length for count in counts.values())
        assert (trays.nbytes == 0) == (trays.frames == 0)
        assert trays.nbytes <= max(most, trays.frames * BESIDE)
        assert most != PLENTY or trays.nbytes == trays.frames * WHOLE
    assert {*map(key, out)} <= {*map(key, given_)}
    for one in out:
        picture = one.frame.picture
        assert not isinstance(picture, JpegPicture) or picture.data == content(one)
    for place in range(4):
        own = [key(one) for one in given_ if one.place == place]
        assert [key(one) for one in out if one.place == place] == own[: len(own) // length * length]


WHOLE = 32 * 32 * 3
"""Bytes of a frame as it comes."""


def content(one: Seen) -> bytes:
    return repr(key(one)).encode() * 100


def small(one: Seen) -> JpegPicture:
    picture = one.frame.picture
    return picture if isinstance(picture, JpegPicture) else JpegPicture(picture, content(one), Looked())


def test_what_no_disk_takes_stays_in_memory_until_one_does(tmp_path: Path) -> None:
    class Full(Spill):
        full = True

        def put(self, data: bytes) -> Callable[[], bytes]:
            if Full.full:
                raise SinkError("there is no room")
            return super().put(data)

    trays = Trays(3, lambda: 0, small, partial(Full, tmp_path), lambda place, frames: None)
    first, second, third = door(0), door(1), door(2)
    for one in (first, second):
        assert trays.take([(one, np.empty(0, np.float32))]) == []
        with pytest.raises(SinkError):
            trays.fit()
    assert trays.nbytes > 2 * BESIDE
    Full.full = False
    trays.fit()
    assert trays.nbytes == 2 * BESIDE
    out = [row for row, _ in trays.take([(third, np.empty(0, np.float32))])]
    assert [one.frame.picture.data for one in out[:2]] == [content(first), content(second)]
    assert list(tmp_path.iterdir()) == [], "it has no name"


def test_a_whole_sequence_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another source, that is; what has no room keeps its frames until there is some, or a stop."""

    def full(file: Spill, data: bytes) -> Callable[[], bytes]:
        raise SinkError("there is no room")

    monkeypatch.setattr(Spill, "put", full)
    made = of_sequences(min_distance=None, target_ratio=1.0, sources=CAMERAS)
    run = Trial(tmp_path, (6,), made=made, most=0)
    run.turned = run.stopping.set
    run.run([*(seen(2, number, 0, scene=number) for number in range(2)), *map(door, range(LENGTH)), door(LENGTH)])
    assert [(fact["source"], fact["index"]) for fact in facts_of(tmp_path)] == [("door", n) for n in range(LENGTH)]
    assert run.incomplete == {"gate": 2, "door": 1}


@pytest.mark.parametrize("failures", [1, 3])
def test_a_disk_that_is_full_for_a_while_changes_nothing(fresh, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    told, put = [], Spill.put
    for often in (0, failures):
        folder, left = fresh(), iter(range(often))

        def full(file: Spill, data: bytes, left=left) -> Callable[[], bytes]:
            if next(left, None) is not None:
                raise SinkError("there is no room")
            return put(file, data)

        monkeypatch.setattr(Spill, "put", full)
        run = Trial(folder, (5,), made=of_sequences(), other=of_sequences(), most=0)
        run.run(material())
        told.append((outcome(folder), len(run.batch_picks)))
    assert told[0] == told[1]
