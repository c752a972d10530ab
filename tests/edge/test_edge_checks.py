"""What `streamsel check` tells of an edge pipeline, that it holds, and that asking changes nothing."""

from __future__ import annotations

import errno
import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import KafkaAdminClient

from streamsel.choosing.finding import Finding, can_run
from streamsel.config import EdgeConfig
from streamsel.config.pipeline_file import read_pipeline
from streamsel.edge import checks
from streamsel.edge.checks import edge_findings
from streamsel.edge.process import spill
from streamsel.errors import StreamselError
from streamsel.testing.ingest_material import tiny_model
from streamsel.testing.kafka_broker import Served
from streamsel.testing.mosquitto import Mosquitto
from streamsel.testing.servers import camera
from streamsel.testing.service_process import Running
from streamsel.testing.videos import scenes
from tests.conftest import inside, streamsel

HUSH = "wrong-but-secret"
NOBODY = "127.0.0.1:1"
YARD = {"name": "yard", "folder": "recordings"}


class Pipeline:
    """A file beside a small model and a folder of recordings; `write` takes what is to be otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "edge.json"
        tiny_model(folder)
        (folder / "recordings").mkdir()
        self.write()

    def write(self, *sources: dict[str, Any], **more: Any) -> Path:
        told = {"kind": "edge", "sources": sources or [YARD], "state": "state", "output": {"folder": "picks"}}
        self.file.write_text(json.dumps({**told, "model": "tiny.onnx", "min_distance": 0.3, **more}))
        return self.file

    def findings(self, *sources: dict[str, Any], **more: Any) -> list[Finding]:
        config = read_pipeline(self.write(*sources, **more))
        assert isinstance(config, EdgeConfig)
        return list(edge_findings(config))

    def problem(self, place: str, *sources: dict[str, Any], **more: Any) -> str:
        """The only problem that there is, at this place, on one line."""
        return self.wrong("problem", place, *sources, **more)

    def away(self, place: str, *sources: dict[str, Any], **more: Any) -> str:
        """All that is wrong: something is away."""
        return self.wrong("away", place, *sources, **more).removeprefix("is away, and waited for: ")

    def wrong(self, level: str, place: str, *sources: dict[str, Any], **more: Any) -> str:
        (found,) = [one for one in self.findings(*sources, **more) if one.level in ("problem", "away")]
        assert (found.place, found.level) == (place, level)
        assert "\n" not in found.text
        return found.text

    @property
    def files(self) -> dict[str, int]:
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in self.folder.rglob("*")}


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes(tmp_path_factory.mktemp("film") / "film.mp4", range(3), 25, options={"bf": "0"}, gop=25)


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    try:
        with Mosquitto(tmp_path_factory.mktemp("mosquitto"), password="right-and-secret") as broker:
            yield broker
    except StreamselError as error:
        pytest.fail(str(error), pytrace=False)


def of(findings: list[Finding], place: str) -> tuple[str, str]:
    """Level and text of the only finding at a place."""
    (found,) = [one for one in findings if one.place == place]
    return found.level, found.text


# -- as a whole -----------------------------------------------------------------------------------------------------


def test_a_limit_of_memory_that_the_model_is_above_is_told(pipeline: Pipeline) -> None:
    assert "cannot hold: model and memory of picks take" in pipeline.problem("memory_limit", memory_limit="100MB")
    assert all(one.place != "memory_limit" for one in pipeline.findings(memory_limit="8GB"))


def test_frames_that_wait_for_their_sequence_may_want_more_disk_than_there_is(pipeline: Pipeline, monkeypatch) -> None:
    diversity = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    worker = {"selected_sequence_length": 1001}
    long = {"selection_config": {"strategies": [diversity]}, "worker_config": worker}
    told = {"selection": long, "min_distance": None, "target_ratio": 0.1}
    for free, queue, expected in ((2.3e8, 64_000_000, True), (2.4e8, 64_000_000, False), (0, 300_000_000, False)):
        monkeypatch.setattr(spill.shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=int(free)))
        texts = [one.text for one in pipeline.findings(queue=queue, **told) if one.place == "state"]
        wanted = [text for text in texts if "may take 236 MB there in 1080p" in text]
        assert bool(wanted) == expected, texts
        assert not wanted or wanted[0].endswith("230 MB are free; free some space, or make `queue` larger")


def test_state_that_would_be_refused_is_told_and_left_as_it_is(pipeline: Pipeline) -> None:
    """Also where the process that made it was killed, so that all of it lies in the log beside the file."""
    diversity = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    sharp = {
        "input": {"type": "METADATA", "key": "lightly.sharpness"},
        "strategy": {"type": "THRESHOLD", "threshold": 1, "operation": "BIGGER"},
    }
    other = {"strategies": [diversity, sharp]}
    program = """
