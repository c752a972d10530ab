"""Picks as the edge loop has them: small pictures, of a camera or of a segment."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np

from streamsel.data import Decision, Frame, Mark
from streamsel.decode.picture import StillPicture
from streamsel.edge import Seen, Segment
from streamsel.lanes.lane import Verdict

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
STARTED = "20261121T115900Z"
VERDICT = Verdict(Decision(True, "ratio", 0.5, 3, {"DIVERSITY": 0.25}), 4, {"METADATA speed": 3})


def picture(shade: int = 0, size: int = 8) -> StillPicture:
    return StillPicture(np.full((size, size, 3), shade, np.uint8))


def live(pts: int = 90, *, index: int = 7, started: str = STARTED, taken: datetime = NOON, shade: int = 0) -> Seen:
    """A frame of a camera."""
    frame = Frame(Mark("rtsp://host/1", index, pts, Fraction(1, 90_000)), picture(shade))
    return Seen(0, index, 0, True, taken, frame, started=started)


def of_segment(name: str = "a.mp4", index: int = 2, *, size: int = 1000, modified: int = 5, shade: int = 0) -> Seen:
    """A frame of what a recorder left."""
    frame = Frame(Mark(name, index, 3600 * index, Fraction(1, 90_000)), picture(shade))
    return Seen(0, 0, index, False, NOON, frame, segment=Segment(0, name, size, modified))
