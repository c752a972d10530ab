"""Speed of `select -n 60` as a whole process, beside a process that only decodes: `python benchmarks/speed.py CLIP`.

The clip is joined to itself until decoding alone takes --seconds. Both commands run in turn, decode, select, decode,
select, ...; printed are the ratios decode / select of the wall times, pair by pair, and their median (1 is as fast
as decoding alone).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from joining import join
from measured import STREAMSEL, machine, measured

DECODE = [sys.executable, str(Path(__file__).with_name("decode_only.py"))]


def long_enough(clip: Path, seconds: float, folder: Path) -> tuple[Path, int]:
    """The clip joined to itself until decoding it takes so long, and how many times it is in there."""
    joined, times, took = clip, 1, measured([*DECODE, str(clip)]).wall
    while took < seconds:
        times = max(
            times + 1, round(1.02 * times * seconds / took)
        )  # a start-up is in what it took: not enough at once
        joined = join(clip, times, folder / f"joined-{times}{clip.suffix}")
        took = measured([*DECODE, str(joined)]).wall
    return joined, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("options", nargs="*", default=["-n", "60"], help="options of select, after --")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        joined, times = long_enough(arguments.clip, arguments.seconds, Path(folder))
        ratios = []
        for run in range(arguments.runs):
            decode = measured([*DECODE, str(joined)])
            select = measured([*STREAMSEL, "select", str(joined), "-q", "-o", f"{folder}/{run}", *arguments.options])
            ratios.append(decode.wall / select.wall)
            print(
                f"decode {decode.wall:.1f} s ({decode.cpu:.1f} CPU)  select {select.wall:.1f} s ({select.cpu:.1f} CPU)"
                f"  peak {select.peak:.0f} MB  ratio {ratios[-1]:.3f}",
                flush=True,
            )
    median = statistics.median(ratios)
    print(f"{arguments.clip.name} x {times}, {' '.join(arguments.options)}: median ratio {median:.3f}")


if __name__ == "__main__":
    main()
