"""What every sink that writes to a folder must do, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamsel.data import Box, Candidate, Decision, Frame, Mark, Pick, Pixels, fingerprint
from streamsel.errors import SinkError
from streamsel.sink import Sink

__all__ = ["FlatPicture", "check_sink", "flat_pick"]

HOSTILE = "../../x/\0\n\\y.mp4"


class FlatPicture:
    """A picture of a single colour, so that scaling it is exact. Satisfies `data.Picture`."""

    def __init__(self, colour: tuple[int, int, int], width: int = 48, height: int = 32) -> None:
        self.colour, self.width, self.height = colour, width, height

    def i420(self) -> Pixels:
        """(96, 64) uint8: the colour's mean as luma, no chroma."""
        sample = np.full((96, 64), 128, np.uint8)
        sample[:64] = sum(self.colour) // 3
        return sample

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """(height, width, 3) uint8 RGB."""
        return np.full((height or self.height, width or self.width, 3), self.colour, np.uint8)


def flat_pick(
    ordinal: int = 0, length: int = 1, source: str = "sub/video_1.mp4", box: Box | None = None
) -> tuple[Pick, list[Frame]]:
    """A pick of `length` frames of flat colours at 25 frames per second, and these frames. box: it is an object."""
    frames = [_flat_frame(source, 10 * ordinal + step) for step in range(length)]
    vector = np.eye(1, 4, ordinal % 4, dtype=np.float32)[0]
    candidate = Candidate(tuple(frame.mark for frame in frames), vector, length, box)
    return Pick(ordinal, candidate, Decision(True, "first" if ordinal == 0 else "distance", float("inf"))), frames


def check_sink(make: Callable[[Path], Sink], folder: Path, length: int = 1, box: Box | None = None) -> None:
    """Raises AssertionError with the law that the sink breaks.

    make: opens the sink on a folder that does not exist yet. folder: empty, for the check alone. length: frames per
    pick that this sink is made for. box: of each pick, for a sink that is made for objects.
    """
    picks = [flat_pick(ordinal, length, box=box) for ordinal in range(3)]
    _check_twice_is_once(make, folder, picks)
    _check_hostile_names(make, folder, flat_pick(0, length, HOSTILE, box))
    _check_refusal(make, folder, picks[0])


def _check_twice_is_once(make: Callable[[Path], Sink], folder: Path, picks: list[tuple[Pick, list[Frame]]]) -> None:
    sink, again = make(folder / "once"), make(folder / "again")
    names = [sink.write(*pick) for pick in picks]
    sink.flush()
    once = _contents(folder / "once")
    flat = [name for group in names for name in group]
    assert len(set(flat)) == len(flat), f"two files have one name: {flat}"
    assert set(once) == set(flat), f"wrote {sorted(once)}, but named {sorted(flat)}"
    assert [sink.write(*pick) for pick in picks] == names, "writing a pick twice gives another name"
    sink.flush()
    assert _contents(folder / "once") == once, "writing a pick twice changes what is there"
    assert [again.write(*pick) for pick in reversed(picks)] == names[::-1], "names depend on what came before"
    again.flush()
    assert _contents(folder / "again") == once, "a sink opened anew writes other bytes"


def _check_hostile_names(make: Callable[[Path], Sink], folder: Path, pick: tuple[Pick, list[Frame]]) -> None:
    inner = folder / "a" / "b" / "c"
    sink = make(inner)
    names = sink.write(*pick)
    sink.flush()
    assert names, "nothing was written"
    assert set(_contents(inner)) == set(names), f"{HOSTILE!r} was named {names}, which left the folder"
    assert len(_contents(folder / "a")) == len(names), f"{HOSTILE!r} left the folder"


def _check_refusal(make: Callable[[Path], Sink], folder: Path, pick: tuple[Pick, list[Frame]]) -> None:
    blocked = folder / "blocked"
    blocked.write_bytes(b"in the way")
    refusal = _refusal(make, blocked, pick)
    assert refusal is not None, "a folder that cannot be written raises no SinkError"
    assert "\n" not in str(refusal), f"the error has more than one line: {refusal}"
    assert blocked.read_bytes() == b"in the way", "what was in the way was changed"


def _refusal(make: Callable[[Path], Sink], folder: Path, pick: tuple[Pick, list[Frame]]) -> SinkError | None:
    try:
        sink = make(folder)
        sink.write(*pick)
        sink.flush()
    except SinkError as error:
        return error
    return None


def _flat_frame(source: str, index: int) -> Frame:
    picture = FlatPicture((20 + index % 200, 90, 160))
    mark = Mark(source, index, 3600 * index, Fraction(1, 90_000), fingerprint(picture.i420()))
    return Frame(mark, picture, key=index == 0)


def _contents(folder: Path) -> Mapping[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
