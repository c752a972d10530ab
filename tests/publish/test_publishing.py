"""`streamsel publish` on a real broker: what a plain consumer reads is the clip, frame by frame, at the stated rate."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamsel.cli.publish_command import show_published
from streamsel.errors import SinkError, SourceError, UsageError
from streamsel.publish.publishing import Pictures, Published, publish
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.kafka_listeners import free_ports
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.videos import moving_picture, scenes
from tests.conftest import command, inside

pytestmark = pytest.mark.xdist_group("kafka")

FRAMES = 24


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes(tmp_path_factory.mktemp("clips") / "front door.mp4", (0, 1), FRAMES // 2)


@pytest.fixture
def topic_name(broker: Served, topic_name: str) -> str:
    """A topic that is there."""
    return broker.create(topic_name)


def test_a_plain_consumer_reads_every_frame_in_order(broker: Served, topic_name: str, short: Path) -> None:
    found = publish([str(short)], broker.address(topic_name), fps="max")
    records = committed(broker.servers, topic_name)
    assert (found.frames, found.sent, len(records)) == (FRAMES, FRAMES, FRAMES)
    names = [f"front door-{number:02d}-mp4.jpg" for number in range(FRAMES)]
    assert [header(one, "ce_subject") for one in records] == names
    assert {one.key for one in records} == {b"front door.mp4"}
    assert {header(one, "ce_source") for one in records} == {"front%20door.mp4"}
    assert {header(one, "content-type") for one in records} == {"image/jpeg"}
    assert [int(header(one, "ce_index")) for one in records] == list(range(FRAMES))
    for number, one in enumerate(records):
        picture = np.asarray(Image.open(io.BytesIO(one.value))).astype(int)
        shown = moving_picture(number // (FRAMES // 2), number % (FRAMES // 2)).astype(int)
        assert picture.shape == shown.shape
        assert np.abs(picture - shown).mean() < 8


def test_ids_are_unique_and_the_same_each_time(broker: Served, topic_name: str, short: Path) -> None:
    for _ in range(2):
        publish([str(short)], broker.address(topic_name), fps="max")
    ids = [header(one, "ce_id") for one in committed(broker.servers, topic_name)]
    by_subject = {header(one, "ce_subject"): header(one, "ce_id") for one in committed(broker.servers, topic_name)}
    assert sorted(ids) == sorted(2 * list(by_subject.values()))
    assert len(set(ids)) == FRAMES


@pytest.mark.parametrize(("fps", "rate"), [("40", Fraction(40)), (None, Fraction(25))])
def test_no_frame_is_sent_before_its_time(
    broker: Served, topic_name: str, short: Path, fps: str | None, rate: Fraction
) -> None:
    publish([str(short)], broker.address(topic_name), fps=fps)
    records = sorted(committed(broker.servers, topic_name), key=lambda one: int(header(one, "ce_index")))
    first = records[0].timestamp
    rounding = 2
    for number, one in enumerate(records):
        assert one.timestamp - first >= number * 1000 / rate - rounding
        assert abs(datetime.fromisoformat(header(one, "ce_time")).timestamp() * 1000 - one.timestamp) < rounding


def test_key_size_quality_and_limit_are_taken(broker: Served, topic_name: str, short: Path) -> None:
    found = publish([str(short)], broker.address(topic_name), fps="max", limit=5, pictures=Pictures("camera 7", 80, 50))
    records = committed(broker.servers, topic_name)
    assert (found.frames, len(records)) == (5, 5)
    assert {one.key for one in records} == {b"camera 7"}
    assert {Image.open(io.BytesIO(one.value)).size for one in records} == {(80, 60)}


def test_a_loop_begins_again_with_other_names_and_ids(broker: Served, topic_name: str, short: Path) -> None:
    publish([str(short)], broker.address(topic_name), fps="max", loop=True, limit=2 * FRAMES + 3)
    records = committed(broker.servers, topic_name)
    assert len(records) == 2 * FRAMES + 3
    assert len({header(one, "ce_id") for one in records}) == len(records)
    assert len({header(one, "ce_subject") for one in records}) == len(records)
    assert "2/front door-00-mp4.jpg" in {header(one, "ce_subject") for one in records}


def test_one_source_that_cannot_be_read_does_not_stop_the_others(
    broker: Served, topic_name: str, short: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    done = inside(
        "publish", broken, short, "--kafka", broker.address(topic_name), "--fps", "max", "--json", check=False
    )
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert told["sent"] == FRAMES
    assert list(told["failed"]) == ["broken.mp4"]
    with pytest.raises(SourceError, match=r"broken\.mp4"):
        publish([str(broken)], broker.address(topic_name), loop=True)


def test_a_folder_of_pictures_needs_a_rate(broker: Served, topic_name: str, tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(moving_picture(number, 0)).save(tmp_path / f"{number}.png")
    with pytest.raises(UsageError, match="--fps"):
        publish([str(tmp_path)], broker.address(topic_name))
    publish([str(tmp_path)], broker.address(topic_name), fps="max")
    assert sorted(header(one, "ce_subject").rpartition("/")[2] for one in committed(broker.servers, topic_name)) == [
        "0-png.jpg",
        "1-png.jpg",
        "2-png.jpg",
    ]


def test_pictures_too_large_for_the_topic_are_left_out_and_told(broker: Served, topic_name: str, short: Path) -> None:
    publish([str(short)], broker.address(topic_name), fps="max")
    sizes = sorted(len(one.value) for one in committed(broker.servers, topic_name))
    small = broker.create(f"{topic_name}-small", max_message_bytes=sizes[FRAMES // 2] + 600)
    done = inside("publish", short, "--kafka", broker.address(small), "--fps", "max", check=False)
    sent = len(committed(broker.servers, small))
    assert 0 < sent < FRAMES
    assert done.returncode == 3
    assert f"sent {sent} of {FRAMES} frames" in done.stdout
    assert f"left out: {FRAMES - sent} pictures" in done.stderr
    inside("publish", short, "--kafka", broker.address(small), "--fps", "max", "--size", "64")
    assert len(committed(broker.servers, small)) == sent + FRAMES


def test_no_broker_is_one_line(short: Path) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}/frames"
    done = inside("publish", short, "--kafka", address, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"streamsel: {address}: no broker answers")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "wrong",
    [["--fps", "0"], ["--fps", "fast"], ["--quality", "0"], ["--size", "0"], ["--limit", "0"], ["--kafka", "nowhere"]],
)
def test_wrong_options_are_told_before_a_broker_is_asked(short: Path, wrong: list[str]) -> None:
    done = inside("publish", short, "--kafka", "127.0.0.1:1/frames", *wrong, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_it_logs_in_by_a_file_or_the_environment(
    secure_broker: Broker, topic_name: str, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure_broker.create(topic_name)
    config = tmp_path / "kafka.yaml"
    security = {"username": secure_broker.username, "ca": str(secure_broker.ca), "password_env": "FRAMES_PASSWORD"}
    config.write_text(json.dumps({"security": security}))
    monkeypatch.setenv("FRAMES_PASSWORD", secure_broker.password)
    assert publish([str(short)], secure_broker.address(topic_name), kafka_config=config, fps="max").sent == FRAMES
    monkeypatch.setenv("FRAMES_PASSWORD", "guessed")
    with pytest.raises(SinkError, match="refuses the login") as told:
        publish([str(short)], secure_broker.address(topic_name), kafka_config=config, fps="max")
    assert "guessed" not in str(told.value)
    monkeypatch.setenv("STREAMSEL_KAFKA_USERNAME", secure_broker.username)
    monkeypatch.setenv("STREAMSEL_KAFKA_PASSWORD", secure_broker.password)
    monkeypatch.setenv("STREAMSEL_KAFKA_CA", str(secure_broker.ca))
    assert publish([str(short)], secure_broker.address(topic_name), fps="max", limit=3).sent == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_says_what_arrived(broker: Served, topic_name: str, short: Path, number: signal.Signals) -> None:
    arguments = command("publish", short, "--kafka", broker.address(topic_name), "--loop", "--json")
    environment = {**os.environ, "TERM": "dumb"}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as sender:
        assert sender.stderr is not None
        sender.stderr.readline()
        sender.send_signal(number)
        out, _ = sender.communicate(timeout=60)
    assert sender.returncode == 0
    told = json.loads(out)
    assert told["sent"] == told["frames"] == len(committed(broker.servers, topic_name)) > 0


@pytest.mark.parametrize(("behind", "told"), [(0.0, ""), (0.4, ""), (2.0, "2.0 s late at the end, for 12.5 frames/s")])
def test_a_rate_that_was_not_reached_is_told(behind: float, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_published(Published(100, 100, 0, None, {}, 10.0, behind), "h:1/frames", as_json=False)
    shown = capsys.readouterr()
    assert "sent 100 of 100 frames" in shown.out
    assert (told in shown.err) if told else (shown.err == "")


def test_progress_says_sent(broker: Served, topic_name: str, short: Path) -> None:
    done = inside("publish", short, "--kafka", broker.address(topic_name), "--fps", "max")
    assert "sent" in done.stderr
    assert "kept" not in done.stderr