import os, sys
from pathlib import Path
from streamsel.config.pipeline_file import read_pipeline
from streamsel.edge.source_lanes import source_lanes
from streamsel.embed.load import load_embedder
from streamsel.store.entries import Committed, EntryStore
config = read_pipeline(Path(sys.argv[1]))
((name, make),) = source_lanes(config, load_embedder(config.model))
config.state.mkdir()
store = EntryStore(config.state / "state.db")
store.commit(Committed(entries={name: make(0, {}).entries()}))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program, str(pipeline.file)], check=True)
    before = pipeline.files
    assert all(one.level == "fine" for one in pipeline.findings())
    assert "source yard: the saved state is of another selection" in pipeline.problem("state", selection=other)
    assert pipeline.files.keys() == before.keys()
    assert pipeline.findings({**YARD, "name": "court"}), "of a source that is new there is none"


def test_all_is_well_and_nothing_is_changed(pipeline: Pipeline) -> None:
    pipeline.write(metrics="127.0.0.1:0")
    before = pipeline.files
    told = json.loads(streamsel("check", pipeline.file, "--json").stdout)
    assert told["runs"] is True
    assert {one["level"] for one in told["findings"]} == {"fine"}
    places = ["sources[0] yard", "state", "output.folder", "model", "selection", "metrics"]
    assert [one["place"] for one in told["findings"]] == places
    assert pipeline.files == before
    assert streamsel("check", pipeline.file).stdout.endswith("it can run\n")


def test_a_problem_is_exit_code_2(pipeline: Pipeline) -> None:
    done = inside("check", pipeline.write(model="nowhere.onnx"), check=False)
    assert done.returncode == 2
    assert "nowhere.onnx" in done.stdout
    assert "it cannot run" in done.stdout
    assert done.stderr == ""


