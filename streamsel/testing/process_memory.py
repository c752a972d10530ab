"""What a process takes of memory, as Linux tells it (proc(5), /proc/PID/status)."""

from __future__ import annotations

from pathlib import Path

__all__ = ["memory_of"]


def memory_of(process: int) -> tuple[int, int]:
    """Bytes that are resident, and the most that ever were; 0 and 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    told = {name: value.split()[0] for name, _, value in (line.partition(":") for line in lines) if value.split()}
    return int(told.get("VmRSS", 0)) << 10, int(told.get("VmHWM", 0)) << 10
