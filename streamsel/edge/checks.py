"""`streamsel check` of an edge pipeline: each source, the model, the folders and the brokers are tried."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamsel.choosing.finding import Finding, fine, note, problem
from streamsel.config import EdgeConfig
from streamsel.config.edge import EdgeKafka, EdgeMqtt, EdgeSource
from streamsel.edge.building import source_lanes
from streamsel.edge.opening import opened
from streamsel.embed.load import load_embedder
from streamsel.errors import ModelError, SourceError, StreamselError
from streamsel.service.checked_places import page_findings, written_findings

__all__ = ["edge_findings"]

PATIENCE: Final = 10.0
"""Seconds that a broker of MQTT gets to answer."""

STEP: Final = 0.05


def edge_findings(config: EdgeConfig) -> Iterator[Finding]:
    """All findings, as they come."""
    for place, source in enumerate(config.sources):
        yield from _source(f"sources[{place}] {source.name}", source)
    yield from written_findings("state", config.state)
    yield from written_findings("output.folder", config.output.folder)
    yield from _selection(config)
    yield from _couriers(config)
    if config.metrics is not None:
        yield from page_findings(config.metrics)


def _source(place: str, source: EdgeSource) -> Iterator[Finding]:
    if source.folder is not None:
        yield from _folder(place, source.folder)
    elif source.pipe is not None:
        yield note(place, f"standard input is read when it runs, as {source.pipe}")
    else:
        yield _camera(place, source)


def _folder(place: str, folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield note(place, f"{folder}: is not there yet; it waits for it")
    elif not os.access(folder, os.R_OK | os.X_OK):
        yield problem(place, f"{folder}: cannot be read; ask for the right to")
    else:
        yield fine(place, f"{folder}: can be read")


def _camera(place: str, source: EdgeSource) -> Finding:
    """Of one that sends pictures: how large, and how long the first took."""
    began = time.monotonic()
    try:
        with opened(source, threads=1) as decoder:
            frame = next(iter(decoder.read()))
            size = f"{frame.picture.width} x {frame.picture.height}"
    except StreamselError as error:
        return problem(place, str(error))
    except StopIteration:
        return problem(place, "sends no picture")
    return fine(place, f"{size}, the first picture after {time.monotonic() - began:.1f} s")


def _selection(config: EdgeConfig) -> Iterator[Finding]:
    try:
        model = load_embedder(config.model, device=config.device, weights=config.weights, threads=config.threads)
    except ModelError as error:
        yield problem("model", str(error))
        return
    yield fine("model", f"{model.name}: {model.dim} numbers a picture")
    try:
        source_lanes(config, model)
    except StreamselError as error:
        yield problem("selection", str(error))
        return
    yield fine("selection", ", ".join(entry.label for entry in config.rules.strategies))


def _couriers(config: EdgeConfig) -> Iterator[Finding]:
    if config.mqtt is not None:
        yield _mqtt(config.mqtt)
    if config.kafka is not None:
        yield _kafka(config.kafka)


def _mqtt(config: EdgeMqtt) -> Finding:
    from streamsel.edge.mqtt import MqttDelivery

    courier = MqttDelivery(config, f"check-{os.getpid()}")
    courier.start()
    deadline = time.monotonic() + PATIENCE
    while not (courier.ready or courier.trouble) and time.monotonic() < deadline:
        time.sleep(STEP)
    trouble = "" if courier.ready else courier.trouble or f"{config.server}: does not answer"
    courier.close()
    return problem("mqtt", trouble) if trouble else fine("mqtt", f"{config.server}: lets this device in")


def _kafka(config: EdgeKafka) -> Finding:
    from streamsel.topic import inquiry
    from streamsel.topic.connection import Connection
    from streamsel.topic.explaining import explained
    from streamsel.topic.security import Security

    try:
        with explained(config.topic, SourceError):
            topic = inquiry.topic(Connection(config.servers, Security.of(config.security)), config.topic)
    except StreamselError as error:
        return problem("kafka", str(error))
    if topic is None:
        return problem("kafka.topic", f"{config.topic}: no such topic; create it, or check its name")
    return fine("kafka.topic", f"{topic.name}: {topic.partitions} partitions")
