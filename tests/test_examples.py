"""Every example runs, on synthetic clips, and does what its first lines say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamsel.testing.kafka_broker import Served
from streamsel.testing.videos import scenes
from streamsel.topic.cloudevent import Event, event_id
from streamsel.topic.connection import Connection

EXAMPLES = Path(__file__).parent.parent / "examples"
TESTED = (
    "contact_sheet",
    "kafka_demo",
    "own_embeddings",
    "own_loop",
    "picks_consumer",
    "select_from_files",
    "sequences",
)


def example(name: str, *arguments: object) -> list[str]:
    """The lines that an example prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    """Two clips of three scenes each, one of which is in both."""
    return [scenes(tmp_path / "a.mp4", (0, 1, 2)), scenes(tmp_path / "b.mp4", (2, 3, 4))]


def test_all_are_tested() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(TESTED)


@pytest.mark.parametrize("name", TESTED)
@pytest.mark.parametrize("arguments", [(), ("--help",), ("--help", "b", "c")], ids=len)
def test_how_to_call_it(name: str, arguments: Sequence[str]) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"python examples/{name}.py " in done.stderr
    assert "Traceback" not in done.stderr


def test_select_from_files(tmp_path: Path, videos: list[Path]) -> None:
    said = example("select_from_files", tmp_path / "picks", 5, *videos)
    assert said[-1] == "5 of 72 frames"
    assert len(list((tmp_path / "picks" / "frames").rglob("*.jpg"))) == 5
    assert example("select_from_files", tmp_path / "picks", 5, *videos) == said


def test_sequences(tmp_path: Path, videos: list[Path]) -> None:
    said = example("sequences", tmp_path / "picks", 2, 12, *videos)
    assert len(said) == 2
    assert len(list((tmp_path / "picks" / "frames").rglob("*.mp4"))) == 2


def test_own_loop(tmp_path: Path, videos: list[Path]) -> None:
    said = example("own_loop", tmp_path, 0.3, videos[0])
    assert said[0] == "0.00 s: first, distance inf"
    assert len(said) == len(list(tmp_path.glob("*.jpg"))) >= 3
    assert example("own_loop", tmp_path, "auto", videos[0])[0] == said[0]
    assert len(example("own_loop", tmp_path, 1.9, videos[0])) == 1


def test_own_embeddings(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 16))
    np.save(tmp_path / "vectors.npy", vectors)
    example("own_embeddings", tmp_path / "vectors.npy", tmp_path / "keep.npy", 0.1)
    keep = np.load(tmp_path / "keep.npy")
    assert (np.diff(keep) > 0).all()
    assert abs(len(keep) - 200) <= 15


def test_contact_sheet(tmp_path: Path, videos: list[Path]) -> None:
    example("select_from_files", tmp_path / "picks", 5, *videos)
    assert example("contact_sheet", tmp_path / "picks", tmp_path / "sheet.jpg", 3)[0].startswith("5 picks on ")
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (3 * 246 + 6, 2 * 164 + 6)


@pytest.mark.xdist_group("brokers")
def test_picks_consumer(tmp_path: Path, broker: Served, topic_name: str) -> None:
    def send(name: str, value: bytes | None, **claim: str) -> None:
        more = {"subject": f"{name}.png", "extensions": {"reason": "distance"}, **claim}
        event = Event(ids.get(name, name), "cam", "streamsel.pick", **more)
        producer.send(topic_name, key=b"cam", value=value, headers=list(event.headers())).get(timeout=10)

    ids = {name: event_id(name, "", 0, "") for name in ("one", "two", "three", "evil")}
    folder = tmp_path / "pictures"
    folder.mkdir()
    broker.create(topic_name)
    consume = ("picks_consumer", ",".join(broker.servers), topic_name, folder, 5)
    with closing(Connection(broker.servers).producer()) as producer:
        send("one", b"1")
        send("two", None, dataref="far.jpg", sha256="0")
        assert example(*consume) == [f"one.png: distance, {ids['one']}.jpg", "two.png: distance, far.jpg"]
        send("three", b"3")
        send("evil", b"4", dataref="../../evil.jpg")
        send("../evil", b"5")
        producer.send(topic_name, value=b"6").get(timeout=10)
        assert example(*consume) == [
            f"three.png: distance, {ids['three']}.jpg",
            f"evil.png: distance, {ids['evil']}.jpg",
            "record 0/4: no pick",
            "record 0/5: no pick",
        ]
    assert {file.name for file in tmp_path.iterdir()} == {"pictures"}
    found = {file.stem: file.read_bytes() for file in folder.iterdir()}
    assert found == {ids["one"]: b"1", ids["three"]: b"3", ids["evil"]: b"4"}


@pytest.mark.xdist_group("brokers")
def test_picks_consumer_without_a_topic(tmp_path: Path, broker: Served, topic_name: str) -> None:
    command = [sys.executable, str(EXAMPLES / "picks_consumer.py"), broker.servers[0], topic_name, str(tmp_path), "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"{broker.servers[0]}/{topic_name}: no such topic; `streamsel run` makes it when it starts\n"


def test_picks_consumer_without_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "picks_consumer.py"), "127.0.0.1:1", "picks", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'none'}: no such folder; make it first\n")


@pytest.mark.xdist_group("brokers")
def test_kafka_demo(tmp_path: Path, videos: list[Path]) -> None:
    said = example("kafka_demo", tmp_path / "demo", *videos)
    pictures = list((tmp_path / "demo" / "pictures").iterdir())
    assert said[-1] == f"{len(pictures)} pictures in {tmp_path / 'demo' / 'pictures'}"
    assert len([line for line in said if ": distance, " in line or ": first, " in line]) == len(pictures) >= 3, said
