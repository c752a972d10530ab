"""Selects from embeddings made elsewhere: a table of vectors in, the numbers of the rows to keep out.

    python examples/own_embeddings.py VECTORS.npy KEEP.npy RATIO

VECTORS.npy holds (N, D) floats, a row for each thing in the order in which they came; about RATIO * N are kept.
"""

from __future__ import annotations

import sys

import numpy as np

import streamsel


def main(vectors: str, keep: str, ratio: str) -> None:
    rows = np.load(vectors).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # distances are between unit vectors
    selector = streamsel.Selector(target_ratio=float(ratio))
    kept = [number for number, row in enumerate(rows) if selector.offer(row)]
    np.save(keep, np.array(kept, np.int64))
    print(f"kept {len(kept)} of {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 4 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
