"""What an edge service counts, as Prometheus reads it: taken off the board whenever it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamsel.edge.showing.board import Board
from streamsel.edge.standing import State

__all__ = ["EdgeMetrics"]

PREFIX: Final = "streamsel_edge_"

COUNTED: Final = {
    "frames": "Frames looked at.",
    "held": "Frames looked at that were surely not new, and were not embedded.",
    "dropped": "Frames dropped because the model was too slow.",
    "picks": "Pictures picked: frames, or objects of them.",
    "incomplete": "Frames whose sequence stayed incomplete.",
    "connects": "Connections that were made.",
    "losses": "Connections that were lost.",
    "segments": "Segments of a folder that were read.",
    "clips": "Clips written.",
    "clips_short": "Clips of these that begin later or end earlier than asked for.",
    "clips_given_up": "Clips that could not be written.",
}
"""Fields of a Standing that only grow."""

DECIDED: Final = {
    "looked": "Frames, sequences or objects that were decided on.",
    "picks": "Picks among these.",
}
"""Fields of a Tally, over all processes."""

OUTGOING: Final = {"delivered": "Records that arrived.", "dropped": "Records that the outbox' policy dropped."}
WAITING: Final = {"waiting": "Records that wait to be sent.", "nbytes": "Bytes of records that wait to be sent."}


class EdgeMetrics(Collector):
    """All of a board, in a registry of its own."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self, board: Board) -> None:
        self._board = board
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.registry.register(board.commits)

    def page(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks a collector for."""
        yield from self._sources()
        yield from self._outboxes()
        board, disk = self._board, self._board.disk
        yield _gauge("queue_frames", "Frames that wait for the model.", board.queued())
        yield _gauge("queue_bytes", "Bytes of frames that wait for the model.", board.nbytes())
        yield _gauge("waiting_frames", "Frames that wait for the others of their sequence.", board.waiting()[0])
        yield _gauge("waiting_bytes", "Bytes of frames that wait for the others of their sequence.", board.waiting()[1])
        yield _gauge("resident_bytes", "Bytes of this process that are in memory.", board.memory().resident)
        if (limit := board.memory().limit) is not None:
            yield _gauge("memory_limit_bytes", "Bytes above which frames are let go of.", limit)
        yield _gauge("ring_bytes", "Bytes of encoded video that are kept for clips.", board.ring()[0])
        told = "Bytes of encoded video that fell out because memory was full."
        yield CounterMetricFamily(f"{PREFIX}ring_dropped_bytes", told, value=board.ring()[1])
        yield _gauge("disk_bytes", "Bytes of the pictures and clips that are kept.", disk.nbytes)
        yield _gauge("disk_free_bytes", "Bytes free on the disk of the pictures.", disk.free)
        yield CounterMetricFamily(
            f"{PREFIX}disk_removed", "Pictures and clips that the quota removed.", value=disk.removed
        )
        yield _gauge("uptime_seconds", "Since this process began.", board.uptime)
        yield _gauge("turn_age_seconds", "Since the loop last turned.", board.still)

    def _sources(self) -> Iterator[Metric]:
        standings = self._board.standings
        for name, told in COUNTED.items():
            counter = CounterMetricFamily(PREFIX + name, told, labels=["source"])
            for one in standings:
                counter.add_metric([one.name], getattr(one, name))
            yield counter
        yield from self._decided()
        state = GaugeMetricFamily(f"{PREFIX}state", "1 for the state that a source is in.", labels=["source", "state"])
        rate = GaugeMetricFamily(f"{PREFIX}frames_per_second", "Frames looked at, lately.", labels=["source"])
        thinned = GaugeMetricFamily(f"{PREFIX}thinned", "n: each n-th frame is looked at.", labels=["source"])
        age = GaugeMetricFamily(f"{PREFIX}frame_age_seconds", "Since a source's latest frame.", labels=["source"])
        held = GaugeMetricFamily(f"{PREFIX}candidates", "Of the window that is open.", labels=["source"])
        ends = GaugeMetricFamily(f"{PREFIX}window_end_seconds", "When it ends, since 1970.", labels=["source"])
        for one in standings:
            if one.window:
                held.add_metric([one.name], one.window.candidates)
                ends.add_metric([one.name], one.window.span.end)
            for name in get_args(State):
                state.add_metric([one.name, name], float(one.state == name))
            rate.add_metric([one.name], one.rate)
            thinned.add_metric([one.name], one.thinned)
            if (since := self._board.since(one)) is not None:
                age.add_metric([one.name], since)
        yield from (state, rate, thinned, age, held, ends)

    def _decided(self) -> Iterator[Metric]:
        """Both counts of a source as of the same commit."""
        counts = [(one.name, one.decided) for one in self._board.standings]
        for name, told in DECIDED.items():
            counter = CounterMetricFamily(f"{PREFIX}decided_{name}", told, labels=["source"])
            for source, decided in counts:
                counter.add_metric([source], getattr(decided, name))
            yield counter

    def _outboxes(self) -> Iterator[Metric]:
        for name, told in {**OUTGOING, **WAITING}.items():
            kind = CounterMetricFamily if name in OUTGOING else GaugeMetricFamily
            family = kind(f"{PREFIX}outbox_{name.replace('nbytes', 'bytes')}", told, labels=["outbox"])
            for one in self._board.outboxes:
                family.add_metric([one.name], getattr(one, name))
            yield family


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, told, value=value)
