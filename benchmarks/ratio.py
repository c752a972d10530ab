"""How closely a target ratio is kept, and how good the picks are: `python benchmarks/ratio.py CLIPS_FOLDER`.

For every clip of 1,000 frames or more, and a synthetic stream of 100,000 rows with cuts, standing pictures and bursts,
at 1, 5 and 20 %: the excess over the ratio from frame 1,000 to the end, in bands (the promised bound is -1 to 1), and
the 10th percentile of the picks' pairwise distances and their covering radius (lower is better), as ratios to exact
k-center of the same size. `rows` decides on every row, `scout` on what a simulated scout lets through, `program` is
the whole program on the file. Beside them `uniform`, and `banded`: k-center inside the band, which sees all rows first.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from banded import farthest_first, farthest_in_band
from reference import embeddings, geometric_mean, uniform

import streamsel
from streamsel.selection.quality import pairwise
from streamsel.selection.stream.onepass import OnePass
from streamsel.selection.stream.pick_index import PickIndex
from streamsel.selection.stream.rate import SETTLED, band
from streamsel.testing.streams import held_back, scene_stream

RATIOS = (0.01, 0.05, 0.2)
Choice = Callable[[float], Sequence[int]]
"""A ratio -> numbers of the rows picked."""


def by_rows(rows: np.ndarray, ratio: float) -> list[int]:
    """Every row is decided on."""
    decisions = OnePass(rows.shape[1], target_ratio=ratio).offer(rows)
    return [number for number, decision in enumerate(decisions) if decision]


def by_scout(rows: np.ndarray, ratio: float) -> list[int]:
    """Rows that resemble the last one let through are held back, up to the fewest that must come through."""
    passed, looked = held_back(rows, ratio, same=0.2)
    decisions = OnePass(rows.shape[1], target_ratio=ratio).offer(rows[passed], looked)
    return [number for number, decision in zip(passed, decisions, strict=True) if decision]


def by_program(clip: Path, ratio: float) -> list[int]:
    """The picks of `streamsel select --target-ratio`, by their frame numbers."""
    with tempfile.TemporaryDirectory() as out:
        found = streamsel.select(clip, Path(out) / "out", target_ratio=ratio, table=False)
        return sorted(pick["index"] for pick in found.picks)


@dataclass(frozen=True)
class Result:
    """kept: picks; low, high: see `excess`; p10, cover: ratios to exact k-center; took: microseconds a row."""

    kept: int
    low: float
    high: float
    p10: float
    cover: float
    took: float

    @classmethod
    def of(cls, rows: np.ndarray, ratio: float, choose: Choice) -> Result:
        began = time.perf_counter()
        picks = choose(ratio)
        took = (time.perf_counter() - began) / len(rows) * 1e6
        p10, cover = np.divide(figures(rows, picks), figures(rows, farthest_first(rows, len(picks))))
        return cls(len(picks), *excess(picks, len(rows), ratio), float(p10), float(cover), took)

    def __str__(self) -> str:
        return (
            f"{self.kept:6}  {self.low:+6.3f} .. {self.high:+6.3f}  {self.p10:6.3f} {self.cover:6.3f}  {self.took:9.0f}"
        )


def excess(picks: Sequence[int], frames: int, ratio: float) -> tuple[float, float]:
    """Smallest and largest (picks - ratio * t) / band(t), over t from SETTLED on; the bound is -1 to 1."""
    t = np.arange(SETTLED, frames + 1)
    off = np.searchsorted(np.sort(picks), t) - ratio * t
    bands = off / np.array([band(ratio, moment) for moment in t])
    return float(bands.min()), float(bands.max())


def figures(rows: np.ndarray, picks: Sequence[int]) -> tuple[float, float]:
    """10th percentile of pairwise distance, and covering radius."""
    kept = PickIndex(rows.shape[1]).restore({"picks": rows[list(picks)]})
    return pairwise(rows[list(picks)]).p10, float(kept.nearest(rows)[0].max())


def compare(rows: np.ndarray, choices: dict[str, Choice]) -> Iterator[tuple[str, float, Result]]:
    """A result for every ratio and choice; the references pick as many as the first choice."""
    for ratio in RATIOS:
        first, *others = choices.items()
        results = {first[0]: Result.of(rows, ratio, first[1])}
        size = results[first[0]].kept
        references: dict[str, Choice] = {
            "uniform": lambda _, size=size: uniform(len(rows), size),
            "banded": lambda ratio, size=size: farthest_in_band(rows, size, ratio),
        }
        results |= {name: Result.of(rows, ratio, choose) for name, choose in [*others, *references.items()]}
        yield from ((name, ratio, result) for name, result in results.items())


def streams(clips: Path, cache: Path, synthetic: int) -> Iterator[tuple[str, np.ndarray, dict[str, Choice]]]:
    """What to compare on: its name, its rows, and who chooses."""
    for clip in sorted(path for path in clips.iterdir() if path.is_file()):
        rows = embeddings(clip, cache)
        if len(rows) >= SETTLED:
            yield clip.stem, rows, {**_drivers(rows), "program": lambda ratio, clip=clip: by_program(clip, ratio)}
    if synthetic:
        rows = scene_stream(synthetic)
        yield "synthetic", rows, _drivers(rows)


def _drivers(rows: np.ndarray) -> dict[str, Choice]:
    return {"rows": lambda ratio: by_rows(rows, ratio), "scout": lambda ratio: by_scout(rows, ratio)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/streamsel/embeddings")
    parser.add_argument("--rows", type=int, default=100_000, help="length of the synthetic stream, 0 for none")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'stream':16} ratio  {'choice':8} {'kept':>6}  excess, in bands     p10  cover   us a frame")
    found = defaultdict(list)
    for name, rows, choices in streams(arguments.clips, arguments.cache, arguments.rows):
        for choice, ratio, result in compare(rows, choices):
            print(f"{name[:16]:16} {ratio:5.0%}  {choice:8} {result}", flush=True)
            found["synthetic" if name == "synthetic" else "clips", choice].append(result)
    for (where, choice), results in found.items():
        worst = max(max(-result.low, result.high) for result in results)
        p10, cover = (geometric_mean([getattr(result, name) for result in results]) for name in ("p10", "cover"))
        print(f"{where:9} {choice:8} worst excess {worst:.3f}  p10 {p10:.3f}  cover {cover:.3f}")


if __name__ == "__main__":
    main()
