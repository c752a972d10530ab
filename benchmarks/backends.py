"""Compares the default model's backends on real frames: agreement, speed, start-up, memory.

    python benchmarks/backends.py VIDEO... [--frames N]

Every video gives N frames, evenly spread, scaled as the judge scales them. Fails (exit code 1) when torch and
OpenVINO agree to less than a cosine of .999 in float32. Needs the [torch] extra.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder
from streamsel.embed.on_torch import load_lite0

REQUIRED_COSINE = 0.999

STARTED = """
import time
import numpy as np
picture = np.zeros((1, 224, 224, 3), np.uint8)
before = time.perf_counter()
from streamsel.embed.load import load_embedder
embedder = load_embedder(device="cpu", precision={precision!r})
embedder.embed(picture)
started = time.perf_counter() - before
embedder.embed(np.zeros((64, 224, 224, 3), np.uint8))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(started, int(peak.split()[1]) / 1024)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the default model's backends on real frames.")
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=40)
    options = parser.parse_args()
    exact, quick = load_embedder(device="cpu", precision="f32"), load_embedder(device="cpu")
    torch = load_lite0("cpu", precision="f32")
    worst = agreement(options.videos, options.frames, exact, quick, torch)
    pictures = np.stack(list(spread(options.videos[0], 64)))
    for embedder in (exact, quick, torch):
        print(f"{embedder.name}: {speed(embedder, pictures):.0f} pictures/s (best of 5, {os.cpu_count()} cores)")
    for precision in ("f32", "auto"):
        seconds, mebibytes = started(precision)
        print(f"precision {precision}: first vector after {seconds:.2f} s, peak memory {mebibytes:.0f} MiB")
    return 0 if worst >= REQUIRED_COSINE else 1


def agreement(videos: list[Path], frames: int, exact: Embedder, quick: Embedder, torch: Embedder) -> float:
    """Prints a line for each video; gives the smallest cosine of torch and OpenVINO."""
    print("                        cosine of torch and OpenVINO, f32    distance of bf16 and f32    between neighbours")
    worst = 1.0
    for video in videos:
        pictures = np.stack(list(spread(video, frames)))
        reference, low = exact.embed(pictures), quick.embed(pictures)
        cosine = float((reference * torch.embed(pictures)).sum(axis=1).min())
        apart, neighbours = distances(reference, low), distances(reference[1:], reference[:-1])
        print(
            f"{video.name:24} at least {cosine:.7f}"
            f"{'median':>24} {np.median(apart):.3f} most {apart.max():.3f}"
            f"{'median':>12} {np.median(neighbours):.3f}"
        )
        worst = min(worst, cosine)
    return worst


def spread(video: Path, number: int) -> Iterator[Pixels]:
    """That many frames of a video, or all of them, evenly spread, 224 x 224."""
    with av.open(str(video)) as container:
        total = sum(1 for _ in container.decode(video=0))
    wanted = set(np.linspace(0, total - 1, min(number, total)).astype(int).tolist())
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                yield np.asarray(frame.reformat(224, 224, "rgb24", interpolation="AREA").to_ndarray(), np.uint8)


def distances(left: Vector, right: Vector) -> Vector:
    """Euclidean, row by row."""
    return np.asarray(np.linalg.norm(left - right, axis=1), np.float32)


def speed(embedder: Embedder, pictures: Pixels) -> float:
    """Pictures per second, the best of five tries."""
    embedder.embed(pictures[: embedder.batch])
    best = float("inf")
    for _ in range(5):
        before = time.perf_counter()
        embedder.embed(pictures)
        best = min(best, time.perf_counter() - before)
    return len(pictures) / best


def started(precision: str) -> tuple[float, float]:
    """Seconds from import to the first vector, numpy already there, and peak memory in MiB after 64 more; best of 5.

    Linux only: the kernel's own high-water mark, as `getrusage` would count the parent's memory.
    """
    runs = []
    for _ in range(5):
        script = STARTED.format(precision=precision)
        out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        runs.append([float(value) for value in out.split()])
    return min(run[0] for run in runs), min(run[1] for run in runs)


if __name__ == "__main__":
    sys.exit(main())
