"""An edge pipeline's config -> the parts of its loop, and the threads of its sources."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from streamsel.config import EdgeConfig
from streamsel.config.edge_source import EdgeSource
from streamsel.decode.stills import open_still
from streamsel.edge import Begin, Courier, Segment
from streamsel.edge.clips.writing import CLIPS, Clips
from streamsel.edge.feeds.feed import LiveFeed
from streamsel.edge.feeds.folder_feed import FolderFeed
from streamsel.edge.feeds.glance import Glance
from streamsel.edge.inbox import Inbox
from streamsel.edge.keeping.due import WRITING
from streamsel.edge.keeping.leftovers import remove_uncommitted
from streamsel.edge.keeping.noted_quota import noted_quota
from streamsel.edge.keeping.pictures import Pictures
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.edge.parts import MakeEvent, Parts, Picked, Reloaded
from streamsel.edge.process.cores import cores
from streamsel.edge.process.heap import Heap
from streamsel.edge.process.memory_limit import MemoryLimit
from streamsel.edge.process.spill import Spill
from streamsel.edge.reloading import Reloading
from streamsel.edge.showing.board import WIDEST, Board, Disk
from streamsel.edge.showing.journal import Complaints
from streamsel.edge.showing.page import edge_page
from streamsel.edge.source_lanes import aim_of, lanes_of, makers_of
from streamsel.edge.standing import Standing
from streamsel.edge.telling.events import kafka_event, mqtt_event
from streamsel.edge.telling.sending import Sendings, kafka_courier, mqtt_courier
from streamsel.edge.trays import Trays
from streamsel.edge.windows import Windows
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.embed.window import LIVE_GAP
from streamsel.errors import SinkError
from streamsel.lanes.lane import Lane
from streamsel.sink.durable import made_folder
from streamsel.store.entries import Committed, EntryStore
from streamsel.store.outbox import Bound

__all__ = ["Built", "built", "feeds_of"]

STATE: Final = "state.db"
"""In the state folder."""

BATCH: Final = 32
"""Frames that are decided and committed at once, at most."""

PARTING: Final = 2.0
"""Seconds that what is on its way to a broker gets to be acknowledged when all ends."""

DECODING: Final = 2
"""Threads of one source's decoder, at most."""


@dataclass(frozen=True, slots=True)
class Built:
    """port: of the status page, None: there is none. size: (width, height) of the model's picture. clips: if any."""

    parts: Parts
    board: Board
    port: int | None
    size: tuple[int, int]
    clips: Clips | None


@contextmanager
def built(config: EdgeConfig, reloading: Reloading) -> Iterator[Built]:
    """All but the threads of the sources. Raises UsageError, ModelError, SinkError, InUseError, StateError."""
    with ExitStack() as stack:
        heap = Heap()
        stack.enter_context(cores(config.threads))
        embedder = load_embedder(config.model, device=config.device, weights=config.weights, threads=config.threads)
        makers = makers_of(config, embedder)
        aims = [aim_of(config, *both, embedder) for both in zip(config.sources, makers, strict=True)]
        glances = [Glance(aim) if aim else None for aim in aims]
        # Products of BLAS are small here: several threads for one wait longer for each other than they work.
        stack.enter_context(threadpool_limits(1, "blas"))
        store = EntryStore(made_folder(config.state) / STATE, tuple(_events(config)))
        stack.callback(store.close)
        sendings = _sendings(config, store)
        if sendings is not None:
            stack.callback(sendings.close, PARTING)
        inbox, quota = Inbox(config.queue), noted_quota(config.output.folder, config.output.quota, store)
        memory = MemoryLimit(config.memory_limit, inbox, heap.trim)
        standings = [Standing(source.name) for source in config.sources]
        clips = _clips(config, store)
        if clips is not None:
            stack.callback(clips.close)
        pictures, incomplete = _pictures(config, embedder, quota, clips), partial(_incomplete, standings)
        trays = Trays(
            config.rules.worker.selected_sequence_length,
            lambda: inbox.most_bytes,
            partial(pictures.encoded, makers[0].look),  # the selection is that of all sources
            partial(Spill, config.state),
            incomplete,
        )
        board = Board(
            standings,
            model=embedder.name,
            queued=lambda: inbox.queued,
            nbytes=lambda: inbox.nbytes,
            waiting=lambda: (trays.frames, trays.nbytes),
            ring=lambda: (clips.nbytes, clips.dropped) if clips else (0, 0),
            disk=partial(_disk, quota, config.output.folder),
            memory=lambda: memory.now,
            outboxes=lambda: tuple(sendings.standing().values()) if sendings else (),
        )
        parts = Parts(
            inbox=inbox,
            lanes=lanes_of(config, makers),
            embedder=embedder,
            embeds=any(maker.reads_vectors for maker in makers),
            pictures=pictures,
            quota=quota,
            store=store,
            events=_events(config),
            sendings=sendings,
            batch=BATCH,
            reloaded=partial(_reloaded, reloading, embedder, glances),
            gone=dict,
            committed=partial(_committed, board, clips),
            unusable=Complaints(board.standings),
            windows=Windows(config.sources, standings, inbox),
            glances=glances,
            turned=(
                board.turned,
                heap,
                memory,
                *([partial(_clips_ended, board, clips, quota, store)] if clips else []),
            ),
            noted=clips.noted if clips else dict,
            trays=trays,
            incomplete=incomplete,
        )
        yield Built(parts, board, stack.enter_context(edge_page(config.metrics, board)), embedder.size, clips)


