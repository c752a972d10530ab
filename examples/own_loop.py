"""The same decisions in a loop of one's own: each frame is looked at once, and kept when it is far from all kept ones.

    python examples/own_loop.py FOLDER DISTANCE VIDEO

A good distance is the embedder's own `novelty_distance`; DISTANCE may be `auto` for that.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

import streamsel


def main(folder: str, distance: str, video: str) -> None:
    embedder = streamsel.load_embedder()
    selector = streamsel.Selector(min_distance=embedder.novelty_distance if distance == "auto" else float(distance))
    for frame in streamsel.open(video, fps="5"):
        picture = frame.picture.rgb(*embedder.size)
        decision = selector.offer(embedder.embed(picture[None])[0])
        if decision:
            Image.fromarray(frame.picture.rgb()).save(Path(folder) / f"{frame.mark.index:06}.jpg")
            print(f"{frame.mark.time:.2f} s: {decision.reason}, distance {decision.distance:.2f}")
    selector.save(Path(folder) / "selector.npz")  # Selector.load goes on from here, today or next week


if __name__ == "__main__":
    if len(sys.argv) != 4 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
