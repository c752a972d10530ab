"""What comes after streamsel: reads picks from a topic as they arrive, and saves each picture once.

    python examples/picks_consumer.py BROKER TOPIC FOLDER [SECONDS]

Started again it goes on where it was; with SECONDS it ends when nothing came for so long.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kafka import KafkaConsumer


def main(broker: str, topic: str, folder: str, seconds: str = "inf") -> None:
    picks = KafkaConsumer(
        topic,
        bootstrap_servers=broker.split(","),
        group_id="picks-consumer",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",  # else picks of transactions that came to nothing are read, too
        consumer_timeout_ms=1000 * float(seconds),
    )
    for pick in picks:
        said = {name: value.decode() for name, value in pick.headers}
        place = said.get("ce_dataref", f"{said['ce_id']}.jpg")
        if pick.value is not None:  # else the picture is large, and lies where ce_dataref says
            (Path(folder) / place).write_bytes(pick.value)  # the same name if it is read twice, so it is there once
        print(f"{said['ce_subject']}: {said['ce_reason']}, {place}", flush=True)
        picks.commit()
    picks.close()


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
