"""What is told of a pick beside its picture, whatever the service: the same facts under the same names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from streamsel.data import Box, Mark
from streamsel.lanes.lane import Verdict

__all__ = ["object_facts", "pick_facts", "sequence_facts", "text_of", "window_facts"]


def pick_facts(mark: Mark, taken: datetime, verdict: Verdict) -> dict[str, Any]:
    """Where a frame stands in its source, when it was taken, and why it was picked; distances may be infinite."""
    decision, chosen, sequence = verdict.decision, window_facts(verdict), sequence_facts(verdict)
    return {
        "source": mark.source,
        "index": mark.index,
        "pts": mark.pts,
        "time": mark.time,
        "taken": taken.isoformat(),
        "ordinal": verdict.ordinal,
        "distance": decision.distance,
        "nearest": decision.nearest,
        "gains": decision.gains,
        "reason": decision.reason,
        "signals": verdict.signals,
        **({"window": chosen} if chosen else {}),
        **({"sequence": sequence} if sequence else {}),
    }


def window_facts(verdict: Verdict) -> dict[str, Any]:
    """Of a pick of a window of time: its `begin` and `end`, and its `order`; else empty."""
    window = verdict.window
    return {"begin": text_of(window.begin), "end": text_of(window.end), "order": verdict.order} if window else {}


def sequence_facts(verdict: Verdict) -> dict[str, int]:
    """Of a frame of a sequence: the `number` of that in its stream, and the frame's `place` in it; else empty."""
    sequence = verdict.sequence
    return {"number": sequence.number, "place": sequence.first} if sequence else {}


def object_facts(parent: str, box: Box, padding: float) -> dict[str, Any]:
    """Of a pick that is an object, in its frame `parent`, which the other facts tell of; see `Box`."""
    place = [box.x, box.y, box.width, box.height]
    own = {"parent": parent, "task": box.task, "object": box.index, "box": place}
    return {**own, "label": box.label, "score": box.score, "padding": padding}


def text_of(seconds: float) -> str:
    """UTC seconds since 1970 as ISO 8601 has them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
