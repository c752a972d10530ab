"""Rare events in front of a static camera: `python benchmarks/edge_recall.py STATIC EVENTS... [--hours H] [--window N]`

A day is made of STATIC, over and over, in which 12 times something else is seen for 3 s: cut from the clips EVENTS in
turn, at places far from each other, scaled to the same size. It lies in a folder as segments of about 10 minutes, with
a key frame a second, and the edge daemon looks at those, with a target ratio of 1 %, or for the best N of each hour. An
event is found when a pick's
time lies in it. Beside it what uniform sampling finds with as many picks, on average over where it begins. STATIC
repeats itself to the bit, so that soon only events are new: a real camera, whose light and noise change, is harder.
"""

from __future__ import annotations

import argparse
import bisect
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from edge_daemon import cpu_seconds, daemon, encoded, facts
from measured import machine

EVENTS = 12
LASTS = 3
"""Seconds of an event."""
SEGMENT = 600
"""Seconds of a segment, rounded down to whole loops of the static clip."""
BEGIN = 1_790_000_000
"""When the day begins, in seconds since 1970."""
CRF = 30

Second = list[bytes]
"""The packets of a second of video, of which the first is a key frame."""


@dataclass(frozen=True)
class Event:
    """clip, cut: where it is from, and from which second on. segment, at: where it is shown, and from which second."""

    clip: str
    cut: int
    segment: int
    at: int

    def shows(self, pick: dict[str, Any]) -> bool:
        """Whether a pick is of it."""
        return pick["segment"] == name_of(self.segment) and self.at <= pick["time"] < self.at + LASTS


def name_of(segment: int) -> str:
    return f"{segment:03}.mp4"


class Film:
    """A clip as seconds of packets that may be put together in any order. template: a file with the same encoding."""

    def __init__(self, clip: Path, folder: Path, size: tuple[int, int], rate: int, most: float = 0) -> None:
        self.template = folder / f"film-{clip.stem}.mp4"
        encoded(clip, self.template, size, key=1, crf=CRF, rate=rate, most=most)
        self.seconds: list[Second] = []
        with av.open(self.template) as file:
            for packet in file.demux(file.streams.video[0]):
                if packet.is_keyframe:
                    self.seconds.append([])
                if packet.size:
                    self.seconds[-1].append(bytes(packet))
        if len(self.seconds[-1]) < rate:
            self.seconds.pop()


def write(target: Path, template: Path, seconds: Sequence[Second], ended: float) -> None:
    """One segment. ended: when it was changed last, in seconds since 1970."""
    scratch = target.with_name(f".{target.name}")
    with av.open(template) as like, av.open(scratch, "w", format="mp4") as into:
        stream = into.add_stream_from_template(like.streams.video[0])
        for second, packets in enumerate(seconds):
            for place, data in enumerate(packets):
                packet = av.Packet(data)
                packet.stream, packet.is_keyframe = stream, place == 0
                packet.time_base = Fraction(1, len(packets))
                packet.pts = packet.dts = second * len(packets) + place
                into.mux(packet)
    os.utime(scratch, (ended, ended))
    scratch.rename(target)


