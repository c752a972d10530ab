"""A video file's packets from a key frame on, found by seeking; nothing is decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

from streamsel.data import Source
from streamsel.decode.encoded import Coded, Encoded, Tap
from streamsel.decode.failure import failure
from streamsel.decode.track import Track

__all__ = ["SegmentPackets"]


class SegmentPackets:
    """An iterator of packets from the last key frame at or before `begin` on, seconds of the stream; else the first.

    coded: what they are packets of. Raises SourceError, also while packets are read: DiskError where what it lies on
    went away.
    """

    def __init__(self, source: Source, begin: float) -> None:
        self._source = source
        self._first, self._rest = self._opened(begin, seeking=True)
        if not self._first or self._first[0].pts > round(begin / self.coded.time_base):
            self._track.close()
            self._first, self._rest = self._opened(begin, seeking=False)
        if not self._first:
            self.close()
            raise failure(source.id, "holds no key frame from which a clip could be shown")

    @property
    def begin(self) -> float:
        """When the first one is shown, seconds of the stream."""
        return float(self._first[0].pts * self.coded.time_base)

    def __iter__(self) -> Iterator[Encoded]:
        return chain(self._first, self._rest)

    def close(self) -> None:
        """Lets the file go."""
        self._track.close()

    def _opened(self, begin: float, *, seeking: bool) -> tuple[list[Encoded], Iterator[Encoded]]:
        """The packets from the key frame up to one behind `begin`, and those after them."""
        self._track = track = Track(self._source.location, self._source.id, threads=1)
        heard = _Heard()
        tap = track.tap = Tap(track.stream, heard)
        wanted = round(begin / (track.stream.time_base or 1))
        if seeking and not track.seek(wanted):
            return [], iter(())
        packets = _told(track, tap, heard)
        first = _from_key(packets, wanted)
        if heard.coded is None:
            if seeking:
                return [], iter(())
            track.close()
            raise failure(self._source.id, "holds nothing that could be put into a clip")
        self.coded: Coded = heard.coded
        return first, packets


class _Heard:
    """A `Listener` that keeps what it hears."""

    def __init__(self) -> None:
        self.coded: Coded | None = None
        self.packets: deque[Encoded] = deque()

    def begins(self, coded: Coded | None) -> None:
        self.coded = self.coded or coded

    def put(self, packet: Encoded) -> None:
        self.packets.append(packet)


def _told(track: Track, tap: Tap, heard: _Heard) -> Iterator[Encoded]:
    for _ in track.useful():
        while heard.packets:
            yield heard.packets.popleft()
    tap.end()
    yield from heard.packets


def _from_key(packets: Iterator[Encoded], wanted: int) -> list[Encoded]:
    """Up to the first one that is shown behind the time that is wanted, from the last key frame up to there."""
    held: list[Encoded] = []
    for one in packets:
        if one.key and one.pts <= wanted:
            held = [one]
        elif held or one.key:
            held.append(one)
        if held and one.pts > wanted:
            break
    return held
