"""What the edge loop is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamsel.edge import Segment
from streamsel.edge.feeds.glance import Glance
from streamsel.edge.inbox import Inbox
from streamsel.edge.keeping.pictures import Pictures, Written
from streamsel.edge.keeping.quota import QuotaKeeper
from streamsel.edge.keeping.shots import Shot
from streamsel.edge.telling.sending import Sendings
from streamsel.edge.trays import Trays
from streamsel.edge.windows import Windows
from streamsel.embed import Embedder
from streamsel.lanes.lane import Lane, Verdict
from streamsel.store import Outgoing
from streamsel.store.entries import EntryStore

__all__ = ["Lanes", "MakeEvent", "MakeLane", "Parts", "Picked", "Reloaded"]

MakeLane = Callable[[int, Mapping[bytes, bytes]], Lane]
"""A source's place in the config, and the entries of its state -> its lane."""

Lanes = Sequence[tuple[str, MakeLane]]
"""Name of each source, and what makes its lane."""

MakeEvent = Callable[[str, Shot, Verdict, Written], Outgoing]
"""A source's name, a pick, and what was written of it -> what an outbox holds of it."""

Reloaded = tuple[Lanes, Callable[[], Sequence[str]]]
"""Other lanes, and what puts their thresholds in force, which names those that changed."""

Picked = tuple[Shot, Verdict, Written]


@dataclass(slots=True)
class Parts:
    """embeds: whether anything reads vectors.

    events: outbox -> what makes its events. batch: frames that are decided and committed at once, at most. reloaded:
    other lanes, where thresholds changed; raises UsageError for such as no stream can keep. gone: segments by source
    that are to be forgotten, each told once. committed: told of picks, of which only the latest have their pictures,
    and of the seconds it took. unusable: told of a source's place, and why a frame of it could not be decided. windows:
    ends those that no frame ends. turned: each is called at the end of each turn. glances: by the source's place; None:
    all of its frames are embedded. noted: notes that are to be committed with picks. trays: where frames wait for the
    others of their sequence. incomplete: told of a source's place, and of how many frames it will never be whole.
    ended: whether nothing more will come.
    """

    inbox: Inbox
    lanes: Lanes
    embedder: Embedder
    embeds: bool
    pictures: Pictures
    quota: QuotaKeeper
    store: EntryStore
    events: Mapping[str, MakeEvent]
    sendings: Sendings | None
    batch: int
    reloaded: Callable[[], Reloaded | None]
    gone: Callable[[], Mapping[str, Sequence[Segment]]]
    committed: Callable[[Sequence[Picked], float], None]
    unusable: Callable[[int, str], None]
    windows: Windows
    glances: Sequence[Glance | None]
    turned: tuple[Callable[[], None], ...]
    trays: Trays
    noted: Callable[[], Mapping[str, Any]] = dict
    incomplete: Callable[[int, int], None] = lambda place, frames: None
    ended: Callable[[], bool] = lambda: False
