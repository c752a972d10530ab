"""What selections are judged by: f32 embeddings of every frame, and exact offline k-center over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import lightly_mundig
import numpy as np
from av.video.reformatter import Interpolation

from streamsel.embed.load import load_embedder
from streamsel.selection.quality import covering, pairwise


def embeddings(clip: Path, cache: Path) -> np.ndarray:
    """(frames, D) float32: every frame, AREA-scaled to 224 x 224, embedded in f32; cached by the clip's hash."""
    digest = hashlib.sha256(clip.read_bytes()).hexdigest()[:16]
    kept = cache / f"{clip.stem}-{digest}.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        embedder = load_embedder(precision="f32")
        made = np.concatenate([embedder.embed(block) for block in _blocks(clip)])
        np.save(kept, made)
    return np.load(kept)


def _blocks(clip: Path) -> Iterator[np.ndarray]:
    block = []
    with av.open(str(clip)) as container:
        for packet in container.demux(video=0):
            for frame in packet.decode() if packet.size or packet.dts is None else ():
                small = frame.reformat(224, 224, "rgb24", interpolation=Interpolation.AREA)
                block.append(small.to_ndarray())
                if len(block) == 64:
                    yield np.stack(block)
                    block = []
    if block:
        yield np.stack(block)


def k_center(rows: np.ndarray, k: int) -> list[int]:
    """Exact offline k-center (farthest first), by lightly-mundig."""
    selection = lightly_mundig.Selection()
    selection.add_diversifying_strategy(rows, 1.0)
    return list(selection.run_selection([], len(rows), k))


def uniform(frames: int, k: int) -> list[int]:
    """k frames evenly spread in time."""
    return [frame * frames // k for frame in range(k)]


@dataclass(frozen=True)
class Figures:
    """A selection's smallest distance, 10th percentile, covering radius and mean distance of all frames to a pick."""

    min: float
    p10: float
    cover: float
    mean: float

    @classmethod
    def of(cls, rows: np.ndarray, picks: list[int]) -> Figures:
        spread, cover = pairwise(rows[picks]), covering(rows, rows[picks])
        return cls(spread.min, spread.p10, cover.radius, cover.mean)

    def over(self, other: Figures) -> Figures:
        """Ratios."""
        return Figures(*(a / b if b else float("nan") for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[float, float, float, float]:
        return self.min, self.p10, self.cover, self.mean

    def __str__(self) -> str:
        return " ".join(f"{value:5.3f}" for value in self.values())


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))
