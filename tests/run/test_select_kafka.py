"""Picks that go to a topic as well, on a real broker: what is on the wire, and each once whatever happens."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest

import streamsel as library
from streamsel.cli.select_run import select_run
from streamsel.errors import SinkError, StateError, UsageError
from streamsel.store.embedded import SqliteStore
from streamsel.testing.kafka_broker import Broker
from streamsel.testing.kafka_reading import committed, header
from streamsel.testing.videos import pictures, scenes
from tests.conftest import command
from tests.run.drive import DIVERSE, config

pytestmark = [pytest.mark.xdist_group("brokers"), pytest.mark.usefixtures("quick_model")]

NOBODY = "127.0.0.1:1"


@pytest.fixture
def topic(broker, topic_name):
    return broker.create(topic_name, 3)


def told(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())["kafka"]


def files(records) -> list[str]:
    return sorted(header(record, "ce_file") for record in records)


def is_each_once(broker, topic, found: library.Selection) -> bool:
    """Whether the topic holds every pick of a run once, its pictures as they are on disk, in order by key."""
    records = committed(broker.servers, topic)
    for record in records:
        assert record.value == (found.folder / header(record, "ce_file")).read_bytes()
        assert record.key.decode() == unquote(header(record, "ce_source"))
    indices = {}
    for record in records:
        indices.setdefault(record.key, []).append(int(header(record, "ce_index")))
    assert all(one == sorted(one) for one in indices.values())
    assert len({header(record, "ce_id") for record in records}) == len(records)
    return files(records) == sorted(pick["file"] for pick in found.picks)


@pytest.mark.parametrize("goal", [{"n": 6}, {"min_distance": 0.3}], ids=str)
def test_every_pick_arrives_with_its_picture_and_why(broker, topic, clip, other_clip, tmp_path, goal):
    found = library.select([clip, other_clip], tmp_path / "out", kafka=broker.address(topic), table=False, **goal)
    assert is_each_once(broker, topic, found)
    assert told(found.folder) == {
        "to": broker.address(topic),
        "delivered": len(found),
        "waiting": 0,
        "undelivered": {},
        "undelivered_files": {},
    }
    records = {header(record, "ce_subject"): record for record in committed(broker.servers, topic)}
    for ordinal, pick in enumerate(found.picks):
        record = records[pick["id"]]
        assert header(record, "ce_type") == "streamsel.pick"
        assert header(record, "content-type") == "image/jpeg"
        assert header(record, "ce_reason") == pick["reason"]
        assert header(record, "ce_ordinal") == str(ordinal)
        assert header(record, "ce_pts") == str(pick["pts"])
        assert json.loads(header(record, "ce_gains") or "{}") == pick["gains"]
        assert (header(record, "ce_distance") or "None") == str(pick["distance"])


def test_the_same_picks_have_the_same_ids_and_others_have_others(broker, topic, clip, other_clip, tmp_path):
    for place, (source, quality) in enumerate([(clip, 95), (clip, 50), (other_clip, 95)]):
        library.select(source, tmp_path / str(place), n=3, quality=quality, kafka=broker.address(topic), table=False)
    ids = {}
    for record in committed(broker.servers, topic):
        ids.setdefault(header(record, "ce_source"), []).append(header(record, "ce_id"))
    ours, others = ids[clip.name], ids[other_clip.name]
    assert len(ours) == 6
    assert len(set(ours)) == 3
    assert not set(ours) & set(others)


def test_a_sequence_is_a_record_a_frame_with_its_number(broker, topic, clip, tmp_path):
    dark = config(DIVERSE, {**_threshold("lightly.luminance", 0)})
    for goal in ({"n": 8}, {"target_ratio": 0.4}):
        options = {**goal, "sequence_length": 4, "selection": dark, "table": False}
        library.select(clip, tmp_path / str(goal), kafka=broker.address(topic), **options)
    expected = []
    for goal in ({"n": 8}, {"target_ratio": 0.4}):
        found = library.Selection.load(tmp_path / str(goal))
        for pick in found.picks:
            expected += [(frame["file"], str(pick["sequence"]), str(n)) for n, frame in enumerate(pick["frames"])]
    names = ("ce_file", "ce_sequencenumber", "ce_sequenceplace")
    records = committed(broker.servers, topic)
    assert sorted(tuple(header(record, name) for name in names) for record in records) == sorted(expected)


def _threshold(key: str, above: float) -> dict:
    how = {"type": "THRESHOLD", "operation": "BIGGER", "threshold": above}
    return {"input": {"type": "METADATA", "key": key}, "strategy": how}


def test_a_clip_is_one_record(broker, topic, clip, tmp_path):
    options = {"n": 8, "sequence_length": 4, "format": "clip", "table": False}
    found = library.select(clip, tmp_path / "out", kafka=broker.address(topic), **options)
    records = committed(broker.servers, topic)
    assert files(records) == sorted(pick["file"] for pick in found.picks)
    assert {header(record, "content-type") for record in records} == {"video/mp4"}


def test_an_object_is_sent_as_its_crop(broker, topic, data_set, tmp_path):
    found = library.select(data_set, tmp_path / "out", n=6, objects="cars", kafka=broker.address(topic))
    records = {header(record, "ce_subject"): record for record in committed(broker.servers, topic)}
    assert len(records) == len(found) == 6
    for pick in found.picks:
        record = records[pick["id"]]
        assert record.value == (found.folder / pick["crop"]).read_bytes()
        assert json.loads(header(record, "ce_box")) == pick["box"]
        assert header(record, "ce_label") == pick["label"]


def test_what_is_large_is_referred_to(broker, topic, clip, tmp_path):
    how = {"inline_limit": 0}
    for claims in (None, tmp_path / "claims"):
        options = {"n": 3, "kafka": broker.address(topic), "table": False}
        more = {} if claims is None else {"claims": str(claims)}
        library.select(clip, tmp_path / ("out" if claims is None else "claimed"), kafka_config=how | more, **options)
    records = committed(broker.servers, topic)
    assert len(records) == 6
    for record in records:
        assert record.value is None
        places = [folder / header(record, "ce_dataref") for folder in (tmp_path / "out", tmp_path / "claims")]
        (place,) = [place for place in places if place.exists()]
        assert hashlib.sha256(place.read_bytes()).hexdigest() == header(record, "ce_sha256")


@pytest.mark.parametrize("mended", [{}, {"inline_limit": 0}], ids=["topic", "limit"])
def test_what_is_too_large_for_the_topic_is_referred_to_also_when_it_waits_already(
    broker, topic_name, clip, tmp_path, mended
):
    broker.create(topic_name, 1, max_message_bytes=2000 if not mended else 1 << 20)
    options = {"n": 3, "format": "png", "table": False}
    library.select(clip, tmp_path / "out", kafka=f"{NOBODY}/{topic_name}", kafka_config={"wait": 0}, **options)
    library.select(clip, tmp_path / "out", kafka=broker.address(topic_name), kafka_config=mended, **options)
    records = committed(broker.servers, topic_name)
    assert len(records) == 3
    for record in records:
        assert record.value is None
        picture = tmp_path / "out" / header(record, "ce_dataref")
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == header(record, "ce_sha256")


def test_without_its_summary_a_run_is_told_in_one_line(broker, topic, clip, tmp_path):
    options = {"n": 2, "table": False, "kafka": broker.address(topic)}
    library.select(clip, tmp_path / "out", **options)
    (tmp_path / "out/summary.json").unlink()
    with pytest.raises(StateError, match=r"summary.json: cannot be read .*--fresh"):
        library.select(clip, tmp_path / "out", **options)


def test_stills_travel_as_they_are_under_a_key_of_ones_own(broker, topic, tmp_path):
    pictures(tmp_path / "stills", 3)
    how = {"key": "camera 7"}
    found = library.select(
        tmp_path / "stills", tmp_path / "out", n=2, kafka=broker.address(topic), kafka_config=how, table=False
    )
    records = committed(broker.servers, topic)
    assert files(records) == sorted(pick["file"] for pick in found.picks)
    assert {record.key for record in records} == {b"camera 7"}
    assert {header(record, "content-type") for record in records} <= {"image/png", "image/jpeg"}


def test_another_topic_is_another_run_and_another_broker_is_not(broker, topic, clip, tmp_path):
    options = {"n": 3, "table": False, "kafka_config": {"wait": 0}}
    found = library.select(clip, tmp_path / "out", kafka=f"{NOBODY}/{topic}", **options)
    assert told(found.folder)["waiting"] == 3
    store = SqliteStore(found.folder / "state.db")
    assert (store.outbox.handed, store.outbox.tokens) == (0, ()), "nothing is handed over before a marker was read"
    store.close()
    with pytest.raises(StateError, match="kafka"):
        library.select(clip, tmp_path / "out", kafka=f"{NOBODY}/other", **options)
    options["kafka_config"] = {"wait": 30}
    assert is_each_once(broker, topic, library.select(clip, tmp_path / "out", kafka=broker.address(topic), **options))
    assert told(found.folder)["waiting"] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kafka": "nowhere"}, "expected BROKER/TOPIC"),
        ({"kafka_config": {"wait": 1}}, "--kafka BROKER/TOPIC"),
        ({"kafka": "a:1/b", "kafka_config": {"wayt": 1}}, "kafka_config: wayt: .*wait"),
        ({"kafka": "a:1/b", "kafka_config": {"outbox": {"policy": "newest"}}}, "outbox.policy"),
        ({"kafka": "a:1/b", "kafka_config": {"security": {"password": "x"}}}, "password_file or password_env"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_done(clip, tmp_path, options, text):
    with pytest.raises(UsageError, match=text):
        library.select(clip, tmp_path / "out", n=2, **options)
    assert not (tmp_path / "out").exists()


def test_a_topic_that_is_not_there_is_one_line_and_nothing_is_lost(broker, topic_name, clip, tmp_path):
    options = {"min_distance": 0.3, "table": False}
    with pytest.raises(SinkError, match="no such topic") as error:
        library.select(clip, tmp_path / "out", kafka=broker.address(topic_name), **options)
    assert "\n" not in str(error.value)
    broker.create(topic_name, 3)
    found = library.select(clip, tmp_path / "out", kafka=broker.address(topic_name), **options)
    assert is_each_once(broker, topic_name, found)


def test_another_broker_and_back_again_is_no_copy(broker, clip, other_clip, topic_name, tmp_path):
    sources = tmp_path / "in"
    sources.mkdir()
    with Broker(tmp_path / "broker") as own:
        for place, one in enumerate((broker, own, broker)):
            one.create(topic_name, 1) if place < 2 else None
            scenes(sources / f"{place}.mp4", (place, place + 4), 8)
            options = {"n": 2, "table": False, "only_new": place > 0, "kafka": one.address(topic_name)}
            library.select(sources, tmp_path / "out", **options)
            assert told(tmp_path / "out")["waiting"] == 0
        assert len(committed(broker.servers, topic_name)) + len(committed(own.servers, topic_name)) == 6


@pytest.mark.parametrize("policy", ["oldest", "least_novel", "refuse"])
def test_a_full_outbox_drops_by_its_policy_and_says_what(broker, topic, clip, tmp_path, policy):
    how = {"outbox": {"cap": 1_000_000, "policy": policy}, "wait": 0}
    options = {"min_distance": 0.0001, "format": "png", "table": False}
    found = library.select(clip, tmp_path / "out", kafka=f"{NOBODY}/{topic}", kafka_config=how, **options)
    sent = told(found.folder)
    dropped = sent["undelivered"][policy]
    assert dropped > 3
    assert sent["waiting"] + dropped == len(found)
    assert set(sent["undelivered_files"].values()) == {policy}
    left = {pick["file"] for pick in found.picks} - sent["undelivered_files"].keys()
    assert sum((found.folder / file).stat().st_size for file in left) <= 1_000_000
    library.select(clip, tmp_path / "out", kafka=broker.address(topic), kafka_config={**how, "wait": 30}, **options)
    assert files(committed(broker.servers, topic)) == sorted(left)
    assert told(found.folder)["delivered"] == len(left)


@pytest.mark.parametrize("goal", [{"n": 8}, {"min_distance": 0.2}], ids=str)
def test_a_full_disk_while_committing_loses_nothing(broker, topic, clip, tmp_path, goal, monkeypatch):
    begin = SqliteStore.__init__
    for pages in (18, 24, 30):
        with monkeypatch.context() as patch:

            def small(store, path, pages=pages):
                begin(store, path)
                list(store.query(f"PRAGMA max_page_count={pages}"))

            patch.setattr(SqliteStore, "__init__", small)
            with pytest.raises(SinkError, match="disk is full"):
                library.select(clip, tmp_path / "out", kafka=broker.address(topic), table=False, **goal)
    found = library.select(clip, tmp_path / "out", kafka=broker.address(topic), table=False, **goal)
    assert is_each_once(broker, topic, found)


def test_a_broker_away_at_the_end_is_exit_3_and_the_same_command_delivers(broker, topic, clip, tmp_path, capsys):
    def run(address: str, wait: int) -> int:
        (tmp_path / "how.yaml").write_text(f"wait: {wait}\noutbox: {{cap: 10MB, policy: refuse}}\n")
        options = {"n": 4, "table": False, "kafka": address, "kafka_config": tmp_path / "how.yaml"}
        modes = {"only_new": False, "fresh": False, "dry_run": False, "quiet": False, "as_json": False}
        return select_run([str(clip)], tmp_path / "out", options, **modes)

    assert run(f"{NOBODY}/{topic}", 0) == 3
    assert "4 records wait, the same command again sends them" in capsys.readouterr().err
    assert run(broker.address(topic), 30) == 0
    assert "sent 4 records" in capsys.readouterr().out
    assert is_each_once(broker, topic, library.Selection.load(tmp_path / "out"))


def test_quietly_a_broker_away_is_one_line(clip, tmp_path):
    (tmp_path / "how.yaml").write_text("wait: 14\n")
    line = ("select", clip, "-o", tmp_path / "out", "-n", "4", "--kafka", f"{NOBODY}/picks", "-q")
    done = subprocess.run(command(*line, "--kafka-config", tmp_path / "how.yaml"), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    (only,) = done.stderr.splitlines()
    assert only.startswith(f"4 records wait, the same command again sends them: {NOBODY}/picks: no broker answers")


def test_a_broker_killed_while_a_run_goes_on_gets_all_of_it_later(topic_name, clip, other_clip, tmp_path):
    with Broker(tmp_path / "broker") as own:
        own.create(topic_name, 3)
        away = threading.Event()

        def watch(stage: str, frames: int, kept: int, total: int | None) -> None:
            if stage == "watching" and kept and not away.is_set():
                away.set()
                own.kill()
                threading.Timer(1.5, own.start).start()

        options = {"min_distance": 0.2, "table": False, "progress": watch}
        found = library.select([clip, other_clip], tmp_path / "out", kafka=own.address(topic_name), **options)
        assert away.is_set()
        assert is_each_once(own, topic_name, found)
        assert told(found.folder)["waiting"] == 0


DRAIN = """
import os, sys
from pathlib import Path
from streamsel.config import SelectConfig
from streamsel.run.sending import sending
from streamsel.run.workspace import Workspace
from streamsel.store.embedded import SqliteStore
folder, address, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
commit, seen = SqliteStore.commit, []
def dying(store, changes):
    if changes.acknowledged and moment == "before deletion":
        os.kill(os.getpid(), 9)
    commit(store, changes)
    if changes.acknowledged and moment == "after deletion":
        os.kill(os.getpid(), 9)
