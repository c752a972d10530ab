"""Selects N sequences of L consecutive frames each, writes each as a clip, and prints when it begins and ends.

python examples/sequences.py OUT N L VIDEO...
"""

from __future__ import annotations

import sys

import streamsel


def main(out: str, n: str, length: str, *videos: str) -> None:
    frames = int(n) * int(length)  # streamsel counts frames
    selection = streamsel.select(videos, out, n=frames, sequence_length=int(length), format="clip")
    for pick in selection.picks:
        first, last = pick["frames"][0], pick["frames"][-1]
        print(f"{pick['source']} from {first['time']:.2f} to {last['time']:.2f} s: {pick['file']}")


if __name__ == "__main__":
    if len(sys.argv) < 5 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
