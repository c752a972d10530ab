"""The same clip in several containers and codecs: do the selections agree? `python benchmarks/containers.py`.

The iscc demo (from a pinned package) as mp4, mkv, webm and mpg, k = 12: how many of its shots are hit in common, and
how far each selection's picks are from covering the frames of the others, relative to its own covering radius.
"""

from __future__ import annotations

import argparse
from functools import reduce
from itertools import permutations
from operator import and_
from pathlib import Path

from quality import picks_of
from reference import embeddings, k_center
from scenes import scenes_of

from streamsel.selection.quality import covering
from streamsel.testing.clips import fetch

KINDS = ("mp4", "mkv", "webm", "mpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=12)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/streamsel/embeddings")
    arguments = parser.parse_args()
    clips = fetch([f"demo.{kind}" for kind in KINDS])
    rows = {name: embeddings(path, arguments.cache) for name, path in clips.items()}
    picks = {name: picks_of(path, arguments.n, "normal") for name, path in clips.items()}
    shots = {name: scenes_of("demo", picks[name]) for name in clips}
    exact = {name: scenes_of("demo", k_center(rows[name], arguments.n)) for name in clips}
    for name in clips:
        own = covering(rows[name], rows[name][picks[name]]).radius
        print(f"{name:10} {len(rows[name])} frames, {len(shots[name])} shots hit, own covering radius {own:.3f}")
    worst = 0.0
    for one, other in permutations(clips, 2):
        own = covering(rows[one], rows[one][picks[one]]).radius
        across = covering(rows[other], rows[one][picks[one]]).radius
        covered = covering(rows[other][picks[other]], rows[one][picks[one]]).radius
        worst = max(worst, covered / own)
        print(f"{one} over {other}: picks within {covered / own:.3f}, all frames within {across / own:.3f}")
    print(f"worst cover of another selection: {worst:.3f} of its own radius")
    for name, found in (("streamsel", shots), ("exact k-center", exact)):
        same = reduce(and_, found.values())
        print(f"{name}: all four have {same.total()} of {arguments.n} picks in the same shots ({len(same)} shots)")


if __name__ == "__main__":
    main()
