"""Peak memory of `select` on a clip and on the same clip 20 times longer: `python benchmarks/memory.py CLIP`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from joining import join
from measured import STREAMSEL, machine, measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("-n", type=int, nargs="*", default=[60, 1000])
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, arguments.times):
            joined = join(arguments.clip, times, Path(folder) / f"x{times}{arguments.clip.suffix}")
            for n in arguments.n:
                out = f"{folder}/out-{times}-{n}"
                run = measured([*STREAMSEL, "select", str(joined), "-q", "-o", out, "-n", str(n)])
                print(
                    f"{arguments.clip.name} x {times}, -n {n}: peak {run.peak:.0f} MB in {run.wall:.1f} s", flush=True
                )


if __name__ == "__main__":
    main()
