"""What clips cost the edge daemon: `python benchmarks/edge_clips.py CLIP`.

The clip comes over and over by RTSP, in real time, and is looked at in several ways, each without clips and with them:
in turn, several times, since a busy machine changes by the minute. CPU is that of the daemon's process per second of
video, start-up not counted; the median of the turns is told. 1 % of the frames are picked, so that there is a clip most
of the time: of 5 seconds before and behind each pick, a minute at most.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from edge_cpu import LOOKS, WARM, endless, measured
from measured import machine

CLIPS = {"output": {"folder": "picks", "clips": {}}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--seconds", type=float, default=20, help="of each stream that are measured")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print(machine())
    print("looks at     without ms/s  with ms/s  ratio  clips  MB of them")
    with tempfile.TemporaryDirectory() as scratch:
        video = endless(given.clip, Path(scratch), given.seconds + WARM + 10)
        for name, looks in LOOKS.items():
            spent: dict[str, list[float]] = {"without": [], "with": []}
            clips = []
            for turn in range(given.turns):
                for way, options in (("without", {}), ("with", CLIPS)):
                    folder = Path(scratch) / name / f"{way}-{turn}"
                    spent[way].append(measured(video, looks, folder, given.seconds, **options)["cpu"])
                    clips += folder.rglob("*.mp4")
            before, after = (median(spent[way]) * 1000 for way in ("without", "with"))
            total = sum(file.stat().st_size for file in clips) / 1e6
            print(
                f"{name:>11} {before:13.1f} {after:10.1f} {after / before:6.2f} {len(clips):6} {total:11.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
