"""RANDOM depends on a row's id and the seed alone, and is uniform."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsel.selection.random_numbers import random_number, random_numbers

ids = st.lists(st.text(st.characters(), max_size=9), max_size=20)
EXPECTED = [0.5912454600837747, 0.5855196637262975, 0.5850350896019934]
seeds = st.integers(-(10**30), 10**30)


@given(ids, seeds)
def test_neither_the_order_nor_the_other_rows_matter(texts: list[str], seed: int) -> None:
    values = random_numbers(texts, seed).values
    assert values.tolist() == [random_number(text, seed) for text in texts]
    assert ((values >= 0) & (values < 1)).all()


def test_the_numbers_are_the_same_on_every_machine() -> None:
    assert random_numbers(["video_1-099-mp4.png", "", "\udcff"], 7).values.tolist() == EXPECTED


def test_the_numbers_are_uniform_and_a_seed_makes_others() -> None:
    texts = [f"frame {number}" for number in range(10_000)]
    one, other = (random_numbers(texts, seed).values for seed in (0, 1))
    for values in (one, other):
        counts, _ = np.histogram(values, bins=10, range=(0, 1))
        assert abs(counts - 1000).max() < 150
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
