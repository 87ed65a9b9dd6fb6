"""The life of an export: admitted, waits, runs in a worker, succeeds or fails; every step counted as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from service import files
from service.errors import ServiceError
from service.jobs import pipeline
from service.jobs.admission import Admission, Ticket
from service.jobs.pool import WorkerDied, WorkerTimeout
from service.logs import Log
from service.metrics import Metrics, Reason
from service.request.body import Body
from service.request.export_request import ExportRequest
from service.request.sources import SourceError
from service.settings import Settings

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
SHUTDOWN: tuple[Reason, str] = ("shutdown", "the service is shutting down")
CLEAN_AGAIN_S = 0.05
"""After so long a part file that a worker made after its client had left is removed."""


class ExportFailed(ServiceError):
    """A started export ended without a file; already counted."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Reason = reason
        self.sentence = sentence


@dataclass(eq=False)
class Export:
    """One admitted export."""

    request: ExportRequest
    body: Body
    name: str
    """Of its file."""
    arrived: float
    """Monotonic seconds."""
    request_id: str
    ticket: Ticket
    work: Future[pipeline.ExportResult] | None = None
    """What the executor does for it."""
    client_left: bool = False
    """Its client disconnected while it ran."""
    latency_ms: float | None = None
    """From its arrival until its file was durable, as it is counted; None before that."""


def reason_of(error: BaseException, client_left: bool) -> tuple[Reason, str]:
    """Return the reason label of a failure and a sentence for the client."""
    if client_left:
        return "client_gone", "the client disconnected"
    if isinstance(error, files.Cancelled):
        return "io", "the export failed: its unfinished file was removed from the exports folder"
    if isinstance(error, WorkerTimeout):
        return "timeout", f"the export failed: {error}"
    if isinstance(error, WorkerDied):
        return "worker_died", f"the export failed: {error}"
    if isinstance(error, SourceError):
        return "source", f"the export failed: {error}"
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return "disk_full", "no space on the disk for the export"
    if isinstance(error, OSError):
        return "io", f"the export failed: {error.strerror or type(error).__name__}"
    return "internal", f"the export failed: {type(error).__name__}"