def feeds_of(
    config: EdgeConfig, made: Built, lanes: Sequence[Lane], stopping: threading.Event
) -> list[LiveFeed | FolderFeed]:
    """The threads of the sources, each to begin where its lane stands."""
    threads = min(config.threads or DECODING, DECODING)
    feeds: list[LiveFeed | FolderFeed] = []
    writing = made.parts.store.note(WRITING) or {}
    for place, (source, lane) in enumerate(zip(config.sources, lanes, strict=True)):
        if source.live or config.window_of(source) or lane.parting:
            remove_uncommitted(config.output.folder, source.name, len(lane), writing.get(source.name, ()))
        begin = Begin(lane.position or 0, lane.inside, made.parts.store.segments(source.name))
        feed = _live(made, place, source) if source.live else FolderFeed
        standing = made.board.standings[place]
        inbox, size = made.parts.inbox, made.size
        feeds.append(feed(place, source, inbox, standing, begin=begin, size=size, threads=threads, stopping=stopping))
    made.parts.gone = partial(_gone, {one.name: feed for one, feed in zip(config.sources, feeds, strict=True)})
    return feeds


def _live(made: Built, place: int, source: EdgeSource) -> Callable[..., LiveFeed]:
    ring = partial(made.clips.ring, source.name) if made.clips else lambda started: None
    return partial(LiveFeed, ring=ring, glance=made.parts.glances[place])


def _gone(feeds: Mapping[str, LiveFeed | FolderFeed]) -> dict[str, list[Segment]]:
    """What folders' threads have forgotten since the last call."""
    told = {name: feed.forgotten for name, feed in feeds.items() if isinstance(feed, FolderFeed)}
    return {name: [queue.popleft() for _ in range(len(queue))] for name, queue in told.items() if queue}


def _events(config: EdgeConfig) -> dict[str, MakeEvent]:
    """Outbox -> what makes its events."""
    events: dict[str, MakeEvent] = {}
    if config.mqtt is not None:
        events["mqtt"] = partial(mqtt_event, topic=config.mqtt.topic)
    if config.kafka is not None:
        events["kafka"] = partial(kafka_event, key=config.kafka.key, limit=config.kafka.inline_limit)
    return events


def _sendings(config: EdgeConfig, store: EntryStore) -> Sendings | None:
    couriers: dict[str, Callable[[], Courier]] = {}
    if config.mqtt is not None:
        couriers["mqtt"] = mqtt_courier(config.mqtt, store.outbox("mqtt"))
    if config.kafka is not None:
        couriers["kafka"] = kafka_courier(config.kafka, store.outbox("kafka"))
    return Sendings(store, couriers, Bound(config.outbox.cap, config.outbox.policy)) if couriers else None


def _clips(config: EdgeConfig, store: EntryStore) -> Clips | None:
    if (rule := config.output.clips) is None:
        return None
    frames = config.rules.worker.selected_sequence_length - 1
    apart = [float(1 / Fraction(source.fps)) if source.fps else LIVE_GAP for source in config.sources if source.live]
    return Clips(config.output.folder, rule, config.sources, store.note(CLIPS), frames * max(apart, default=0.0))


def _pictures(config: EdgeConfig, embedder: Embedder, quota: QuotaKeeper, clips: Clips | None) -> Pictures:
    return Pictures(
        config.output.folder,
        quality=config.output.quality,
        model=embedder.name,
        padding=config.rules.worker.object_level.padding,
        told=quota.wrote,
        clip=clips.plan if clips else None,
    )


def _disk(quota: QuotaKeeper, folder: Path) -> Disk:
    return Disk(quota.nbytes, shutil.disk_usage(folder).free, quota.removed, quota.trouble)


def _reloaded(reloading: Reloading, embedder: Embedder, glances: Sequence[Glance | None]) -> Reloaded | None:
    """Lanes of other thresholds, where there are any; the scouts go by them, too."""
    if (config := reloading.changed()) is None:
        return None
    makers = makers_of(config, embedder)
    aims = [aim_of(config, source, maker, embedder) for source, maker in zip(config.sources, makers, strict=True)]

    def take() -> Sequence[str]:
        for glance, aim in zip(glances, aims, strict=True):
            if glance is not None and aim is not None:
                glance.aim(aim)
        return reloading.take(config)

    return lanes_of(config, makers), take


def _clips_ended(board: Board, clips: Clips, quota: QuotaKeeper, store: EntryStore) -> None:
    """What became of clips is counted; what is still to be cut is noted anew."""
    ended = clips.taken()
    for one in ended:
        standing = next(standing for standing in board.standings if standing.name == one.source)
        standing.clips += not one.reason
        standing.clips_short += one.short
        standing.clips_given_up += bool(one.reason)
        if one.fresh and not one.reason:
            quota.put(one.file, one.taken, one.nbytes)
    if ended:
        with suppress(SinkError):  # a clip that stays noted is cut again, to the same file
            store.commit(Committed(notes=clips.noted()))


def _incomplete(standings: Sequence[Standing], place: int, frames: int) -> None:
    standings[place].incomplete += frames


def _committed(board: Board, clips: Clips | None, picks: Sequence[Picked], seconds: float) -> None:
    if clips is not None:
        clips.committed(picks)
    board.committed(seconds)
    for shot, verdict, written in picks:
        standing = board.standings[shot.place]
        standing.picks += 1
        if written.data and not isinstance(picture := open_still(written.data, least=(WIDEST, 1)), str):
            decision = verdict.decision
            told = standing.name, shot.taken, decision.reason, decision.distance, picture.pixels
            board.picked(*told, box=verdict.box)
