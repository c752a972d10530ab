"""Ground truth of the clips whose scenes were marked by eye: first frame of each part, and which scene it shows."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

BIKES = [(0, "a"), (30, "b"), (76, "c"), (137, "d"), (187, "e"), (242, "f")]

MIX_ABA = [
    (0, "vtest"),
    *[(250 + at, f"bikes {name}") for at, name in BIKES],
    (500, "city 1"),
    (616, "city 2"),
    (690, "vtest"),
    (940, "sea 1"),
    (1090, "sea 2"),
    *[(1190 + at, f"bikes {name}") for at, name in BIKES],
    (1440, "face"),
    (1640, "vtest"),
]

ISCC_CUTS = [183, 243, 365, 395, 485, 552, 706, 741, 864, 923, 959, 1024, 1119, 1162, 1188, 1300, 1369, 1432]
ISCC = [(at, str(number)) for number, at in enumerate([0, *ISCC_CUTS])]

TRUTH = {"bikes": BIKES, "mix_aba_640x360": MIX_ABA, "iscc_demo": ISCC, "demo": ISCC}


def scenes_of(stem: str, picks: list[int]) -> Counter[str]:
    """How many of the picked frames show each scene."""
    parts = TRUTH[stem]
    return Counter(parts[bisect_right([at for at, _ in parts], pick) - 1][1] for pick in picks)


def scenes_hit(stem: str, picks: list[int]) -> set[str]:
    """The distinct scenes that the picked frames show."""
    return set(scenes_of(stem, picks))
