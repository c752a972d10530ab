"""What comes after streamsel: reads picks from a topic as they arrive, and saves each picture once.

    python examples/picks_consumer.py BROKER TOPIC FOLDER [SECONDS]

FOLDER must exist. Started again it goes on where it was; with SECONDS it ends when nothing came for so long.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kafka import KafkaConsumer


def main(broker: str, topic: str, folder: str, seconds: str = "inf") -> None:
    if not Path(folder).is_dir():
        sys.exit(f"{folder}: no such folder; make it first")
    picks = KafkaConsumer(
        bootstrap_servers=broker.split(","),
        group_id="picks-consumer",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",  # else picks of transactions that came to nothing are read, too
        consumer_timeout_ms=1000 * float(seconds),
    )
    if topic not in picks.topics():
        sys.exit(f"{broker}/{topic}: no such topic; `streamsel run` makes it when it starts")
    picks.subscribe([topic])
    for pick in picks:
        said = {name: value.decode(errors="replace") for name, value in pick.headers}
        if not re.fullmatch("[0-9a-f]{32}", said.get("ce_id", "")):  # it names a file: never what others may make up
            print(f"record {pick.partition}/{pick.offset}: no pick", flush=True)
        else:
            print(f"{said.get('ce_subject')}: {said.get('ce_reason')}, {saved(pick.value, said, folder)}", flush=True)
        picks.commit()
    picks.close()


def saved(picture: bytes | None, said: dict[str, str], folder: str) -> str:
    """Where a picture lies now. A large one lies where ce_dataref says: whoever opens that stays inside its folder."""
    if picture is None:
        return said.get("ce_dataref", "nowhere")
    file = Path(folder, f"{said['ce_id']}.jpg")  # the same name if it is read twice, so it is there once
    file.write_bytes(picture)
    return file.name


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
