"""A trial of the ingest consumer: topics of its own, what was sent, what one thread would pick of it, what was found.

The reference takes each partition record by record, in this process, with neither groups nor transactions. A trial is
passed when a reader of committed records sees its picks in its order for each key, each once, and offsets, dead letters
and the saved state are those of the reference too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from kafka import KafkaAdminClient  # type: ignore[import-untyped]
from kafka.errors import CoordinatorNotAvailableError, TransactionalIdNotFoundError  # type: ignore[import-untyped]

from streamsel.config import IngestConfig, read_pipeline
from streamsel.embed.load import load_embedder
from streamsel.ingest.owed import OWED
from streamsel.ingest.pictures import Opened, Pictures
from streamsel.ingest.work import as_taken
from streamsel.lanes.deciding import Settled
from streamsel.lanes.making import Lanes
from streamsel.testing.ingest_feed import Feed
from streamsel.testing.ingest_material import Given, tiny_model
from streamsel.testing.kafka_broker import Served
from streamsel.testing.kafka_reading import committed, group_offsets, header
from streamsel.topic import Message
from streamsel.topic.changelog import Changelog
from streamsel.topic.connection import Connection
from streamsel.topic.incoming import Incoming
from streamsel.topic.references import References

__all__ = ["PARTITIONS", "Findings", "Reference", "Trial", "objects_of", "sequences_of"]

PARTITIONS: Final = 4

Seen = Mapping[bytes, Sequence[str]]
"""Names of picks in order, by key."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What must come out. letters: partition and offset of each dead letter. state: of each partition's changelog."""

    picks: Seen
    letters: frozenset[tuple[int, int]]
    state: Mapping[int, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out of a trial, beside what must have. flaws: what is wrong, a line each; empty where all is right."""

    records: int
    expected: int
    seen: int
    missing: int
    twice: int
    flaws: Sequence[str] = ()


@dataclass
class Trial:
    """Topics on a broker, and a pipeline beside a model in an empty folder.

    records: of one transaction, at most. options: further ones of the pipeline, or other ones.
    """

    broker: Served
    name: str
    folder: Path
    records: int = 32
    options: Mapping[str, object] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))
    unusable: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.picks, self.dead, self.state = (f"{self.name}.{what}" for what in ("picks", "dlq", f"{self.name}.state"))
        self.references = self.folder / "references"
        self.references.mkdir()
        tiny_model(self.folder)
        self.broker.create(self.name, PARTITIONS, max_message_bytes=30_000_000)
        self.broker.create(self.picks, PARTITIONS)

    @classmethod
    def windowed(cls, broker: Served, name: str, folder: Path, records: int, **window: float) -> Self:
        """One that chooses of windows: `picks` of each, which is so many `minutes` long."""
        return cls(broker, name, folder, records, {"min_distance": None, "window": window})

    @classmethod
    def sequential(cls, broker: Served, name: str, folder: Path, records: int, length: int, **options: object) -> Self:
        """One that picks sequences of so many frames."""
        return cls(broker, name, folder, records, {"selection": sequences_of(length), **options})

    def pipeline(self, instance: str | None = "a") -> dict[str, Any]:
        """The pipeline of a member of the group; None: of one without a name."""
        source = {"servers": list(self.broker.servers), "topic": self.name, "group": self.name, "instance": instance}
        return {
            "kind": "ingest",
            "input": {**source, "references": "references", "largest": "1MB", "session": 6},
            "model": "tiny.onnx",
            "device": "cpu",
            "min_distance": 0.3,
            "output": {"topic": self.picks},
            "batch": {"records": self.records, "seconds": 0.02, "bytes": "8MB"},
            "threads": 1,
            **self.options,
        }

    def file(self, instance: str | None = "a") -> Path:
        """The same, as a file."""
        path, text = self.folder / f"ingest-{instance}.json", json.dumps(self.pipeline(instance), indent=2)
        if not path.exists() or path.read_text() != text:  # a member may be reading it
            path.write_text(text)
        return path

    @property
    def config(self) -> IngestConfig:
        """The pipeline, read."""
        config = read_pipeline(self.file())
        assert isinstance(config, IngestConfig)
        return config

    @property
    def total(self) -> int:
        """Records sent and acknowledged."""
        return sum(self.sent.values())

    def feed(self, records: Iterable[Given], rate: float | None = None) -> Feed:
        """Sends records in turn to each partition, so many a second, else as fast as it goes; use it with `with`."""
        return Feed(self.broker.servers, self.name, PARTITIONS, records, rate, self._acknowledged, first=self.total)

    def send(self, records: Iterable[Given]) -> None:
        """Sends as fast as it goes, and waits until all are acknowledged."""
        with self.feed(records) as feed:
            feed.finish()

    def _acknowledged(self, given: Given, partition: int, offset: int) -> None:
        self.sent[partition] += 1
        if not given.usable:
            self.unusable.add((partition, offset))

    def offsets(self) -> dict[int, int]:
        """What the group has committed; empty while the broker cannot tell."""
        return group_offsets(self.broker.servers, self.name)

    def in_transaction(self, instance: str = "a") -> bool:
        """Whether a member has a transaction open."""
        number = f"{self.name}.{instance}"
        with closing(KafkaAdminClient(bootstrap_servers=list(self.broker.servers))) as admin:
            try:
                return bool(admin.describe_transactions([number])[number].state == "Ongoing")
            except (TransactionalIdNotFoundError, CoordinatorNotAvailableError):  # nobody had one yet
                return False

    def all_read(self) -> bool:
        """Whether the group has come to the end of what was acknowledged, and owes nothing of it."""
        told = self.offsets()
        read = all(told.get(partition, 0) == count for partition, count in self.sent.items())
        later = self.config.window or self.config.sequence_length > 1
        return read and not (later and self.owed())

    def owed(self) -> int:
        """Pictures of windows, and of sequences, that are chosen and not sent."""
        return sum(key.startswith(OWED) for state in self._saved() for key in state)

    def owed_by_now(self) -> int:
        """The same without waiting for a transaction that was left open: whoever comes next finds it open."""
        records = committed(self.broker.servers, self.state, waits=False)
        newest = {(one.partition, one.key): one.value for one in records}
        return sum(key.startswith(OWED) and value is not None for (_, key), value in newest.items())

    def _saved(self) -> list[Mapping[bytes, bytes]]:
        """The state of each partition."""
        with closing(Changelog(Connection(self.broker.servers), self.state)) as changelog:
            return [changelog.read(partition) for partition in range(PARTITIONS)]

    def reference(self) -> Reference:
        """One thread's work on what lies in the topic."""
        config = self.config
        embedder = load_embedder(config.model, device="cpu", threads=1)
        lanes = Lanes.of(config, embedder)
        messages = [_message(one) for one in committed(self.broker.servers, self.name)]
        picks: dict[bytes, list[str]] = {}
        letters, known = set(), dict[tuple[int, int], str]()
        made = [lanes.lane(partition) for partition in range(PARTITIONS)]
        with Pictures(
            Incoming(self.name, largest=config.input.largest, tasks=lanes.tasks),
            embedder.size,
            references=References(self.references, largest=config.input.largest),
            whole=lanes.reads_pixels,
            threads=1,
        ) as opening:
            for one in opening.opened(messages):
                lane = made[one.message.partition]
                if not isinstance(one, Opened):
                    lane.skip(one.message.offset)
                    letters.add((one.message.partition, one.message.offset))
                    continue
                known[lane.partition, one.message.offset] = one.carried.name
                settled = lane.settle([as_taken(one, embedder.embed(one.picture[None])[0])])
                for offset, part in _sent(settled):
                    picks.setdefault(one.message.key or b"", []).append(f"{known[lane.partition, offset]}{part}")
        state = {lane.partition: {k: v for k, v in lane.entries().items() if v is not None} for lane in made}
        return Reference(picks, frozenset(letters), state)

    def findings(self) -> Findings:
        """Compares all that was committed with the reference."""
        reference, seen = self.reference(), self._seen()
        wanted = Counter(name for names in reference.picks.values() for name in names)
        found = Counter(name for names in seen.values() for name in names)
        return Findings(
            records=self.total,
            expected=wanted.total(),
            seen=found.total(),
            missing=(wanted - found).total(),
            twice=sum(count - 1 for count in found.values()),
            flaws=[*_of_picks(wanted, found, reference.picks, seen), *self._of_the_rest(reference)],
        )

    def _seen(self) -> Seen:
        seen: dict[bytes, list[str]] = {}
        for record in committed(self.broker.servers, self.picks):
            seen.setdefault(record.key, []).append(header(record, "ce_subject"))
        return seen

    def _of_the_rest(self, reference: Reference) -> Iterable[str]:
        letters = Counter(_origin(record) for record in committed(self.broker.servers, self.dead))
        if letters != Counter(reference.letters) or reference.letters != self.unusable:
            yield f"{letters.total()} dead letters, the reference has {len(reference.letters)} of {len(self.unusable)}"
        if (offsets := self.offsets()) != self.sent:
            yield f"offsets {offsets}, sent {self.sent}"
        for partition, found in enumerate(self._saved()):
            state = reference.state[partition]
            differ = [key for key in state.keys() | found.keys() if state.get(key) != found.get(key)]
            if differ and self.sent[partition]:
                yield f"state of partition {partition} differs in {len(differ)} of {len(state)} entries"


def sequences_of(length: int) -> dict[str, Any]:
    """A run's config that asks for sequences of so many frames, and distances between them."""
    strategy = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    return {
        "selection_config": {"strategies": [strategy]},
        "worker_config": {"selected_sequence_length": length},
    }


def objects_of(task: str, padding: float) -> dict[str, Any]:
    """A run's config that asks for objects of a task, an auto task of four tiles if it is called so, and distances."""
    strategy = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    tiles = {"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 2}
    return {
        "selection_config": {"strategies": [strategy], "auto_tasks": [tiles] if task == "tiles" else []},
        "worker_config": {"object_level": {"task_name": task, "padding": padding}},
    }


def _sent(settled: Settled) -> list[tuple[int, str]]:
    """Of all pictures that are picked, as they are sent, the offset, and of an object what its name ends in.

    A sequence is sent where its last frame lies.
    """
    places = [
        (last, one, pick.box.index if pick.box else -1)
        for last, pick in settled.picks
        for one in (pick.sequence.places if pick.sequence else [last])
    ]
    return [(offset, f"-{number}" if number >= 0 else "") for _, (offset, _), number in sorted(places)]


def _message(record: Any) -> Message:
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Message(record.partition, record.offset, record.key, record.value, headers, record.timestamp)


def _origin(record: Any) -> tuple[int, int]:
    return int(header(record, "ce_originpartition")), int(header(record, "ce_originoffset"))


def _of_picks(wanted: Counter[str], found: Counter[str], expected: Seen, seen: Seen) -> Iterable[str]:
    if lost := wanted - found:
        yield f"{lost.total()} picks are missing, such as {next(iter(lost))}"
    if more := found - wanted:
        yield f"{more.total()} picks too many, such as {next(iter(more))}"
    if not lost and not more and expected != seen:
        yield "picks of a key are not in their order"
