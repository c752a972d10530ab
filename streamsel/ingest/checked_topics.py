"""What a broker has and allows of what an ingest pipeline needs: topics, their settings, rights, the group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from streamsel.choosing.finding import Finding, away, fine, note, problem
from streamsel.config.pipeline import IngestConfig
from streamsel.errors import SourceError, UsageError
from streamsel.ingest.checked_retention import retention_findings
from streamsel.topic import inquiry
from streamsel.topic.connection import Connection
from streamsel.topic.explaining import explained, lasting, missing
from streamsel.topic.pick_record import HEADERS
from streamsel.topic.security import Security
from streamsel.topic.topics import Topic

__all__ = ["broker_findings"]

PIECE: Final = 100_000
"""Bytes that a changelog must take in one record: a chunk of state has 16 KiB, a pick's vector 4 bytes a number."""

PROTOCOL: Final = "cooperative-sticky"


def broker_findings(config: IngestConfig) -> list[Finding]:
    """Findings on all that lies on the broker; where it does not answer, that alone. Nothing is changed there."""
    try:
        checked = _Checked(config, Connection(config.input.servers, Security.of(config.security)))
    except UsageError as error:
        return [problem("security", str(error).removeprefix("security: "))]
    return checked.findings()


@dataclass(frozen=True, slots=True)
class _Written:
    """A topic that is written to. least: bytes that it must take in one record."""

    place: str
    name: str
    least: int
    compacted: bool = False