SqliteStore.commit = dying
space = Workspace(folder)
print("begun", flush=True)
config = SelectConfig.of(sources="x", kafka=address)
with sending(config, space, "model") as sent:
    sent.finish(lambda *told: None, lambda: False)
space.store.close()
"""


def test_killed_between_acknowledgement_and_deletion_nothing_is_sent_twice(broker, topic, clip, tmp_path):
    options = {"min_distance": 0.0001, "format": "png", "table": False}
    out = tmp_path / "out"
    found = library.select(clip, out, kafka=f"{NOBODY}/{topic}", kafka_config={"wait": 0}, **options)
    dice = random.Random(3)
    moments = ["before deletion"] * 3 + ["after deletion"] * 2 + [""] * 5
    kills = 0
    for moment in moments:
        child = subprocess.Popen(
            [sys.executable, "-c", DRAIN, out, broker.address(topic), moment], stdout=subprocess.PIPE, text=True
        )
        child.stdout.readline()
        try:
            child.wait(30 if moment else dice.uniform(0.05, 0.8))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
    assert kills >= 3
    library.select(clip, out, kafka=broker.address(topic), **options)
    assert is_each_once(broker, topic, found)
    assert told(out)["delivered"] == len(found)


def test_a_run_killed_at_any_moment_sends_each_pick_once(broker, topic, clip, tmp_path):
    goal = ["--min-distance", "0.2"]
    line = command("select", clip, *goal, "--no-table", "-q", "-o", tmp_path / "out", "--kafka", broker.address(topic))
    for seconds in (1.2, 2.2, None):
        child = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
    assert child.returncode == 0
    assert is_each_once(broker, topic, library.Selection.load(tmp_path / "out"))


def test_a_copy_never_takes_what_another_sent_for_its_own(broker, topic, clip, other_clip, tmp_path):
    """Both send under one name, and the copy has handed over as many records as the other sent: none of them arrived"""
    sources, address, options = tmp_path / "in", broker.address(topic), {"n": 4, "table": False}
    sources.mkdir()
    shutil.copy(clip, sources / "0.mp4")
    library.select(sources, tmp_path / "a", kafka=address, **options)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for folder, seed in (("a", 5), ("b", 6)):
        scenes(sources / f"{folder}.mp4", (seed, seed + 2, seed + 4), 8)
        to = address if folder == "a" else f"{NOBODY}/{topic}"
        how = {"wait": 30 if folder == "a" else 0}
        library.select(sources, tmp_path / folder, only_new=True, kafka=to, kafka_config=how, **options)
        (sources / "a.mp4").unlink(missing_ok=True)
    waiting = told(tmp_path / "b")["waiting"]
    assert waiting > 0
    store = SqliteStore(tmp_path / "b/state.db")
    store.hand_over(0, 1 << 30, "0" * 16)  # as a process that was killed before it sent them
    store.close()
    with pytest.raises(StateError, match="a copy, or an older one"):
        library.select(sources, tmp_path / "b", only_new=True, kafka=address, **options)
    assert told(tmp_path / "b")["waiting"] == waiting


def test_a_copy_of_a_folder_that_sent_more_is_refused(broker, topic, clip, tmp_path):
    out, address = tmp_path / "out", broker.address(topic)
    library.select(clip, out, n=3, kafka=f"{NOBODY}/{topic}", kafka_config={"wait": 0}, table=False)
    with sqlite3.connect(out / "state.db") as plain:
        plain.execute("UPDATE outbox_head SET handed = 0")
        older = list(plain.iterdump())
    plain.close()
    library.select(clip, out, n=3, kafka=address, table=False)
    (out / "state.db").unlink()
    with sqlite3.connect(out / "state.db") as plain:
        plain.executescript("\n".join(older))
        plain.execute("DELETE FROM outbox WHERE number > 1")
    plain.close()
    with pytest.raises(StateError, match="a copy, or an older one"):
        library.select(clip, out, n=3, kafka=address, table=False)


def test_scenes_of_a_film_in_a_folder_keep_their_path(broker, topic, tmp_path):
    (tmp_path / "in/ü b").mkdir(parents=True)
    scenes(tmp_path / "in/ü b/film.mp4", (1, 2), 8)
    found = library.select(tmp_path / "in", tmp_path / "out", n=2, kafka=broker.address(topic), table=False)
    assert is_each_once(broker, topic, found)
