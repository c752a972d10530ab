"""The band holds whatever comes; inside it the best are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.selection.stream.rate import SCOUTED, SETTLED, Rate, band

Ints = npt.NDArray[np.intp]

RATIOS = [0.001, 0.01, 0.05, 0.2, 0.5, 1.0]

levels = st.sampled_from([0.0, 1e-12, 1e-3, 0.1, 0.5, 1.5, 4.0])
segments = st.lists(st.tuples(st.integers(1, 2500), levels, st.booleans()), min_size=1, max_size=6)
seeds = st.integers(0, 10**6)


def gains_of(parts: Sequence[tuple[int, float, bool]], seed: int) -> list[float]:
    """Stretches of equal gains, and of gains spread below a largest one."""
    random = np.random.default_rng(seed)
    spread = [random.random(length) if varied else np.ones(length) for length, _, varied in parts]
    return np.concatenate([level * part for (_, level, _), part in zip(parts, spread, strict=True)]).tolist()


Count = tuple[int, int]
"""Frames looked at, and picks among them."""


def counts_of(rate: Rate, gains: Iterable[float], looked: Iterable[int] | None = None) -> list[Count]:
    """Picks after each row, and after the frame before it."""
    counts: list[Count] = []
    for gain, step in zip(gains, repeat(1) if looked is None else looked, strict=False):
        counts.append((rate.looked + step - 1, rate.kept))
        rate.decide(gain, step)
        counts.append((rate.looked, rate.kept))
    return counts


def picked(counts: Sequence[Count]) -> Ints:
    """Numbers of the rows that were kept."""
    return np.flatnonzero(np.diff([kept for _, kept in counts])[::2])


def outside(ratio: float, counts: Sequence[Count]) -> list[Count]:
    """Where picks are outside the band, from SETTLED frames on."""
    settled = [(t, kept) for t, kept in counts if t >= max(SETTLED, 1 / ratio)]
    return [(t, kept) for t, kept in settled if abs(kept - ratio * t) > band(ratio, t) + 1e-9]


@given(st.sampled_from(RATIOS), segments, seeds)
@settings(deadline=None)
def test_the_band_holds_whatever_comes(ratio: float, parts: list[tuple[int, float, bool]], seed: int) -> None:
    gains = gains_of(parts, seed)
    assert outside(ratio, counts_of(Rate(ratio), gains)) == []


@given(st.sampled_from([0.001, 0.01, 0.05, 0.2]), segments, seeds)
@settings(deadline=None)
def test_the_band_holds_where_a_scout_passes_four_times_the_ratio(
    ratio: float, parts: list[tuple[int, float, bool]], seed: int
) -> None:
    gains = gains_of(parts, seed)
    looked = np.random.default_rng(seed).integers(1, int(1 / (SCOUTED * ratio)) + 1, len(gains)).tolist()
    assert outside(ratio, counts_of(Rate(ratio), gains, looked)) == []


def test_after_a_gap_nobody_could_bridge_every_row_is_kept_until_the_band_is_reached() -> None:
    rate = Rate(0.05)
    counts_of(rate, [0.1] * 4000)
    owed = math.ceil(rate.ratio * 6000 - band(rate.ratio, 6000)) - rate.kept
    assert owed > 50
    counts = counts_of(rate, [0.0] * 200, [2000] + [1] * 199)
    assert picked(counts)[:owed].tolist() == list(range(owed))
    assert outside(rate.ratio, counts[-100:]) == []


@pytest.mark.parametrize("ratio", [0.01, 0.05, 0.2])
def test_repetitions_are_kept_late_and_evenly(ratio: float) -> None:
    rate = Rate(ratio)
    counts_of(rate, np.random.default_rng(0).random(10_000))
    edge = next(t for t in range(5000) if ratio * (10_000 + t) - band(ratio, 10_000 + t) > rate.kept)
    picks = picked(counts_of(rate, [0.0] * 5000))
    assert picks[0] >= edge - 2 - 1 / (SCOUTED * ratio)
    spacing = np.diff(picks)
    assert spacing.max() - spacing.min() <= 1 + 0.1 / ratio


@pytest.mark.parametrize("ratio", [0.01, 0.05, 0.2])
def test_the_best_are_kept(ratio: float) -> None:
    gains = np.random.default_rng(1).random(20_000)
    kept = gains[picked(counts_of(Rate(ratio), gains))]
    assert kept.mean() > 0.97 * np.sort(gains)[-len(kept) :].mean()


def test_a_burst_of_novelty_is_kept_as_far_as_the_band_allows() -> None:
    rate = Rate(0.05)
    counts_of(rate, 0.05 * np.random.default_rng(0).random(10_000))
    before, room = rate.kept, int(0.05 * 10_000 + band(0.05, 10_000)) - rate.kept
    counts_of(rate, [1.5] * room)
    assert rate.kept == before + room


@given(segments, seeds, st.sampled_from(RATIOS))
@settings(deadline=None, max_examples=30)
def test_a_snapshot_and_a_peek_change_nothing(parts: list[tuple[int, float, bool]], seed: int, ratio: float) -> None:
    gains = gains_of(parts, seed)
    one, half = Rate(ratio), len(gains) // 2
    counts_of(one, gains[:half])
    other = Rate(ratio).restore(one.state())
    for gain in gains[half:]:
        said = one.peek(gain)
        assert one.decide(gain) == other.decide(gain) == said
    assert one.state()["rate"].tobytes() == other.state()["rate"].tobytes()


@given(segments, segments, seeds, st.permutations(RATIOS))
@settings(deadline=None, max_examples=30)
def test_another_ratio_is_kept_from_the_moment_on_that_it_comes(before, parts, seed: int, ratios: list[float]) -> None:
    """Whatever was kept until then: nothing is made up for."""
    one = Rate(ratios[0])
    counts_of(one, gains_of(before, seed))
    assert not outside(ratios[1], counts_of(Rate(ratios[1]).restore(one.state()), gains_of(parts, seed)))


@pytest.mark.parametrize("ratio", [0.005, 0.02])
def test_after_a_long_time_another_ratio_is_kept_at_once(ratio: float) -> None:
    gains = 0.5 * np.random.default_rng(0).random(40_000)
    one = Rate(0.01)
    counts_of(one, gains[:30_000].tolist())
    picks = picked(counts_of(Rate(ratio).restore(one.state()), gains[30_000:].tolist()))
    assert np.histogram(picks, range(0, 10_001, 2000))[0].tolist() == pytest.approx([2000 * ratio] * 5, rel=0.5)


def test_a_ratio_that_begins_after_other_picks_counts_from_there() -> None:
    gains = 0.5 * np.random.default_rng(0).random(3000)
    counts = counts_of(Rate(0.05).begin(7), gains.tolist())
    assert counts[0] == (0, 1)
    assert not outside(0.05, counts)


def test_what_was_kept_anyway_and_what_was_skipped_counts() -> None:
    rate = Rate(0.1)
    rate.add()
    rate.add(looked=0)
    rate.skip(8)
    assert (rate.looked, rate.kept) == (9, 2)


@given(segments, segments, st.sampled_from(RATIOS))
@settings(deadline=None, max_examples=30)
def test_joining_is_the_same_whichever_is_asked(
    left: list[tuple[int, float, bool]], right: list[tuple[int, float, bool]], ratio: float
) -> None:
    def seen(parts: list[tuple[int, float, bool]]) -> Rate:
        rate = Rate(ratio)
        counts_of(rate, gains_of(parts, 0))
        return rate

    one, other = seen(left), seen(right)
    one.join(seen(right))
    other.join(seen(left))
    assert one.state()["rate"].tobytes() == other.state()["rate"].tobytes()


def test_joining_with_one_that_saw_nothing_changes_nothing() -> None:
    rate, nothing = Rate(0.1), Rate(0.1)
    before = rate.state()["rate"].tobytes()
    rate.join(nothing)
    assert rate.state()["rate"].tobytes() == before


@pytest.mark.parametrize("ratio", [0, -0.1, 1.0001, 2, float("nan"), float("inf")])
def test_a_ratio_that_cannot_be_is_refused(ratio: float) -> None:
    with pytest.raises(UsageError, match="target_ratio must be above 0 and at most 1"):
        Rate(ratio)
