"""The edge daemon for a long time before a camera: `python benchmarks/edge_soak.py CLIP [--minutes 30] [--speed 4]`.

The clip comes over RTSP, over and over at `speed` times its own speed; every four minutes the camera hangs up. Printed
every minute and at the end: resident memory and its growth after the warm-up, beside that of the picks' vectors, which
grow by design; open files, threads, frames, what the queue dropped, picks, and whether the target ratio was kept in
each reading from 1,000 frames on.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from itertools import count
from pathlib import Path

import av
from measured import machine

from streamsel.testing.looping import looped
from streamsel.testing.servers import camera
from streamsel.testing.service_process import Running
from streamsel.testing.soaking import FROM, Reading, beyond, growth, read

RATIO = 0.01
PICK = 5_000
"""Bytes of memory that a pick takes for good, with the default model."""
EVERY = 5.0
"""Seconds between two readings."""
SHOWN = 4
"""Minutes after which the camera hangs up."""


def seconds(clip: Path) -> float:
    """How long it is."""
    with av.open(clip) as container:
        return (container.duration or 0) / av.time_base


def pipeline(folder: Path, port: int, fps: float | None) -> Path:
    """The file of a daemon with one camera."""
    source = {"name": "camera", "url": f"rtsp://127.0.0.1:{port}/camera", **({"fps": fps} if fps else {})}
    file = folder / "edge.json"
    told = {"kind": "edge", "sources": [source], "state": "state", "output": {"folder": "picks"}}
    file.write_text(json.dumps({**told, "target_ratio": RATIO, "metrics": "127.0.0.1:0"}))
    return file


def after(readings: list[Reading], warm: float) -> list[Reading]:
    """Those behind the warm-up, of so many seconds."""
    return [one for one in readings if one.seconds - readings[0].seconds >= warm]


def vectors(readings: list[Reading]) -> float:
    """MB an hour that picks take for good."""
    first, last = readings[0], readings[-1]
    return PICK / 1e6 * (last.picks - first.picks) / (last.seconds - first.seconds) * 3600


def extent(readings: list[Reading]) -> str:
    """Between what memory stayed."""
    held = [one.resident for one in readings]
    return f"{min(held):.1f} to {max(held):.1f} MB"


def told(readings: list[Reading], warm: float) -> str:
    """One line of how it stands. warm: seconds of the warm-up."""
    first, last, late = readings[0], readings[-1], after(readings, warm)
    slope = f", {growth(late):+.1f} MB/h (picks' vectors {vectors(late):+.1f})" if late[1:] else ""
    return (
        f"{(last.seconds - first.seconds) / 60:5.1f} min: {last.resident:.1f} MB{slope}, {last.descriptors} files,"
        f" {last.threads} threads, {last.frames} frames, {last.dropped} dropped,"
        f" {last.queued} queued (most {max(one.queued for one in readings)}),"
        f" {last.picks} picks, state.db {last.state / 1e6:.2f} MB, ratio {last.picks / max(1, last.decided):.4f}"
    )


def judged(readings: list[Reading]) -> str:
    """How the target ratio was kept."""
    late = [one for one in readings if one.decided >= FROM]
    worst = max((beyond(one, RATIO) for one in late), default=-math.inf)
    return (
        f"{RATIO:g} kept in {sum(beyond(one, RATIO) <= 0 for one in late)} of {len(late)} readings, worst {worst:+.1f}"
    )


def soak(running: Running, state: Path, minutes: float, warm: float) -> list[Reading]:
    """Readings of a daemon for so long, told each minute."""
    running.wait(lambda: running.events("connected"))
    readings = [read(running, state)]
    for number in count(1):
        time.sleep(max(0.0, readings[0].seconds + number * EVERY - time.monotonic()))
        assert running.process.poll() is None, running.text
        readings.append(read(running, state))
        if number * EVERY % 60 == 0:
            print(told(readings, warm), flush=True)
        if number * EVERY >= 60 * minutes:
            return readings
    raise AssertionError("count never ends")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--speed", type=int, default=4)
    parser.add_argument("--fps", type=float, default=25, help="frames a second that are looked at; 0: all")
    arguments = parser.parse_args()
    print(machine())
    warm = 60 * min(5, arguments.minutes / 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = math.ceil(60 * min(SHOWN, arguments.minutes + 1) * arguments.speed / seconds(arguments.clip))
        film = looped(arguments.clip, folder / "film.mp4", times=times, speed=arguments.speed)
        with camera(film) as (port, _), Running(pipeline(folder, port, arguments.fps)) as running:
            readings = soak(running, folder / "state", arguments.minutes, warm)
            print(f"in all: {told(readings, warm)}")
            print(f"after {warm / 60:.1f} min {extent(after(readings, warm))}")
            print(f"target ratio {judged(readings)}; connections lost: {len(running.events('lost'))}")
            print(f"ends with {running.stop()}")


if __name__ == "__main__":
    main()
