"""Targets that hang, drip, never end, break off or answer nonsense, each before a healthy service."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Answer = Callable[["Proxy", socket.socket], None]
CHUNK = b"x" * 65_536
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TIMEOUT_S = 120.0


@dataclass
class Proxy:
    """A healthy service's own answers up to a request for an export; from that one on, answers of one bad kind."""

    behind: str
    """URL of the healthy service."""
    answer: Answer | None
    """None: all answers are healthy."""
    from_export: int = 1
    only: str = ""
    """The beginning of the paths that are answered badly; others stay healthy."""
    exports: int = 0
    ending: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self, seconds: float) -> None:
        """Wait, or raise OSError when the proxy ends."""
        if self.ending.wait(seconds):
            raise OSError("the proxy ends")

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection; it is closed after each."""
        connection.settimeout(TIMEOUT_S)
        with connection, contextlib.suppress(OSError, http.client.HTTPException):
            reader = connection.makefile("rb")
            line = reader.readline(65_536).decode("latin-1")
            if not line.strip():
                return
            method, path, _ = line.split(" ", 2)
            headers = http.client.parse_headers(reader)
            if headers.get("Expect", "").lower() == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = reader.read(int(headers.get("Content-Length", "0")))
            if method == "POST":
                self.exports += 1
            if self.answer is not None and self.exports >= self.from_export and path.startswith(self.only):
                self.answer(self, connection)
            else:
                self._forward(connection, method, path, dict(headers.items()), body)

    def _forward(self, connection: socket.socket, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        behind = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=TIMEOUT_S)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
            behind.request(method, path, body or None, kept)
            answer = behind.getresponse()
            content = answer.read()
            head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
            dropped = ("transfer-encoding", "connection", "content-length")
            head += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in dropped]
            length = answer.getheader("Content-Length", str(len(content))) if method == "HEAD" else str(len(content))
            head += [f"Content-Length: {length}", "Connection: close", "", ""]
            connection.sendall("\r\n".join(head).encode("latin-1") + content)
        finally:
            behind.close()


@contextmanager
def proxied(proxy: Proxy) -> Iterator[Proxy]:
    """Serve a proxy on a free port while the block runs."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        proxy.port = server.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=proxy.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ending.set()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(5)


def hang(proxy: Proxy, _: socket.socket) -> None:
    """Never answer."""
    proxy.wait(TIMEOUT_S)


def drip_head(proxy: Proxy, connection: socket.socket) -> None:
    """A head, a byte a second."""
    for code in HEAD * 100:
        connection.sendall(bytes([code]))
        proxy.wait(1)


def drip_body(proxy: Proxy, connection: socket.socket) -> None:
    """A body, a byte a second."""
    connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
    for _ in range(int(TIMEOUT_S)):
        connection.sendall(b" ")
        proxy.wait(1)


def endless_body(proxy: Proxy, connection: socket.socket) -> None:
    """A body without end, as fast as it is taken."""
    connection.sendall(HEAD + b"\r\n")
    _pour(proxy, connection, CHUNK)


def endless_chunks(proxy: Proxy, connection: socket.socket) -> None:
    """Chunks without end."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    _pour(proxy, connection, b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))


def endless_head(proxy: Proxy, connection: socket.socket) -> None:
    """Headers without end."""
    connection.sendall(HEAD)
    _pour(proxy, connection, b"X-More: 1234567890\r\n" * 1_000)


def endless_continue(proxy: Proxy, connection: socket.socket) -> None:
    """`100 Continue` again and again."""
    _pour(proxy, connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)


def _pour(proxy: Proxy, connection: socket.socket, piece: bytes) -> None:
    while not proxy.ending.is_set():
        connection.sendall(piece)
        time.sleep(0.0005)  # some 100 MB a second, so that this machine has time for the harness too


def break_off(_: Proxy, connection: socket.socket) -> None:
    """Close in the middle of the body."""
    connection.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"success": true, "resu')


def close_at_once(_: Proxy, __: socket.socket) -> None:
    """Close without an answer."""


def reset(_: Proxy, connection: socket.socket) -> None:
    """Reset the connection in the middle of the head."""
    connection.sendall(b"HTTP/1.1 200")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def nonsense(_: Proxy, connection: socket.socket) -> None:
    """Bytes that are no HTTP."""
    connection.sendall(bytes(range(256)) * 40 + b"\r\n\r\n")


def huge_length(proxy: Proxy, connection: socket.socket) -> None:
    """A length of an exabyte, and nothing."""
    connection.sendall(HEAD + b"Content-Length: 1000000000000000000\r\n\r\n")
    proxy.wait(TIMEOUT_S)


def deep_json(_: Proxy, connection: socket.socket) -> None:
    """JSON, a million levels deep."""
    body = b"[" * 1_000_000
    connection.sendall(HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)


def empty(_: Proxy, connection: socket.socket) -> None:
    """200 with nothing in it."""
    connection.sendall(HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n")


KINDS: dict[str, Answer] = {
    "hang": hang, "drip a head": drip_head, "drip a body": drip_body, "endless body": endless_body,
    "endless chunks": endless_chunks, "endless head": endless_head, "endless 100 Continue": endless_continue,
    "break off": break_off, "close at once": close_at_once, "reset": reset, "nonsense": nonsense,
    "huge length": huge_length, "deep JSON": deep_json, "empty answers": empty,
}  # fmt: skip
PLACES = {"everything": "", "exports": "/export/run", "files": "/export/files/", "the metrics page": "/export/metrics"}


def choices(long: bool) -> list[tuple[str, str]]:
    """Kinds of bad answers with what is answered so: all pairs, or each kind once with the places in turn."""
    if long:
        return list(itertools.product(KINDS, PLACES))
    return list(zip(KINDS, itertools.cycle(PLACES), strict=False))
