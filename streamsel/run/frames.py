"""Windows of frames, of a source that is watched, and of rows whose frames are needed again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby

from streamsel.data import Frame, Source
from streamsel.decode import Decoder
from streamsel.decode.ahead import read_ahead
from streamsel.embed import Row, Window
from streamsel.embed.window import LIVE_GAP, blocks, windows
from streamsel.run.clock import clocked
from streamsel.run.parts import Parts
from streamsel.run.recall import recall_frames
from streamsel.store import PickRow

__all__ = ["blocks_of", "window_of", "windows_again", "windows_of"]


def blocks_of(parts: Parts, source: Source, decoder: Decoder, frames: Iterator[Frame]) -> Iterator[list[Window]]:
    """Frames as blocks of windows, with what is known of them; a live source's pictures are kept as files."""
    live = source.kind == "live"
    cut = windows(clocked(frames) if live else frames, parts.length, decoder.problems, LIVE_GAP if live else math.inf)
    return blocks(parts.entrance.measured(cut), parts.judge.embedder.size, parts.sink.encode if live else None)


def window_of(parts: Parts, source: Source, row: Row) -> Window:
    """The frames of a row, read again where they were too many to stay in memory."""
    if row.window:
        return row.window
    with parts.open(source) as decoder:
        return tuple(decoder.fetch(row.marks))


def windows_again(parts: Parts, rows: Sequence[Row]) -> Iterator[Window]:
    """The frames of rows, in the order looked at; sources are read again for them."""
    sources = {source.id: source for source in parts.sources}
    for source, own in groupby(rows, key=lambda row: row.marks[0].source):
        yield from windows_of(parts, sources[source], list(own))


def windows_of(parts: Parts, source: Source, rows: Sequence[Row] | Sequence[PickRow]) -> Iterator[Window]:
    """The frames of rows of a source, in its order: from the store where they were kept, else by reading it again.

    Rows of the same frames, one after the other, share them.
    """
    if not rows:
        return
    parts.begin(source, None, dict(parts.store.restore(source.id).facts))
    if source.kind == "live":
        yield from (tuple(recall_frames(parts.store, row)) for row in rows)
    else:
        with parts.open(source) as decoder:
            wanted = decoder.fetch([mark for row in rows for mark in row.marks])
            with closing(read_ahead(wanted)) as frames:
                for marks, same in groupby(rows, key=lambda row: row.marks):
                    window = tuple(next(frames) for _ in marks)
                    yield from (window for _ in same)
