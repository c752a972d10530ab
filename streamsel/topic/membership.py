"""How a consumer stands in its group, and what it must be asked for, since the client forgets (kafka-python 3.0.12)."""

from __future__ import annotations

from typing import Any

from kafka.structs import MemberState  # type: ignore[import-untyped]

from streamsel.topic.losing import Lost

__all__ = ["Membership"]


class Membership:
    """Follows a consumer from poll to poll. named: it has a name that it keeps over restarts."""

    def __init__(self, consumer: Any, *, named: bool) -> None:
        self._consumer, self._coordinator = consumer, consumer._coordinator
        self._named, self._joined_once, self._id = named, False, ""

    @property
    def fenced(self) -> bool:
        """Whether the group has answered that another goes by this name now: the client falls silent, and goes on."""
        asked = self._coordinator
        with asked._lock:
            settled = asked.state == MemberState.STABLE and not asked.rejoining
            return settled and self._named and not asked._heartbeat_enabled

    def follow(self, *, working: bool) -> Any:
        """Its group metadata: call it at once after each poll.

        Taken later, a generation in which another has our partitions would be told to the broker. working: it reads
        partitions; then a new life in the group is Lost.
        """
        metadata = self._consumer.group_metadata()
        self._refuse_another_life(metadata, working)
        self._go_on_joining(metadata)
        self._ask_again(metadata)
        return metadata

    def _refuse_another_life(self, metadata: Any, working: bool) -> None:
        """Who was taken for dead comes back under a new id, and may keep partitions that another had meanwhile."""
        known, self._id = self._id, metadata.member_id or self._id
        if working and known not in ("", self._id):
            raise Lost("the group has gone on without this member")

    def _go_on_joining(self, metadata: Any) -> None:
        """A leader that joins again since it learned of partitions forgets why, once it has shared them out.

        The client then neither ends what it began nor tells the group that it lives.
        """
        if metadata.state == MemberState.REBALANCING:
            self._coordinator.request_rejoin()

    def _ask_again(self, metadata: Any) -> None:
        """A member that comes back under its name is given what it had, and nobody shares out anew.

        So what its predecessor was about to do stays undone, for good: to share out partitions, as a leader that did
        not know of any yet, or to give some up, of which it was told and died. Once it has joined it asks for another
        round; the group grants it, for it is the leader or tells of other partitions than when it joined.
        """
        joined = metadata.state == MemberState.STABLE and metadata.generation_id >= 0
        if self._joined_once or not joined or self._coordinator.rejoin_needed:
            return
        self._joined_once = True
        if self._named:
            self._coordinator.request_rejoin()
