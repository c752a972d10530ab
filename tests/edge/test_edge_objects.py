"""Objects at the edge: whatever cuts, stops or fails, the same are cut out of frames, and none that a mask hides."""

from __future__ import annotations

import io
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
from PIL import Image

from streamsel.config.edge import EdgeConfig
from streamsel.data import Box
from streamsel.decode.picture import StillPicture
from streamsel.edge import Seen
from streamsel.edge.feeds.glance import enough
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.source_lanes import source_lanes
from streamsel.errors import DiskError, SinkError, StreamselError
from streamsel.lanes.deciding import key_of
from streamsel.lanes.lane import Taken
from streamsel.lanes.wall_time import on_the_wall
from streamsel.signals.crops import crop
from streamsel.signals.side_folder import SideFolder
from streamsel.sink.picture_file import encode
from streamsel.store.entries import EntryStore
from streamsel.testing.ingest_trial import objects_of
from tests.edge.edge_trial import (
    CUTS,
    NAMES,
    OUTBOXES,
    PLENTY,
    Trial,
    config,
    embedder,
    files,
    killed_and_begun_anew,
    material,
    outcome,
    seen,
    stopped_and_begun_anew,
)

PADDING = 0.25
TILES = objects_of("tiles", PADDING)
FACTS = ("parent", "task", "object", "box", "label", "score", "padding")


def of_objects(**changed: Any) -> EdgeConfig:
    """Windows are so long that not all of their objects can be candidates."""
    roof = {"name": "roof", "url": "rtsp://camera/3", "window": {"picks": 7, "minutes": 15}}
    sources = [one.model_dump(exclude_unset=True) for one in config().sources[:-1]]
    return config(**{"selection": TILES, "sources": [*sources, roof], **changed})


def trial(folder: Path, cuts: Sequence[int] = (5,), **options: Any) -> Trial:
    return Trial(folder, cuts, **{"made": of_objects(), "other": of_objects(), **options})


def facts_of(folder: Path) -> list[dict[str, Any]]:
    """Of all pictures, by source in the order that they were picked."""
    found = [json.loads(path.read_bytes()) for path in files(folder / "picks") if path.suffix == ".json"]
    return sorted(found, key=lambda fact: (fact["source"], fact["ordinal"]))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing was disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    trial(folder).run(material())
    return folder


@pytest.fixture(scope="module")
def undisturbed(calm: Path) -> dict[str, object]:
    return outcome(calm)


def at(fact: dict[str, Any]) -> tuple[int, int, int]:
    """Place of the source, offset and part of the frame of a pick."""
    place, segment = NAMES.index(fact["source"]), fact.get("segment", "")
    return place, int(segment.removesuffix(".mp4") or fact["index"]), fact["index"] if segment else 0


def test_each_pick_is_cut_out_of_its_frame_and_called_by_its_number(calm: Path) -> None:
    frames = {(one.place, one.offset, one.part): one.frame for one in material() if one.frame}
    told = facts_of(calm)
    counts = Counter(at(fact) for fact in told)
    assert {fact["source"] for fact in told} == {*NAMES}
    assert max(counts.values()) > 1
    assert len(told) == len({fact["id"] for fact in told}) == len({fact["file"] for fact in told})
    for fact in told:
        box = Box(*fact["box"], index=fact["object"], task="tiles")
        data = (calm / "picks" / fact["file"]).read_bytes()
        assert data == encode(crop(frames[at(fact)].picture, box, PADDING), "jpg", 80)
        number, segment = fact["object"], fact.get("segment")
        stem = f"{fact['source']}-{segment}-{fact['index']:06d}" if segment else Path(fact["file"]).stem[: -len("-0")]
        assert Path(fact["file"]).name == f"{stem}-{number}.jpg"
        source = Path(frames[at(fact)].mark.source).stem
        parent = f"{source}-{fact['index']}-mp4.png" if segment else stem
        assert [fact[name] for name in FACTS] == [parent, "tiles", number, fact["box"], "", 1.0, PADDING]
    for source in NAMES:
        assert [one["ordinal"] for one in told if one["source"] == source] == [*range(len(of(told, source)))]


