"""A second implementation on http.server: shares the keeper's files and book, nothing of its HTTP or its admission."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.targets.harness import jobs
from tests.targets.harness.csvfile import write_csv
from tests.targets.harness.ledger import Book, Done
from tests.targets.harness.lifecycle import LONGEST_LIFE_S
from tests.targets.harness.pdffile import font_of, write_pdf
from tests.targets.harness.reference_target import BODY_LIMIT, FILE_NAME, MEDIA, VERSION, now_text, render
from tests.targets.harness.request import Ask, BadAsk, glimpse, parse

WRITERS: dict[str, jobs.Write] = {"csv": write_csv, "pdf": write_pdf}


class Full(Exception):
    """Nobody else may wait."""


class Gate:
    """Five at once, a hundred wait, first come first served; the book is written under the same lock."""

    def __init__(self) -> None:
        """Open."""
        self.lock = threading.Lock()
        self.running = 0
        self.line: list[threading.Event] = []

    def enter(self, started: Callable[[], None]) -> None:
        """Come in, or wait; Full when a hundred wait already. `started` is called at admission."""
        with self.lock:
            if self.running < 5:
                self.running += 1
                started()
                return
            if len(self.line) >= 100:
                raise Full
            turn = threading.Event()
            self.line.append(turn)
            started()
        turn.wait()

    def leave(self, ended: Callable[[], None]) -> None:
        """Go, and let the next in; `ended` is called in the same moment."""
        with self.lock:
            ended()
            if self.line:
                self.line.pop(0).set()
            else:
                self.running -= 1


class PlainKeeper:
    """The whole service."""

    def __init__(self, folder: Path) -> None:
        """With its files in `folder`."""
        self.folder = folder
        self.book = Book()
        self.gate = Gate()
        self.memory = threading.Lock()

    def export(self, body: bytes, arrived: float) -> tuple[int, dict[str, Any], dict[str, str]]:
        """One export: status, answer, headers."""
        try:
            ask = parse(body)
        except BadAsk as error:
            with self.gate.lock:
                self.book.rejected(*glimpse(body))
            return 400, _error(str(error)), {}
        try:
            self.gate.enter(lambda: self.book.started(ask.format, ask.user))
        except Full:
            with self.gate.lock:
                self.book.rejected(ask.format, ask.user)
            return 429, _error("Too many exports wait") | {"queueDepth": 100}, {"Retry-After": "1"}
        return self.make(ask, body, arrived)

    def make(self, ask: Ask, body: bytes, arrived: float) -> tuple[int, dict[str, Any], dict[str, str]]:
        """The file and its answer."""
        name = f"export_{time.time_ns() // 1_000_000}_{secrets.token_hex(5)}.{ask.format}"
        job = jobs.Job(body=body, write=WRITERS[ask.format], folder=self.folder, name=name, made_at=now_text())
        try:
            made = jobs.make(job)
        except Exception as error:
            self.gate.leave(lambda: self.book.failed(ask.format, ask.user, "error"))
            return 500, _error(f"The export failed: {type(error).__name__}"), {}
        latency_ms = (time.monotonic() - arrived) * 1000
        done = Done(
            form=ask.format,
            user=ask.user,
            records=len(ask.rows),
            size_bytes=made.size_bytes,
            memory_bytes=made.memory_bytes,
            latency_ms=latency_ms,
        )
        self.gate.leave(lambda: self.book.succeeded(done))
        result = {
            "success": True,
            "bytes": made.size_bytes,
            "filename": f"{self.folder.name}/{name}",
            "downloadUrl": f"/export/files/{name}",
        }
        answer = {"success": True, "result": result, "processingTime": round(latency_ms), "records": len(ask.rows)}
        return 200, answer | {"timestamp": now_text()}, {}

    def page(self) -> tuple[bytes, str]:
        """The metrics page and its media type."""
        with self.gate.lock:
            families = self.book.page(self.gate.running, len(self.gate.line))
        text, media = render(families, False)
        return text.encode(), media

    def status(self) -> dict[str, Any]:
        """The status page."""
        with self.gate.lock:
            running, waiting = self.gate.running, len(self.gate.line)
        return {
            "status": "ready",
            "concurrentExports": running,
            "queueDepth": waiting,
            "maxConcurrentExports": 5,
            "timestamp": now_text(),
            "version": VERSION,
        }

    def find(self, name: str) -> Path | None:
        """A finished file by its name."""
        path = self.folder / name
        return path if FILE_NAME.fullmatch(name) and path.is_file() else None

    def serve(self, port: int, announce: Callable[[str], None]) -> None:
        """Run until SIGTERM, or for a quarter of an hour."""
        font_of("a")
        keeper = self

        class Bound(PlainHandler):
            """The handler of this keeper."""

            service = keeper

        server = Server(("127.0.0.1", port), Bound)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        limit = threading.Timer(LONGEST_LIFE_S, server.shutdown)
        limit.daemon = True
        limit.start()
        announce(f"http://127.0.0.1:{server.server_address[1]}")
        server.serve_forever(poll_interval=0.05)
        server.server_close()


class Server(ThreadingHTTPServer):
    """Takes a burst of connections."""

    request_queue_size = 256
    daemon_threads = True


def _error(text: str) -> dict[str, Any]:
    """The body of an error."""
    return {"success": False, "error": text, "timestamp": now_text()}


class PlainHandler(BaseHTTPRequestHandler):
    """One request."""

    service: PlainKeeper

    def do_GET(self) -> None:
        """All but exports."""
        path = self.path.split("?")[0]
        known = {
            "/health": lambda: {"ok": True, "ts": time.time()},
            "/export/status": self.service.status,
        }
        if path in known:
            return self.answer(200, known[path]())
        if path == "/export/metrics":
            return self.send(200, *self.service.page())
        if path == "/export/run":
            return self.answer(405, _error("Method Not Allowed"), {"Allow": "POST"})
        start, _, name = path.rpartition("/")
        found = self.service.find(unquote(name)) if start in ("/export/files", "/export/download") else None
        if found is None:
            return self.answer(404, _error("Not Found"))
        if start == "/export/download":
            link = {"downloadUrl": f"/export/files/{found.name}", "status": "ready", "timestamp": now_text()}
            return self.answer(200, link)
        return self.send_file(found)

    def do_POST(self) -> None:
        """An export."""
        arrived = time.monotonic()
        if self.path != "/export/run":
            return self.answer(404, _error("Not Found"))
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT:
            with self.service.gate.lock:
                self.service.book.rejected("unknown", "anonymous")
            return self.answer(413, _error("The body is too long"))
        return self.answer(*self.service.export(self.rfile.read(length), arrived))

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        """JSON."""
        self.send(status, json.dumps(body, indent=1).encode(), "application/json", headers)

    def send(self, status: int, body: bytes, media: str, headers: dict[str, str] | None = None) -> None:
        """Bytes."""
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, path: Path) -> None:
        """A file, without reading it whole."""
        self.send_response(200)
        self.send_header("Content-Type", MEDIA[path.suffix[1:]])
        self.send_header("Content-Length", str(path.stat().st_size))
        self.send_header("Content-Disposition", f'attachment; filename="{path.name}"')
        self.end_headers()
        with path.open("rb") as file:
            shutil.copyfileobj(file, self.wfile)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
