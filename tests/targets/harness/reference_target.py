"""The keeper: a small and honest export service that speaks the whole contract.

Every part hangs on an attribute, so that an animal is the keeper with one thing changed: `book` counts, `changes` and
`render` make the metrics page, `slots` admits, `write` makes the files, `pause_s` slows, `after` follows each export,
`replies` sees every answer of an export before it goes, `wrap` sees every HTTP answer.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
import secrets
import string
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.targets.harness import jobs, page
from tests.targets.harness.csvfile import write_csv
from tests.targets.harness.ledger import Book, Done
from tests.targets.harness.pdffile import write_pdf
from tests.targets.harness.request import Ask, BadAsk, glimpse, parse
from tests.targets.harness.slots import Full, Slots

MEDIA = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
FILE_NAME = re.compile(r"export_[0-9]+_[A-Za-z0-9]+\.(csv|pdf)")
LETTERS = string.ascii_lowercase + string.digits
BODY_LIMIT = 64 * 2**20
VERSION = "1.7.0-export-scale"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Reply:
    """An answer of `POST /export/run` on its way out."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    ask: Ask | None = None
    """What was asked, where the body could be read."""


def now_text() -> str:
    """ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Keeper:
    """One export service; an animal changes its attributes before it starts."""

    def __init__(self, folder: Path) -> None:
        """Healthy, with its files in `folder`."""
        self.folder = folder
        self.book = Book()
        self.slots = Slots()
        self.write: dict[str, jobs.Write] = {"csv": write_csv, "pdf": write_pdf}
        self.changes: list[page.Change] = []
        self.render: Callable[[page.Page, bool], tuple[str, str]] = render
        self.pool: Callable[[], Executor] = jobs.processes
        self.pause_s: Callable[[Ask], float] = lambda ask: 0.0
        self.after: list[Callable[[jobs.Made], None]] = []
        self.replies: list[Callable[[Reply], Reply]] = []
        self.wrap: list[Callable[[Handler], Handler]] = []
        self.body_limit = BODY_LIMIT
        self.prefix = ""
        self.host = "127.0.0.1"
        self.keepalive_s = 75.0
        self.cancels = False
        """An export is broken off when its client goes away."""
        self.made = 0
        """Exports finished since the start."""
        self.closing = False
        self.executor: Executor | None = None

    # -- the work -----------------------------------------------------------------------------------------------

    def new_name(self, form: str) -> str:
        """A name that was never used."""
        tail = "".join(secrets.choice(LETTERS) for _ in range(9))
        return f"export_{time.time_ns() // 1_000_000}_{tail}.{form}"

    async def run(self, request: web.Request) -> web.StreamResponse:
        """`POST /export/run`."""
        arrived = time.monotonic()
        reply = await self.reply_to(request, arrived)
        for change in self.replies:
            reply = change(reply)
        return self.send(reply)

    def send(self, reply: Reply) -> web.StreamResponse:
        """An answer as JSON."""
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)

    def refuse(self, status: int, error: str, form: str, user: str, **more: Any) -> Reply:
        """Count and word a rejection."""
        self.book.rejected(form, user)
        headers = {"Retry-After": "1"} if status in (429, 503) else {}
        return Reply(status, {"success": False, "error": error, **more, "timestamp": now_text()}, headers)

    async def reply_to(self, request: web.Request, arrived: float) -> Reply:
        """Take a request, or refuse it."""
        try:
            if (request.content_length or 0) > self.body_limit:
                raise web.HTTPRequestEntityTooLarge(self.body_limit, request.content_length or 0)
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self.refuse(413, f"The body is longer than {self.body_limit} bytes", "unknown", "anonymous")
        try:
            ask = self.check(body)
        except BadAsk as error:
            return self.refuse(400, str(error), *glimpse(body))
        if self.closing:
            return self.refuse(503, "The service is shutting down", ask.format, ask.user)
        try:
            turn = self.slots.admit()
        except Full:
            waiting = self.slots.waiting
            return self.refuse(429, "Too many exports wait", ask.format, ask.user, queueDepth=waiting)
        reply = await self.export(ask, body, turn, arrived)
        reply.ask = ask
        return reply

    def check(self, body: bytes) -> Ask:
        """Read a body; BadAsk where it is none."""
        return parse(body)

    async def export(self, ask: Ask, body: bytes, turn: asyncio.Future[None], arrived: float) -> Reply:
        """Wait, work, answer."""
        self.book.started(ask.format, ask.user)
        await self.wait(turn)
        arrived = self.since(arrived)
        name = self.new_name(ask.format)
        job = jobs.Job(body=body, write=self.write[ask.format], folder=self.folder, name=name, made_at=now_text())
        try:
            await asyncio.sleep(self.pause_s(ask))
            made = await self.do(job)
        except Exception as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            self.book.failed(ask.format, ask.user, "disk_full" if full else "error")
            text = "No room on the disk" if full else f"The export failed: {type(error).__name__}"
            return Reply(507 if full else 500, {"success": False, "error": text, "timestamp": now_text()})
        else:
            latency_ms = (time.monotonic() - arrived) * 1000
            self.made += 1
            self.book.succeeded(
                Done(
                    form=ask.format,
                    user=ask.user,
                    records=len(ask.rows),
                    size_bytes=made.size_bytes,
                    memory_bytes=made.memory_bytes,
                    latency_ms=latency_ms,
                )
            )
            for follow in self.after:
                follow(made)
            return Reply(200, self.answer(ask, name, made, latency_ms))
        finally:
            self.slots.leave()

    async def wait(self, turn: asyncio.Future[None]) -> None:
        """Until it is an export's turn."""
        await turn

    def since(self, arrived: float) -> float:
        """When an export's clock starts: at its arrival, its wait included."""
        return arrived

    async def do(self, job: jobs.Job) -> jobs.Made:
        """Let a worker make the file."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, jobs.make, job)

    def answer(self, ask: Ask, name: str, made: jobs.Made, latency_ms: float) -> dict[str, Any]:
        """The body of a 200."""
        return {
            "success": True,
            "result": {
                "success": True,
                "bytes": made.size_bytes,
                "filename": f"{self.folder.name}/{name}",
                "downloadUrl": f"/export/files/{name}",
            },
            "processingTime": round(latency_ms, 3),
            "records": len(ask.rows),
            "timestamp": now_text(),
        }

    # -- the other calls ----------------------------------------------------------------------------------------

    async def health(self, request: web.Request) -> web.StreamResponse:
        """`GET /health`."""
        return web.json_response({"ok": True, "ts": time.time()})

    async def status(self, request: web.Request) -> web.StreamResponse:
        """`GET /export/status`."""
        return web.json_response(self.status_body())

    def status_body(self) -> dict[str, Any]:
        """What the status page says."""
        return {
            "status": "ready",
            "concurrentExports": self.slots.running,
            "queueDepth": self.slots.waiting,
            "maxConcurrentExports": 5,
            "timestamp": now_text(),
            "version": VERSION,
        }

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """`GET /export/metrics`, in the format that the client would rather have."""
        families = self.book.page(self.slots.running, self.slots.waiting)
        for change in self.changes:
            families = change(families)
        text, media = self.render(families, "application/openmetrics-text" in request.headers.get("Accept", ""))
        return web.Response(body=text.encode(), headers={"Content-Type": media})

    def find(self, name: str) -> Path | None:
        """A finished file by its name."""
        path = self.folder / name
        return path if FILE_NAME.fullmatch(name) and path.is_file() else None

    async def file(self, request: web.Request) -> web.StreamResponse:
        """`GET /export/files/{name}`."""
        path = self.find(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Type": MEDIA[path.suffix[1:]],
            "Content-Disposition": f'attachment; filename="{path.name}"',
        }
        return web.FileResponse(path, headers=headers)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """`GET /export/download/{name}`."""
        path = self.find(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.json_response(
            {"downloadUrl": f"/export/files/{path.name}", "status": "ready", "timestamp": now_text()}
        )

    # -- the whole ----------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=self.body_limit, middlewares=[self._around])
        app.router.add_get(self.prefix + "/health", self.health)
        app.router.add_get(self.prefix + "/export/status", self.status)
        app.router.add_get(self.prefix + "/export/metrics", self.metrics)
        app.router.add_post(self.prefix + "/export/run", self.run)
        app.router.add_get(self.prefix + "/export/files/{name}", self.file)
        app.router.add_get(self.prefix + "/export/download/{name}", self.download)
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Word errors as JSON, and let an animal wrap what it likes."""

        async def inner(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as error:
                body = {"success": False, "error": error.reason, "timestamp": now_text()}
                allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
                return web.json_response(body, status=error.status, headers=allow)

        outer: Handler = inner
        for wrap in self.wrap:
            outer = wrap(outer)
        return await outer(request)

    def serve(self, port: int, announce: Callable[[str], None]) -> None:
        """Run until SIGTERM; `announce` is called with the URL as soon as it listens."""
        from tests.targets.harness.lifecycle import live

        self.folder.mkdir(parents=True, exist_ok=True)
        self.executor = self.pool()
        try:
            asyncio.run(live(self, port, announce))
        finally:
            self.executor.shutdown(wait=True, cancel_futures=True)


def render(families: page.Page, as_openmetrics: bool) -> tuple[str, str]:
    """The page's text and its media type."""
    if as_openmetrics:
        return page.openmetrics(families), page.OPEN
    return page.plain(families), page.PLAIN


def json_text(body: dict[str, Any]) -> bytes:
    """A body as an animal that writes its answers by hand sends it."""
    return json.dumps(body).encode()
