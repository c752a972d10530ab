"""A camera that cannot be opened is one line: its address without secrets, what is wrong, what to do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from streamsel.data import Source
from streamsel.decode.live import LiveDecoder
from streamsel.errors import AwayError, SourceError
from streamsel.testing.kafka_security import Safety
from streamsel.testing.servers import camera
from streamsel.testing.videos import scenes

HUSH = "hush-hush"
HANDSHAKE = b"\x16"
"""What each record of a handshake begins with (RFC 8446, section 5.1)."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes(tmp_path_factory.mktemp("film") / "film.mp4", range(2), 25, options={"bf": "0"}, gop=25)


def refused(url: str) -> tuple[bool, str]:
    """Whether it counts as away, and the line without the source's name."""
    with pytest.raises(SourceError) as caught:
        LiveDecoder(Source("yard", url, "live"), timeouts=(1.0, 1.0))
    line = str(caught.value)
    assert line.startswith("yard: ")
    assert HUSH not in line
    assert "\n" not in line
    return isinstance(caught.value, AwayError), line.removeprefix("yard: ")


@contextmanager
def answering(answer: bytes | None, by_tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that says this to whoever asks something, and hangs up; None: it never says anything.

    by_tls: it says so by TLS, and in the clear that this is no way to ask.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                held.append(peer)
                if answer is not None:
                    with suppress(OSError):
                        say(peer, answer)
                    peer.close()

        def say(peer: socket.socket, answer: bytes) -> None:
            if by_tls and peer.recv(1, socket.MSG_PEEK) != HANDSHAKE:
                answer = b"HTTP/1.0 400 Bad Request\r\n\r\n"
            elif by_tls:
                peer = by_tls.wrap_socket(peer, server_side=True)
            peer.recv(10_000)
            peer.sendall(answer)
            peer.close()

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for peer in held:
            peer.close()


def test_a_camera_that_wants_another_password_or_path(film: Path) -> None:
    with camera(film, "sesame") as (port, _):
        place = f"rtsp://127.0.0.1:{port}"
        assert refused(f"rtsp://camera:{HUSH}@127.0.0.1:{port}/camera?token={HUSH}") == (
            False,
            f"{place}/camera: wrong user or password (401); correct them in the URL, where % and @ are %25 and %40",
        )
        away, line = refused(f"{place}/camera")
        assert (away, "asks for user and password (401); write rtsp://USER:PASSWORD@" in line) == (False, True)
        away, line = refused(f"rtsp://camera:sesame@127.0.0.1:{port}/garden")
        assert not away
        assert line.startswith(f"{place}/garden: no such stream (404); check the path")


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http"])
def test_an_address_where_nobody_is(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    away, line = refused(f"{scheme}://me:{HUSH}@127.0.0.1:{port}/camera")
    assert (away, line.startswith(f"{scheme}://127.0.0.1:{port}/camera: connection refused; check")) == (True, True)
    away, line = refused(f"{scheme}://me:{HUSH}@no-such-host.invalid/camera")
    assert (away, line.startswith(f"{scheme}://no-such-host.invalid/camera: no such host; check")) == (True, True)


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http", "tcp"])
def test_an_address_that_says_nothing(scheme: str) -> None:
    with answering(None) as port:
        away, line = refused(f"{scheme}://me:{HUSH}@127.0.0.1:{port}/camera")
    assert (away, "timed out, no answer in 1 s; check" in line) == (True, True)


@pytest.mark.parametrize(
    ("scheme", "answer", "away", "told"),
    [
        ("http", b"HTTP/1.0 401 Unauthorized\r\n\r\n", False, "wrong user or password (401)"),
        ("http", b"HTTP/1.0 403 Forbidden\r\n\r\n", False, "not allowed (403)"),
        ("http", b"HTTP/1.0 503 Busy\r\n\r\n", True, "the server fails, or is busy (5xx)"),
        ("http", b"HTTP/1.0 200 OK\r\n\r\n<html>", True, "what answers there sends no video"),
        ("rtsp", b"", True, "what answers there sends no video, or hangs up"),
        ("rtsp", b"RTSP/1.0 454 Session Not Found\r\n\r\n", True, "cannot be opened as a video (Server returned 4XX"),
    ],
)
def test_an_address_that_says_something_else(scheme: str, answer: bytes, away: bool, told: str) -> None:
    with answering(answer) as port:
        found, line = refused(f"{scheme}://me:{HUSH}@127.0.0.1:{port}/camera")
    assert (found, told in line) == (away, True), line


def test_a_scheme_that_libav_was_built_without() -> None:
    away, line = refused("srt://127.0.0.1:1")
    assert (away, "srt:// is not among what this libav reads" in line) == (False, True)


@pytest.mark.parametrize("host", [f"me:{HUSH}@127.0.0.1:99999", f"me:a/{HUSH}@127.0.0.1", "127.0.0.1:0"])
def test_an_address_whose_port_is_none(host: str) -> None:
    away, line = refused(f"rtsp://{host}/camera")
    assert (away, "/camera: wrong address: behind the host's : there is no port" in line) == (False, True), line


def test_a_login_in_the_path_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    _, line = refused(f"rtsp://127.0.0.1:{port}/user=me&password={HUSH}&channel=1.sdp")
    assert line.startswith(f"rtsp://127.0.0.1:{port}/channel=1: connection refused")


@pytest.mark.parametrize(("scheme", "plain"), [("rtsps", "rtsp"), ("https", "http")])
def test_one_that_is_asked_by_tls_and_answers_without_is_told(scheme: str, plain: str) -> None:
    with answering(f"{plain.upper()}/1.0 400 Bad Request\r\n\r\n".encode()) as port:
        url = f"{scheme}://me:{HUSH}@127.0.0.1:{port}/camera"
        line = (
            f"{scheme}://127.0.0.1:{port}/camera: answers there without TLS; write {plain}://, or give its port for TLS"
        )
        assert refused(url) == (False, line)
    with answering(b"what?\r\n") as port:
        away, line = refused(f"{scheme}://127.0.0.1:{port}/camera")
        assert away
        assert "TLS" not in line


def test_one_that_speaks_tls_and_says_in_the_clear_that_it_wants_it_is_not_to_be_asked_without(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Safety.make(tmp_path).server)
    with answering(b"HTTP/1.0 200 OK\r\n\r\n<html>", context) as port:
        away, line = refused(f"https://me:{HUSH}@127.0.0.1:{port}/camera")
    assert (away, "what answers there sends no video" in line) == (True, True), line
