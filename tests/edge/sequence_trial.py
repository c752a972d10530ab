"""What several tests of sequences at the edge take: configs, a camera's frames, and the facts of what was picked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamsel.config.edge import EdgeConfig
from streamsel.edge import Seen
from tests.edge.edge_trial import NAMES, NOON, config, files, seen

LENGTH = 3
DIVERSE = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def of_sequences(
    length: int = LENGTH, strategies: Sequence[Mapping[str, Any]] = (DIVERSE,), **changed: Any
) -> EdgeConfig:
    worker = {"selected_sequence_length": length}
    selection = {"selection_config": {"strategies": strategies}, "worker_config": worker}
    return config(selection=selection, **changed)


CAMERAS = [{"name": name, "url": f"rtsp://camera/{name}"} for name in NAMES]


def facts_of(folder: Path) -> list[dict[str, Any]]:
    """Of all pictures, by source in the order that they were picked."""
    found = [json.loads(path.read_bytes()) for path in files(folder / "picks") if path.suffix == ".json"]
    return sorted(found, key=lambda fact: (fact["source"], fact["ordinal"], fact["sequence"]["place"]))


def door(number: int, **changed: Any) -> Seen:
    """A frame of a camera, of a scene of its own, one a fifth of a second."""
    one = seen(1, number, 0, scene=number)
    time, started = changed.get("time", 0.2 * number), changed.get("started", one.started)
    mark = replace(one.frame.mark, pts=round(1000 * time))
    taken = NOON + timedelta(seconds=changed.get("taken", time))
    return replace(one, started=started, taken=taken, frame=replace(one.frame, mark=mark))
