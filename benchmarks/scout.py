"""What the scout costs and loses: `python benchmarks/scout.py CLIPS_FOLDER`.

Budget: of every clip only the frames that the scout's coreset kept are chosen from, by exact farthest-first in the
f32 embedding of every frame, and compared with exact k-center over all frames. Printed are ratios (smallest distance,
p10, cover, mean), the members and the frames admitted on the way as shares of all, and microseconds a frame. What the
embedder's bfloat16 loses comes on top: `quality.py`.

Stream: picks at a minimum distance with the gate beside those without, and the share of frames that it let through.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measured import machine
from reference import Figures, embeddings, geometric_mean, k_center
from scenes import scenes_hit

from streamsel.coreset import Coreset
from streamsel.data import Source, Vector
from streamsel.decode.open import open_decoder
from streamsel.embed.gate import LOOK, Gate
from streamsel.embed.scout import describe
from streamsel.selection.stream.onepass import OnePass

BLOCK = 16
SIZES = (12, 30, 99, 200)
SCENES = (("mix_aba_640x360", 12), ("mix_aba_640x360", 20), ("bikes", 6), ("bikes", 8))
NOVELTY = 0.76
DISTANCES = (0.4, 0.6, 0.76)


@dataclass(frozen=True)
class Clip:
    """A clip's descriptors, what each cost in microseconds, and the embeddings of the same frames."""

    name: str
    rows: Vector
    cost: float
    embeddings: Vector


@dataclass(frozen=True)
class Shortlist:
    """Indexes of the members, and for all frames: the share admitted, microseconds each."""

    members: list[int]
    admitted: float
    cost: float

    @classmethod
    def of(cls, rows: Vector, capacity: int, uniform: float, known: bool) -> Shortlist:
        coreset = Coreset(capacity, rows.shape[1], uniform=uniform, expected=len(rows) if known else None)
        began = time.perf_counter()
        admitted = sum(len(coreset.offer(rows[i : i + BLOCK]).admitted) for i in range(0, len(rows), BLOCK))
        spent = time.perf_counter() - began
        return cls(coreset.members().ids.tolist(), admitted / len(rows), spent / len(rows) * 1e6)

    def choose(self, embeddings: Vector, k: int) -> list[int]:
        """The picks among the members."""
        return [self.members[place] for place in k_center(embeddings[self.members], min(k, len(self.members)))]


def load(path: Path, cache: Path) -> Clip:
    with open_decoder(Source(path.name, str(path))) as decoder:
        samples = np.stack([frame.picture.i420() for frame in decoder.read()])
    began = time.perf_counter()
    rows = np.concatenate([describe(samples[i : i + BLOCK]) for i in range(0, len(samples), BLOCK)])
    cost = (time.perf_counter() - began) / len(samples) * 1e6
    return Clip(path.stem, rows, cost, embeddings(path, cache))


def budget(clips: list[Clip], capacities: dict[str, tuple[int, int]], uniform: float, known: bool) -> None:
    ratios: dict[str, list[Figures]] = defaultdict(list)
    print("clip, k, capacity: min p10 cover mean, members, admitted, us a frame")
    for clip in clips:
        for k in [size for size in SIZES if size * 3 <= len(clip.rows)]:
            exact = Figures.of(clip.embeddings, k_center(clip.embeddings, k))
            for name, (times, least) in capacities.items():
                short = Shortlist.of(clip.rows, max(times * k, least), uniform, known)
                ratio = Figures.of(clip.embeddings, short.choose(clip.embeddings, k)).over(exact)
                ratios[name].append(ratio)
                shares = f"{len(short.members) / len(clip.rows):4.2f} {short.admitted:4.2f}"
                print(f"{clip.name:20} {k:4} {name:12} {ratio}  {shares}  {clip.cost:.0f} + {short.cost:.0f}")
    for name, found in ratios.items():
        means = " ".join(
            f"{geometric_mean(list(column)):.3f}" for column in zip(*(f.values() for f in found), strict=True)
        )
        print(f"all {len(found)}: {name:12} {means}  worst p10 {min(f.p10 for f in found):.3f}", end="  ")
        print(f"worst cover {max(f.cover for f in found):.3f}")


def scenes(clips: list[Clip], capacities: dict[str, tuple[int, int]], uniform: float, known: bool) -> None:
    by_name = {clip.name: clip for clip in clips}
    for stem, k in [pair for pair in SCENES if pair[0] in by_name]:
        clip = by_name[stem]
        exact = len(scenes_hit(stem, k_center(clip.embeddings, k)))
        for name, (times, least) in capacities.items():
            short = Shortlist.of(clip.rows, max(times * k, least), uniform, known)
            hit = len(scenes_hit(stem, short.choose(clip.embeddings, k)))
            print(f"{stem} k={k}: {name} finds {hit} scenes, exact k-center {exact}")


def stream(clips: list[Clip]) -> None:
    print("clip, min distance: picks with the gate / without, ratio of covering radii, share let through")
    for clip in clips:
        for distance in DISTANCES:
            (gated, share), (free, _) = (one_pass(clip, distance, gated) for gated in (True, False))
            radii = [Figures.of(clip.embeddings, picks).cover for picks in (gated, free)] if len(free) > 1 else [1, 1]
            cover = radii[0] / radii[1]
            print(f"{clip.name:20} {distance:4} {len(gated):4} / {len(free):<4} {cover:5.3f}  {share:4.2f}")


def one_pass(clip: Clip, distance: float, gated: bool) -> tuple[list[int], float]:
    """Picks in one pass, and the share of frames embedded."""
    gate, driver = Gate(), OnePass(clip.embeddings.shape[1], min_distance=distance)
    picks: list[int] = []
    for start in range(0, len(clip.rows), BLOCK):
        held_by = gate.offer(clip.rows[start : start + BLOCK])
        looked = start + (np.flatnonzero(held_by == LOOK) if gated else np.arange(len(held_by)))
        decisions = driver.offer(clip.embeddings[looked])
        picks += [int(frame) for frame, decision in zip(looked, decisions, strict=True) if decision]
        nearest = np.array([0.0 if decision else decision.distance for decision in decisions])
        gate.settle(looked.tolist(), (np.sqrt(distance**2 - nearest**2) / NOVELTY).tolist())
    return picks, gate.passed / len(clip.rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--uniform", type=float, default=0.5, help="share of the members spread evenly in time")
    parser.add_argument("--unknown-length", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/streamsel/embeddings")
    arguments = parser.parse_args()
    clips = [load(path, arguments.cache) for path in sorted(arguments.clips.iterdir()) if path.is_file()]
    capacities = {"3k": (3, 0), "6k": (6, 0), "8k": (8, 0), "max(6k, 96)": (6, 96), "max(8k, 256)": (8, 256)}
    print(machine())
    budget(clips, capacities, arguments.uniform, not arguments.unknown_length)
    scenes(clips, capacities, arguments.uniform, not arguments.unknown_length)
    stream(clips)


if __name__ == "__main__":
    main()
