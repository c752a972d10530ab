"""Picks that are chosen and not sent yet, of one partition: small documents of its state, without the pictures.

What a window chose is too much for the transaction that ends it, and of a sequence only the last picture is at hand. So
that one writes down what is owed, and others send it, a portion each, and cross it out: a kill between any two of them
neither loses a pick nor sends it twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from streamsel.data import Decision
from streamsel.errors import StateError
from streamsel.lanes.deciding import Gathered, Key, Place, Span, Verdict, pictures
from streamsel.sink.json_file import plain
from streamsel.store import dump_box, load_box

__all__ = ["OWED", "Owed"]

OWED: Final = b"#owed/"
"""How the keys of documents of owed picks begin; what `Key` says follows."""


class Owed:
    """Of which frames, and why each was picked. Verdicts are what JSON gives back, from the first moment on."""

    def __init__(self) -> None:
        self._documents: dict[Key, bytes] = {}
        self._changed: dict[bytes, bytes | None] = {}

    def picks(self) -> dict[Key, Verdict]:
        """Those that are owed now in the order of their frames, as they lie in the topic: window by window.

        A sequence comes as a whole where its last frame lies; each verdict tells of one of its frames.
        """
        read = [(key, _read(key, document)) for key, document in self._documents.items()]
        return {key: verdict for key, (_, verdict) in sorted(read, key=lambda one: (one[1][0], one[0]))}

    def add(self, picks: Sequence[tuple[Place, Verdict]]) -> None:
        """Picks of windows, and sequences, which have the place of their last frame."""
        for last, verdict in picks:
            for key, one in pictures(last, verdict):
                self._documents[key] = self._changed[_name(key)] = _text(one, last)

    def settle(self, key: Key) -> None:
        """A pick is sent, or told of."""
        del self._documents[key]
        self._changed[_name(key)] = None

    def entries(self) -> dict[bytes, bytes | None]:
        """What changed since the last call, or since it was restored; None: gone."""
        changed, self._changed = self._changed, {}
        return changed

    @classmethod
    def restored(cls, entries: Mapping[bytes, bytes]) -> Self:
        """What entries of a partition's state tell. Raises StateError where they are damaged."""
        made = cls()
        try:
            made._documents = {_key(name): one for name, one in entries.items() if name.startswith(OWED)}
            made.picks()
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"saved state is damaged: a pick that is to be sent cannot be read ({error})") from error
        return made


def _name(key: Key) -> bytes:
    return OWED + "/".join(map(str, key)).encode()


def _key(name: bytes) -> Key:
    offset, part, *more = map(int, name.removeprefix(OWED).split(b"/"))
    return offset, part, *more


def _text(verdict: Verdict, last: Place) -> bytes:
    """last: place of the last frame, of a sequence."""
    decision, window = verdict.decision, verdict.window
    told: dict[str, Any] = {
        "reason": decision.reason,
        "distance": decision.distance,
        "nearest": decision.nearest,
        "gains": decision.gains,
        "ordinal": verdict.ordinal,
        "signals": verdict.signals,
        "window": [window.begin, window.end] if window else None,
        "order": verdict.order,
    }
    if verdict.box is not None:
        told["box"] = dump_box(verdict.box)
    if (sequence := verdict.sequence) is not None:
        told["sequence"] = {"number": sequence.number, "first": sequence.first, "when": sequence.when, "last": last}
    return json.dumps(plain(told), separators=(",", ":")).encode()


def _read(key: Key, document: bytes) -> tuple[Place, Verdict]:
    """Where it is sent, and the verdict."""
    place, told = (key[0], key[1]), json.loads(document)
    distance = math.inf if told["distance"] is None else told["distance"]
    decision = Decision(True, told["reason"], distance, told["nearest"], told["gains"])
    window = Span(*told["window"]) if told["window"] else None
    box = load_box(told.get("box"))
    verdict = Verdict(decision, told["ordinal"], told["signals"], window=window, order=told["order"], box=box)
    if (sequence := told.get("sequence")) is None:
        return place, verdict
    offset, part = sequence.pop("last")
    return (offset, part), replace(verdict, sequence=Gathered(places=(place,), **sequence))