def of(told: Sequence[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    return [fact for fact in told if fact["source"] == source]


def test_it_picks_what_its_lanes_pick_of_all_frames_at_once(calm: Path) -> None:
    """The lanes are those of topics, which are tried against `select --objects`."""
    none = np.empty(0, np.float32)
    for place, (name, make) in enumerate(source_lanes(of_objects(), embedder())):
        given_ = [one for one in material() if one.place == place and one.frame]
        rows = [
            Taken(on_the_wall(one.frame, when), none, one.offset, one.part, one.last, when, alone=place == 0)
            for one in given_
            for when in [one.taken.timestamp()]
        ]
        picks = make(place, {}).settle(rows).picks
        assert {(at(fact)[1:], fact["object"], fact["ordinal"]) for fact in of(facts_of(calm), name)} == {
            (spot, pick.box.index, pick.ordinal) for spot, pick in picks if pick.box
        }


def test_each_has_an_event_that_tells_what_it_is(calm: Path) -> None:
    store = EntryStore(calm / "state.db", OUTBOXES)
    sent = {box: list(store.outbox(box).waiting(0, PLENTY)) for box in OUTBOXES}
    store.close()
    told = {fact["id"]: fact for fact in facts_of(calm)}
    assert {one.id for one in sent["mqtt"]} == {one.id for one in sent["kafka"]} == {*told}
    for one in sent["mqtt"]:
        event, fact = json.loads(one.value), told[one.id]
        assert {name: event[name] for name in FACTS} == {name: fact[name] for name in FACTS}
    for one in sent["kafka"]:
        headers, fact = dict(one.headers), told[one.id]
        assert json.loads(headers["ce_box"]) == fact["box"]
        assert headers["ce_id"].decode() == one.id
        assert headers["ce_subject"].decode() == fact["file"].removesuffix(".jpg")
        assert one.value == (calm / "picks" / fact["file"]).read_bytes()


def test_a_target_ratio_counts_objects(calm: Path) -> None:
    objects = 4 * sum(one.place == NAMES.index("gate") for one in material())
    assert 0.1 * objects <= len(of(facts_of(calm), "gate")) <= 0.3 * objects


def test_candidates_wait_as_what_is_cut_out_of_them(calm: Path) -> None:
    """Of a frame no more than the objects that may be picked."""
    store = EntryStore(calm / "state.db", OUTBOXES)
    held, entries = store.entries("roof held"), store.entries("roof")
    store.close()
    candidates = {key.removeprefix(b"#held/") for key in entries if key.startswith(b"#held/")}
    assert {*held} == candidates
    frames = {key.rpartition(b"/")[0] for key in held}
    assert len(frames) < len(held) < 4 * len(frames)
    sizes = {Image.open(io.BytesIO(one.partition(b"\n")[2])).size for one in held.values()}
    assert sizes == {(18, 18)}


@settings(max_examples=8)
@given(CUTS, st.lists(st.booleans(), max_size=12), st.lists(st.sampled_from([None, None, SinkError]), max_size=12))
def test_any_cut_any_reload_and_any_failure_give_the_same(fresh, undisturbed, cuts, reloads, faults) -> None:
    folder = fresh()
    trial(folder, cuts, reloads=reloads, faults=faults).run(material())
    assert outcome(folder) == undisturbed


@settings(max_examples=6)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), CUTS)
def test_killed_before_a_commit_it_picks_the_same_again(fresh, undisturbed, kills, cuts) -> None:
    folder = fresh()
    killed_and_begun_anew(trial, folder, kills, cuts)
    assert outcome(folder) == undisturbed


@settings(max_examples=4)
@given(st.integers(1, 12), CUTS)
def test_frames_that_were_taken_are_passed_over_after_a_restart(fresh, undisturbed, commits: int, cuts) -> None:
    folder = fresh()
    stopped_and_begun_anew(trial, folder, commits, cuts)
    assert outcome(folder) == undisturbed


CAMERAS = [{"name": name, "url": f"rtsp://camera/{name}"} for name in NAMES]
PART = (16, 16, 0, 0)
"""The first tile."""


def door(number: int, mask: Sequence[tuple[int, int, int, int]] = (), *, still: bool = True) -> Seen:
    """A frame of a camera that shows the same all the time, but for noise in the first tile."""
    one = seen(1, number, 0, scene=3 if still else number)
    pixels = seen(1, 0, 0, scene=3).frame.picture.rgb() if still else one.frame.picture.rgb()
    pixels[:16, :16] = np.random.default_rng(number).integers(0, 255, (16, 16, 3))
    picture = StillPicture(pixels)
    return replace(one, frame=replace(one.frame, picture=Masked(picture, mask) if mask else picture))


def picked(folder: Path, frames: Sequence[Seen], **changed: Any) -> list[tuple[int, int]]:
    """Frame and number of each pick."""
    folder.mkdir(exist_ok=True)
    Trial(folder, (3,), made=of_objects(**{"sources": CAMERAS, **changed})).run(frames)
    return [(fact["index"], fact["object"]) for fact in facts_of(folder)]


def test_what_a_mask_hides_is_no_object_and_no_news(tmp_path: Path) -> None:
    bare = picked(tmp_path / "bare", [door(number) for number in range(12)])
    masked = picked(tmp_path / "masked", [door(number, [PART]) for number in range(12)])
    assert {number for number, thing in bare if thing == 0} > {0, 1}
    assert {frame for frame, _ in masked} == {0}
    assert {thing for _, thing in masked} <= {1, 2, 3}
    assert len(masked) > 1


