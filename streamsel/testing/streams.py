"""Streams of vectors as a long video gives them, made from a seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from streamsel.data import Vector

__all__ = ["held_back", "scene_stream"]

Floats = npt.NDArray[np.float64]

NOISE = 0.12
"""How far apart, about, two frames of a scene are in which nothing moves: coding noise."""


def scene_stream(rows: int, dim: int = 64, seed: int = 0, scenes: int = 80) -> Vector:
    """(rows, dim) float32 of unit norm: cuts between scenes that drift, come back, and are ever more.

    Five times something stands still, for up to 3 % of all rows, identical or nearly so; about every tenth part there
    is a burst of 10 to 40 short shots of what was never seen and never will be.
    """
    world = _World(np.random.default_rng(seed), dim, scenes)
    parts, made = [], 0
    for part in world.parts(rows):
        parts.append(part)
        made += len(part)
        if made >= rows:
            break
    table = np.concatenate(parts)[:rows]
    return np.asarray(table / np.linalg.norm(table, axis=1, keepdims=True), np.float32)


def held_back(rows: Vector, ratio: float, same: float = 0.1) -> tuple[list[int], list[int]]:
    """What a scout would let through, and how many rows were looked at for each.

    A row is held while it is nearer than `same` to the last one let through, though never so long that fewer than
    four times the ratio come through.
    """
    passed, looked = [0], [1]
    for number in range(1, len(rows)):
        waited = number - passed[-1]
        if waited >= 1 / (4 * ratio) or np.linalg.norm(rows[number] - rows[passed[-1]]) > same:
            passed.append(number)
            looked.append(waited)
    return passed, looked


class _World:
    """Scenes that are known so far, and where in each the camera was last."""

    def __init__(self, random: np.random.Generator, dim: int, scenes: int) -> None:
        self.random, self.dim = random, dim
        centres = random.standard_normal((scenes, dim)) + 0.9 * random.standard_normal(dim)
        self.centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
        self.axes = random.standard_normal((scenes, 4, dim)) / np.sqrt(dim)
        self.places = np.zeros((scenes, 4))
        self.known = 6

    def parts(self, rows: int) -> Iterator[Floats]:
        made, static, burst = 0, 0.12 * rows, 0.05 * rows
        while True:
            if made >= static:
                part, static = self.standing(rows), static + 0.2 * rows
            elif made >= burst:
                part, burst = self.burst(), burst + self.random.uniform(0.04, 0.12) * rows
            else:
                part = self.visit()
            made += len(part)
            yield part

    def visit(self) -> Floats:
        """A known scene, or a new one, for 20 rows or more; the camera goes on from where it was."""
        self.known = min(len(self.centres), self.known + int(self.random.random() < 0.25))
        often = 1 / np.arange(1, self.known + 1) ** 0.6
        scene = self.random.choice(self.known, p=often / often.sum())
        length = int(20 + self.random.geometric(1 / 150))
        pushes = self.random.standard_normal((length, 4)) * 0.02 * np.exp(0.7 * self.random.standard_normal())
        path, speed, place = np.empty((length, 4)), np.zeros(4), self.places[scene]
        for step in range(length):
            speed = 0.9 * speed + pushes[step]
            place = 0.997 * place + speed
            path[step] = place
        self.places[scene] = place
        return np.asarray(self.centres[scene] + path @ self.axes[scene] + self.noise(length))

    def standing(self, rows: int) -> Floats:
        """One picture for long, now and then with a little noise."""
        scene = self.random.integers(self.known)
        length = int(rows * self.random.uniform(0.01, 0.03)) + 1
        picture = self.centres[scene] + self.places[scene] @ self.axes[scene]
        return np.repeat(picture[None], length, 0) + self.noise(length) * (0.2 if self.random.random() < 0.4 else 0)

    def burst(self) -> Floats:
        """Shots of two to six rows, all of them new."""
        shots = self.random.standard_normal((int(self.random.integers(10, 40)), self.dim))
        shots += 0.9 * self.centres[self.random.integers(self.known)] * np.sqrt(self.dim)
        shots /= np.linalg.norm(shots, axis=1, keepdims=True)
        shown = np.repeat(shots, self.random.integers(2, 7, len(shots)), 0)
        return np.asarray(shown + self.noise(len(shown)))

    def noise(self, rows: int) -> Floats:
        noise: Floats = self.random.standard_normal((rows, self.dim)) * (NOISE / np.sqrt(2 * self.dim))
        return noise
