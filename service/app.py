"""The HTTP face: every call of the contract as an aiohttp handler."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path

import msgspec
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from service import order as orders
from service.admission import Full
from service.body import Body, Budget, TooLarge
from service.exports import NO_ROOM, Exports, Failed
from service.logs import Log, now_iso
from service.metrics import Metrics, Reason
from service.openapi import document
from service.pool import WorkerDied
from service.settings import VERSION, Settings
from service.sources import SourceError, open_database

INSPECT_ON_LOOP_BYTES = 2 * 1024 * 1024
STOP_RETRY_S = 10
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


class Service:
    """One running service: what its handlers share."""

    def __init__(self, settings: Settings, executor: Executor, inspector: Executor, log: Log) -> None:
        self.settings = settings
        self.inspector = inspector
        self.log = log
        self.metrics = Metrics()
        self.exports = Exports(settings, executor, self.metrics, log)
        self.budget = Budget()
        self.stopping = False
        """True: no new exports."""

    def retry_after_s(self) -> int:
        """What a refused client is told."""
        return max(STOP_RETRY_S if self.stopping else 1, self.exports.admission.retry_after_s())


SERVICE = web.AppKey("service", Service)


class Refused(Exception):
    """A request that does not start; counted when it is answered: as rejected, or, with a reason, as failed at once."""

    def __init__(
        self,
        status: int,
        sentence: str,
        format: orders.Format = "unknown",
        user: str = orders.DEFAULT_USER,
        reason: Reason | None = None,
    ) -> None:
        super().__init__(sentence)
        self.reason: Reason | None = reason
        self.status = status
        self.sentence = sentence
        self.format: orders.Format = format
        self.user = user


def answer(data: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(data), status=status, content_type="application/json", headers=headers)


def problem(sentence: str, status: int, headers: dict[str, str] | None = None, **more: object) -> web.Response:
    """An error answer in the contract's shape."""
    return answer({"success": False, "error": sentence, "timestamp": now_iso(), **more}, status, headers)


