"""What windows of time cost a topic's changelog, and how long choosing takes: `python benchmarks/window_state.py`.

A lane takes an hour of frames, 10 a second, as a partition does: vectors of the default model's length, scenes that
change. Printed are the bytes of its state that batches of 128 tell, per window of so many picks, what the transaction
that ends the window tells, and the seconds of CPU that choosing takes.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction

import numpy as np
from measured import machine

from streamsel.data import Frame, Mark, Vector
from streamsel.decode.picture import StillPicture
from streamsel.embed.load import load_embedder
from streamsel.lanes.by_window import WindowGoal
from streamsel.lanes.lane import Lane, Taken
from streamsel.lanes.making import Lanes
from streamsel.testing.streams import scene_stream

DIM, HOUR, BATCH = 1280, 3600.0, 128
PICTURE = StillPicture(np.zeros((8, 8, 3), np.uint8))


def taken(vectors: Vector, first: int, pace: float) -> list[Taken]:
    """Frames of the vectors, one a record, from the first number on."""
    numbers = range(first, first + len(vectors))
    marks = (Mark("camera", number, number, Fraction(1)) for number in numbers)
    frames = (Frame(mark, PICTURE) for mark in marks)
    return [Taken(frame, row, n, when=n * pace) for frame, row, n in zip(frames, vectors, numbers, strict=True)]


def told(lane: Lane) -> int:
    """Bytes of the entries that changed since the last call."""
    return sum(len(key) + len(value or b"") for key, value in lane.entries().items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picks", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--frames", type=int, default=36_000)
    arguments = parser.parse_args()
    print(machine())
    rows, embedder = scene_stream(arguments.frames, dim=DIM), load_embedder()
    for picks in arguments.picks:
        lane = Lanes(None, embedder, window=WindowGoal(picks, HOUR)).lane(0)
        changelog = 0
        for first in range(0, len(rows), BATCH):
            lane.settle(taken(rows[first : first + BATCH], first, HOUR / len(rows)))
            changelog += told(lane)
        began = time.process_time()
        chosen = len(lane.end(2 * HOUR).picks)
        seconds, last = time.process_time() - began, told(lane)
        print(
            f"{len(rows)} frames, {chosen} picks: {changelog / 1e6:.0f} MB told, {last / 1e6:.2f} MB by the last"
            f" transaction, chosen in {seconds:.2f} s of CPU",
            flush=True,
        )


if __name__ == "__main__":
    main()
