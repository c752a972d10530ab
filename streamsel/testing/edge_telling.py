"""What an edge daemon tells of itself: its page while it runs, and its state once it has ended."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from streamsel.lanes.state_entries import arrays_of
from streamsel.store.entries import EntryStore
from streamsel.testing.service_process import Running

__all__ = ["asked", "picks_in_state", "status"]

PATIENCE = 60.0


def asked(running: Running, path: str) -> str:
    """What its page answers, as soon as there is one. path: as `/metrics`."""
    address = running.wait(lambda: running.events("started"))[0]["page"]
    with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def status(running: Running) -> dict[str, Any]:
    """How it stands, as its page has it for programs."""
    told: dict[str, Any] = json.loads(asked(running, "/status.json"))
    return told


def picks_in_state(folder: Path, source: str) -> int:
    """Picks of a source that a state folder knows, of a daemon that has ended; without windows."""
    store = EntryStore(folder / "state.db")
    try:
        entries = {key: value for key, value in store.entries(source).items() if not key.startswith(b"#")}
    finally:
        store.close()
    return len(arrays_of(entries)["selector/picks"])
