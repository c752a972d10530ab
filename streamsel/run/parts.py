"""Parts: everything that a run is made of; `build` puts it together, `pipeline` works with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamsel.data import Decision, Source, Vector
from streamsel.decode import Decoder
from streamsel.embed import Row, Scout, Window
from streamsel.embed.judge import Judge
from streamsel.rules.entrance import Entrance
from streamsel.rules.frame_objects import FrameObjects
from streamsel.rules.object_rows import ObjectRows
from streamsel.run.going import Progress
from streamsel.run.ledger import Ledger
from streamsel.run.seen import Seen
from streamsel.selection import Selector
from streamsel.selection.columns import Batch
from streamsel.sink import Sink
from streamsel.store.embedded import SqliteStore

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """See the module's text."""

    sources: Sequence[Source]
    open: Callable[[Source], Decoder]
    begin: Callable[..., dict[str, Any]]
    """`run.facts.Facts.begin`: what is noted of a source when it is opened."""
    length: int
    entrance: Entrance
    scout: Scout
    judge: Judge
    selector: Selector
    recall: Callable[[Sequence[int], Callable[[int], None]], tuple[list[Row], Vector]]
    """Rows that the scout kept, and their vectors: of no length where the selection reads no embeddings."""
    embed: Callable[[Window], Vector]
    """The vector of a pick that was chosen without one."""
    objects: FrameObjects
    cut: ObjectRows | None
    """Makes rows of objects out of rows of frames, where objects are what is selected; None: frames are."""
    batch: Callable[..., Batch]
    """`rules.frame_rules.FrameRules.batch`: rows with vectors, those of their objects too, as selectors take them."""
    seen: Seen | None
    budget: Callable[[Sequence[int]], int] | None
    """How many rows to pick among all that were looked at; None: a stream, nothing is left for the end.

    Told for how many rows looked at each stands that is to choose from.
    """
    reached: Callable[[Sequence[int], Sequence[Decision]], Mapping[str, Any]]
    """What the choice of a budget asked for and reached: of the picks' places, and all decisions."""
    sink: Sink
    store: SqliteStore
    ledger: Ledger
    progress: Progress
    stopping: Callable[[], bool]