async def health(_: web.Request) -> web.Response:
    """GET /health."""
    return answer({"ok": True, "ts": time.time_ns() // 1_000_000})


async def status(request: web.Request) -> web.Response:
    """GET /export/status."""
    service = request.app[SERVICE]
    admission = service.exports.admission
    return answer(
        {
            "status": "stopping" if service.stopping else "ready",
            "concurrentExports": admission.running,
            "queueDepth": admission.waiting,
            "maxConcurrentExports": admission.max_running,
            "timestamp": now_iso(),
            "version": VERSION,
        }
    )


async def metrics(request: web.Request) -> web.Response:
    """GET /export/metrics."""
    page, content_type = request.app[SERVICE].metrics.page(request.headers.get("Accept", ""))
    return web.Response(body=page, headers={"Content-Type": content_type})


async def download(request: web.Request) -> web.Response:
    """GET /export/download/{name}."""
    name = request.match_info["name"]
    if request.app[SERVICE].exports.path_of(name) is None:
        return problem("no such export", 404)
    return answer({"downloadUrl": f"/export/files/{name}", "status": "ready", "timestamp": now_iso()})


async def file(request: web.Request) -> web.StreamResponse:
    """GET /export/files/{name}."""
    name = request.match_info["name"]
    path = request.app[SERVICE].exports.path_of(name)
    if path is None:
        return problem("no such export", 404)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": MEDIA_TYPES[path.suffix[1:]],
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def openapi(_: web.Request) -> web.Response:
    """GET /openapi.json."""
    return answer(document())


async def run(request: web.Request) -> web.Response:
    """POST /export/run: answers when the file is complete and durable."""
    arrived = time.monotonic()
    service = request.app[SERVICE]
    body = Body(service.settings.exports, service.budget)
    try:
        order = await _accept(service, request, body)
        started = service.exports.start(
            order, body, arrived=arrived, request_id=request[REQUEST_ID_KEY], made_at=now_iso()
        )
    except Full:
        body.close()
        return _refuse(service, request, Refused(429, _full_sentence(service), order.format, order.user))
    except Refused as refused:
        body.close()
        return _refuse(service, request, refused)
    except BaseException:
        body.close()
        raise
    export, task = started
    try:
        done = await asyncio.shield(task)
    except asyncio.CancelledError:
        service.exports.client_gone(export)
        raise
    except Failed as failed:
        if failed.reason == "shutdown":
            return problem(failed.sentence, 503, {"Retry-After": str(service.retry_after_s())})
        return problem(failed.sentence, 507 if failed.reason == "disk_full" else 500)
    url = f"/export/files/{done.name}"
    return answer(
        {
            "success": True,
            "result": {
                "success": True,
                "bytes": done.file_bytes,
                "filename": f"exports/{done.name}",
                "downloadUrl": url,
            },
            "processingTime": round((time.monotonic() - arrived) * 1_000, 3),
            "records": done.records,
            "timestamp": now_iso(),
        }
    )


def _full_sentence(service: Service) -> str:
    admission = service.exports.admission
    return f"the queue is full: {admission.running} exports run and {admission.waiting} wait; try again later"


async def _accept(service: Service, request: web.Request, body: Body) -> orders.Order:
    """Read and check a request; Refused when it can't start."""
    settings = service.settings
    too_large = f"body: longer than the limit of {settings.max_body_bytes} bytes"
    if request.content_length is not None and request.content_length > settings.max_body_bytes:
        raise Refused(413, too_large)
    try:
        await body.read(request.content, settings.max_body_bytes)
    except TooLarge:
        raise Refused(413, too_large) from None
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, web.HTTPException) as error:
        raise Refused(400, f"body: could not be read ({type(error).__name__})") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise Refused(507, "body: no room on the disk for it", reason="disk_full") from None
        raise Refused(500, f"body: could not be kept ({error.strerror})", reason="io") from None
    try:
        order = await _inspect(service, body.content)
        if order.source is not None:
            await asyncio.to_thread(_check_source, service.settings.database, order.source, order)
    except orders.BadRequest as bad:
        raise Refused(400, bad.sentence, bad.format, bad.user) from None
    except WorkerDied:
        raise Refused(500, "body: the process that checked it died", reason="worker_died") from None
    if service.stopping:
        raise Refused(503, "the service is shutting down", order.format, order.user)
    return order


async def _inspect(service: Service, content: bytes | Path) -> orders.Order:
    if isinstance(content, bytes) and len(content) <= INSPECT_ON_LOOP_BYTES:
        return orders.inspect(content)
    if service.exports.admission.full:
        raise Refused(429, _full_sentence(service))
    return await asyncio.wrap_future(service.inspector.submit(orders.inspect, content))


def _check_source(database: Path | None, source: orders.Source, order: orders.Order) -> None:
    """BadRequest for a table or a column that is not there; a database that can't be read fails in the export."""
    if database is None:
        raise orders.BadRequest("source: the service was started without a database", order.format, order.user)
    try:
        with open_database(database) as opened:
            opened.checked_columns(source, order.columns)
    except orders.BadRequest as bad:
        raise orders.BadRequest(bad.sentence, order.format, order.user) from None
    except SourceError:
        return


def _refuse(service: Service, request: web.Request, refused: Refused) -> web.Response:
    if refused.reason is not None:
        event = "export-failed"
        # no rejection in the contract's sense: an export that failed before its format was known
        service.metrics.started(refused.format, refused.user)
        service.metrics.failed(refused.format, refused.user, refused.reason)
    else:
        event = "export-refused"
        service.metrics.rejected(refused.format, refused.user)
    service.log.event(event, request_id=request[REQUEST_ID_KEY], status=refused.status, error=refused.sentence)
    headers = {"Retry-After": str(service.retry_after_s())} if refused.status in (429, 503) else None
    if refused.status == 429:
        return problem(refused.sentence, 429, headers, queueDepth=service.exports.admission.waiting)
    return problem(refused.sentence, refused.status, headers)


REQUEST_ID_KEY = web.RequestKey("request_id", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id, and every error the contract's shape."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID_KEY] = request_id
    try:
        response = await handler(request)
    except web.HTTPException as error:
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        response = problem(f"{request.method} {request.path}: {error.reason.lower()}", error.status, kept)
    except Exception as error:
        request.app[SERVICE].log.event(
            "request-failed",
            level="error",
            request_id=request_id,
            path=request.path,
            error=f"{type(error).__name__}: {error}"[:500],
        )
        response = problem("the service failed to answer", 500)
    if not response.prepared:
        response.headers["X-Request-ID"] = request_id
    return response


def create_app(settings: Settings, executor: Executor, inspector: Executor, log: Log) -> web.Application:
    """The application; `executor` runs exports, `inspector` checks big bodies. Neither is shut down here."""
    app = web.Application(middlewares=[frame], client_max_size=settings.max_body_bytes)
    app[SERVICE] = Service(settings, executor, inspector, log)
    app.router.add_get("/health", health)
    app.router.add_get("/openapi.json", openapi)
    app.router.add_get("/export/status", status)
    app.router.add_get("/export/metrics", metrics)
    app.router.add_post("/export/run", run)
    app.router.add_get("/export/files/{name}", file)
    app.router.add_get("/export/download/{name}", download)
    return app
