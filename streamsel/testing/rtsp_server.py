"""Serves an H.264 mp4 or ts by RTSP, as a camera would: run by the system's Python, which has GStreamer's bindings.

    /usr/bin/python3 rtsp_server.py FILE [PORT]

writes the port it listens on, which is any free one without PORT, and serves the file at /camera, in real time, to each
client from its beginning. The stream ends after the file was shown once. Users: camera, with the password given in the
variable RTSP_PASSWORD.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

PIPELINE = '( filesrc location="{}" ! {} ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )'


def guard(server: Any, factory: Any, password: str) -> None:
    """Let only the user `camera` with this password in."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "camera")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("camera", password), token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.from_string("camera, media.factory.access=true, media.factory.construct=true")[0]
    )


def main(path: str, password: str, port: str = "0") -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE.format(path, "tsdemux" if path.endswith(".ts") else "qtdemux"))
    if password:
        guard(server, factory, password)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1], os.environ.get("RTSP_PASSWORD", ""), *sys.argv[2:])
