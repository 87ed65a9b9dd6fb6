"""A small target for the load tests' own tests: it speaks enough of the contract, and misbehaves on demand."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """One export request as the target saw it."""

    at: float
    """Unix seconds, when its body was read."""
    body: bytes
    headers: dict[str, str]


@dataclass
class Manners:
    """How the target behaves."""

    delay_s: Callable[[Seen], float] = lambda _: 0.0
    """How long an export takes."""
    status: Callable[[Seen], int] = lambda _: 200
    """What an export is answered with; 0: the connection is dropped."""
    base_path: str = ""
    running_limit: int | None = None
    """More than so many at once are answered with 429."""
    other_origin: bool = False
    """The download link leads to another host."""
    locked: Mapping[str, int] = field(default_factory=dict)
    """Paths whose GET is answered with only this status."""
    redirect: bool = False
    """Exports are answered with a redirect to another path."""


@dataclass
class FakeTarget:
    """The running target."""

    url: str
    port: int
    manners: Manners
    seen: list[Seen] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    """The path of each GET."""
    running: int = 0
    peak: int = 0


CERTIFICATE = Path(__file__).parent / "tls" / "server.pem"
"""Self-signed, of 127.0.0.1, with its key: only for these tests, and worth nothing elsewhere."""


@contextmanager
def fake_target(manners: Manners | None = None, *, tls: bool = False) -> Iterator[FakeTarget]:
    """A target on a free port, in threads of this process, until the block ends; `tls`: with CERTIFICATE."""
    server = _Server(("127.0.0.1", 0), _Handler)
    port = server.server_address[1]
    chosen = manners or Manners()
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.target = FakeTarget(f"http{'s' * tls}://127.0.0.1:{port}{chosen.base_path}", port, chosen)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    target: FakeTarget

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.lock = threading.Lock()
        self.files: dict[str, bytes] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Some tests need clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # one write an answer, so that no answer waits for an acknowledgement
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        target = self.server.target
        target.got.append(self.path)
        base = target.manners.base_path
        path = self.path.removeprefix(base) if self.path.startswith(base) else "/outside"
        if path in target.manners.locked:
            self._answer(target.manners.locked[path], {"success": False, "error": "who are you?"})
        elif path == "/health":
            self._answer(200, {"ok": True, "ts": time.time()})
        elif path == "/export/status":
            self._answer(200, {"status": "ready", "concurrentExports": target.running, "queueDepth": 0})
        elif path == "/export/metrics":
            text = f"# TYPE export_concurrent_running gauge\nexport_concurrent_running {target.running}\n"
            self._send(200, text.encode(), "text/plain; version=0.0.4")
        elif path.startswith("/export/files/") and path.rpartition("/")[2] in self.server.files:
            self._send(200, self.server.files[path.rpartition("/")[2]], "text/csv")
        else:
            self._answer(404, {"success": False, "error": "not found"})

    def do_POST(self) -> None:
        target = self.server.target
        manners = target.manners
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = Seen(time.time(), body, {name.lower(): value for name, value in self.headers.items()})
        with self.server.lock:
            target.seen.append(seen)
            number = len(target.seen)
            target.running += 1
            target.peak = max(target.peak, target.running)
            full = manners.running_limit is not None and target.running > manners.running_limit
        try:
            status = 429 if full else manners.status(seen)
            if not full:
                time.sleep(manners.delay_s(seen))
        finally:
            with self.server.lock:
                target.running -= 1
        if status == 0:
            self.close_connection = True
        elif manners.redirect:
            self._send(307, b"", "text/plain", {"Location": f"{manners.base_path}/elsewhere"})
        elif status == 200:
            self._export(number, body)
        else:
            self._answer(status, {"success": False, "error": "refused"}, {"Retry-After": "1"} if full else {})

    def _export(self, number: int, body: bytes) -> None:
        asked = json.loads(body)
        name = f"export_{1_700_000_000_000 + number}_abcdefghi.{asked['format']}"
        self.server.files[name] = body
        host = "http://127.0.0.9:1" if self.server.target.manners.other_origin else ""
        result = {"success": True, "bytes": len(body), "filename": f"exports/{name}"}
        result["downloadUrl"] = f"{host}/export/files/{name}"
        self._answer(200, {"success": True, "result": result, "processingTime": 1, "records": len(asked["data"])})

    def _answer(self, status: int, body: dict[str, object], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
