"""What a plain install costs: `--help` in seconds, site-packages in MB. `python benchmarks/footprint.py`."""

from __future__ import annotations

import statistics
import sysconfig
from pathlib import Path

from measured import STREAMSEL, machine, measured

RUNS = 7


def main() -> None:
    print(machine())
    for line in (["--help"], ["select", "--help"]):
        walls = [measured([*STREAMSEL, *line]).wall for _ in range(RUNS)]
        print(f"streamsel {' '.join(line)}: median {statistics.median(walls):.3f} s, lowest {min(walls):.3f} s")
    site = Path(sysconfig.get_paths()["purelib"])
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(f"site-packages of this environment: {total / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
