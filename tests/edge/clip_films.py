"""Films that clips are cut out of, as their packets come, and what a player shows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av

from streamsel.decode.encoded import Coded, Encoded, Tap
from streamsel.decode.track import Track
from streamsel.testing.videos import scenes

STEP = 0.04
"""Seconds from one picture to the next."""

KINDS = {
    "plain": ("film.mp4", {"options": {"bf": "0"}}),
    "reordered": ("film.mp4", {"options": {"bf": "3", "b-pyramid": "normal"}}),
    "open groups": ("film.ts", {"options": {"bf": "3", "x264-params": "open-gop=1"}}),
    "hevc": ("film.mkv", {"codec": "libx265", "options": {"x265-params": "log-level=none:bframes=4:keyint=12"}}),
    "hevc by air": ("film.ts", {"codec": "libx265", "options": {"x265-params": "log-level=none:bframes=2:keyint=12"}}),
    "flv": ("film.flv", {"options": {"bf": "2"}}),
    "mjpeg": ("film.mkv", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "mpeg2": ("film.ts", {"codec": "mpeg2video", "options": {"bf": "2"}}),
    "turned": ("film.mp4", {"rotation": 90}),
}


def film(folder: Path, kind: str, shown: range = range(5)) -> Path:
    """Half a second of each scene, with a key frame about as often."""
    name, options = KINDS[kind]
    return scenes(folder / name, shown, 12, **options)


@dataclass
class Heard:
    """A listener that keeps all."""

    coded: Coded | None = None
    packets: list[Encoded] = field(default_factory=list)

    def begins(self, coded: Coded | None) -> None:
        self.coded = coded

    def put(self, packet: Encoded) -> None:
        self.packets.append(packet)


def heard(path: Path) -> Heard:
    """All packets of a file."""
    track, found = Track(str(path), "film", threads=1), Heard()
    tap = track.tap = Tap(track.stream, found)
    assert sum(1 for _ in track.useful()) > 0
    tap.end()
    track.close()
    assert found.coded is not None
    return found


def shown(path: Path) -> list[tuple[float, int, int]]:
    """Of each picture that a player shows: seconds, fingerprint, by how much it is turned."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = container.decode(stream)
        return [(float(one.pts * stream.time_base), hash(one.to_ndarray().tobytes()), one.rotation) for one in frames]


def tag_of(path: Path) -> str:
    """What the file calls its codec: players go by that."""
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.codec_tag


def begin_of(clip: Path, source: Path, *, whole_end: bool = True) -> int:
    """The place in the source of a clip's first picture, of which it shows all that follow, in time, up to its end.

    whole_end: else it may lack some of the last pictures, which had not come when others of them ended.
    """
    pictures, whole = shown(clip), shown(source)
    if not whole_end:
        assert {one[1] for one in pictures} <= {one[1] for one in whole}
        pictures = pictures[:-8]
    looks = [one[1:] for one in pictures]
    places = [n for n in range(len(whole)) if [one[1:] for one in whole[n : n + len(looks)]] == looks]
    assert places, f"{clip} shows something else"
    assert abs(pictures[0][0]) < STEP / 4
    assert all(abs(later - one - STEP) < 0.002 for (one, *_), (later, *_) in pairwise(pictures))
    assert places[0] in key_frames(source)
    return places[0]


def key_frames(path: Path) -> list[int]:
    """Places of key frames in the order shown."""
    with av.open(str(path)) as container:
        return [n for n, one in enumerate(container.decode(container.streams.video[0])) if one.key_frame]
