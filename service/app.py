"""The HTTP face: every call of the contract as an aiohttp handler."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path

from aiohttp import ClientPayloadError, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from service.errors import ServiceError
from service.http.access import Denied, check_access
from service.http.connections import SERVER_KEY
from service.http.openapi import document
from service.http.responses import SERVER, error_response, json_response, shape_error
from service.jobs.admission import QueueFull
from service.jobs.exports import NO_ROOM, ExportFailed, Exports
from service.jobs.pool import WorkerDied, WorkerTimeout
from service.logs import Log, now_iso
from service.metrics import Metrics, Reason
from service.request.allowance import Allowance, TooCostly
from service.request.body import Body, BodyTimeout, BodyTooLarge, MemoryBudget
from service.request.export_request import DEFAULT_USER, BadRequest, ExportRequest, Format, Source, parse_request
from service.request.sources import SourceError, open_database
from service.settings import VERSION, Settings

VALIDATE_ON_LOOP_BYTES = 2 * 1024 * 1024
STOP_RETRY_S = 10
MAX_DOWNLOADS = 64
"""Files sent at once; each holds a thread's turn and a buffer."""
DOWNLOAD_CHUNK_BYTES = 64 * 1024
ENCODINGS = ("", "identity", "gzip", "deflate")
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


class Service:
    """One running service: what its handlers share."""

    def __init__(self, settings: Settings, executor: Executor, validator: Executor, log: Log) -> None:
        self.settings = settings
        self.validator = validator
        self.log = log
        self.metrics = Metrics()
        self.exports = Exports(settings, executor, self.metrics, log)
        self.budget = MemoryBudget()
        self.checking = asyncio.Lock()
        """Held while a body is checked on the event loop: other work goes on between two bodies."""
        self.downloads = 0
        """Files on their way."""
        self.stopping = False
        """True: no new exports."""

    def retry_after_s(self) -> int:
        """What a rejected client reads."""
        return max(STOP_RETRY_S if self.stopping else 1, self.exports.admission.retry_after_s())


SERVICE = web.AppKey("service", Service)


class Rejected(ServiceError):
    """A request that does not start; counted when it is answered: as rejected, or, with a reason, as failed at once."""

    def __init__(
        self,
        status: int,
        sentence: str,
        format: Format = "unknown",
        user: str = DEFAULT_USER,
        reason: Reason | None = None,
    ) -> None:
        super().__init__(sentence)
        self.reason: Reason | None = reason
        self.status = status
        self.sentence = sentence
        self.format: Format = format
        self.user = user


