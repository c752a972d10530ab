"""State as small entries, key -> bytes: what a changelog is told of arrays that change a little at a time.

An array is a head, NAME -> JSON of its dtype and shape, and its raw little-endian bytes in chunks of 16 KiB,
`NAME#0`, `NAME#1` and so on; an array that grows at its end, and goes at its beginning, has an entry for each row
instead, by its number among all that there ever were; its head says which is the first. `Entries` remembers what it
told, so that what has not changed is not told again: of chunks 128 bits of BLAKE2b (RFC 7693), of rows how many. The
latest value of each key, as a compacted topic keeps it, is the whole state. No pickle.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from streamsel.errors import StateError

__all__ = ["CHUNK", "Entries", "Rows", "arrays_of"]

Array = npt.NDArray[Any]
Head = tuple[np.dtype[Any], tuple[int, ...], bool, int]
"""dtype, shape, whether each row has an entry of its own, and the first one's number."""

CHUNK: Final = 1 << 14
"""Bytes of an entry at most, but for rows that are longer."""


class Rows(Protocol):
    """A table to which rows are added: an array, or what can be read as one, row by row."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """(len, numbers of a row)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> npt.NDArray[Any]: ...


class Entries:
    """What has been told so far; entries: of an earlier life, from which `arrays_of` made the arrays."""

    def __init__(self, entries: Mapping[bytes, bytes] | None = None) -> None:
        self._heads: dict[str, bytes] = {}
        self._marks: dict[bytes, bytes] = {}
        for name, head in _heads(entries or {}).items():
            assert entries is not None
            self._heads[name] = entries[name.encode()]
            if not head[2]:
                keys = (_key(name, part) for part in _parts(head))
                self._marks.update((key, _mark(entries[key])) for key in keys)

    def changed(
        self, arrays: Mapping[str, Array], grown: Mapping[str, Rows], first: Mapping[str, int] | None = None
    ) -> dict[bytes, bytes | None]:
        """What changed since the last call; None: gone. Costs what `arrays` hold, and what `grown` got and lost.

        grown: arrays whose rows stay as they are once told, until they go, oldest first. first: of such an array, the
        number of its first row among all that it ever had; 0 unless given, and never less than before.
        """
        entries: dict[bytes, bytes | None] = {}
        for name in self._heads.keys() - arrays.keys() - grown.keys():
            entries |= self._gone(name)
        for name, array in arrays.items():
            entries |= self._chunks(name, array)
        for name, rows in grown.items():
            entries |= self._rows(name, rows, (first or {}).get(name, 0))
        return entries

    def _chunks(self, name: str, array: Array) -> dict[bytes, bytes | None]:
        before, head = self._parts_told(name), (array.dtype, array.shape, False, 0)
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
        entries: dict[bytes, bytes | None] = self._head(name, head)
        for part in _parts(head):
            key, chunk = _key(name, part), data[part * CHUNK : (part + 1) * CHUNK]
            mark = _mark(chunk)
            if self._marks.get(key) != mark:
                self._marks[key], entries[key] = mark, bytes(chunk)
        return entries | self._dropped(name, range(_parts(head).stop, before.stop))

    def _rows(self, name: str, array: Rows, first: int) -> dict[bytes, bytes | None]:
        told, head = self._parts_told(name), (array.dtype, array.shape, True, first)
        entries: dict[bytes, bytes | None] = self._head(name, head)
        for row in range(max(told.stop, first), first + len(array)):
            entries[_key(name, row)] = array[row - first].astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        return entries | self._dropped(name, range(told.start, min(first, told.stop)))

    def _head(self, name: str, head: Head) -> dict[bytes, bytes | None]:
        dtype, shape, rows, first = head
        told = {"dtype": dtype.newbyteorder("<").str, "shape": list(shape), "rows": rows}
        text = json.dumps({**told, "first": first} if first else told).encode()
        if self._heads.get(name) == text:
            return {}
        self._heads[name] = text
        return {name.encode(): text}

    def _gone(self, name: str) -> dict[bytes, bytes | None]:
        dropped = self._dropped(name, self._parts_told(name))
        del self._heads[name]
        return {name.encode(): None, **dropped}

    def _dropped(self, name: str, parts: range) -> dict[bytes, bytes | None]:
        keys = [_key(name, part) for part in parts]
        for key in keys:
            self._marks.pop(key, None)
        return dict.fromkeys(keys)

    def _parts_told(self, name: str) -> range:
        return _parts(_head_of(name, self._heads[name])) if name in self._heads else range(0)


def arrays_of(entries: Mapping[bytes, bytes]) -> dict[str, Array]:
    """The arrays that entries hold, in this machine's byte order. Raises StateError where one is missing or damaged."""
    return {name: _joined(name, head, entries) for name, head in _heads(entries).items()}


def _heads(entries: Mapping[bytes, bytes]) -> dict[str, Head]:
    names = (key.decode() for key in entries if b"#" not in key)
    return {name: _head_of(name, entries[name.encode()]) for name in names}


def _head_of(name: str, text: bytes) -> Head:
    try:
        head = json.loads(text)
        shape, first = tuple(map(int, head["shape"])), int(head.get("first", 0))
        return np.dtype(head["dtype"]), shape, bool(head["rows"]), first
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(f"saved state is damaged: {name} says nothing of its shape ({error})") from error


def _joined(name: str, head: Head, entries: Mapping[bytes, bytes]) -> Array:
    dtype, shape, _, _ = head
    data = b"".join(_pieces(name, head, entries))
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise StateError(f"saved state is damaged: {name} has {len(data)} bytes, not {shape} {dtype}")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _pieces(name: str, head: Head, entries: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for part in _parts(head):
        piece = entries.get(_key(name, part))
        if piece is None:
            raise StateError(f"saved state is damaged: part {part} of {name} is missing")
        yield piece


def _parts(head: Head) -> range:
    """Numbers of its entries."""
    dtype, shape, rows, first = head
    return range(first, first + shape[0]) if rows else range(-(-math.prod(shape) * dtype.itemsize // CHUNK))


def _key(name: str, part: int) -> bytes:
    return f"{name}#{part}".encode()


def _mark(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
