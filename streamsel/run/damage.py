"""What of a source was damaged, in words: a run goes on where a packet is bad, and must not keep that to itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["damage_of"]

DAMAGED: Final = {"damaged picture": "damaged", "bad packet": "undecodable"}
"""Problem, as a decoder counts it -> what the pictures are; how times and sizes are written is no damage."""
UNREADABLE: Final = "unreadable picture"


def damage_of(source: str, fact: Mapping[str, Any], length: int) -> Iterator[str]:
    """A line for each kind of damage. fact: of the source, as the summary has it; length: frames of a sequence."""
    problems = fact["problems"]
    if problems.get("truncated"):
        expected = (fact.get("expected") or 0) * length
        came = f", {fact['frames']} of about {expected} frames came" if fact["frames"] < expected else ""
        yield f"{source}: breaks off{came}; copy it again"
    if found := [f"{word} pictures: {problems[problem]}" for problem, word in DAMAGED.items() if problems.get(problem)]:
        yield f"{source}: {', '.join(found)}; copy it again if there is a sound one"
    if count := problems.get(UNREADABLE):
        yield f"{source}: pictures that cannot be opened: {count}; corrupt_samples.json says which and why"