def placed(clips: Sequence[Path], films: Sequence[Film], segments: int, lasts: int, seed: int) -> list[Event]:
    """Each event in a segment of its own, cut from another place of its clip than the others."""
    dice, cuts = random.Random(seed), {}
    events = []
    for number, segment in enumerate(sorted(dice.sample(range(segments), EVENTS))):
        which = number % len(clips)
        if which not in cuts:
            starts = range(0, len(films[which].seconds) - LASTS + 1, LASTS)
            cuts[which] = dice.sample(starts, -(-EVENTS // len(clips)))
        events.append(Event(clips[which].stem, cuts[which].pop(), segment, dice.randrange(lasts - LASTS)))
    return events


def record(folder: Path, given: argparse.Namespace, scratch: Path) -> tuple[list[Event], int, int]:
    """Makes the day: its events, its number of segments, and seconds of each."""
    with av.open(given.static) as file:
        shown = file.streams.video[0]
        size, rate = (shown.width, shown.height), round(shown.average_rate)
    static = Film(given.static, scratch, size, rate)
    films = [Film(clip, scratch, size, rate) for clip in given.events]
    usual = static.seconds * max(1, SEGMENT // len(static.seconds))
    segments = max(EVENTS, round(given.hours * 3600 / len(usual)))
    events = placed(given.events, films, segments, len(usual), given.seed)
    shows = {event.segment: event for event in events}
    for number in range(segments):
        seconds = list(usual)
        if event := shows.get(number):
            film = films[events.index(event) % len(films)]
            seconds[event.at : event.at + LASTS] = film.seconds[event.cut : event.cut + LASTS]
        write(folder / name_of(number), static.template, seconds, BEGIN + (number + 1) * len(usual))
    return events, segments, len(usual)


def close(folder: Path, segments: int, lasts: int) -> None:
    """One more frame, two hours later: nothing else ends a folder's last window but an hour without segments."""
    first = folder / name_of(0)
    with av.open(first) as file:
        frame = next(bytes(packet) for packet in file.demux(file.streams.video[0]) if packet.size)
    write(folder / name_of(segments), first, [[frame]], BEGIN + segments * lasts + 2 * 3600)


def last_hour(seconds: int) -> str:
    """When the last hour of the day begins in which there is a frame."""
    return datetime.fromtimestamp((BEGIN + seconds - 1) // 3600 * 3600, UTC).isoformat()


def tell(events: Sequence[Event], picks: Sequence[dict[str, Any]], lasts: int, looked: int) -> None:
    """Which events were found, and by which picks: their reason, and their distance to the nearest pick before."""
    times = sorted(int(pick["segment"].removesuffix(".mp4")) * lasts + pick["time"] for pick in picks)
    found = 0
    for event in events:
        own = [pick for pick in picks if event.shows(pick)]
        found += bool(own)
        at = event.segment * lasts + event.at
        before = bisect.bisect_left(times, at)
        told = ", ".join(f"{pick['reason']} {pick['distance'] or 0:.3f}" for pick in own) or "MISSED"
        print(f"  {at / 3600:6.2f} h  {event.clip[:20]:20} from {event.cut:3} s  after {before:4} picks  {told}")
    share, alike = len(picks) / looked, sum(pick["distance"] == 0 for pick in picks)
    print(f"events found: {found} of {len(events)}")
    print(f"picked: {len(picks)} of {looked} frames, {share:.2%}")
    print(f"of these equal to an earlier pick: {alike}, for the number's sake")
    print(f"uniform sampling of {len(picks)} frames: {len(events) * min(1.0, LASTS * share):.2f} events on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("static", type=Path, metavar="STATIC")
    parser.add_argument("events", type=Path, nargs="+", metavar="EVENTS")
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--window", type=int, metavar="N", help="the best N of each hour, and no ratio")
    parser.add_argument("--seed", type=int, default=0, help="of where events are")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder, began = Path(scratch), time.monotonic()
        recordings = folder / "recordings"
        recordings.mkdir()
        events, segments, lasts = record(recordings, given, folder)
        print(f"{segments} segments of {lasts} s, made in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        hourly = {"target_ratio": None, "window": {"picks": given.window, "minutes": 60}}
        source = {"name": "yard", "folder": "recordings", "keyframes": True}
        with daemon(folder, source, **(hourly if given.window else {})) as running:
            running.wait(lambda: len(running.events("read")) == segments, 24 * 3600)
            if given.window:
                close(recordings, segments, lasts)
                running.wait(lambda: running.events("chosen")[-1]["window"] >= last_hour(segments * lasts))
            wall, cpu = time.monotonic() - began, cpu_seconds(running)
            code = running.stop()
        if code or running.events("segment broken off") or running.events("damaged"):
            raise SystemExit(running.text)
        looked = running.events("stopped")[0]["frames"]
        tell(events, facts(folder), lasts, looked)
        print(f"{wall:.0f} s, {cpu:.0f} s of CPU: {cpu / looked * 1000:.1f} ms a frame looked at")


if __name__ == "__main__":
    main()
