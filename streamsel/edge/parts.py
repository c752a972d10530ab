"""What the edge loop is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamsel.edge import Seen, Segment
from streamsel.edge.inbox import Inbox
from streamsel.edge.pictures import Pictures, Written
from streamsel.edge.quota import QuotaKeeper
from streamsel.edge.sending import Sendings
from streamsel.embed import Embedder
from streamsel.service.lane import Lane, Verdict
from streamsel.store import Outgoing
from streamsel.store.entries import EntryStore

__all__ = ["MakeEvent", "MakeLane", "Parts", "Picked"]

MakeLane = Callable[[int, Mapping[bytes, bytes]], Lane]
"""A source's place in the config, and the entries of its state -> its lane."""

MakeEvent = Callable[[str, Seen, Verdict, Written], Outgoing]
"""A source's name, a pick, and what was written of it -> what an outbox holds of it."""

Picked = tuple[Seen, Verdict, Written]


@dataclass(slots=True)
class Parts:
    """lanes: name of each source, and what makes its lane. embeds: whether anything reads vectors.

    events: outbox -> what makes its events. batch: frames that are decided and committed at once. reloaded: whether
    lanes are to be made anew, since thresholds changed. gone: segments by source that are to be forgotten, each told
    once. committed: told of picks, and of the seconds it took. turned: each is called at the end of each turn.
    """

    inbox: Inbox
    lanes: Sequence[tuple[str, MakeLane]]
    embedder: Embedder
    embeds: bool
    pictures: Pictures
    quota: QuotaKeeper
    store: EntryStore
    events: Mapping[str, MakeEvent]
    sendings: Sendings | None
    batch: int
    reloaded: Callable[[], bool]
    gone: Callable[[], Mapping[str, Sequence[Segment]]]
    committed: Callable[[Sequence[Picked], float], None]
    turned: tuple[Callable[[], None], ...]
