"""What kafka-python's clients lack: a refusal told at once, waits that end, and a log that tells no secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]
from kafka.errors import KafkaTimeoutError  # type: ignore[import-untyped]
from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]
from kafka.net.inet import create_connection  # type: ignore[import-untyped]
from kafka.net.manager import KafkaConnectionManager  # type: ignore[import-untyped]
from kafka.net.selector import NetworkSelector  # type: ignore[import-untyped]

from streamsel.topic import nbytes_of
from streamsel.topic.encrypted import Encrypted
from streamsel.topic.explaining import lasting
from streamsel.topic.hearing import Hearing, UnansweredError
from streamsel.topic.spoken import misspoken
from streamsel.topic.unpacking import Unpacked

__all__ = ["Clients", "Consumer", "Producer", "quieten"]

log: Final = logging.getLogger("streamsel.topic")

Received = tuple[bytes, BaseException | None]


class Clients:
    """Makes the network client of one kafka-python client, as its option `kafka_client`, and can end it.

    A client whose constructor fails leaves its thread and sockets behind, and no name for them: this has it.
    """

    def __init__(self) -> None:
        self._made: list[KafkaNetClient] = []

    def __call__(self, **options: Any) -> KafkaNetClient:
        """The network client of kafka-python with our Manager in it."""
        net = NetworkSelector(**options)
        self._made.append(KafkaNetClient(net=net, manager=Manager(net, **options), **options))
        return self._made[-1]

    def end(self) -> None:
        """Closes sockets and ends the thread."""
        for client in self._made:
            client.close()


class Manager(KafkaConnectionManager):  # type: ignore[misc]
    """Gives up the first connection where trying again cannot help, and else says in the end why it failed.

    The library's own tries until its time is over whatever the broker said, and then tells of a timeout.
    """

    def __init__(self, net: NetworkSelector, **options: Any) -> None:
        super().__init__(net, **options)
        self.hearing = Hearing()
        self._trouble: BaseException | None = None

    def get_connection(self, node_id: Any, *args: Any, **options: Any) -> Any:
        """A connection to a broker, perhaps still being made; raises what a broker refused us for."""
        trouble = self._trouble
        if trouble is not None and lasting(trouble) and not self.bootstrapped:
            self._trouble = None  # told once: whoever tries again gets another try
            raise trouble
        return super().get_connection(node_id, *args, **options)

    def bootstrap(self, timeout_ms: float | None = None, refresh: bool = True) -> None:
        """Blocks until one broker answered, at most timeout_ms. Raises UnansweredError, caused by the last failure."""
        try:
            super().bootstrap(timeout_ms, refresh)
        except KafkaTimeoutError as error:
            if self._trouble is not None:
                places = [(one.host, one.port) for one in self.cluster.bootstrap_brokers()]
                if wrong := misspoken(places, encrypted=self.ssl_enabled):
                    raise wrong from self._trouble
            raise UnansweredError(f"no answer in {(timeout_ms or 0) / 1000:g} s") from self._trouble or error

    async def _connect(self, node: Any, conn: Any, **options: Any) -> None:
        conn.close_future.add_errback(partial(self._note, node.node_id))
        await super()._connect(node, conn, **options)

    def _note(self, node_id: Any, error: BaseException) -> None:
        self._trouble = error
        self.hearing.failed(node_id, error)

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        build = self._encrypted if self.ssl_enabled else super()._build_transport
        transport = await build(node, timeout_at)
        transport._sock_recv = _last_words_first(transport._sock_recv, partial(self.hearing.answered, node.node_id))
        return transport

    async def _encrypted(self, node: Any, timeout_at: float | None) -> Encrypted:
        """As the library's, but for the handshake."""
        sock = await create_connection(
            self._net, node.host, node.port, self.config["socket_options"], self.config["proxy_url"], timeout_at
        )
        transport = Encrypted(self._net, sock, host=node.host, until=timeout_at, **self.config)
        await transport.handshake()
        return transport


def _last_words_first(receive: Callable[[], Received], heard: Callable[[], None]) -> Callable[[], Received]:
    """What a broker said before it hung up is heard; the library (3.0.12) drops bytes that come with the end.

    That is how brokers refuse a login. The end itself is met again by the next call.
    """

    def whole() -> Received:
        data, error = receive()
        if data:
            heard()
        return data, None if data else error

    return whole


def _until_full(append: Callable[..., int], most: int) -> Callable[..., int]:
    """Says that there is no room for further records as soon as there are so many bytes."""

    def appended(drained: Mapping[Any, Any], part: Any, room: int, update_offsets: bool) -> int:
        count = append(drained, part, room, update_offsets)
        held = sum(nbytes_of(record) for records in drained.values() for record in records)
        return count if held < most else room

    return appended


class Consumer(KafkaConsumer):  # type: ignore[misc]
    """KafkaConsumer that goes on past strange headers, and says where a partition is damaged.

    most_unpacked: bytes of records after which a poll gives what it has, and of a batch that is unpacked at all; None:
    any number. What is fetched is bounded by the library, as it is on the wire.
    """

    def __init__(self, *topics: str, most_unpacked: int | None = None, **options: Any) -> None:
        super().__init__(*topics, **options)
        self._fetcher.PartitionRecords = partial(Unpacked, most=most_unpacked)
        if most_unpacked is not None:
            self._fetcher._append = _until_full(self._fetcher._append, most_unpacked)

    @property
    def hearing(self) -> Hearing:
        """Whether brokers answer."""
        heard: Hearing = self._manager.hearing
        return heard


class Producer(KafkaProducer):  # type: ignore[misc]
    """KafkaProducer whose calls on transactions end by `max_block_ms`; the library's wait without end."""

    def commit_transaction(self) -> None:
        """Commits. Raises KafkaTimeoutError when the answer is late: whether it was committed is then unknown."""
        self._ended("commit a transaction", self._transaction_manager.begin_commit())

    def abort_transaction(self) -> None:
        """Aborts. Raises KafkaTimeoutError when the answer is late: the broker aborts it by its own timeout."""
        self._ended("abort a transaction", self._transaction_manager.begin_abort())

    def send_offsets_to_transaction(self, offsets: Mapping[Any, Any], group_metadata: Any) -> None:
        """Makes offsets part of the transaction. Raises KafkaTimeoutError when the answer is late."""
        result = self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata)
        self._ended("send offsets to a transaction", result)

    def _ended(self, what: str, result: Any) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=self.config["max_block_ms"]):
            raise KafkaTimeoutError(f"could not {what} in {self.config['max_block_ms'] / 1000:g} s")


class Passing(logging.Handler):
    """What kafka-python logs goes to our log, as details: nearly all of it is told again by an error or a retry."""

    def emit(self, record: logging.LogRecord) -> None:
        """Passes it on."""
        log.debug("%s: %s", record.name, record.getMessage())


def quieten() -> None:
    """kafka-python logs nothing below warnings, for its details tell passwords, and what it logs goes to our log."""
    theirs = logging.getLogger("kafka")
    theirs.setLevel(max(theirs.level, logging.WARNING))
    if not any(isinstance(handler, Passing) for handler in theirs.handlers):
        theirs.addHandler(Passing())
        theirs.propagate = False