def test_what_cannot_be_understood_is_one_line(pipeline: Pipeline) -> None:
    for wrong in ({"sources": []}, {"outpt": {}}, {"selection": {"n_samples": 5, "strategies": []}}):
        done = inside("check", pipeline.write(**wrong), check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_what_is_merely_away_is_exit_code_3_and_the_last_line_names_it(pipeline: Pipeline) -> None:
    door = {"name": "door", "url": f"rtsp://me:{HUSH}@{NOBODY}/camera"}
    done = inside("check", pipeline.write(YARD, door, mqtt={"server": NOBODY}), check=False)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.endswith("it can run; it waits for what is away: sources[1] door, mqtt\n")
    done = inside("check", pipeline.file, "--json", check=False)
    assert (done.returncode, json.loads(done.stdout)["runs"]) == (3, True)
    assert HUSH not in done.stdout
    done = inside("check", pipeline.write(YARD, door, model="nowhere.onnx"), check=False)
    assert done.returncode == 2
    assert done.stdout.endswith("it cannot run, or would pick nothing: mend model\n")


# -- sources --------------------------------------------------------------------------------------------------------


def test_folders(pipeline: Pipeline) -> None:
    told = pipeline.findings(YARD, {"name": "later", "folder": "not/yet"}, {"name": "file", "folder": "edge.json"})
    assert of(told, "sources[0] yard") == ("fine", f"{pipeline.folder}/recordings: can be read")
    level, text = of(told, "sources[1] later")
    assert (level, f"{pipeline.folder}/not/yet: there is no such folder" in text) == ("away", True)
    level, text = of(told, "sources[2] file")
    assert (level, "is no folder" in text) == ("problem", True)
    assert not (pipeline.folder / "not").exists()


def test_a_folder_that_may_not_be_read(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "recordings" not in str(path) and allowed(path, mode))
    assert "ask for the right" in pipeline.problem("sources[0] yard")


def test_a_camera_that_is_there(pipeline: Pipeline, film: Path) -> None:
    with camera(film, HUSH) as (port, _):
        door = {"name": "door", "url": f"rtsp://camera:{HUSH}@127.0.0.1:{port}/camera"}
        level, text = of(pipeline.findings(door), "sources[0] door")
        assert (level, text.startswith("160 x 120, the first picture after ")) == ("fine", True)
        _, text = of(pipeline.findings({**door, "crop": "64:48:0:0"}), "sources[0] door")
        assert text.startswith("64 x 48, ")
        assert "the crop" in pipeline.problem("sources[0] door", {**door, "crop": "640:480:0:0"})
        wrong = {**door, "url": door["url"].replace(HUSH, f"not-{HUSH}")}
        done = inside("check", pipeline.write(wrong), check=False)
        assert done.returncode == 2
        assert "sources[0] door" in done.stdout
        assert HUSH not in done.stdout + done.stderr


def test_cameras_that_are_away_are_tried_at_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://me:{HUSH}@127.0.0.1:{silent.getsockname()[1]}/camera"
        monkeypatch.setattr("streamsel.edge.feeds.opening.OPENING", 1.0)
        sources = [{"name": f"s{number}", "url": url, "stall": 1} for number in range(5)]
        told = pipeline.findings(*sources, {"name": "refused", "url": f"rtsp://me:{HUSH}@{NOBODY}/camera"})
    assert can_run(told)
    away = [one for one in told if one.level == "away"]
    assert [one.place for one in away] == [*(f"sources[{n}] s{n}" for n in range(5)), "sources[5] refused"]
    assert not any(HUSH in one.text or "\n" in one.text for one in told)


@pytest.mark.parametrize(("number", "level"), [(errno.ESTALE, "away"), (errno.EIO, "away"), (errno.EACCES, "problem")])
def test_a_share_that_is_broken_hides_no_other_finding(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, number: int, level: str
) -> None:
    """No mount can be broken here: what the system says of one is played."""
    stat, broken = os.stat, str(pipeline.folder / "share")

    def told(path: Any, *given: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(broken):
            raise OSError(number, os.strerror(number), str(path))
        return stat(path, *given, **more)

    monkeypatch.setattr(os, "stat", told)
    share = {"name": "share", "folder": "share/segments"}
    assert os.strerror(number) in pipeline.wrong(level, "sources[0] share", share, YARD)


def test_a_device_and_a_pipe(pipeline: Pipeline) -> None:
    told = pipeline.findings({"name": "usb", "device": "/dev/no-video"}, {"name": "mast", "pipe": "mpegts"})
    level, text = of(told, "sources[0] usb")
    assert (level, "no camera at /dev/no-video" in text) == ("away", True)
    assert of(told, "sources[1] mast") == ("note", "standard input is read when it runs, as mpegts")


def test_a_pipe_of_no_format_that_there_is(pipeline: Pipeline) -> None:
    told = pipeline.problem("sources[0] mast", {"name": "mast", "pipe": "mpegtx"})
    assert told.startswith("pipe: 'mpegtx' is no format that libav reads; name that of the stream")


def test_a_state_that_a_running_daemon_works_on(pipeline: Pipeline) -> None:
    pipeline.write()
    with Running(pipeline.file) as running:
        running.wait(lambda: running.events("started"))
        before = (pipeline.folder / "state").stat().st_mtime_ns
        done = inside("check", pipeline.file, "--json", check=False)
        assert done.returncode == 2
        (found,) = [one for one in json.loads(done.stdout)["findings"] if one["level"] == "problem"]
        assert (found["place"], "another process works on it" in found["text"]) == ("state", True)
        assert (pipeline.folder / "state").stat().st_mtime_ns == before
        assert running.stop() == 0
    assert can_run(pipeline.findings())


def test_a_mask_that_leaves_nothing(pipeline: Pipeline, film: Path) -> None:
    everything = {"mask": ["100:120:0:0", "80:120:80:0"]}
    with camera(film) as (port, _):
        door = {"name": "door", "url": f"rtsp://127.0.0.1:{port}/camera"}
        told = pipeline.problem("sources[0] door", {**door, **everything})
        assert told == "the mask hides all of its 160 x 120 picture; correct it, or leave it out"
        assert can_run(pipeline.findings({**door, "mask": ["100:120:0:0"]}))
    assert can_run(pipeline.findings({**YARD, **everything})), "no segment is there"
    scenes(pipeline.folder / "recordings" / "1.mp4")
    assert "the mask hides all" in pipeline.problem("sources[0] yard", {**YARD, **everything})
    done = inside("check", pipeline.write({**YARD, "crop": "64:48:0:0", **everything}), check=False)
    assert (done.returncode, "mask hides all of the crop" in done.stderr) == (2, True)


# -- model, selection, places ---------------------------------------------------------------------------------------

SPEED = {"input": {"type": "METADATA", "key": "speed"}}
SUMS = {**SPEED, "strategy": {"type": "WEIGHTS"}}
AT_LEAST = {"type": "AT_LEAST", "per": {"type": "METADATA", "key": "place"}, "count": 1}
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
PAIRS = {"strategies": [DIVERSITY], "worker": {"selected_sequence_length": 2}}
ODD = {"min_distance": None, "window": {"picks": 3, "minutes": 10}}


@pytest.mark.parametrize(
    ("more", "place", "text"),
    [
        ({"model": "nowhere.onnx"}, "model", "nowhere.onnx"),
        ({"model": "edge.json"}, "model", "edge.json"),
        ({"lightly": "nowhere"}, "selection", "nowhere"),
        ({"selection": {"strategies": [SUMS]}}, "selection", "ratio"),
        ({"selection": PAIRS, **ODD}, "selection", "no multiple of selected_sequence_length 2; use 2 or 4"),
        ({"output": {"folder": "edge.json"}}, "output.folder", "is no folder; name another"),
        ({"state": "edge.json/state"}, "state", "is no folder; name another"),
    ],
)
def test_what_stands_in_the_way(pipeline: Pipeline, more: dict[str, Any], place: str, text: str) -> None:
    assert text in pipeline.problem(place, **more)


def test_sequences_can_be_selected(pipeline: Pipeline) -> None:
    assert can_run(pipeline.findings(selection=PAIRS))


def test_a_selection_with_an_end_is_refused(pipeline: Pipeline) -> None:
    strategies = [DIVERSITY]
    done = inside("check", pipeline.write(selection={"strategies": strategies, "n_samples": 5}), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "n_samples needs an end, which a camera has not" in done.stderr
    told = pipeline.problem("selection", selection={"strategies": strategies, "constraints": [AT_LEAST]})
    assert "AT_LEAST" in told


TILES = {"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 2}


def of_objects(task: str) -> dict[str, Any]:
    worker = {"object_level": {"task_name": task, "padding": 0.1}}
    return {"selection": {"strategies": [DIVERSITY], "auto_tasks": [TILES], "worker": worker}}


def test_objects_can_be_selected(pipeline: Pipeline) -> None:
    assert can_run(pipeline.findings(YARD, {"name": "gate", "pipe": "mpegts"}, **of_objects("tiles")))


@pytest.mark.parametrize(
    ("sources", "more", "text"),
    [
        ([{"name": "gate", "pipe": "mpegts"}], {}, "source gate: worker_config.object_level.task_name: 'cars'"),
        ([], {}, "task 'cars': no .lightly folder was found"),
        ([], {"lightly": "recordings"}, "recordings"),
    ],
)
def test_objects_that_nothing_predicts_are_refused(
    pipeline: Pipeline, sources: list[dict[str, Any]], more: dict[str, Any], text: str
) -> None:
    told = pipeline.problem("selection", *sources, **of_objects("cars"), **more)
    assert text in told
    done = streamsel("run", pipeline.file, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_objects_of_sequences_are_refused(pipeline: Pipeline) -> None:
    both = of_objects("tiles")["selection"]
    both["worker"]["selected_sequence_length"] = 2
    assert "leave one of them out" in pipeline.problem("selection", selection=both)


def test_one_sources_goal_is_tried_too(pipeline: Pipeline) -> None:
    selection = {"strategies": [SUMS]}
    fit = {**YARD, "target_ratio": 0.1}
    assert can_run(pipeline.findings(fit, selection=selection))
    assert "ratio" in pipeline.problem("selection", fit, {"name": "door", "folder": "recordings"}, selection=selection)


@pytest.mark.parametrize(("options", "looks_on"), [((), True), ((), False), (("--json",), True)])
def test_who_looks_on_is_told_what_is_tried(pipeline: Pipeline, options: tuple[str, ...], looks_on: bool) -> None:
    sources = [YARD, *({**YARD, "name": f"yard{number}"} for number in range(7))]
    file, mqtt = pipeline.write(*sources, mqtt={"server": "127.0.0.1:1"}), "mqtt: 127.0.0.1:1"
    command = [sys.executable, "-m", "streamsel", "check", str(file), *options]
    screen, ours = pty.openpty()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=ours if looks_on else subprocess.PIPE, check=False)
    os.close(ours)
    told = b""
    with suppress(OSError):  # which is how the end of a terminal reads
        while more := os.read(screen, 4096):
            told += more
    os.close(screen)
    named = "sources: yard, yard0, yard1, yard2, yard3, yard4, 2 more"
    tried = [named, f"model: {pipeline.folder / 'tiny.onnx'}", mqtt] if looks_on and not options else []
    assert told.decode().splitlines() == [f"trying {what} ..." for what in tried]
    assert not done.stderr
    assert done.returncode == 3
    assert b"trying" not in done.stdout


def test_a_page_that_cannot_be_served(pipeline: Pipeline) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "cannot listen" in pipeline.problem("metrics", metrics=address)
    told = [one for one in pipeline.findings(metrics="0.0.0.0:0") if one.place == "metrics"]
    assert [one.level for one in told] == ["fine", "note"]


# -- brokers --------------------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("mosquitto")
def test_mqtt(pipeline: Pipeline, mosquitto: Mosquitto) -> None:
    password = pipeline.folder / "password"
    password.write_text("right-and-secret\n")
    given = {"server": mosquitto.server, "username": "streamsel", "password_file": "password"}
    with mosquitto.listening() as heard:
        level, text = of(pipeline.findings(mqtt=given), "mqtt")
        assert (level, text) == ("fine", f"{mosquitto.server}: lets this device in")
        assert heard.messages == []
    password.write_text(f"{HUSH}\n")
    done = inside("check", pipeline.write(mqtt=given), "--json", check=False)
    assert done.returncode == 2
    (found,) = [one for one in json.loads(done.stdout)["findings"] if one["level"] == "problem"]
    assert "check username and password_file" in found["text"]
    assert "secret" not in done.stdout + done.stderr
    assert "no broker answers: connection refused" in pipeline.away("mqtt", mqtt={"server": NOBODY})
    assert "cannot be read" in pipeline.problem("mqtt", mqtt={**given, "password_file": "nowhere"})
    assert "no '+' and '#'" in pipeline.problem("mqtt", mqtt={**given, "topic": "picks/#"})


@pytest.mark.xdist_group("mosquitto")
def test_a_broker_that_says_nothing(pipeline: Pipeline, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    mosquitto.pause()
    assert pipeline.away("mqtt", mqtt={"server": mosquitto.server}) == f"{mosquitto.server}: does not answer"
    mosquitto.resume()


def topics(broker: Served) -> set[str]:
    admin = KafkaAdminClient(bootstrap_servers=list(broker.open_servers))
    try:
        return {name for name in admin.list_topics() if not name.startswith("__")}
    finally:
        admin.close()


@pytest.mark.xdist_group("brokers")
def test_kafka(pipeline: Pipeline, broker: Served, topic_name: str) -> None:
    given = {"servers": list(broker.servers), "topic": topic_name}
    missing = pipeline.problem("kafka.topic", kafka=given)
    assert missing == f"{topic_name}: no such topic; create it, or check its name"
    broker.create(topic_name, 2, max_message_bytes=100_000)
    before = topics(broker)
    told = pipeline.findings(kafka=given)
    assert of(told, "kafka.topic") == ("fine", f"{topic_name}: 2 partitions")
    level, text = of(told, "kafka.inline_limit")
    assert (level, "100000 bytes at most" in text) == ("note", True)
    assert can_run(told)
    assert topics(broker) == before
    assert [one.place for one in pipeline.findings(kafka={**given, "inline_limit": 50_000})][-1] == "kafka.topic"
    broker.create(f"{topic_name}.delivered")
    assert "set its cleanup.policy to compact" in pipeline.problem("kafka.topic", kafka=given)


@pytest.mark.xdist_group("brokers")
def test_a_kafka_that_does_not_know_us(pipeline: Pipeline, broker: Served) -> None:
    (pipeline.folder / "password").write_text(HUSH)
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-256", "username": "streamsel"}
    given = {"servers": list(broker.servers), "topic": "picks", "security": {**security, "password_file": "password"}}
    done = inside("check", pipeline.write(kafka=given), check=False)
    assert done.returncode == 2
    assert "login" in done.stdout
    assert HUSH not in done.stdout + done.stderr


@pytest.mark.xdist_group("brokers")
def test_a_kafka_that_is_not_there(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    assert NOBODY in pipeline.away("kafka", kafka={"servers": NOBODY, "topic": "picks"})
    security = {"protocol": "TELNET"}
    told = pipeline.problem("kafka", kafka={"servers": NOBODY, "topic": "picks", "security": security})
    assert "TELNET" in told
