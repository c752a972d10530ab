"""edge: what runs beside cameras for weeks. It joins rooms; `loop` is its main page.

Each source has a thread of its own (`feeds`): it opens a stream, or the segments that a recorder drops into a folder,
again and again, and puts the frames that are looked at into the `inbox`, which is bounded. The loop takes them out in
batches over all sources, embeds them with one model, and lets each source's lane decide; where sequences are selected,
frames wait in `trays` for the others of theirs, and where objects are, lanes cut them out and embed these. Pictures of
picks are on disk first (`keeping`, within a quota); then one transaction (`streamsel.store.entries`) holds what changed
of the lanes' state, the pictures of candidates that windows of time may yet choose, which segments are read, and the
events that `telling` hands to MQTT or Kafka. `clips` shows what came before and after a pick. Whatever is killed before
that undoes nothing: it is looked at again where the source still has it. `showing` tells how it goes, and `process`
keeps it small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from streamsel.data import Frame, Pixels
from streamsel.errors import StreamselError
from streamsel.store.entries import Segment
from streamsel.topic import Record

__all__ = ["Begin", "Courier", "Glimpse", "Seen", "Segment"]


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a source's thread begins: what its lane has taken already.

    offset, part: the first frame that is awaited: of a live source the frame's number since the first start, and 0; of
    a folder the segment's number, and the frame's number in it. segments: that were begun, by name.
    """

    offset: int = 0
    part: int = 0
    segments: Mapping[str, Segment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Of a frame that the scout let through. number: among those it looked at, since the process began. held: how many
    of them it held since the last one that it let through.
    """

    number: int
    held: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame on its way from a source's thread to the loop.

    place: of the source in the config, 0-based. offset, part: as in Begin; last: whether it is the last of its offset.
    frame: None where nothing more comes of a segment, or nothing could be read of it: then it is the last. crop:
    (H, W, 3) uint8 RGB, as large as the model takes, without what the mask hides. taken: when, by the clock on the
    wall, UTC. started: UTC start of the connection, as `20261121T181500Z`; of a segment empty.
    suffix: of clips of its segment, see `suffix_of`. glimpse: where a scout goes before the model; else None. anew:
    whether a live stream broke off before it, where sequences are gathered.
    """

    place: int
    offset: int
    part: int
    last: bool
    taken: datetime
    frame: Frame | None = None
    crop: Pixels | None = field(default=None, repr=False)
    started: str = ""
    segment: Segment | None = None
    suffix: str = ""
    glimpse: Glimpse | None = None
    anew: bool = False

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory it holds."""
        return (self.frame.nbytes if self.frame else 0) + (self.crop.nbytes if self.crop is not None else 0)


class Courier(Protocol):
    """Delivers records in order, in a thread of its own; no call waits. `topic.delivery.Delivery` is one."""

    @property
    def ready(self) -> bool:
        """Whether it takes records."""
        ...

    @property
    def room(self) -> int:
        """Bytes of records that it still takes."""
        ...

    @property
    def acknowledged(self) -> int:
        """Up to this number all that it was given has arrived."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing arrives now; empty: nothing is known to be wrong."""
        ...

    @property
    def failure(self) -> StreamselError | None:
        """What trying again cannot heal: nothing more is sent by this one."""
        ...

    @property
    def token(self) -> str:
        """Tells this process' records from those of others of the same sender."""
        ...

    def start(self) -> None:
        """Begins."""
        ...

    def take(self, records: Sequence[tuple[int, Record]]) -> None:
        """Records with their numbers in the outbox, in order."""
        ...

    def close(self, seconds: float = 1.0) -> None:
        """Ends its thread, within so many seconds; what has not arrived is sent again by the next process."""
        ...