async def health(_: web.Request) -> web.Response:
    """GET /health."""
    return json_response({"ok": True, "ts": time.time_ns() // 1_000_000})


async def status(request: web.Request) -> web.Response:
    """GET /export/status."""
    service = request.app[SERVICE]
    admission = service.exports.admission
    return json_response(
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
        return error_response("no such export", 404)
    return json_response({"downloadUrl": f"/export/files/{name}", "status": "ready", "timestamp": now_iso()})


class _Download(web.FileResponse):
    """A file that is counted while it is sent."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        assert isinstance(request, web.Request)
        service = request.app[SERVICE]
        service.downloads += 1
        try:
            return await super().prepare(request)
        finally:
            service.downloads -= 1


async def file(request: web.Request) -> web.StreamResponse:
    """GET /export/files/{name}."""
    name = request.match_info["name"]
    service = request.app[SERVICE]
    path = service.exports.path_of(name)
    if path is None:
        return error_response("no such export", 404)
    if service.downloads >= MAX_DOWNLOADS:
        return error_response("too many downloads at once; try again later", 503, {"Retry-After": "1"})
    return _Download(
        path,
        chunk_size=DOWNLOAD_CHUNK_BYTES,
        headers={
            "Content-Type": MEDIA_TYPES[path.suffix[1:]],
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def openapi(_: web.Request) -> web.Response:
    """GET /openapi.json."""
    return json_response(document())


async def run(request: web.Request) -> web.Response:
    """POST /export/run: answers when the file is complete and durable."""
    arrived = time.monotonic()
    service = request.app[SERVICE]
    body = Body(service.settings.exports, service.budget)
    try:
        export_request = await _accept(service, request, body)
        started = service.exports.start(
            export_request, body, arrived=arrived, request_id=request[REQUEST_ID_KEY], made_at=now_iso()
        )
    except QueueFull:
        body.close()
        return _reject(
            service, request, Rejected(429, _queue_full_sentence(service), export_request.format, export_request.user)
        )
    except Rejected as rejected:
        body.close()
        return _reject(service, request, rejected)
    except BaseException:
        body.close()
        raise
    export, task = started
    try:
        result = await asyncio.shield(task)
    except asyncio.CancelledError:
        service.exports.withdraw(export)
        raise
    except ExportFailed as failed:
        if failed.reason == "shutdown":
            return error_response(failed.sentence, 503, {"Retry-After": str(service.retry_after_s())})
        return error_response(failed.sentence, 507 if failed.reason == "disk_full" else 500)
    url = f"/export/files/{result.name}"
    return json_response(
        {
            "success": True,
            "result": {
                "success": True,
                "bytes": result.file_bytes,
                "filename": f"exports/{result.name}",
                "downloadUrl": url,
            },
            # the time that was counted: under load the loop comes back here much later
            "processingTime": round(export.latency_ms or 0.0, 3),
            "records": result.records,
            "timestamp": now_iso(),
        }
    )


def _queue_full_sentence(service: Service) -> str:
    admission = service.exports.admission
    return f"the queue is full: {admission.running} exports run and {admission.waiting} wait; try again later"


async def _accept(service: Service, request: web.Request, body: Body) -> ExportRequest:
    """Read and check a request; Rejected when it can't start."""
    settings = service.settings
    too_large = f"body: longer than the limit of {settings.max_body_bytes} bytes"
    if request.content_length is not None and request.content_length > settings.max_body_bytes:
        raise Rejected(413, too_large)
    _check_headers(request)
    try:
        await body.read(request.content, settings.max_body_bytes)
    except BodyTooLarge:
        raise Rejected(413, too_large) from None
    except BodyTimeout as late:
        raise Rejected(400, f"body: {late}; send it faster") from None
    except (ClientPayloadError, HttpProcessingError, web.RequestPayloadError, web.HTTPException) as error:
        raise Rejected(400, f"body: could not be read ({type(error).__name__})") from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise Rejected(507, "body: no space on the disk for it", reason="disk_full") from None
        raise Rejected(500, f"body: could not be kept ({error.strerror})", reason="io") from None
    try:
        export_request = await _validate(service, body.content)
        if export_request.source is not None:
            await asyncio.to_thread(_check_source, service.settings.database, export_request.source, export_request)
    except BadRequest as bad:
        raise Rejected(400, bad.sentence, bad.format, bad.user) from None
    except WorkerTimeout:
        raise Rejected(500, "body: its check took too long", reason="timeout") from None
    except WorkerDied:
        if service.stopping:
            raise Rejected(503, "the service is shutting down") from None
        raise Rejected(500, "body: the process that checked it died", reason="worker_died") from None
    if service.stopping:
        raise Rejected(503, "the service is shutting down", export_request.format, export_request.user)
    return export_request


def _check_headers(request: web.Request) -> None:
    media = request.content_type.lower() if "Content-Type" in request.headers else ""
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise Rejected(415, "Content-Type: send application/json")
    if request.headers.get("Content-Encoding", "").strip().lower() not in ENCODINGS:
        raise Rejected(415, "Content-Encoding: not known here; send identity, gzip or deflate")


async def _validate(service: Service, content: bytes | Path) -> ExportRequest:
    if isinstance(content, bytes) and len(content) <= VALIDATE_ON_LOOP_BYTES:
        async with service.checking:
            with contextlib.suppress(TooCostly):
                return parse_request(content, Allowance())
    elif service.exports.admission.full:
        raise Rejected(429, _queue_full_sentence(service))
    return await asyncio.wrap_future(service.validator.submit(parse_request, content))


def _check_source(database: Path | None, source: Source, export_request: ExportRequest) -> None:
    """BadRequest for a table or a column that is not there; a database that can't be read fails in the export."""
    if database is None:
        raise BadRequest(
            "source: the service was started without a database", export_request.format, export_request.user
        )
    try:
        with open_database(database) as opened:
            opened.checked_columns(source, export_request.columns)
    except BadRequest as bad:
        raise BadRequest(bad.sentence, export_request.format, export_request.user) from None
    except SourceError:
        return


def _reject(service: Service, request: web.Request, rejected: Rejected) -> web.Response:
    if rejected.reason is not None:
        event = "export-failed"
        # no rejection in the contract's sense: an export that failed before its format was known
        service.metrics.started(rejected.format, rejected.user)
        service.metrics.failed(rejected.format, rejected.user, rejected.reason)
    else:
        event = "export-rejected"
        service.metrics.rejected(rejected.format, rejected.user)
    write = service.log.event if rejected.reason is not None else service.log.client_event
    write(event, request_id=request[REQUEST_ID_KEY], status=rejected.status, error=rejected.sentence)
    headers = {"Retry-After": str(service.retry_after_s())} if rejected.status in (429, 503) else None
    if rejected.status == 429:
        return error_response(rejected.sentence, 429, headers, queueDepth=service.exports.admission.waiting)
    return error_response(rejected.sentence, rejected.status, headers)


REQUEST_ID_KEY = web.RequestKey("request_id", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id, check who asks, and give every error the contract's shape."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID_KEY] = request_id
    service = request.app[SERVICE]
    try:
        response = await _guarded(service, request, handler)
    except Denied as denied:
        service.log.client_event("denied", request_id=request_id, status=denied.status, error=denied.sentence)
        headers = {"WWW-Authenticate": "Bearer"} if denied.status == 401 else None
        response = error_response(denied.sentence, denied.status, headers)
    except web.HTTPException as error:
        response = shape_error(error, request.method, request.path)
    except Exception as error:
        service.log.event(
            "request-failed",
            level="error",
            request_id=request_id,
            path=request.path,
            error=f"{type(error).__name__}: {error}"[:500],
        )
        response = error_response("the service failed to answer", 500)
    if not response.prepared:
        response.headers["X-Request-ID"] = request_id
        response.headers["Server"] = SERVER
    return response


async def _guarded(service: Service, request: web.Request, handler: Handler) -> web.StreamResponse:
    if not all(server.began_request(request) for server in request.app[SERVER_KEY]):
        if request.path == "/export/run":
            service.metrics.rejected("unknown", DEFAULT_USER)
        response = error_response("too many connections; try again later", 503, {"Retry-After": "1"})
        response.force_close()
        return response
    check_access(request, service.settings)
    return await handler(request)


async def refuse_expectation(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue`; 417 for any other expectation. HTTP/1.0 has none."""
    if request.version < HttpVersion11:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer proper has not begun
        return None
    return error_response("Expect: only 100-continue is known here", 417)


def create_app(settings: Settings, executor: Executor, validator: Executor, log: Log) -> web.Application:
    """The application; `executor` runs exports, `validator` checks big bodies. Neither is shut down here."""
    app = web.Application(middlewares=[error_middleware], client_max_size=settings.max_body_bytes)
    app[SERVICE] = Service(settings, executor, validator, log)
    app[SERVER_KEY] = []
    for path, handler in (
        ("/health", health),
        ("/openapi.json", openapi),
        ("/export/status", status),
        ("/export/metrics", metrics),
        ("/export/files/{name}", file),
        ("/export/download/{name}", download),
    ):
        app.router.add_get(path, handler, expect_handler=refuse_expectation)
    app.router.add_post("/export/run", run, expect_handler=refuse_expectation)
    return app
