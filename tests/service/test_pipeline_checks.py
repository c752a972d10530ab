"""What `streamsel check` tells of a pipeline, that it holds, and that asking changes nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor

from streamsel.choosing.finding import Finding, can_run
from streamsel.config.pipeline_file import read_pipeline
from streamsel.daemon.checked_places import place_findings
from streamsel.daemon.checked_selection import selection_findings
from streamsel.errors import StateError, StreamselError, UsageError
from streamsel.ingest.checked_topics import broker_findings
from streamsel.ingest.prepared_topics import prepare_topics
from streamsel.service.checks import check_pipeline, is_pipeline
from streamsel.testing.ingest_trial import objects_of, sequences_of
from streamsel.testing.kafka_broker import Broker, Served
from streamsel.testing.kafka_reading import committed
from streamsel.testing.service_process import wait_for
from streamsel.topic.connection import Connection
from streamsel.topic.inquiry import group
from streamsel.topic.security import Security
from tests.conftest import inside, streamsel
from tests.ingest.ingesting import PARTITIONS, Pipeline, all_read, pictures, serving

pytestmark = pytest.mark.xdist_group("kafka")

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path, topic_name: str) -> Written:
    """Writes a pipeline over topics of this test: `written(servers, output={...}, ...)`."""

    def write(servers: Sequence[str], **more: Any) -> Path:
        given = {"servers": list(servers), "topic": topic_name, "group": topic_name, **more.pop("input", {})}
        values = {"kind": "ingest", "input": given, "output": {"topic": f"{topic_name}.picks"}, **more}
        file = tmp_path / "pipeline.json"
        file.write_text(json.dumps(values))
        return file

    return write


def of(findings: Sequence[Finding], place: str, level: str) -> str:
    """The one finding of this level at a place."""
    (found,) = [one.text for one in findings if (one.place, one.level) == (place, level)]
    return found


def beside(file: Path) -> list[Finding]:
    """Findings on what lies on no broker."""
    config = read_pipeline(file)
    return [*place_findings(config), *selection_findings(config)]


def problems(file: Path) -> dict[str, str]:
    return {one.place: one.text for one in broker_findings(read_pipeline(file)) if one.level == "problem"}


def topics(servers: Sequence[str]) -> set[str]:
    admin = KafkaAdminClient(bootstrap_servers=list(servers))
    try:
        return {name for name in admin.list_topics() if not name.startswith("__")}
    finally:
        admin.close()


def test_all_is_well(broker: Served, topic_name: str, written: Written, tmp_path: Path) -> None:
    broker.create(topic_name, 3)
    before = topics(broker.servers)
    places = {"output": {"folder": str(tmp_path / "picks")}, "metrics": "127.0.0.1:0"}
    file = written(broker.servers, **places, input={"instance": "one", "references": str(tmp_path)})
    done = streamsel("check", file)
    assert done.stdout.endswith("it can run\n")
    assert "problem" not in done.stdout
    told = json.loads(streamsel("check", file, "--json").stdout)
    assert told["runs"] is True
    assert {one["level"] for one in told["findings"]} == {"fine"}
    assert topics(broker.servers) == before


def test_topics_that_are_missing(broker: Served, topic_name: str, written: Written) -> None:
    file = written(broker.servers)
    done = inside("check", file, check=False)
    assert done.returncode == 2
    assert f"{topic_name}: no such topic; create it" in done.stdout.replace("\n", "")
    assert set(problems(file)) == {"input.topic"}


def test_what_it_says_will_be_made_is_made(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name, 3)
    config = read_pipeline(written(broker.servers))
    first = broker_findings(config)
    for place in ("state.topic", "dead_letter", "output.topic"):
        assert "will be made with 3 partitions" in of(first, place, "note" if place == "output.topic" else "fine")
    prepare_topics(config, Connection(broker.servers))
    for place in ("state.topic", "dead_letter", "output.topic"):
        assert ": 3 partitions, records up to" in of(broker_findings(config), place, "fine")
    assert can_run(first)


UNFIT = {
    "not compacted": (4, {}, "is not compacted"),
    "deleted by age, too": (4, {"cleanup_policy": "compact,delete"}, "set cleanup.policy=compact"),
    "too few partitions": (3, {"cleanup_policy": "compact"}, "has 3 partitions, but the input 4"),
    "too small": (4, {"cleanup_policy": "compact", "max_message_bytes": 60_000}, "takes records of 60000 bytes"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_changelog_that_does_not_fit(name: str, broker: Served, topic_name: str, written: Written) -> None:
    partitions, settings, text = UNFIT[name]
    broker.create(topic_name, 4)
    broker.create(f"{topic_name}.{topic_name}.state", partitions, **settings)
    found = problems(written(broker.servers))
    assert list(found) == ["state.topic"]
    assert text in found["state.topic"]


def test_records_that_would_not_fit(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name)
    broker.create(f"{topic_name}.picks", max_message_bytes=200_000)
    (text,) = problems(written(broker.servers)).values()
    assert "set output.inline_limit to 168000 or less" in text
    assert problems(written(broker.servers, output={"topic": f"{topic_name}.picks", "inline_limit": 168_000})) == {}


def test_records_that_would_not_fit_a_topic_that_is_missing(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name)
    file = written(broker.servers, output={"topic": f"{topic_name}.picks", "inline_limit": 3_000_000})
    found = problems(file)
    assert list(found) == ["output.topic"]
    assert "set output.inline_limit to 1016588 or less" in found["output.topic"]
    before = topics(broker.servers)
    with pytest.raises(UsageError, match=r"set output\.inline_limit to 1016588 or less"):
        prepare_topics(read_pipeline(file), Connection(broker.servers))
    assert topics(broker.servers) == before


HOUR = {"window": {"picks": 9, "minutes": 60}}
SHORT = {
    "an hour and a half": ({"retention_ms": 5_400_000}, "keeps records for 90 minutes, and pictures are read again"),
    "compacted": ({"cleanup_policy": "compact"}, "is compacted"),
    "compacted, too": ({"cleanup_policy": "compact,delete", "retention_ms": 7_200_000}, "is compacted"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_topic_that_loses_what_windows_are_chosen_of(
    name: str, broker: Served, topic_name: str, written: Written
) -> None:
    settings, text = SHORT[name]
    broker.create(topic_name, **settings)
    assert problems(written(broker.servers)) == {}
    file = written(broker.servers, **HOUR)
    assert list(found := problems(file)) == ["window"]
    assert text in found["window"]
    with pytest.raises(UsageError, match=f"window: {topic_name}: .*{text}"):
        prepare_topics(read_pipeline(file), Connection(broker.servers))


def test_a_topic_that_keeps_two_windows(broker: Served, topic_name: str, written: Written, tmp_path: Path) -> None:
    broker.create(topic_name, retention_ms=7_200_000, retention_bytes=1 << 30)
    file = written(broker.servers, **HOUR)
    assert problems(file) == {}
    told = of(broker_findings(read_pipeline(file)), "window", "note")
    assert "retention.bytes is 1073741824: see that 2 windows of 60 minutes have less in a partition" in told
    assert of(beside(file), "selection", "fine").endswith("the best 9 of each 60 minutes of each partition")


FOUR = {"selection": sequences_of(4)}


def test_a_topic_that_loses_pictures_of_sequences(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name, cleanup_policy="compact")
    assert problems(written(broker.servers)) == {}
    file = written(broker.servers, **FOUR)
    assert "is compacted" in problems(file)["selection"]
    with pytest.raises(UsageError, match=f"selection: {topic_name}: is compacted"):
        prepare_topics(read_pipeline(file), Connection(broker.servers))


def test_a_topic_that_may_lose_pictures_of_sequences(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name, retention_ms=7_200_000)
    file = written(broker.servers, **FOUR)
    assert problems(file) == {}
    told = of(broker_findings(read_pipeline(file)), "selection", "note")
    assert "keeps records for 120 minutes: see that 4 pictures of one source come within that" in told
    assert "sequences of 4 frames, " in of(beside(file), "selection", "fine")


def test_objects_are_told(written: Written) -> None:
    tiles, cars = objects_of("tiles", 0.1), objects_of("cars", 0.1)
    found = beside(written(["127.0.0.1:1"], selection=tiles, target_ratio=0.1))
    assert of(found, "selection", "fine").endswith(": objects of tiles, 0.1 of the objects of each partition")
    told = of(beside(written(["127.0.0.1:1"], selection=cars)), "selection", "problem")
    assert told.startswith("worker_config.object_level.task_name: task 'cars': no .lightly folder was found")


def test_members_that_are_there(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name)
    file = written(broker.servers, input={"instance": "one"})
    member = Connection(broker.servers).consumer(topic_name, group_id=topic_name, group_instance_id="one")
    try:
        while not member.assignment():
            member.poll(timeout_ms=200)
        found = broker_findings(read_pipeline(file))
    finally:
        member.close()
    assert "1 member now" in of(found, "input.group", "fine")
    assert "runs already" in of(found, "input.instance", "note")
    assert can_run(found)


def test_members_that_share_in_another_way(broker: Served, topic_name: str, written: Written) -> None:
    broker.create(topic_name)
    options = {"group_id": topic_name, "partition_assignment_strategy": [RangePartitionAssignor]}
    member = KafkaConsumer(topic_name, bootstrap_servers=list(broker.servers), **options)
    try:
        while not group(Connection(broker.servers), topic_name).protocol:
            member.poll(timeout_ms=200)
        (text,) = problems(written(broker.servers)).values()
    finally:
        member.close()
    assert "by range" in text


def test_no_broker(written: Written) -> None:
    file = written(["127.0.0.1:1"], input={"instance": "one"})
    found = broker_findings(read_pipeline(file))
    assert [(one.place, one.level) for one in found] == [("input.servers", "away")]
    assert "no broker answers" in found[0].text


HUSH = "corr3ct-h0rse"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("guarded"), secure=True) as broker:
        yield broker


def login(broker: Broker, tmp_path: Path, username: str, password: str) -> dict[str, str]:
    (tmp_path / "password").write_text(password)
    return {"username": username, "password_file": "password", "ca": str(broker.ca)}


def test_a_user_with_all_rights(guarded: Broker, topic_name: str, written: Written, tmp_path: Path) -> None:
    guarded.create(topic_name)
    security = login(guarded, tmp_path, guarded.username, guarded.password)
    found = broker_findings(read_pipeline(written(guarded.servers, security=security)))
    assert can_run(found), found
    assert "SASL_SSL as streamsel" in of(found, "input.servers", "fine")


def test_a_user_without_rights(guarded: Broker, topic_name: str, written: Written, tmp_path: Path) -> None:
    guarded.create(topic_name)
    security = login(guarded, tmp_path, guarded.safety.guest, guarded.safety.guest_password)
    found = problems(written(guarded.servers, security=security))
    assert set(found) == {"input.topic", "state.topic", "dead_letter", "output.topic", "input.group"}
    assert all("not allowed" in text for text in found.values()), found


def test_a_wrong_password_is_one_line(guarded: Broker, written: Written, tmp_path: Path) -> None:
    file = written(guarded.servers, security=login(guarded, tmp_path, guarded.username, HUSH))
    done = inside("check", file, "--json", check=False)
    assert done.returncode == 2
    found = [Finding(**one) for one in json.loads(done.stdout)["findings"]]
    assert "refuses the login" in of(found, "input.servers", "problem")
    assert HUSH not in done.stdout + done.stderr


def test_security_that_does_not_fit(written: Written) -> None:
    found = problems(written(["127.0.0.1:1"], security={"protocol": "SSL", "username": "me"}))
    assert list(found) == ["security"]
    unknown = problems(written(["127.0.0.1:1"], security={"protocol": "TSL"}))
    assert unknown["security"].startswith("unknown protocol 'TSL'; one of PLAINTEXT")


@pytest.mark.parametrize(
    ("more", "place", "text"),
    [
        ({"input": {"references": "no/such"}}, "input.references", "create or mount it"),
        ({"input": {"holds": "segments"}}, "input.references", "name the folder"),
        ({"output": {"folder": "pipeline.json"}}, "output.folder", "is no folder"),
        ({"model": "no-such.onnx"}, "model", "no-such.onnx"),
        ({"lightly": "no/such"}, "selection", "no/such"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_places_that_cannot_be_used(more: dict[str, Any], place: str, text: str, written: Written) -> None:
    assert text in of(beside(written(["127.0.0.1:1"], **more)), place, "problem")


def test_a_selection_that_no_stream_can_make(written: Written) -> None:
    sharp = {"input": {"type": "METADATA", "key": "lightly.sharpness"}, "strategy": {"type": "WEIGHTS"}}
    found = beside(written(["127.0.0.1:1"], selection={"strategies": [sharp]}))
    assert "ratio" in of(found, "selection", "problem")
    found = beside(written(["127.0.0.1:1"], selection={"strategies": [sharp]}, target_ratio=0.1))
    assert "0.1 of the frames" in of(found, "selection", "fine")


def test_options_that_change_nothing_are_told(written: Written, tmp_path: Path) -> None:
    diversity = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    whole = {
        "selection_config": {"strategies": [diversity]},
        "worker_config": {"use_datapool": True, "pretagging": True},
    }
    (tmp_path / "run.json").write_text(json.dumps(whole))
    (tmp_path / "night.npy").touch()
    for selection in (whole, "run.json"):
        file = written(["127.0.0.1:1"], selection=selection, query_sets={"night": "night.npy"})
        told = [one.text for one in selection_findings(read_pipeline(file)) if one.level == "note"]
        assert told[0].startswith("query_sets.night changes nothing")
        assert "use_datapool" in told[1]
        assert "pretagging" in told[1]
    with pytest.raises(UsageError, match=r"pipeline\.json: selection: selection_config\.strateges"):
        read_pipeline(written(["127.0.0.1:1"], selection={"selection_config": {"strateges": []}}))


def test_a_page_that_cannot_be_served(written: Written) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file = written(["127.0.0.1:1"], metrics=f"127.0.0.1:{taken.getsockname()[1]}")
        assert "cannot listen" in of(beside(file), "metrics", "problem")
    assert "no login" in of(beside(written(["127.0.0.1:1"], metrics="0.0.0.0:0")), "metrics", "note")


def test_state_of_another_selection_is_a_problem(broker: Served, topic_name: str, tmp_path: Path) -> None:
    pipeline = Pipeline(broker, topic_name, tmp_path)
    pipeline.send(pictures(40))
    assert [one for one in check_pipeline(pipeline.file()) if "gone on with" in one.text] == []
    with serving(pipeline):
        wait_for(lambda: all_read(pipeline))
    file, before = pipeline.file(), committed(broker.servers, f"{topic_name}.{topic_name}.state")
    assert f"has the state of {PARTITIONS} partitions" in ends_with(check_pipeline(file), "state.topic", "fine")
    pipeline.distance = 0.4
    (told,) = [one for one in check_pipeline(pipeline.file()) if one.level == "problem"]
    assert told.place == "state.topic"
    said = "the saved state is of another selection, goal, query set or version; go back to that, or name another"
    assert said in told.text
    assert f"(and {PARTITIONS - 1} partitions more)" in told.text
    with pytest.raises(StateError, match=said), serving(pipeline) as running:
        running.result(60)
    assert committed(broker.servers, f"{topic_name}.{topic_name}.state") == before


def ends_with(findings: Iterator[Finding], place: str, level: str) -> str:
    """The last finding of this level at a place."""
    return [one.text for one in findings if (one.place, one.level) == (place, level)][-1]


def test_a_pipeline_is_told_from_a_selection(written: Written, tmp_path: Path) -> None:
    assert is_pipeline(written(["127.0.0.1:1"]))
    assert not is_pipeline(tmp_path / "nowhere.yaml")
    selection = tmp_path / "selection.json"
    selection.write_text('{"strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}')
    assert not is_pipeline(selection)
    code = "import sys; from streamsel.cli.app import app; app(sys.argv[1:], standalone_mode=False);"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} print('kafka' in sys.modules)", "check", selection, "-n", "3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_errors_are_one_line(written: Written, tmp_path: Path) -> None:
    file = written(["127.0.0.1:1"], outpt={})
    done = inside("check", file, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "outpt" in done.stderr
    with pytest.raises(UsageError, match="outpt"):
        list(check_pipeline(file))
    table = inside("check", written(["127.0.0.1:1"]), "rows.csv", check=False)
    assert (table.returncode, table.stderr.count("\n")) == (2, 1)
    assert "TABLE" in table.stderr


WRONG = {
    "ingest": "kind: ingest\ninput: {servers: 9092, topic: a}\noutput: {topic: b}\n",
    "edge": "kind: edge\nsource: []\n",
    "a variable": "kind: ingest\ninput: {servers: ${NOT_SET_ANYWHERE}, topic: a}\noutput: {topic: b}\n",
    "selection": "strategies: [{input: {type: EMBEDINGS}, strategy: {type: DIVERSITY}}]\n",
    "neither": "[1, 2",
}


@pytest.mark.parametrize("name", WRONG)
def test_for_scripts_a_file_that_is_wrong_is_a_problem_like_any(name: str, tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(WRONG[name])
    plain, told = streamsel("check", file, check=False), streamsel("check", file, "--json", check=False)
    assert [(one.returncode, one.stdout == "") for one in (plain, told)] == [(2, True), (2, False)]
    found = json.loads(told.stdout)
    assert (found["event"], found["runs"], told.stderr) == ("check", False, "")
    (only,) = found["findings"]
    assert (only["level"], only["place"]) == ("problem", "FILE")
    assert only["text"] in plain.stderr


def test_what_stands_in_the_way_of_a_run_is_a_problem(broker: Served, topic_name: str, written: Written) -> None:
    config = read_pipeline(written(broker.servers))
    with pytest.raises(StreamselError, match="no such topic"):
        prepare_topics(config, Connection(broker.servers, Security()))
    assert not can_run(broker_findings(config))
