"""Which day a frame is of: what is told of it, else what recorded it."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from streamsel.config import SelectionConfig
from streamsel.data import Frame, Mark, Source
from streamsel.decode.created import created, taken_on
from streamsel.errors import UsageError
from streamsel.rules.days import DaySignal, day_of
from streamsel.rules.material import TIME


def config(expression: str | None = None) -> SelectionConfig:
    goal = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    return SelectionConfig.model_validate({"strategies": [goal], "lightly_path_regex": expression})


def frame(source: str, name: str = "", **signals: float) -> Frame:
    return Frame(Mark(source, 0, 90, Fraction(1), 0, name), None, signals=signals)  # type: ignore[arg-type]


@pytest.fixture
def videos(tmp_path):
    """Empty of frames, and with a time in their headers."""
    found = []
    times = ("2024-05-17T23:59:00Z", "2024-05-18T01:59:00+02:00", "1970-01-01T00:00:00Z", "yesterday", None)
    for place, told in enumerate(times):
        path = tmp_path / f"{place}.mkv"
        with av.open(str(path), "w") as output:
            if told is not None:
                output.metadata["creation_time"] = told
            stream = output.add_stream("ffv1", rate=25)
            stream.width = stream.height = 16
            stream.pix_fmt = "yuv420p"
            picture = av.VideoFrame.from_ndarray(np.zeros((24, 16), np.uint8), "yuv420p")
            output.mux([*stream.encode(picture), *stream.encode()])
        found.append(Source(path.name, str(path)))
    return found


def test_of_a_live_source_it_is_that_of_its_clock():
    signal = DaySignal(config(), None, [Source("camera", "rtsp://camera", "live")])
    late = datetime(2024, 5, 17, 23, 59, 59, tzinfo=UTC).timestamp()
    frames = [frame("camera", **{TIME: late + more}) for more in (0.0, 0.9, 1.0)]
    assert signal.of(frames, ["a", "b", "c"]) == ["2024-05-17", "2024-05-17", "2024-05-18"]


def test_where_frames_have_times_on_the_wall_it_is_theirs_unless_they_carry_one():
    signal = DaySignal(config(), None, wall=True)
    noon = datetime(2024, 5, 17, 12, tzinfo=UTC).timestamp()
    frames = [
        Frame(Mark("cam", 0, round(noon + more), Fraction(1)), None, signals=known)  # type: ignore[arg-type]
        for more, known in ((0, {}), (86_400, {}), (0, {"date": "monday"}), (0, {"time": "12:30"}))
    ]
    assert signal.of(frames, ["a"] * 4) == ["2024-05-17", "2024-05-18", "monday", "2024-05-17"]


@pytest.mark.parametrize(
    ("key", "told", "day"),
    [
        ("day", "2024-05-17T08:00", "2024-05-17"),
        ("day", 3, "3"),
        ("date", "17.05.2024 08:00", "17.05.2024"),
        ("day", None, None),
        ("time", "2024-05-17T08:00", "2024-05-17"),
        ("time", "08:00:00", None),
        ("timestamp", 1_715_947_200, "2024-05-17"),
        ("timestamp", 12.5, None),
        ("timestamp", 1_715_947_200_000_000, None),
        ("timestamp", float("nan"), None),
        ("timestamp", True, None),
    ],
)
def test_what_tells_a_day(key, told, day):
    assert day_of(key, told) == day


def test_of_a_video_it_is_that_of_its_file_and_the_time_in_it(videos):
    minute = datetime(2024, 5, 17, 23, 59, tzinfo=UTC)
    assert [created(source) for source in videos] == [minute, minute, None, None, None]
    signal = DaySignal(config(), None, videos)
    days = signal.of([frame(source.id) for source in videos], [source.id for source in videos])
    assert days == ["2024-05-18", "2024-05-18", None, None, None]
    with pytest.raises(UsageError, match=r"2\.mkv: its file does not say the day"):
        signal.refuse_undated()
    assert created(Source("a.mp4", "https://host/a.mp4")) is None
    assert created(Source("gone.mp4", "/nowhere/gone.mp4")) is None


def test_names_go_before_files_where_they_tell(videos):
    signal = DaySignal(config(r"(?P<day>\d{4}-\d\d-\d\d)T"), None, videos)
    signal.refuse_undated()  # names are not known yet
    frames = [frame(videos[0].id), frame(videos[0].id)]
    assert signal.of(frames, ["2020-02-02T10-30.png", "other.png"]) == ["2020-02-02", "2024-05-18"]


@pytest.mark.parametrize(
    ("told", "day"), [("2024:05:17 08:00:00", "2024-05-17"), ("0000:00:00 00:00:00", None), ("1980:01:01 00:00", None)]
)
def test_of_a_picture_it_is_that_of_its_camera(told, day, tmp_path):
    exif = Image.Exif()
    exif[0x0132] = told
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    folder = Source("pictures", str(tmp_path), "images")
    assert taken_on(folder, "a.jpg") == taken_on(Source("a.jpg", str(tmp_path / "a.jpg"), "images"), "a.jpg") == day
    assert DaySignal(config(), None, [folder]).of([frame("pictures", "a.jpg")], ["pictures/a.jpg"]) == [day]
    (tmp_path / "b.jpg").write_text("no picture")
    assert taken_on(folder, "b.jpg") is None
