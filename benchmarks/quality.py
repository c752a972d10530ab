"""Quality of `select -n` beside exact offline k-center: `python benchmarks/quality.py CLIPS_FOLDER`.

Every clip is selected from by the program itself (file in, manifest out), and judged in a 224 px f32 embedding of
every frame. Printed are ratios to exact k-center: smallest pairwise distance, its 10th percentile, covering radius
(lower is better), mean distance of all frames to the nearest pick (lower is better). Uniform and random beside.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from reference import Figures, embeddings, geometric_mean, k_center, uniform
from scenes import scenes_hit

import streamsel

SIZES = (12, 30, 99, 200)
SCENES = (("mix_aba_640x360", 12), ("mix_aba_640x360", 20), ("bikes", 6), ("bikes", 8))


def picks_of(clip: Path, k: int, effort: str) -> list[int]:
    """Indexes of the frames that the program selects, in the order picked."""
    with tempfile.TemporaryDirectory() as out:
        found = streamsel.select(clip, Path(out) / "out", n=k, effort=effort, table=False)
        return [pick["index"] for pick in found.picks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--effort", nargs="*", default=["normal"], choices=["fast", "normal", "exact"])
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/streamsel/embeddings")
    arguments = parser.parse_args()
    clips = sorted(path for path in arguments.clips.iterdir() if path.is_file())
    ratios: dict[str, list[Figures]] = defaultdict(list)
    print("clip, k: ratios to exact k-center: min, p10, cover, mean")
    for clip in clips:
        rows = embeddings(clip, arguments.cache)
        for k in [size for size in SIZES if size * 3 <= len(rows)]:
            exact = Figures.of(rows, k_center(rows, k))
            chosen = {"uniform": uniform(len(rows), k)}
            chosen["random"] = sorted(np.random.default_rng(0).choice(len(rows), k, replace=False).tolist())
            chosen |= {effort: picks_of(clip, k, effort) for effort in arguments.effort}
            for name, picks in chosen.items():
                ratio = Figures.of(rows, picks).over(exact)
                ratios[name].append(ratio)
                print(f"{clip.stem:20} {k:4} {name:8} {ratio}", flush=True)
    for name, found in ratios.items():
        p10, cover = (geometric_mean([getattr(f, figure) for f in found]) for figure in ("p10", "cover"))
        worst = max(f.cover for f in found)
        print(f"all {len(found)}: {name:8} p10 {p10:.3f}  cover {cover:.3f}  worst cover {worst:.3f}")
    by_stem = {clip.stem: clip for clip in clips}
    for stem, k in SCENES:
        if stem in by_stem:
            exact_hit = scenes_hit(stem, k_center(embeddings(by_stem[stem], arguments.cache), k))
            for effort in arguments.effort:
                hit = scenes_hit(stem, picks_of(by_stem[stem], k, effort))
                print(f"{stem} k={k}: {effort} finds {len(hit)} scenes, exact k-center {len(exact_hit)}")


if __name__ == "__main__":
    main()
