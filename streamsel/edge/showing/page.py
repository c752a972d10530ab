"""The page of an edge service: how its sources stand and what it picked lately; /metrics and /healthz beside it.

The page itself is one file that never changes; its script asks for /status.json and writes what comes as text, so no
name and no trouble can become markup. Thumbnails come from memory by number: no URL leads to the disk.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from streamsel.daemon.status_page import Answer, served
from streamsel.data import Box
from streamsel.edge.showing.board import Board, Disk, Outbound, Shown
from streamsel.edge.showing.metrics import EdgeMetrics
from streamsel.edge.standing import Standing
from streamsel.lanes.deciding import Open
from streamsel.plain_source import plain_source

__all__ = ["edge_page"]

JSON, TEXT, HTML = "application/json", "text/plain; charset=utf-8", "text/html; charset=utf-8"
FRESH: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

PICK: Final = re.compile(r"/picks/([1-9][0-9]{0,17})\.jpg")
URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:\S*@)?(?P<place>[^\s?#]*)[^\s'\"]*")
"""What follows the last @ is shown, up to a query: passwords may lie before, and tokens behind."""


def edge_page(address: str | None, board: Board) -> AbstractContextManager[int | None]:
    """Serves the page at `host:port` until left; gives the port. None: serves nothing.

    There is no login: host is meant to be 127.0.0.1, or behind a proxy that has one. Raises UsageError where the
    address cannot be listened on.
    """
    return served(address, _Routes(board), guarded=True)


class _Routes:
    """What is at which path. Nothing is kept by a browser: the next process counts its picks from 1 again."""

    def __init__(self, board: Board) -> None:
        self._board, self._metrics = board, EdgeMetrics(board)

    def __call__(self, path: str) -> Answer:
        match path:
            case "/":
                return _page()
            case "/status.json":
                return Answer(JSON, json.dumps(_status(self._board), allow_nan=False).encode(), headers=FRESH)
            case "/metrics":
                return Answer(self._metrics.content_type, self._metrics.page(), headers=FRESH)
            case "/healthz":
                return self._health()
        return self._thumbnail(path)

    def _health(self) -> Answer:
        if self._board.healthy:
            return Answer(TEXT, b"ok\n", headers=FRESH)
        return Answer(TEXT, f"the loop has stood still for {self._board.still:.0f} s\n".encode(), 503, FRESH)

    def _thumbnail(self, path: str) -> Answer:
        if found := PICK.fullmatch(path):
            for one in self._board.shown:
                if one.number == int(found[1]) and one.thumbnail:
                    return Answer("image/jpeg", one.thumbnail, headers=FRESH)
        return Answer(TEXT, b"there are /, /status.json, /metrics, /healthz and /picks/NUMBER.jpg\n", 404, FRESH)


@cache
def _page() -> Answer:
    """Nothing but the page's own style and script may act in it, even if something got in."""
    body = files("streamsel.edge.showing").joinpath("page.html").read_bytes()
    policy = (
        f"default-src 'none'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        f" frame-ancestors 'none'; style-src {_hash(body, b'style')}; script-src {_hash(body, b'script')}"
    )
    return Answer(HTML, body, headers={**FRESH, "Content-Security-Policy": policy})


def _hash(body: bytes, tag: bytes) -> str:
    """Of what stands between the tags, as Content Security Policy level 2 names it."""
    inside = body.partition(b"<%s>" % tag)[2].partition(b"</%s>" % tag)[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside).digest()).decode()}'"


def _status(board: Board) -> dict[str, Any]:
    return {
        "version": version("streamsel"),
        "model": board.model,
        "uptime": round(board.uptime, 1),
        "healthy": board.healthy,
        "still": round(board.still, 1),
        "queue": {"frames": board.queued(), "bytes": board.nbytes()},
        "waiting": dict(zip(("frames", "bytes"), board.waiting(), strict=True)),
        "memory": {**asdict(board.memory()), "trouble": _safe(board.memory().trouble)},
        "disk": _named_bytes(board.disk),
        "outboxes": [_named_bytes(one) for one in board.outboxes],
        "sources": [_source(board, one) for one in board.standings],
        "picks": [_pick(one) for one in board.shown],
    }


def _source(board: Board, one: Standing) -> dict[str, Any]:
    since = board.since(one)
    told = {name: getattr(one, name) for name in ("name", "state", "connects", "losses", "segments", "frames")}
    told |= {name: getattr(one, name) for name in ("held", "dropped", "thinned", "picks", "incomplete")}
    told |= {name: getattr(one, name) for name in ("clips", "clips_short", "clips_given_up")}
    return told | {
        "trouble": _safe(one.trouble),
        "rate": round(one.rate, 2),
        "since": None if since is None else round(since, 1),
        "window": _window(one.window),
        "decided": asdict(one.decided),
        "problems": {_safe(reason): count for reason, count in dict(one.problems).items()},
    }


def _window(one: Open | None) -> dict[str, Any] | None:
    return (
        None
        if one is None
        else {"candidates": one.candidates, "ends": _text(datetime.fromtimestamp(one.span.end, UTC))}
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named_bytes(one: Disk | Outbound) -> dict[str, Any]:
    told = asdict(one)
    return told | {"bytes": told.pop("nbytes"), "trouble": _safe(one.trouble)}


def _pick(one: Shown) -> dict[str, Any]:
    known = one.distance is not None and math.isfinite(one.distance)
    return {
        "number": one.number,
        "source": one.source,
        "taken": _text(one.taken),
        "reason": _safe(one.reason),
        "distance": one.distance if known else None,
        "object": _object(one.box) if one.box else None,
        "picture": f"picks/{one.number}.jpg" if one.thumbnail else None,
    }


def _object(box: Box) -> dict[str, Any]:
    return {"task": _safe(box.task), "number": box.index, "label": _safe(box.label), "score": box.score}


def _safe(text: str) -> str:
    return URL.sub(lambda found: plain_source(found["scheme"] + found["place"]), text)
