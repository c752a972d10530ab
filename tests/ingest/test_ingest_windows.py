"""Windows of time beside a broker that is made up: killed at each step, every pick is sent once, as if nothing were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest

from streamsel.config import read_selection
from streamsel.ingest.loop import ingest
from streamsel.ingest.owed import OWED
from streamsel.ingest.silence import LOOK, Silence
from streamsel.lanes.making import Lanes
from streamsel.topic import Message, Polled
from streamsel.topic.cloudevent import Event
from streamsel.topic.references import References
from tests.ingest.made_broker import GOAL, LANES, NOON, Broker, Member, as_rows, parts, run, segments, topic
from tests.lanes.made_lanes import Flat


def places(broker: Broker) -> list[tuple[str, int]]:
    return [(one.subject, int(one.extensions["index"])) for one in told(broker)]


def test_frames_of_segments_are_decoded_again(tmp_path: Path, clip: Path) -> None:
    references = References(tmp_path, largest=1000, patience=0)
    whole = run(Broker(segments(tmp_path, clip)), references=references)
    assert len(places(whole)) == 10
    assert places(whole) == sorted(places(whole), key=lambda place: (place[0].partition("-")[0], place[1]))
    assert {subject[0] for subject, _ in places(whole)} <= {"0", "1", "2"}
    assert by_key(run(Broker(segments(tmp_path, clip)), references=references, records=1)) == by_key(whole)


def test_of_a_segment_that_is_gone_one_letter_tells(tmp_path: Path, clip: Path) -> None:
    references = References(tmp_path, largest=1000, patience=0)
    whole = run(Broker(segments(tmp_path, clip)), references=references)
    broker = Broker(segments(tmp_path, clip), loses=(tmp_path / "0.mp4", tmp_path / "1.mp4"))
    with parts(broker, references=references) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("lost") == len(places(whole)) - len(places(broker)) >= 5
    assert places(broker) == [place for place in places(whole) if place[0].startswith("2")]
    assert {one.extensions["reason"] for one in told(broker, "dead")} <= {
        f"was picked when its window ended, but reference '{name}.mp4': there is no such file" for name in "01"
    }
    assert len(told(broker, "dead")) == len({subject[0] for subject, _ in places(whole)} & {"0", "1"})


def told(broker: Broker, name: str = "picks") -> list[Event]:
    return [event for topic, record in broker.sent if topic == name and (event := Event.from_headers(record.headers))]


def expected(messages: Sequence[Message]) -> list[str]:
    """Offsets of what one lane picks that takes all at once."""
    picks = LANES.lane(messages[0].partition).settle(as_rows(messages)).picks
    return [str(offset) for offset, _ in sorted(place for place, _ in picks)]


def by_key(broker: Broker) -> dict[bytes, list[tuple[str, ...]]]:
    found: dict[bytes, list[tuple[str, ...]]] = {}
    for event, (_, record) in zip(told(broker), [one for one in broker.sent if one[0] == "picks"], strict=True):
        facts = ("ordinal", "nearest", "distance", "windowbegin", "windowend", "windoworder")
        own = tuple(event.extensions.get(name, "") for name in facts)
        found.setdefault(record.key, []).append((event.id, *own))
    return found


def offsets(broker: Broker) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for _, record in (one for one in broker.sent if one[0] == "picks"):
        found.setdefault(record.key, []).append(dict(record.headers)["ce_index"].decode())
    return found


WHOLE = run(Broker(topic()))


def test_it_is_what_the_decider_picks_of_the_same_rows() -> None:
    for partition, messages in WHOLE.topic.items():
        wanted = expected(messages)
        assert len(wanted) == 20
        assert offsets(WHOLE)[b"key%d" % partition] == wanted


def test_a_transaction_has_the_windows_of_one_partition_at_most() -> None:
    owing = [[any(one.values()) for one in map(owed_in, commit.state.values())] for commit in WHOLE.commits]
    assert sum(map(sum, owing)) >= 2
    assert all(sum(partitions) <= 1 for partitions in owing)


def owed_in(entries: Mapping[bytes, bytes | None]) -> dict[bytes, bytes | None]:
    return {key: value for key, value in entries.items() if key.startswith(OWED)}


@pytest.mark.parametrize(("read", "records"), [(1, 64), (7, 2), (1000, 3)])
def test_any_cut_into_batches_gives_the_same(read: int, records: int) -> None:
    cut = run(Broker(topic(), read=read), records=records)
    assert by_key(cut) == by_key(WHOLE)
    assert cut.state == WHOLE.state


INSIDE = {
    "strategies": [{"input": {"type": "EMBEDDINGS", "task": "tiles"}, "strategy": {"type": "DIVERSITY"}}],
    "auto_tasks": [{"type": "TILING", "name": "tiles", "num_rows": 1, "num_cols": 2}],
}
OF_OBJECTS = Lanes(read_selection(INSIDE), Flat(), window=GOAL)


@pytest.mark.parametrize("lanes", [LANES, OF_OBJECTS], ids=["pictures", "embeddings of objects"])
def test_killed_at_each_step_every_pick_is_sent_once_with_the_same_ids(lanes: Lanes) -> None:
    undisturbed = run(Broker(topic(1, 44)), records=3, lanes=lanes)
    commits = list(enumerate(undisturbed.commits, 1))
    steps = [step for step, one in commits if any(key.startswith(OWED) for key in one.state[0])]
    assert len(steps) >= 6  # those that choose, and those that send
    for step, when in product([1, 5, *steps], ("before", "after")):
        killed = run(Broker(topic(1, 44), dies=(step, when)), records=3, lanes=lanes)
        assert by_key(killed) == by_key(undisturbed), (step, when)
        assert killed.state == undisturbed.state


def test_what_is_owed_is_small_and_sent_in_portions_before_anything_newer() -> None:
    broker = run(Broker(topic(1)), records=2)
    owed: set[bytes] = set()
    for commit in broker.commits:
        sent = len(commit.records)
        assert sent <= 2
        entries = {key: value for key, value in commit.state[0].items() if key.startswith(OWED)}
        if owed:
            assert [value for value in entries.values() if value is not None] == []
            assert len(entries) == sent == min(2, len(owed))
        assert all(len(value) < 1000 for value in entries.values() if value)
        owed = (owed | {key for key, value in entries.items() if value}) - {k for k, v in entries.items() if v is None}
    assert not owed


def test_what_is_gone_is_told_and_the_rest_is_sent() -> None:
    whole = [int(one) for one in offsets(WHOLE)[b"key0"]]
    lost = whole[3:6]
    broker = Broker(topic(1), gone={(0, offset) for offset in lost})
    with parts(broker) as made:
        ingest(made, broker.stopping)
        assert made.metrics.count("lost") == 3
        assert made.metrics.count("picks") == len(whole) - 3
    assert [int(one) for one in offsets(broker)[b"key0"]] == [one for one in whole if one not in lost]
    letters = told(broker, "dead")
    assert [int(one.extensions["originoffset"]) for one in letters] == lost
    assert {one.extensions["reason"] for one in letters} == {
        "was picked when its window ended, but the topic does not have it any more: raise its retention.ms"
    }


LOOKS = 30


class Live(Member):
    """Gives records one by one as they came; before one of a later window there is silence for a minute."""

    ticks = 0.0

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        if not self._next:
            return super().poll(seconds)
        for partition, start in self._next.items():
            messages = self._broker.topic[partition][: start + 1]
            if len(messages) <= start:
                continue
            spans = [GOAL.span(one.timestamp / 1000).begin for one in messages]
            if start and spans[-1] > max(spans[:-1]) and self._looks < LOOKS:
                Live.ticks += LOOK
                self._looks += 1
                return Polled({})
            self._looks = 0
            self._next[partition] = start + 1
            return Polled({partition: messages[-1:]})
        return Polled({})

    _looks = 0

    def lag(self) -> Mapping[int, int]:
        return dict.fromkeys(self._next, 0)


def test_a_replay_chooses_what_silence_ended_when_it_was_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.ingest.loop.Silence", lambda: Silence(ticks=lambda: Live.ticks))
    live = run(Broker(topic(1)), member=Live)
    silent = [now for before, now in pairwise(live.commits) if now.offsets == before.offsets and not now.records]
    assert len(silent) == 4 == Live.ticks / LOOK / LOOKS
    monkeypatch.undo()
    assert by_key(live) == by_key(run(Broker(topic(1))))


class Shared(Member):
    """Partition 1 is another's for a while, each time that some breaths were taken."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._breaths, self._away, self._told = 0, False, False

    def breathe(self) -> None:
        self._breaths += 1
        if self._breaths % 9 == 0 and 1 in self._next:
            del self._next[1]
            self._broker.taken_away.append(any(key.startswith(OWED) for key in self._broker.state.get(1, {})))
            self._away, self._told = True, False

    def poll(self, seconds: float, gather: float = 0.0) -> Polled:
        if self._away and not self._told:
            self._told = True
            return Polled({}, (), (1,))
        if self._away:
            self._away = False
            return Polled({}, (1,), ())
        return super().poll(seconds, gather)


def test_what_is_owed_goes_with_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsel.lanes.breath.BREATH", 0.0)
    broker = run(Broker(topic(), read=20), member=Shared, records=2)
    assert sum(broker.taken_away) > 2
    assert by_key(broker) == by_key(WHOLE)
    assert broker.state == WHOLE.state


@pytest.mark.parametrize("time", [NOON * 10**6, NOON * 10**9, 2**63 - 1], ids=["microseconds", "nanoseconds", "most"])
def test_a_time_ahead_of_the_clock_ends_a_window_early_and_nothing_else(time: int) -> None:
    """Brokers take what producers call milliseconds."""
    messages = topic(partitions=1)[0]
    messages[25] = replace(messages[25], timestamp=time)
    broker = run(Broker({0: messages}, read=5))
    chosen = [(event.extensions["windowbegin"], event.extensions["windoworder"]) for event in told(broker)]
    assert sorted(chosen) == sorted((begin, str(order)) for begin in {one for one, _ in chosen} for order in range(5))
    assert len(chosen) >= 2 * GOAL.picks
