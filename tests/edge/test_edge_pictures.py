"""A pick on disk: whole, inside of the folder, under a name that is its own and stays the same."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from edge_picks import NOON, VERDICT, live, of_segment, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from streamsel.config.edge import Quota
from streamsel.data import Decision
from streamsel.edge.feeds.masking import Masked
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.errors import SinkError
from streamsel.lanes.lane import Verdict
from streamsel.sink.durable import is_full
from streamsel.testing.broken_disk import BrokenDisk


def pictures(folder: Path, **options) -> Pictures:
    return Pictures(folder, quality=90, model="m", **options)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_names_sort_by_time(tmp_path):
    out = Pictures(tmp_path, quality=90, model="m")
    files = [out.write("yard", live(pts), VERDICT).file for pts in (-90, 0, 9, 90, 8_999, 2**33)]
    assert files == sorted(files)


def test_a_frame_of_a_camera_lies_in_its_day_with_what_is_known_of_it(tmp_path):
    out = pictures(tmp_path / "picks")
    written = out.write("yard", live(), VERDICT)
    out.flush()
    file = "yard/2026-11-21/yard-20261121T115900Z-00000000000090.jpg"
    assert written.file == file
    assert files_in(tmp_path / "picks").keys() == {file, f"{file}.json"}
    told = json.loads((tmp_path / "picks" / f"{file}.json").read_bytes())
    assert told == {
        "id": written.id,
        "source": "yard",
        "index": 7,
        "pts": 90,
        "time": 0.001,
        "taken": "2026-11-21T12:00:00.250000+00:00",
        "ordinal": 4,
        "distance": 0.5,
        "nearest": 3,
        "gains": {"DIVERSITY": 0.25},
        "reason": "ratio",
        "signals": {"METADATA speed": 3},
        "file": file,
        "started": "20261121T115900Z",
    }
    path = tmp_path / "picks" / file
    assert path.read_bytes() == written.data
    assert path.stat().st_mtime == NOON.timestamp()
    assert written.due.nbytes == sum(map(len, files_in(tmp_path / "picks").values()))


def test_a_frame_of_a_segment_is_called_by_it(tmp_path):
    written = pictures(tmp_path).write("yard", of_segment("cam 1/10-00.mp4", 12), VERDICT)
    assert written.file == "yard/2026-11-21/yard-cam 1_10-00.mp4-000012.jpg"
    assert (written.facts["segment"], "started" in written.facts) == ("cam 1/10-00.mp4", False)


def test_the_day_is_that_of_utc_whatever_zone_the_time_is_told_in(tmp_path):
    east = timezone(timedelta(hours=14))
    seen = replace(live(), taken=datetime(2026, 11, 22, 1, tzinfo=east))
    written = pictures(tmp_path).write("yard", seen, VERDICT)
    assert written.file.startswith("yard/2026-11-21/")
    assert written.facts["taken"] == "2026-11-21T11:00:00+00:00"


def test_the_first_pick_has_a_distance_that_json_can_tell(tmp_path):
    first = Verdict(Decision(True, "first", math.inf), 0)
    written = pictures(tmp_path).write("yard", live(), first)
    assert json.loads((tmp_path / f"{written.file}.json").read_bytes())["distance"] is None


def test_what_is_masked_is_kept_all_the_same(tmp_path):
    seen = live()
    whole = picture(200, 64)
    seen = replace(seen, frame=replace(seen.frame, picture=Masked(whole, [(64, 32, 0, 0)])))
    data = pictures(tmp_path).write("yard", seen, VERDICT).data
    assert np.abs(np.asarray(Image.open(BytesIO(data))).astype(int) - 200).max() <= 2


SEGMENTS = st.text(max_size=300) | st.from_regex(
    r"(\.\./|/|_|\.|\\|C:|a|~[0-9a-f]{16}|-2|\n|20261121T115900Z|\.jpg|\.json|\udc80|ä){1,12}", fullmatch=True
)
FRAMES = st.builds(of_segment, SEGMENTS, st.integers(0, 3), size=st.integers(1, 2), modified=st.integers(0, 1)) | (
    st.builds(live, st.integers(-2, 2), index=st.integers(0, 2), started=st.sampled_from(["20261121T115900Z", "b"]))
)


def identity(seen):
    return (seen.segment, seen.started, seen.frame.mark)


@settings(max_examples=60)
@given(st.lists(FRAMES, unique_by=identity, max_size=8), st.randoms())
def test_every_frame_has_a_name_of_its_own_inside_of_the_folder_and_keeps_it(tmp_path_factory, frames, random):
    folder = tmp_path_factory.mktemp("out")
    out = pictures(folder / "picks")
    names = [out.write("yard", seen, VERDICT).file for seen in frames]
    before = files_in(folder / "picks")
    assert len({*names}) == len(frames)
    assert before.keys() == {*names, *(f"{name}.json" for name in names)}
    assert [path.name for path in folder.iterdir()] == ["picks"]
    assert all(name.startswith("yard/2026-11-21/") and len(name.split("/")[2].encode()) < 250 for name in names)
    order = random.sample(range(len(frames)), len(frames))
    again = pictures(folder / "picks", told=lambda written: pytest.fail(f"{written.file} was there before"))
    assert [again.write("yard", frames[place], VERDICT).file for place in order] == [names[place] for place in order]
    assert files_in(folder / "picks") == before


def test_names_that_a_recorder_uses_again_take_no_picture_away(tmp_path):
    out = pictures(tmp_path)
    first = out.write("yard", of_segment("0.mp4", modified=1, shade=10), VERDICT)
    second = out.write("yard", of_segment("0.mp4", modified=2, shade=90), VERDICT)
    assert first.file == "yard/2026-11-21/yard-0.mp4-000002.jpg"
    assert second.file == f"yard/2026-11-21/yard-0.mp4-000002-{second.id[:16]}.jpg"
    (tmp_path / first.file).unlink()  # as by a quota
    (tmp_path / f"{first.file}.json").unlink()
    assert out.write("yard", of_segment("0.mp4", modified=2, shade=90), VERDICT).file == second.file


@pytest.mark.parametrize("beside", [None, b"", b"[]", b"{}", b"\xff"])
def test_a_picture_that_somebody_else_put_there_stays(tmp_path, beside):
    name = "yard/2026-11-21/yard-20261121T115900Z-00000000000090.jpg"
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"mine")
    if beside is not None:
        (tmp_path / f"{name}.json").write_bytes(beside)
    assert pictures(tmp_path).write("yard", live(), VERDICT).file != name
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_full_disk_is_one_line_and_leaves_nothing_half_done(tmp_path):
    refused = 0
    for good in range(24):
        folder = tmp_path / str(good)
        folder.mkdir()
        out = pictures(folder)
        try:
            with BrokenDisk(good, errno.ENOSPC).installed():
                out.write("yard", live(), VERDICT)
        except SinkError as error:
            refused += "No space left" in str(error)
            assert files_in(folder) == {}
            out.write("yard", live(), VERDICT)
        assert len(files_in(folder)) == 2
        out.flush()
    assert 5 < refused < 20


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False), (errno.EROFS, False)]
)
def test_whether_the_disk_was_full_is_told_by_the_error(tmp_path, number, full):
    out = pictures(tmp_path)
    with BrokenDisk(0, number).installed(), pytest.raises(SinkError) as told:
        out.write("yard", live(), VERDICT)
    assert is_full(told.value) == full
    assert not is_full(SinkError("of something else"))


def test_a_picture_that_was_whole_stays_whole_when_writing_it_again_fails(tmp_path):
    out = pictures(tmp_path)
    out.write("yard", live(), VERDICT)
    before = files_in(tmp_path)
    for good in range(12):
        try:
            with BrokenDisk(good, errno.ENOSPC).installed():
                out.write("yard", live(), VERDICT)
        except SinkError:
            pass
        assert files_in(tmp_path) == before


def test_a_day_that_a_quota_took_away_does_not_hinder_the_next(tmp_path):
    out = pictures(tmp_path)
    written = out.write("yard", live(), VERDICT)
    for path in (tmp_path / written.file).parent.iterdir():
        path.unlink()
    (tmp_path / written.file).parent.rmdir()
    out.flush()
    assert out.write("yard", live(), VERDICT).file == written.file


def test_it_tells_of_each_new_picture_once(tmp_path):
    told = []
    out = pictures(tmp_path, told=told.append)
    first = out.write("yard", live(), VERDICT)
    out.write("yard", live(), VERDICT)
    assert told == [first.due]


def test_a_folder_that_cannot_be_made_is_told_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="cannot write"):
        pictures(tmp_path / "file" / "picks")
    with pytest.raises(ValueError, match="needs a frame"):
        pictures(tmp_path).write("yard", replace(live(), frame=None), VERDICT)


WRITER = """
import sys
from pathlib import Path
from edge_picks import VERDICT, of_segment
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
out = Pictures(Path(sys.argv[1]), quality=90, model="m")
for index in range(50_000):
    out.write("yard", of_segment(index=index, shade=index % 200), VERDICT)
    print(flush=True)
"""


def test_what_was_killed_while_writing_is_written_again_as_it_would_have_been(tmp_path):
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "killed")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=here) as process:
            process.stdout.readline()
            time.sleep(random.uniform(0.0, 0.2))
            process.kill()
        left = {name for name in files_in(tmp_path / "killed") if name.endswith(".jpg")}
        assert {f"{name}.json" for name in left} <= files_in(tmp_path / "killed").keys()
    QuotaKeeper(tmp_path / "killed", Quota(free=0))  # as at each start: what is half written goes
    for folder in ("killed", "well"):
        out = pictures(tmp_path / folder)
        for index in range(len(left) + 1):
            out.write("yard", of_segment(index=index, shade=index % 200), VERDICT)
    assert files_in(tmp_path / "killed") == files_in(tmp_path / "well")
