"""What a camera costs the edge daemon: `python benchmarks/edge_cpu.py CLIP...`.

Each clip, as it is or scaled to each of the heights, comes over and over by RTSP, in real time. CPU is that of the
daemon's process (user and system), from some seconds after it has connected, per second of video; start-up is in no
figure. The model's runtime has one thread, the target ratio is 1 %. Sources a core: how many such sources add up to a
whole core. With --exact no scout goes before the model, as with --sequence-length L, where picks are sequences of L
frames, and with --tiles N, where they are tiles, as objects, of which each frame has N in a row and N in a column.
Resident: memory of the process at the end.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import av
from edge_daemon import cpu_seconds, daemon, encoded
from measured import machine

from streamsel.testing.edge_telling import status
from streamsel.testing.looping import looped
from streamsel.testing.servers import camera

LOOKS: dict[str, dict[str, Any]] = {"key frames": {"keyframes": True}, "5 fps": {"fps": 5}, "all frames": {}}
WARM = 5.0
"""Seconds after it has connected, of which nothing is measured."""
KEY = 4.0
"""Seconds between key frames of what is scaled."""


def scaled(clip: Path, height: int, folder: Path) -> Path:
    """The clip with this height: itself where it has it."""
    with av.open(clip) as source:
        shown = source.streams.video[0]
        own, width = shown.height, round(shown.width * height / shown.height / 2) * 2
    return clip if own == height else encoded(clip, folder / f"{clip.stem}-{height}.mp4", (width, height), key=KEY)


def endless(video: Path, folder: Path, seconds: float) -> Path:
    """The video over and over, at least so long."""
    with av.open(video) as source:
        times = int(seconds / (source.duration / av.time_base)) + 1
    return looped(video, folder / f"{video.stem}-looped.mp4", times=times)


def measured(video: Path, looks: dict[str, Any], folder: Path, seconds: float, **options: Any) -> dict[str, float]:
    """Per second of video: CPU seconds, frames looked at, frames dropped, picks. options: of the daemon."""
    with camera(video) as (port, _):
        source = {"name": "camera", "url": f"rtsp://127.0.0.1:{port}/camera", **looks}
        with daemon(folder, source, threads=1, metrics="127.0.0.1:0", **options) as running:
            running.wait(lambda: running.events("connected"))
            time.sleep(WARM)
            began, spent, before = time.monotonic(), cpu_seconds(running), standing(running)
            time.sleep(seconds)
            took, spent, after = time.monotonic() - began, cpu_seconds(running) - spent, standing(running)
            if running.stop() or running.events("lost"):
                raise SystemExit(running.text)
    counts = {name: (after[name] - before[name]) / took for name in ("frames", "dropped", "picks")}
    return {"cpu": spent / took, "resident": after["resident"], **counts}


def standing(running: Any) -> dict[str, int]:
    """What the status page says of the source, and of memory."""
    told = status(running)
    return {**told["sources"][0], "resident": told["memory"]["resident"]}


def asked(given: argparse.Namespace) -> dict[str, Any]:
    """Options of the daemon."""
    diverse = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    worker: dict[str, Any] = {"selected_sequence_length": given.sequence_length}
    tiles = {"type": "TILING", "name": "tiles", "num_rows": given.tiles, "num_cols": given.tiles}
    chosen = {"strategies": [diverse], "auto_tasks": [tiles] if given.tiles else []}
    if given.tiles:
        worker["object_level"] = {"task_name": "tiles"}
    exact = {"effort": "exact"} if given.exact else {}
    plain = given.sequence_length == 1 and not given.tiles
    return exact if plain else {**exact, "selection": {"selection_config": chosen, "worker_config": worker}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--heights", type=int, nargs="+", default=[1080, 720])
    parser.add_argument("--seconds", type=float, default=25, help="of each stream that are measured")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--sequence-length", type=int, default=1, metavar="L")
    parser.add_argument("--tiles", type=int, default=0, metavar="N")
    given = parser.parse_args()
    print(machine())
    print("clip, height         looks at    frames/s  dropped/s  picks/s  CPU ms/s  sources a core  resident MB")
    for clip in given.clips:
        for height in given.heights:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                video = endless(scaled(clip, height, folder), folder, given.seconds + WARM + 10)
                for number, (name, looks) in enumerate(LOOKS.items()):
                    found = measured(video, looks, folder / str(number), given.seconds, **asked(given))
                    print(
                        f"{clip.stem[:14]:14} {height:5} {name:>12} {found['frames']:10.2f} {found['dropped']:10.2f}"
                        f" {found['picks']:8.2f} {found['cpu'] * 1000:9.1f} {1 / found['cpu']:15.1f}"
                        f" {found['resident'] / 1e6:12.0f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