def test_an_object_of_which_a_mask_leaves_something_is_kept_whole(tmp_path: Path) -> None:
    frames = [door(number, [(4, 32, 0, 0)], still=False) for number in range(8)]
    told = picked(tmp_path, frames, min_distance=None, target_ratio=1.0)
    assert {thing for _, thing in told} == {0, 1, 2, 3}
    for fact in facts_of(tmp_path):
        whole = frames[fact["index"]].frame.picture.whole
        box = Box(*fact["box"])
        assert (tmp_path / "picks" / fact["file"]).read_bytes() == encode(crop(whole, box, PADDING), "jpg", 80)


def predicted(folder: Path, frames: int) -> Path:
    """A folder with predictions of frames of the segment `0.mp4`, by their names; one of them is damaged."""
    task = folder / ".lightly" / "predictions" / "cars"
    task.mkdir(parents=True)
    (task.parent / "tasks.json").write_text('["cars"]')
    schema = {"task_type": "object-detection", "categories": [{"id": 0, "name": "car"}]}
    (task / "schema.json").write_text(json.dumps(schema))
    for number in range(frames):
        boxes = [[number, 3 + 9 * place, 9, 11] for place in range(number % 3)]
        found = [{"category_id": 0, "bbox": box, "score": 0.5} for box in boxes]
        (task / f"0-{number}-mp4.json").write_text(json.dumps({"file_name": "", "predictions": found}))
    (task / "0-7-mp4.json").write_text("{")
    return folder / ".lightly"


def test_predictions_of_frames_of_segments_are_found_by_their_names(tmp_path: Path, caplog) -> None:
    """A file that is damaged is told; the run goes on, and a frame without predictions has no objects."""
    lightly = predicted(tmp_path, 10)
    sources = [{"name": name, "folder": f"/{name}"} for name in NAMES]
    made = config(
        selection=objects_of("cars", 0.0), sources=sources, lightly=lightly, min_distance=None, target_ratio=1.0
    )
    run = Trial(tmp_path, (4,), made=made)
    run.run([seen(0, 0, part, scene=part, last=part == 11) for part in range(12)])
    told = [(fact["index"], fact["object"]) for fact in facts_of(tmp_path)]
    assert told == [(1, 0), (2, 0), (2, 1), (4, 0), (5, 0), (5, 1), (8, 0), (8, 1)]
    assert {fact["label"] for fact in facts_of(tmp_path)} == {"car"}
    assert {fact["parent"] for fact in facts_of(tmp_path)} == {f"0-{number}-mp4.png" for number in (1, 2, 4, 5, 8)}
    (told_of,) = [line.facts for line in caplog.records if line.message == "unusable"]
    assert (told_of["source"], "0-7-mp4.json" in told_of["last"]) == ("yard", True)


def test_another_task_or_padding_does_not_fit_the_state(tmp_path: Path) -> None:
    trial(tmp_path, commits=3).run(material())
    other = config(selection=objects_of("tiles", 2 * PADDING))
    with pytest.raises(StreamselError, match="source yard: the saved state is of another selection"):
        Trial(tmp_path, made=other).run(material())


def test_no_scout_goes_before_objects() -> None:
    for selection in (None, TILES):
        made = config(selection=selection, sources=CAMERAS)
        assert [enough(made, source) for source in made.sources] == [selection is None] * 4


def test_keys_tell_objects_of_a_frame_apart() -> None:
    assert key_of((3, 4), None) == (3, 4)
    assert key_of((3, 4), Box(0, 0, 1, 1, index=2)) == (3, 4, 2)


def test_predictions_whose_disk_is_away_are_waited_for(tmp_path: Path, monkeypatch, caplog) -> None:
    lightly, read, faults = predicted(tmp_path, 10), SideFolder.read, [5, 6, 7]

    def failing(folder: SideFolder, name: str, *most: int) -> bytes | None:
        if "-5-" in name and faults:
            raise DiskError(f"{name}: Stale file handle: {faults.pop()}")
        return read(folder, name, *most)

    monkeypatch.setattr(SideFolder, "read", failing)
    monkeypatch.setattr("streamsel.edge.loop.pauses", lambda: iter([0.0] * 9))
    sources = [{"name": name, "folder": f"/{name}"} for name in NAMES]
    made = config(selection=objects_of("cars", 0.0), sources=sources, lightly=lightly, min_distance=1e-6)
    Trial(tmp_path, (4,), made=made).run([seen(0, 0, part, scene=part, last=part == 6) for part in range(7)])
    told = [(fact["index"], fact["object"]) for fact in facts_of(tmp_path)]
    assert told == [(1, 0), (2, 0), (2, 1), (4, 0), (5, 0), (5, 1)]
    assert [line.message for line in caplog.records if line.message.startswith("cannot")] == ["cannot read"] * 3
