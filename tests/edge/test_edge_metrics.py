"""What Prometheus reads of an edge service."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from streamsel.edge.showing.board import Board, Disk, Outbound
from streamsel.edge.showing.metrics import EdgeMetrics
from streamsel.edge.standing import Standing, Tally
from streamsel.lanes.deciding import Open, Span

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(board: Board) -> Samples:
    families = text_string_to_metric_families(EdgeMetrics(board).page().decode())
    return {
        (one.name.removeprefix("streamsel_edge_"), tuple(sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_all_of_a_source_is_told() -> None:
    door = Standing(
        "door",
        state="live",
        connects=3,
        losses=2,
        segments=5,
        frames=1000,
        held=600,
        dropped=7,
        thinned=2,
        picks=11,
        incomplete=3,
        rate=4.5,
    )
    door.held, door.last, door.window = 600, 990.0, Open(Span(900.0, 1200.0), 48)
    door.decided = Tally(looked=2500, picks=25)
    door.last, door.clips, door.clips_short, door.clips_given_up = 990.0, 6, 2, 1
    read = samples(Board([door, Standing("yard")], now=lambda: 1000.0))
    own = {name: value for (name, labels), value in read.items() if labels == (("source", "door"),)}
    assert own == {
        "frames_total": 1000, "held_total": 600, "dropped_total": 7, "picks_total": 11, "incomplete_total": 3,
        "connects_total": 3, "losses_total": 2,
        "segments_total": 5, "frames_per_second": 4.5, "thinned": 2, "frame_age_seconds": 10.0,
        "decided_looked_total": 2500, "decided_picks_total": 25,
        "candidates": 48, "window_end_seconds": 1200,
        "clips_total": 6, "clips_short_total": 2, "clips_given_up_total": 1,
    }  # fmt: skip
    assert read["state", (("source", "door"), ("state", "live"))] == 1
    assert read["state", (("source", "door"), ("state", "connecting"))] == 0
    assert read["frames_total", (("source", "yard"),)] == 0
    assert ("frame_age_seconds", (("source", "yard"),)) not in read  # there was none
    assert ("candidates", (("source", "yard"),)) not in read


def test_queue_disk_and_outboxes_are_told() -> None:
    board = Board(
        [],
        queued=lambda: 4,
        nbytes=lambda: 400,
        waiting=lambda: (2, 200),
        disk=lambda: Disk(nbytes=5, free=6, removed=7),
        outboxes=lambda: [Outbound("kafka", waiting=1, nbytes=2, delivered=3, dropped=4)],
    )
    board.turned()
    board.committed(0.02)
    board.committed(2.0)
    read = samples(board)
    plain = {name: value for (name, labels), value in read.items() if not labels}
    assert (plain["queue_frames"], plain["queue_bytes"]) == (4, 400)
    assert (plain["waiting_frames"], plain["waiting_bytes"]) == (2, 200)
    assert (plain["disk_bytes"], plain["disk_free_bytes"], plain["disk_removed_total"]) == (5, 6, 7)
    assert (plain["commit_seconds_count"], plain["commit_seconds_sum"]) == (2, 2.02)
    own = {name: value for (name, labels), value in read.items() if labels == (("outbox", "kafka"),)}
    assert own == {"outbox_waiting": 1, "outbox_bytes": 2, "outbox_delivered_total": 3, "outbox_dropped_total": 4}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_name_of_a_source_can_be_read_back(name: str) -> None:
    read = samples(Board([Standing(name, frames=3, problems=Counter({name: 1}))]))
    assert read["frames_total", (("source", name),)] == 3


def test_counts_are_those_of_the_moment_they_are_asked_for() -> None:
    door = Standing("door")
    board = Board([door])
    metrics = EdgeMetrics(board)
    assert b'streamsel_edge_frames_total{source="door"} 0.0' in metrics.page()
    door.frames = 5
    assert b'streamsel_edge_frames_total{source="door"} 5.0' in metrics.page()


def test_two_boards_share_nothing() -> None:
    one, other = Board([Standing("a")]), Board([Standing("b")])
    one.committed(1.0)
    assert samples(one)["commit_seconds_count", ()] == 1
    assert samples(other)["commit_seconds_count", ()] == 0
