"""Speed of TYPICALITY, beside lightly-mundig: `python benchmarks/typicality.py [CASE...]`.

Both engines get the same rows, in turn, each in a process of its own; printed are the seconds from the table in memory
to the values, their ratio, the peak memory of each process (the table and the interpreter included), and the largest
difference between the values. Tables: `clustered` and `random` as in selection.py; `still` are scenes that stand
still, with neighbours nearer to each other than a float32 product can tell, and repetitions.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measured import machine
from selection import clustered, uniform, unit

K = 20


def still(rows: int, dim: int) -> np.ndarray:
    dice = np.random.default_rng(0)
    scene = np.sort(dice.integers(0, 20, rows))
    made = dice.standard_normal((20, dim), dtype=np.float32)[scene]
    made += 1e-3 * dice.standard_normal((rows, dim), dtype=np.float32)
    made[1::4] = made[::4][: len(made[1::4])]
    return unit(made)


def ours(table: np.ndarray) -> np.ndarray:
    from streamsel.selection.formulas import typicality

    return typicality(table, K)


def mundig(table: np.ndarray) -> np.ndarray:
    import lightly_mundig

    return np.array(lightly_mundig.Typicality(table).calculate_typicality(K))


ENGINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"streamsel": ours, "mundig": mundig}
TABLES: dict[str, Callable[[int, int], np.ndarray]] = {"clustered": clustered, "random": uniform, "still": still}
CASES = {
    **{f"{name}-20k": (name, 20_000, 512, ("streamsel", "mundig")) for name in TABLES},
    **{f"{name}-100k": (name, 100_000, 512, ("streamsel",)) for name in TABLES},
}
"""Case -> table, rows, dim and the engines that are run: the second takes a quarter of an hour for 100,000 rows."""


def once(case: str, name: str, file: Path) -> None:
    """Run in this process; seconds, peak memory in MB and the values go to the file."""
    table, rows, dim, _ = CASES[case]
    made = TABLES[table](rows, dim)
    began = time.perf_counter()
    values = ENGINES[name](made)
    seconds = time.perf_counter() - began
    np.save(file, [seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, *values])


def timed(case: str, name: str) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.npy"
        subprocess.run([sys.executable, __file__, case, "--engine", name, "--file", str(file)], check=True)
        return np.load(file)


def compare(case: str) -> None:
    told = {name: timed(case, name) for name in CASES[case][3]}
    for name, (seconds, peak, *_) in told.items():
        print(f"{case:16} {name:10} {seconds:8.2f} s, peak {peak:6.0f} MB", flush=True)
    if len(told) > 1:
        ratio = told["mundig"][0] / told["streamsel"][0]
        apart = np.abs(told["mundig"][2:] - told["streamsel"][2:]).max()
        print(f"{case:16} {ratio:.1f} times as fast (wanted 8); values at most {apart:.1e} apart", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--engine", help="run the case with this engine only, here")
    parser.add_argument("--file", type=Path, help="where --engine saves what it found")
    arguments = parser.parse_args()
    if arguments.engine:
        once(arguments.cases[0], arguments.engine, arguments.file)
        return
    print(machine())
    for case in arguments.cases:
        compare(case)


if __name__ == "__main__":
    main()
