"""Decodes a video and does nothing else: what `select` is measured against. `python decode_only.py VIDEO`."""

import sys

import av

with av.open(sys.argv[1]) as container:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    for _ in container.decode(stream):
        pass
