"""An edge daemon as a process, as the benchmarks measure it: its file, its CPU time, its picks; and clips for it."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from streamsel.testing.service_process import Running

PRESET = {"preset": "veryfast", "sc_threshold": "0", "bf": "0"}


def daemon(folder: Path, source: dict[str, Any], **options: Any) -> Running:
    """`streamsel run` with the default model and a target ratio of 1 %; to be used with `with`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"kind": "edge", "sources": [source], "state": "state", "output": {"folder": "picks"}}
    file = folder / "edge.json"
    file.write_text(json.dumps({**config, "target_ratio": 0.01, **options}))
    return Running(file)


def cpu_seconds(running: Running) -> float:
    """User and system time of all threads of a process until now."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def facts(folder: Path) -> list[dict[str, Any]]:
    """Of all picks, in the order picked."""
    found = [json.loads(file.read_text()) for file in (folder / "picks").rglob("*.json")]
    return sorted(found, key=lambda fact: fact["ordinal"])


def encoded(
    clip: Path, target: Path, size: tuple[int, int], *, key: float, crf: int = 23, rate: int = 0, most: float = 0
) -> Path:
    """Write a clip as H.264 without B-frames, stretched to (width, height), with a key frame each `key` seconds.

    rate: frames a second, 0: its own; frames are left out or shown again to get there. most: seconds, 0: all of it.
    """
    with av.open(clip) as source, av.open(target, "w") as into:
        shown = source.streams.video[0]
        per_second = rate or shown.average_rate
        stream = into.add_stream("libx264", rate=per_second)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {**PRESET, "crf": str(crf), "g": str(round(key * per_second))}
        written = 0
        for frame in source.decode(shown):
            while written / per_second <= frame.time - (shown.start_time or 0) * shown.time_base:
                if most and written >= most * per_second:
                    break
                picture = frame.reformat(*size, format="yuv420p")
                picture.pts, picture.time_base, picture.pict_type = written, 1 / Fraction(per_second), 0
                into.mux(stream.encode(picture))
                written += 1
        into.mux(stream.encode(None))
    return target
