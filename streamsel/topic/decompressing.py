"""Batches of records as they are unpacked: piece by piece, and no further than there is room.

A megabyte on the wire may hold a thousand when it is unpacked. What a batch says of its own size is believed of Snappy
alone, whose decoder does so, too.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from typing import IO, Any, Final

import lz4.frame  # type: ignore[import-untyped]
import snappy  # type: ignore[import-untyped]
import zstandard

__all__ = ["GZIP", "LZ4", "SNAPPY", "ZSTD", "TooMuchError", "decompressed"]

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Codecs, as the low bits of a batch's attributes name them (Kafka protocol, record batch)."""
PIECE: Final = 1 << 20
XERIAL: Final = b"\x82SNAPPY\0"
"""How Java's clients begin: 16 bytes, then blocks, each with its length before it."""
HEADER: Final = 16


class TooMuchError(Exception):
    """A batch holds more than there is room for."""


def decompressed(codec: int, data: bytes, most: int) -> bytearray:
    """What it holds, at most so many bytes. Raises TooMuchError; errors of all kinds for what is damaged."""
    held = bytearray()
    for piece in _pieces(codec, data, most):
        held += piece
        if len(held) > most:
            raise TooMuchError
    return held


def _pieces(codec: int, data: bytes, most: int) -> Iterator[bytes]:
    if codec == SNAPPY:
        return _of_snappy(data, most)
    with_reader: dict[int, Any] = {GZIP: _gzip, LZ4: lz4.frame.LZ4FrameFile, ZSTD: _zstd}
    return _read(with_reader[codec](io.BytesIO(data)))


def _gzip(file: IO[bytes]) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=file)


def _zstd(file: IO[bytes]) -> zstandard.ZstdDecompressionReader:
    return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)


def _read(reader: IO[bytes]) -> Iterator[bytes]:
    with reader:
        while piece := reader.read(PIECE):
            yield piece


def _of_snappy(data: bytes, most: int) -> Iterator[bytes]:
    """Block by block; each begins with its size when unpacked, as a varint."""
    if not data.startswith(XERIAL):
        yield _block(data, most)
        return
    place = HEADER
    while place < len(data):
        (size,) = struct.unpack_from("!i", data, place)
        if size < 0:
            raise ValueError(f"a block of {size} bytes")
        place += 4
        yield _block(data[place : place + size], most)
        place += size


def _block(block: bytes, most: int) -> bytes:
    size = shift = 0
    for byte in block[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > most:
        raise TooMuchError
    unpacked: bytes = snappy.decompress(block)
    return unpacked
