"""Selects the best N frames of several videos as one selection, and prints which and why.

    python examples/select_from_files.py OUT N VIDEO...

Run it again with the same arguments: it says the same at once, from what the first run left in OUT.
"""

from __future__ import annotations

import sys

import streamsel


def main(out: str, n: str, *videos: str) -> None:
    selection = streamsel.select(videos, out, n=int(n))
    for pick in selection.picks:
        print(f"{pick['source']} at {pick['time']:.2f} s, distance {pick['distance'] or 0:.2f}: {pick['file']}")
    print(f"{len(selection)} of {selection.summary['frames']} frames")


if __name__ == "__main__":
    if len(sys.argv) < 4 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