class _Checked:
    """One broker, asked for one pipeline."""

    def __init__(self, config: IngestConfig, connection: Connection) -> None:
        self._config, self._connection = config, connection
        self._servers = ",".join(config.input.servers)
        self._brokers = 1
        self._partitions: int | None = None
        """Of the input; None: not known."""

    def findings(self) -> list[Finding]:
        """On each thing alone: what is refused of one hides no other."""
        found = self._told("input.servers", self._servers, self._cluster)
        if found[0].level != "fine":
            return found
        name, group = self._config.input.topic, self._config.input.group
        found += self._told("input.topic", name, self._input)
        for topic in self._written():
            found += self._told(topic.place, topic.name, partial(self._output, topic))
        found += self._told("input.group", group, self._group)
        return found + self._told("input.group", group, self._transactions)

    def _told(self, place: str, where: str, ask: Callable[[], Iterator[Finding]]) -> list[Finding]:
        """Findings, or in one line why the broker gives no answer."""
        try:
            with explained(where, SourceError):
                return list(ask())
        except (SourceError, UsageError) as error:
            mend = lasting(error) or missing(error)
            return [(problem if mend else away)(place, str(error))]

    def _cluster(self) -> Iterator[Finding]:
        cluster, security = inquiry.cluster(self._connection), self._connection.security
        self._brokers = cluster.brokers
        running = "1 broker runs" if cluster.brokers == 1 else f"{cluster.brokers} brokers run"
        who = f" as {security.username or 'the owner of the token'}" if security.login else ""
        yield fine("input.servers", f"{self._servers}: {running} in cluster {cluster.name}; {security.protocol}{who}")
        if security.login and not security.encrypted:
            yield note("security", "the login goes over the network without TLS: SASL_SSL hides it")

    def _input(self) -> Iterator[Finding]:
        name = self._config.input.topic
        topic = inquiry.topic(self._connection, name)
        if topic is None:
            yield problem("input.topic", f"{name}: no such topic; create it, or check its name")
            return
        self._partitions = topic.partitions
        share = "1 partition, so one consumer reads it" if topic.partitions == 1 else f"{topic.partitions} partitions"
        yield fine("input.topic", f"{name}: {share}")
        yield from self._right("input.topic", topic, "READ")
        yield from retention_findings(self._config, topic)

    def _written(self) -> Iterator[_Written]:
        config = self._config
        yield _Written("state.topic", config.state_topic, PIECE, compacted=True)
        yield _Written("dead_letter", config.dead_letter_topic, HEADERS)
        if config.output.topic is not None:
            yield _Written("output.topic", config.output.topic, config.output.inline_limit + HEADERS)

    def _output(self, wanted: _Written) -> Iterator[Finding]:
        topic = inquiry.topic(self._connection, wanted.name)
        if topic is None:
            yield from self._unmade(wanted)
            return
        yield fine(wanted.place, f"{topic.name}: {topic.partitions} partitions{_limit(topic)}")
        yield from self._right(wanted.place, topic, "WRITE")
        yield from self._size(wanted, topic)
        if wanted.compacted:
            yield from self._changelog(topic)
        if topic.replicas < min(2, self._brokers):
            yield note(wanted.place, f"{topic.name}: {topic.replicas} replica: what it holds goes with its broker")

    def _unmade(self, wanted: _Written) -> Iterator[Finding]:
        topic = inquiry.unmade(self._connection, wanted.name, self._partitions or 1, compacted=wanted.compacted)
        made = f" with {self._partitions} partitions" if self._partitions else ""
        kind = ", compacted" if wanted.compacted else ""
        told = f"{wanted.name}: is not there yet, and will be made{made}{kind}{_limit(topic)}"
        if wanted.place == "output.topic":
            yield note(wanted.place, f"{told}; is this the name that its readers expect?")
        else:
            yield fine(wanted.place, told)
        yield from self._size(wanted, topic)

    def _right(self, place: str, topic: Topic, *needed: str) -> Iterator[Finding]:
        for right in needed:
            if topic.rights and right not in topic.rights:
                yield problem(place, f"{topic.name}: not allowed to {right.lower()} it; ask for the right {right}")

    def _size(self, wanted: _Written, topic: Topic) -> Iterator[Finding]:
        if topic.largest is None:
            yield note(wanted.place, f"{topic.name}: its settings cannot be seen; ask for the right DESCRIBE_CONFIGS")
        elif topic.largest < wanted.least:
            advice = f"raise max.message.bytes to {wanted.least} or more"
            if wanted.place == "output.topic":
                advice = f"set output.inline_limit to {max(topic.largest - HEADERS, 0)} or less, or {advice}"
            yield problem(wanted.place, f"{topic.name}: takes records of {topic.largest} bytes at most; {advice}")

    def _changelog(self, topic: Topic) -> Iterator[Finding]:
        yield from self._right("state.topic", topic, "READ")
        if topic.largest is not None and not topic.compacted:
            yield problem(
                "state.topic",
                f"{topic.name}: is not compacted, or deleted by age, and would lose state; set cleanup.policy=compact",
            )
        if topic.partitions < (self._partitions or 0):
            yield problem(
                "state.topic",
                f"{topic.name}: has {topic.partitions} partitions, but the input {self._partitions}; add some, until "
                "they are as many",
            )

    def _group(self) -> Iterator[Finding]:
        asked = self._config.input
        group = inquiry.group(self._connection, asked.group)
        if not group.readable:
            yield problem("input.group", f"{asked.group}: not allowed to be a member; ask for the right READ")
        if group.protocol not in ("", PROTOCOL):
            yield problem(
                "input.group",
                f"{asked.group}: its members share partitions by {group.protocol}; end them, or name another",
            )
        members = _members(len(group.instances))
        yield fine("input.group", f"{asked.group}: {members} now")
        if asked.instance and asked.instance in group.instances:
            yield note(
                "input.instance", f"{asked.instance}: runs already; a second one of this name would end one of them"
            )

    def _transactions(self) -> Iterator[Finding]:
        """As a member is called: one without a name is called by a new one each time."""
        asked = self._config.input
        inquiry.check_transactions(self._connection, f"{asked.group}.{asked.instance or 'check'}")
        yield from ()


def _limit(topic: Topic) -> str:
    return "" if topic.largest is None else f", records up to {topic.largest} bytes"


def _members(count: int) -> str:
    return "nobody is there" if not count else "1 member" if count == 1 else f"{count} members"
