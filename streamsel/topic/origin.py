"""Which topic the state of partitions is of: one that was made anew has the same name, and other records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streamsel.topic import Finished
from streamsel.topic.changelog import SOURCE, Changelog

__all__ = ["Origin"]


class Origin:
    """Compares and tells the id that a broker gives each topic (KIP-516, Apache Kafka 2.8 or later).

    identify: the id now; empty where it is not known, and then nothing differs.
    """

    def __init__(self, changelog: Changelog, identify: Callable[[], bytes]) -> None:
        self._changelog, self._identify = changelog, identify

    def differs(self, partition: int) -> bool:
        """Whether the state of a partition, as last read or committed, is of another topic."""
        known = self._identify()
        return bool(known) and self._changelog.sources.get(partition, known) != known

    def told(self, finished: Finished) -> Finished:
        """With an entry that says it, for each partition whose state does not yet."""
        known = self._identify()
        untold = finished.offsets.keys() - self._changelog.sources.keys() if known else frozenset()
        state = {one: {**finished.state.get(one, {}), SOURCE: known} for one in untold}
        return replace(finished, state={**finished.state, **state})

    def committed(self, told: Finished) -> None:
        """What was told need not be told again."""
        self._changelog.sources |= {
            one: entries[SOURCE] or b"" for one, entries in told.state.items() if SOURCE in entries
        }
