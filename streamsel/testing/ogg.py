"""Motion JPEG in Ogg, one packet a page, written by hand: libav writes no empty packets, and real Ogg files have them.

Reference: RFC 3533 (Ogg pages); the header of OggDS (`.ogm`), which takes any codec by its four letters.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["jpegs_in_ogg"]

SERIAL = 1
BEGIN, END = 2, 4


def jpegs_in_ogg(packets: Sequence[bytes], size: tuple[int, int], rate: int) -> bytes:
    """An Ogg file of JPEG pictures; an empty packet says 'show the last picture again'."""
    unit = 10_000_000 // rate  # in 100 ns
    head = b"\1video\0\0\0MJPG" + struct.pack("<IQQIIIII", 52, unit, 1, 1, 0, 24, *size)
    comment = b"\3vorbis" + struct.pack("<II", 0, 0) + b"\1"
    pages = [_page(0, 0, BEGIN, head), _page(1, 0, 0, comment)]
    for number, packet in enumerate(packets):
        last = number + 1 == len(packets)
        pages.append(_page(number + 2, number, END if last else 0, b"\x08" + packet))
    return b"".join(pages)


def _page(sequence: int, granule: int, flags: int, packet: bytes) -> bytes:
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    head = struct.pack("<4sBBqIII B", b"OggS", 0, flags, granule, SERIAL, sequence, 0, len(lacing))
    page = bytearray(head + lacing + packet)
    page[22:26] = struct.pack("<I", _checksum(page))
    return bytes(page)


def _checksum(page: bytearray) -> int:
    """CRC-32 of polynomial 0x04c11db7, neither reflected nor inverted."""
    crc = 0
    for byte in page:
        crc = (crc << 8) & 0xFFFFFFFF ^ TABLE[crc >> 24 ^ byte]
    return crc


def _entry(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if crc & 0x80000000 else 0)
    return crc


TABLE = [_entry(byte) for byte in range(256)]