class Exports:
    """All exports of one service; lives on the event loop, the work itself on the executor."""

    def __init__(self, settings: Settings, executor: Executor, metrics: Metrics, log: Log) -> None:
        self._settings = settings
        self._executor = executor
        self._metrics = metrics
        self._log = log
        self._tasks: set[asyncio.Task[pipeline.ExportResult]] = set()
        self._cleaning: set[asyncio.Task[None]] = set()
        self.admission = Admission(settings.max_concurrent, settings.max_queue, metrics.load)
        self._ending = False
        self.admitted: set[Export] = set()
        """Those that wait or run now."""

    def start(
        self, request: ExportRequest, body: Body, *, arrived: float, request_id: str, made_at: str
    ) -> tuple[Export, asyncio.Task[pipeline.ExportResult]]:
        """Admit an export; QueueFull when there is no place. Await the task shielded: it raises ExportFailed."""
        ticket = self.admission.enter()
        self._metrics.started(request.format, request.user)
        name = files.new_name(request.format)
        export = Export(request=request, body=body, name=name, arrived=arrived, request_id=request_id, ticket=ticket)
        self.admitted.add(export)
        task = asyncio.get_running_loop().create_task(self._run_when_admitted(export, made_at))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return export, task

    def _forget(self, task: asyncio.Task[pipeline.ExportResult]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its client may have left and nobody else asks

    def withdraw(self, export: Export) -> None:
        """Nobody waits for the answer: a waiting export leaves the queue, a running one stops at its next slice."""
        if export not in self.admitted:
            return
        if export.ticket.turn.done():
            export.client_left = True
            if export.work is not None:
                export.work.cancel()  # works while it waits for a worker
            self._clean(export)
            task = asyncio.get_running_loop().create_task(self._keep_clean(export))
            self._cleaning.add(task)
            task.add_done_callback(self._cleaning.discard)
        else:
            self._withdraw_waiting(export, ExportFailed("client_gone", "the client disconnected"))

    def _withdraw_waiting(self, export: Export, error: ExportFailed) -> None:
        self.admitted.discard(export)
        self.admission.leave(export.ticket)
        self._metrics.failed(export.request.format, export.request.user, error.reason)
        export.ticket.turn.set_exception(error)

    def withdraw_waiting(self) -> None:
        """Fail all that wait, and say so too of what is broken off from now on: the service ends."""
        self._ending = True
        for export in [export for export in self.admitted if not export.ticket.turn.done()]:
            self._withdraw_waiting(export, ExportFailed(*SHUTDOWN))

    async def _run_when_admitted(self, export: Export, made_at: str) -> pipeline.ExportResult:
        try:
            await export.ticket.turn
            return await self._run(export, made_at)
        finally:
            self.admitted.discard(export)
            export.body.close()

    async def _run(self, export: Export, made_at: str) -> pipeline.ExportResult:
        request = export.request
        began = time.monotonic()
        job = pipeline.Job(
            request=request,
            folder=self._settings.exports,
            name=export.name,
            made_at=made_at,
            body=export.body.content,
            guard_formulas=self._settings.guard_formulas,
            file_mode=self._settings.file_mode,
            database=self._settings.database,
        )
        error: BaseException
        try:
            if export.client_left:
                raise files.Cancelled
            export.work = self._executor.submit(pipeline.run_job, job)
            result = await asyncio.wrap_future(export.work)
            if not export.client_left:
                return self._succeed(export, result, began)
            (self._settings.exports / export.name).unlink(missing_ok=True)
            error = files.Cancelled()
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
        reason, sentence = reason_of(error, export.client_left)
        if self._ending and not export.client_left:
            reason, sentence = SHUTDOWN
        self._clean(export)
        self.admission.leave(export.ticket, time.monotonic() - began)
        self._metrics.failed(request.format, request.user, reason)
        self._log.event(
            "export-failed",
            level="info" if export.client_left or self._ending else "error",
            request_id=export.request_id,
            format=request.format,
            reason=reason,
            error=f"{type(error).__name__}: {error}"[:500],
        )
        raise ExportFailed(reason, sentence)

    def _clean(self, export: Export) -> None:
        """A killed worker can't remove its own part file."""
        with contextlib.suppress(OSError):
            files.part_path(self._settings.exports, export.name).unlink(missing_ok=True)

    async def _keep_clean(self, export: Export) -> None:
        """Remove the part file again where the worker had not made it yet: without it the worker stops."""
        while export.work is not None and not export.work.done():
            await asyncio.sleep(CLEAN_AGAIN_S)
            self._clean(export)

    def _succeed(self, export: Export, result: pipeline.ExportResult, began: float) -> pipeline.ExportResult:
        now = time.monotonic()
        latency_ms = export.latency_ms = (now - export.arrived) * 1_000
        request = export.request
        self.admission.leave(export.ticket, now - began)
        self._metrics.succeeded(
            request.format,
            request.user,
            records=result.records,
            file_bytes=result.file_bytes,
            latency_ms=latency_ms,
            memory_bytes=result.memory_bytes,
        )
        self._log.event(
            "export-result",
            request_id=export.request_id,
            format=request.format,
            records=result.records,
            bytes=result.file_bytes,
            file=result.name,
            latency_ms=round(latency_ms, 3),
            run_ms=round((now - began) * 1_000, 3),
            memory_bytes=result.memory_bytes,
        )
        return result

    def path_of(self, name: str) -> Path | None:
        """The finished file of that name; None when there is none."""
        if files.FINAL_NAME.fullmatch(name) is None:
            return None
        path = self._settings.exports / name
        return path if path.is_file() and not path.is_symlink() else None
