"""Records -> frames: pictures are decoded by a few threads, segments of video frame by frame, all in the order read.

Memory is bounded whatever records hold: pictures are refused by their size before any memory is allocated for them,
large ones are decoded one at a time, and where nothing but the model looks at pixels no more is kept of a picture than
what the model takes; large JPEGs are then not even decoded in full.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, Self

from streamsel.data import Frame, Mark, Pixels, fingerprint
from streamsel.decode.looking import Looking
from streamsel.decode.picture import StillPicture
from streamsel.decode.stills import open_still, still_size
from streamsel.embed.window import Shrunk
from streamsel.errors import DiskError, SourceError
from streamsel.ingest.segments import Segments
from streamsel.topic import Message, nbytes_of
from streamsel.topic.incoming import DIFFERS, Carried, Incoming, PoisonError
from streamsel.topic.nested import memory_of
from streamsel.topic.pick_record import Content
from streamsel.topic.references import References

__all__ = ["Opened", "Pictures", "Poison"]

MOST_PIXELS: Final = 50_000_000
"""Of a picture: 150 MB when decoded."""
LARGE: Final = 8_000_000
"""Pixels above which one picture at a time is decoded."""
ENOUGH: Final = 4
"""Of a large JPEG, so many times the width and height that the model takes are decoded, at least."""
FORMATS: Final = ("JPEG", "PNG", "WEBP")
"""Pictures that records may hold: no format whose reader runs another program."""
TYPES: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""By what Pillow calls them; a JPEG with several pictures in it is an MPO."""
MILLISECOND: Final = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame of a record.

    picture: (height, width, 3) uint8 as the model takes it. content: the file that the frame came in, None for a frame
    of a segment. part: its number among the record's frames. last: whether the record has no more of them. when: it
    was taken, seconds since 1970: of a frame of a segment counted from the record's time.
    """

    message: Message = field(repr=False)
    carried: Carried
    frame: Frame
    picture: Pixels = field(repr=False)
    content: Content | None = None
    part: int = 0
    last: bool = True
    when: float = 0.0

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory it holds, with its record, also where other frames of that count it, too."""
        file = self.content.data if self.content and self.content.data is not self.message.value else b""
        brought = memory_of(self.carried.predictions)
        return self.picture.nbytes + self.frame.nbytes + nbytes_of(self.message) + len(file) + brought


@dataclass(frozen=True, slots=True)
class Poison:
    """A record, or what is left of it, that cannot be used, and why: always behind all that there is of the record."""

    message: Message = field(repr=False)
    reason: str
    part: int = sys.maxsize


class Pictures:
    """Opens what records carry. Use it with `with`.

    size: width and height of the pictures that the model takes. references: None where references are refused.
    looking: which frames of a segment. whole: whether more than the model looks at pixels. threads: for decoding.
    most_pixels: of a picture.
    """

    def __init__(
        self,
        incoming: Incoming,
        size: tuple[int, int],
        *,
        references: References | None = None,
        looking: Looking | None = None,
        whole: bool = False,
        threads: int = 2,
        most_pixels: int = MOST_PIXELS,
    ) -> None:
        self._incoming, self._size, self._references = incoming, size, references
        self._whole, self._most, self._ahead = whole, most_pixels, threads if whole else 4 * threads
        self._segments = Segments(looking or Looking(), threads, most_pixels)
        self._pool = ThreadPoolExecutor(threads, "pictures")
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what is being decoded, and let the threads go."""
        self._pool.shutdown(cancel_futures=True)

    def opened(self, messages: Iterable[Message]) -> Generator[Opened | Poison, None, None]:
        """The frames of records, in their order; of each record one or more, or a Poison, also behind frames.

        Raises DiskError where references cannot be followed through no fault of a record.
        """
        pending: deque[tuple[Message, Carried | None, Future[Opened | Poison]]] = deque()
        try:
            for message in messages:
                pending.append(self._begun(message))
                if len(pending) > self._ahead:
                    yield from self._done(*pending.popleft())
            while pending:
                yield from self._done(*pending.popleft())
        finally:
            for _, _, future in pending:
                future.cancel()

    def _begun(self, message: Message) -> tuple[Message, Carried | None, Future[Opened | Poison]]:
        try:
            carried = self._incoming.carried(message)
        except PoisonError as poison:
            done: Future[Opened | Poison] = Future()
            done.set_result(Poison(message, str(poison)))
            return message, None, done
        if carried.kind == "segment":
            return message, carried, Future()
        return message, carried, self._pool.submit(self._still, message, carried)

    def _done(
        self, message: Message, carried: Carried | None, future: Future[Opened | Poison]
    ) -> Iterator[Opened | Poison]:
        if carried is not None and carried.kind == "segment":
            yield from self._segment(message, carried)
        else:
            yield future.result()

    def _still(self, message: Message, carried: Carried) -> Opened | Poison:
        try:
            return self._decoded(message, carried)
        except PoisonError as poison:
            return Poison(message, str(poison))

    def _decoded(self, message: Message, carried: Carried) -> Opened:
        data = self._bytes(message, carried)
        if still_size(data, FORMATS) > LARGE:
            width, height = self._size
            with self._one_at_a_time:
                return self._framed(message, carried, data, None if self._whole else (ENOUGH * width, ENOUGH * height))
        return self._framed(message, carried, data)

    def _framed(self, message: Message, carried: Carried, data: bytes, least: tuple[int, int] | None = None) -> Opened:
        still = open_still(data, most_pixels=self._most, formats=FORMATS, least=least)
        if isinstance(still, str):
            raise PoisonError(f"is no JPEG, PNG or WebP that can be read: {still}")
        whole = StillPicture(still.pixels)
        try:
            sample, picture = whole.i420(), whole.rgb(*self._size)
        except SourceError as error:
            raise PoisonError(str(error)) from None
        mark = Mark(carried.source, message.offset, _pts(carried), MILLISECOND, fingerprint(sample), carried.name)
        frame = Frame(mark, whole if self._whole else Shrunk(sample, picture), True, carried.metadata)
        content = Content(data, TYPES[still.format], carried.reference)
        return Opened(message, carried, frame, picture, content, when=carried.time.timestamp())

    def _bytes(self, message: Message, carried: Carried) -> bytes:
        data = carried.data
        if data is None:
            data = self._followed().read(carried.reference, message.timestamp / 1000)
        if not data:
            raise PoisonError("is an empty file")
        if carried.sha256 and hashlib.sha256(data).hexdigest() != carried.sha256:
            raise PoisonError(DIFFERS)
        return data

    def _followed(self) -> References:
        if self._references is None:
            raise PoisonError("refers to a file, and no folder of references is given")
        return self._references

    def _segment(self, message: Message, carried: Carried) -> Iterator[Opened | Poison]:
        """All frames of a segment; the last one is known by what follows it."""
        waiting: Opened | None = None
        begun = carried.time.timestamp()
        try:
            for part, frame in enumerate(self._segments.frames(self._followed(), message, carried)):
                if waiting is not None:
                    yield waiting
                else:
                    begun -= frame.mark.time
                picture, when = frame.picture.rgb(*self._size), begun + frame.mark.time
                waiting = Opened(message, carried, frame, picture, part=part, last=False, when=when)
            if waiting is None:
                raise PoisonError("holds no frame")
        except DiskError:
            raise
        except SourceError as error:
            if waiting is not None:
                yield waiting
            yield Poison(message, str(error))
            return
        yield replace(waiting, last=True)


def _pts(carried: Carried) -> int:
    """Milliseconds since 1970."""
    return round(carried.time.timestamp() * 1000)
