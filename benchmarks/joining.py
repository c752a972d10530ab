"""A clip joined to itself, packet by packet, without re-encoding: longer input of the same kind."""

from __future__ import annotations

from pathlib import Path

import av


def join(clip: Path, times: int, out: Path) -> Path:
    """`times` copies of the clip's video, one after the other, in one file of the same container."""
    with av.open(str(out), "w") as writer:
        target, offset = None, 0
        for _ in range(times):
            with av.open(str(clip)) as reader:
                stream = reader.streams.video[0]
                target = target or writer.add_stream_from_template(stream)
                end = 0
                for packet in reader.demux(stream):
                    if packet.dts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = target
                    writer.mux(packet)
                offset += end
    return out
