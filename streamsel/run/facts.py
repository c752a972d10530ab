"""What is noted of a source when it is opened and kept over restarts: how its frames are counted and named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamsel.config import SelectConfig
from streamsel.data import Source
from streamsel.decode import Decoder
from streamsel.decode.scan import expected_frames, packet_count
from streamsel.embed.larder import Larder
from streamsel.sink.disk import DiskSink
from streamsel.store.embedded import SqliteStore

__all__ = ["Facts", "announce", "size_of"]


def size_of(source: Source) -> int | None:
    """Bytes of a source's file, by which another file in its place is noticed; None where it has none."""
    path = Path(source.location)
    return path.stat().st_size if source.kind == "video" and path.is_file() else None


def announce(sink: DiskSink, store: SqliteStore) -> None:
    """The sink names frames of sources that an earlier process opened as it did then."""
    for stream in store.streams():
        facts = store.restore(stream).facts
        if "total" in facts:
            sink.announce(stream, facts["total"], facts["started"])


class Facts:
    """What is noted of a source at its first frame and kept over restarts: how its frames are counted and named."""

    def __init__(self, config: SelectConfig, sink: DiskSink, larder: Larder) -> None:
        self._config, self._sink, self._larder = config, sink, larder

    def begin(
        self, source: Source, decoder: Decoder | None, known: Mapping[str, Any], first: int = 0
    ) -> dict[str, Any]:
        """The facts; the sink is told how to name the frames, the larder whether pictures must be kept whole.

        first: index of the frame that comes next.
        """
        facts = dict(known) if "total" in known else {**known, **self._look_up(source)}
        if decoder is not None:
            facts["index_exact"] = getattr(decoder, "index_exact", True)
            facts["size"] = size_of(source)
            if source.kind == "live":
                now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
                facts["started"] = [*facts["started"], [first, now]]
        self._sink.announce(source.id, facts["total"], facts["started"])
        self._larder.encode = self._sink.encode if source.kind == "live" else None
        return facts

    def _look_up(self, source: Source) -> dict[str, Any]:
        if source.kind == "live":
            return {"total": 0, "expected": None, "started": []}
        config = self._config
        scan = source.kind == "video" and "://" not in source.location
        total = packet_count(source) if scan else expected_frames(source) or 0
        partly = config.fps or config.keyframes or config.start or config.end or config.duration
        rows = total // (config.every or 1) // config.sequence_length
        return {"total": total, "expected": None if partly else rows, "started": []}
