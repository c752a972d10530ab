"""A clip as a file: `NAME.mp4` or `NAME.mkv` beside the picture it is called by, and its facts as JSON beside it.

Its packets go to a temporary name as they come; nothing is decoded. Its time of change is a microsecond behind the last
pick that it shows: so the quota takes it right behind the last picture whose facts name it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from streamsel.decode.encoded import Coded, Encoded
from streamsel.decode.remux import Remux
from streamsel.edge.clips.clip_wish import Ended, Shown, Wish
from streamsel.edge.feeds.clock import nanoseconds
from streamsel.sink.durable import durable_file, replace_file, sync_folder
from streamsel.sink.json_file import json_text

__all__ = ["ClipFile"]

MICROSECOND: Final = 1_000


class _GivenUpError(Exception):
    pass


class ClipFile:
    """Begins with these packets, of which none is written yet; use one thread. Raises OSError, SinkError, ValueError.

    Whatever was raised, `give_up` is to follow.
    """

    def __init__(self, path: Path, coded: Coded, ahead: Sequence[Encoded]) -> None:
        self._path, self._coded = path, coded
        self._stack = ExitStack()
        self._file = self._stack.enter_context(durable_file(path))
        try:
            self._remux = Remux(self._file, coded, ahead)
        except BaseException:
            self._remove()
            raise

    def write(self, packets: Sequence[Encoded]) -> None:
        """The next ones."""
        self._remux.write(packets)

    def shown(self, early: str = "", short: Sequence[str] = ()) -> Shown:
        """What it shows so far."""
        begin, end = (float(pts * self._coded.time_base) for pts in (self._remux.begin, self._remux.end))
        return Shown(begin, end, self._coded.codec, self._remux.frames, early, tuple(short))

    def finish(self, wish: Wish, shown: Shown) -> Ended:
        """Both files are there, whole and durable, when this returns."""
        self._remux.close()
        facts, nbytes = self._path.with_name(f"{self._path.name}.json"), self._file.seek(0, os.SEEK_END)
        fresh = not self._path.exists()
        text = json_text({**wish.facts(shown), "bytes": nbytes})
        try:
            replace_file(facts, text)
            self._stack.close()
        except BaseException:
            if fresh:
                with suppress(OSError):
                    facts.unlink(missing_ok=True)
            raise
        taken = nanoseconds(wish.last) + MICROSECOND
        with suppress(OSError):  # as on a share that does not let times be set
            os.utime(self._path, ns=(taken, taken))
        sync_folder(self._path.parent)
        return Ended(wish.source, wish.file, "", bool(shown.short), taken, nbytes + len(text), fresh)

    def give_up(self) -> None:
        """Leaves nothing."""
        self._remux.abandon()
        self._remove()

    def _remove(self) -> None:
        with suppress(_GivenUpError), self._stack:
            raise _GivenUpError
