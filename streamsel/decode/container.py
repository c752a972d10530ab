"""Files, URLs, a camera's device file and standard input -> what libav reads packets from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import av
from av.container import InputContainer
from av.error import ExitError, FFmpegError

from streamsel.decode.failure import away, failure
from streamsel.decode.pipe import Pipe
from streamsel.decode.unreached import unreached

__all__ = ["CAMERA", "NO_FORMAT", "SILENT", "TIMEOUTS", "is_format", "open_file", "open_remote", "reason"]

TIMEOUTS: Final = 10.0, 30.0
"""Seconds that a URL may take to open, and to send more."""

CAMERA: Final = "v4l2"
"""libav's format of cameras that are devices of this machine."""

NO_WAITING: Final = {"fflags": "+4"}
"""libav's AVFMT_FLAG_NONBLOCK, which it wants as a number: no timeout ends its waiting for such a camera."""

BUSY: Final = 1.0
"""Seconds at most in which libav, opening a camera, asks it for a picture all the time; Track asks at leisure."""

SILENT: Final = "nothing came for too long"

NO_FORMAT: Final = "is no format that libav reads; name that of the stream, such as h264, mpegts or matroska"

TEXTS, PLAYLISTS = {"tty", "concat"}, {"hls", "dash", "sdp"}
"""Formats of files which libav would draw, or follow to other files; a server may answer with a playlist of its own."""


def open_file(path: str, name: str) -> InputContainer:
    """A file; `name` stands for it in errors. Raises SourceError."""
    try:
        container = av.open(f"file:{path}")  # so that a colon in a name means no protocol
    except (FFmpegError, OSError) as error:
        advice = "leave it out, or copy it again"
        raise failure(name, f"cannot be opened as a video ({reason(error)}): {advice}") from None
    return _no_text(container, TEXTS | PLAYLISTS, name)


def open_remote(
    location: str | Pipe, name: str, form: str, options: Mapping[str, str], timeouts: tuple[float, float]
) -> InputContainer:
    """What may not answer: a URL, a camera or a pipe. form: as Track's container. Raises SourceError."""
    if form == CAMERA:
        options, timeouts = {**options, **NO_WAITING}, (min(timeouts[0], BUSY), timeouts[1])
    began = time.monotonic()
    try:
        container = av.open(location, "r", format=form or None, options=dict(options), timeout=timeouts)
    except (FFmpegError, OSError) as error:
        if isinstance(location, Pipe) and location.ended:
            what = "standard input has ended without a picture; check the program that writes it"
            raise failure(name, what) from None
        late = time.monotonic() - began >= timeouts[0]  # after a timeout, each protocol raises another error
        if isinstance(location, str) and not form:
            raise unreached(name, location, error, timeouts[0] if late else None) from None
        why = f"no answer in {timeouts[0]:g} s" if late else reason(error)
        raise away(name, f"cannot be opened as a video ({why}): check that it can be reached") from None
    except ValueError:
        raise failure(name, f"{form!r} {NO_FORMAT}") from None
    return _no_text(container, TEXTS, name)


def is_format(name: str) -> bool:
    """Whether libav has a demuxer of this name."""
    try:
        return av.ContainerFormat(name, "r").is_input
    except ValueError:
        return False


def reason(error: Exception) -> str:
    """What went wrong, without the location, which may hold a password."""
    if isinstance(error, ExitError):
        return SILENT
    return getattr(error, "strerror", None) or type(error).__name__


def _no_text(container: InputContainer, texts: set[str], name: str) -> InputContainer:
    if container.format.name in texts:
        container.close()
        raise failure(name, "is a text or playlist, not a video; give the videos themselves")
    return container
