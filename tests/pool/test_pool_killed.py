"""A process killed while it appends leaves the old pool or the new one, and no lock that lasts."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest

from streamsel.pool.datapool import Pool
from tests.pool.remembered import entries, run

DIM = 64

APPENDING = """
import sys
from pathlib import Path
from streamsel.pool.datapool import Pool
from tests.pool.remembered import entries, run

with Pool.open(Path(sys.argv[1]), "m", 64) as pool:
    for number in range(int(sys.argv[2]), 10_000):
        pool.append(run(number), entries(range(number * 40, number * 40 + 40), 64))
        print(number, flush=True)
"""

DYING = """
import os, signal, sys
from pathlib import Path
from streamsel.pool import rewriting
from streamsel.pool.datapool import Pool
from tests.pool.remembered import entries, run

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

with Pool.open(Path(sys.argv[1]), "m", 64) as pool:
    exec(sys.argv[2])
    pool.append(run(1), entries(range(40, 80), 64))
"""

MOMENTS = {
    "opened": ("rewriting.PoolWriter = die", 1),
    "copied": ("rewriting.PoolWriter.close = die", 1),
    "written": ("os.fsync = die", 1),
    "synced": ("Path.replace = die", 1),
    "renamed": ("rewriting._sync_folder = die", 2),
}


def ids(path) -> list[str]:
    with Pool.open(path, "m", DIM) as pool:  # takes the lock: nobody holds it any more
        found = [row.id for row in pool.rows()]
        assert len(found) == len(pool) == len(pool.vectors)
        return found


def expected(runs: int) -> list[str]:
    return [entry.id for entry in entries(range(runs * 40), DIM)]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_each_step(tmp_path, moment):
    path = tmp_path / "pool.parquet"
    with Pool.open(path, "m", DIM) as pool:
        pool.append(run(0), entries(range(40), DIM))
    how, runs = MOMENTS[moment]
    done = subprocess.run([sys.executable, "-c", DYING, path, how], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ids(path) == expected(runs)
    with Pool.open(path, "m", DIM) as pool:  # the run repeated counts once
        pool.append(run(1), entries(range(40, 80), DIM))
    assert ids(path) == expected(2)


def test_killed_at_random_moments(tmp_path):
    path, moments, told = tmp_path / "pool.parquet", random.Random(7), -1
    for _ in range(6):
        arguments = [sys.executable, "-c", APPENDING, str(path), str(max(0, told))]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for _ in range(moments.randrange(1, 6)):
                told = int(process.stdout.readline())
            time.sleep(moments.random() * 0.03)
            process.kill()
            told = max([told, *map(int, process.stdout.read().split())])
        runs = len(ids(path)) // 40
        assert told + 1 <= runs <= told + 2
        assert ids(path) == expected(runs)
