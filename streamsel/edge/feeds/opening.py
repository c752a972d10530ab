"""A live source of the config -> a decoder that is connected to it."""

from __future__ import annotations

import math
import os
import stat
from fractions import Fraction
from pathlib import Path
from typing import Final

from streamsel.config.edge_source import EdgeSource
from streamsel.data import Source
from streamsel.decode.container import CAMERA
from streamsel.decode.encoded import Listener
from streamsel.decode.live import LiveDecoder
from streamsel.decode.looking import Looking, box
from streamsel.decode.pipe import STANDARD_INPUT
from streamsel.errors import AwayError, SourceError

__all__ = ["OPENING", "looking_of", "opened"]

OPENING: Final = 10.0
"""Seconds that a source may take to open, or its `stall` where that is more."""

CAMERAS: Final = Path("/sys/class/video4linux")
"""Where Linux says which cameras there are: a folder each, in which `name` is what the camera calls itself."""


def opened(source: EdgeSource, *, threads: int, packets: Listener | None = None) -> LiveDecoder:
    """Connects to a url, device or pipe, of which frames come as they are taken.

    threads: of the decoder, 0 for all cores. packets: see `LiveDecoder`. Reading ends by SourceError when the
    connection is lost or nothing comes for `stall` seconds; what comes by HTTP and a pipe end without one when the
    other side closes them. A pipe is waited for as long as it is open: what was read of it is gone, so that it could
    not be opened again.
    Raises SourceError, one line without passwords, where it cannot be opened or sends no picture.
    """
    location, container = _place(source)
    timeouts = (math.inf, math.inf) if source.pipe is not None else (max(OPENING, source.stall), source.stall)
    return LiveDecoder(
        Source(source.name, location, "live"),
        crop=box(source.crop) if source.crop else None,
        looking=looking_of(source),
        threads=threads,
        timeouts=timeouts,
        container=container,
        packets=packets,
    )


def looking_of(source: EdgeSource) -> Looking:
    """Which frames of a source are looked at."""
    return Looking(
        every=source.every or 1, fps=Fraction(source.fps) if source.fps else None, keyframes=source.keyframes
    )


def _place(source: EdgeSource) -> tuple[str, str]:
    """Where it is opened, and libav's name of its format: empty where that shows."""
    if source.device is not None:
        _check_device(source.name, source.device)
        return source.device, CAMERA
    if source.pipe is not None:
        return STANDARD_INPUT, source.pipe
    if source.url is not None:
        return source.url, ""
    raise SourceError(f"{source.name}: a folder is no live source; its segments are opened one by one")


def _check_device(name: str, device: str) -> None:
    """Raises SourceError, with what to do, where libav would only say that it could not be opened."""
    path = Path(device)
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise AwayError(f"{name}: no camera at {path} ({error.strerror}); {_cameras()}") from None
    if not stat.S_ISCHR(kind):
        raise SourceError(f"{name}: {path} is no camera's device file; {_cameras()}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(f"{name}: no permission to use {path}; add this user to the group that owns it, often video")


def _cameras() -> str:
    """Which cameras there are, and what to do."""
    found = sorted(CAMERAS.glob("video*/name"))
    if not found:
        return "this machine has no camera: plug one in, or load its driver"
    names = [f"/dev/{one.parent.name} ({one.read_text(errors='replace').strip()})" for one in found]
    return f"there are {', '.join(names)}: name one of them"
