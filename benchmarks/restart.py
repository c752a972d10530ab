"""Kills `select` at random moments and compares what comes out in the end: `python benchmarks/restart.py CLIP`.

Each trial: a run killed with SIGKILL up to three times, then the same command to its end, against one that was left
alone: frames, manifest, embeddings, decisions, sequences byte for byte, and the summary but for its timings.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from measured import STREAMSEL

MODES = (
    ["-n", "30"],
    ["--target-ratio", "0.05"],
    ["--min-distance", "0.6"],
    ["-n", "30", "--sequence-length", "5"],
    ["-n", "12", "--effort", "exact", "--every", "3"],
)
STATE = {"state.db", "state.db-wal", "state.db-shm"}


def contents(out: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name not in STATE}
    summary = json.loads(found.pop("summary.json"))
    del summary["seconds"]
    return {**found, "summary": json.dumps(summary).encode()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    arguments = parser.parse_args()
    dice, same, kills = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole = {}
        for mode, options in enumerate(MODES):
            began = time.monotonic()
            out = Path(folder) / f"whole{mode}"
            subprocess.run([*STREAMSEL, "select", str(arguments.clip), "-q", "-o", str(out), *options], check=True)
            whole[mode] = (time.monotonic() - began, contents(out))
        while kills < arguments.kills:
            mode = kills % len(MODES)
            out = Path(folder) / f"killed{kills}"
            line = [*STREAMSEL, "select", str(arguments.clip), "-q", "-o", str(out), *MODES[mode]]
            child = subprocess.Popen(line)
            try:
                child.wait(dice.uniform(0.05, 1.0) * whole[mode][0])
                continue
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.wait()
            kills += 1
            subprocess.run(line, check=True)
            same += contents(out) == whole[mode][1]
            print(f"{kills} kills, {same} identical results", flush=True)


if __name__ == "__main__":
    main()
