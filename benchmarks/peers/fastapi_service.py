"""What a Python user would otherwise run: FastAPI, csv.writer and reportlab's canvas, speaking docs/contract.md.

`python -m benchmarks.peers.fastapi_service EXPORTS_FOLDER`; prints its address as one JSON line.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.peers import csv_writers, pdf_writers

MAX_RUNNING, MAX_WAITING = 5, 100
WRITERS = {"csv": csv_writers.plain_writer, "pdf": pdf_writers.canvas_pdf}
TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


class Asked(BaseModel):
    """The body of an export."""

    model_config = ConfigDict(extra="forbid", strict=True)
    format: Literal["csv", "pdf"]
    data: list[dict[str, Any]]
    columns: list[str]
    title: str = "Export Report"
    user: str = "anonymous"


class Service:
    """The state of one service: places and metrics."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = threading.Semaphore(MAX_RUNNING)
        self.running = self.waiting = 0
        self.lock = threading.Lock()
        self.registry = CollectorRegistry()
        self.requests = Counter("export_requests", "Exports.", ["format", "status", "user"], registry=self.registry)
        self.latency = Histogram("export_latency_ms", "Time.", ["format", "size"], registry=self.registry)
        self.bytes = Counter("export_bytes", "Bytes.", ["format", "status"], registry=self.registry)
        self.running_gauge = Gauge("export_concurrent_running", "Running.", registry=self.registry)
        self.waiting_gauge = Gauge("export_queue_depth", "Waiting.", registry=self.registry)
        self.fails = Counter("export_fail", "Failed.", ["reason", "format"], registry=self.registry)
        for name in ("export_memory_bytes", "export_throughput_ops_per_sec", "export_success_rate"):
            Gauge(name, name, ["format"], registry=self.registry).labels("csv")

    def enter(self) -> bool:
        """Take a place in the queue; False where all are taken."""
        with self.lock:
            if self.running + self.waiting >= MAX_RUNNING + MAX_WAITING:
                return False
            self.waiting += 1
            return True

    def export(self, body: bytes, asked: Asked, began: float) -> Mapping[str, object]:
        """Wait for a place and write the file, in a thread."""
        with self.places:
            with self.lock:
                self.waiting, self.running = self.waiting - 1, self.running + 1
            try:
                name = f"export_{time.time_ns() // 1_000_000}_{secrets.token_hex(8)[:9]}.{asked.format}"
                WRITERS[asked.format](body, self.folder / name)
            finally:
                with self.lock:
                    self.running -= 1
        size = (self.folder / name).stat().st_size
        took_ms = (time.perf_counter() - began) * 1_000
        count = len(asked.data)
        self.requests.labels(asked.format, "succeeded", "anonymous").inc()
        self.bytes.labels(asked.format, "success").inc(size)
        self.latency.labels(
            asked.format, "small" if count < 1_000 else "medium" if count < 10_000 else "large"
        ).observe(took_ms)
        return {
            "success": True,
            "result": {
                "success": True,
                "bytes": size,
                "filename": f"exports/{name}",
                "downloadUrl": f"/export/files/{name}",
            },
            "processingTime": took_ms,
            "records": count,
            "timestamp": _now(),
        }


def make_app(folder: Path) -> FastAPI:
    """Return the application."""
    app, service = FastAPI(), Service(folder)

    @app.get("/health")
    def health() -> Mapping[str, object]:
        return {"ok": True, "ts": int(time.time() * 1_000)}

    @app.get("/export/status")
    def status() -> Mapping[str, object]:
        return {
            "status": "ready",
            "concurrentExports": service.running,
            "queueDepth": service.waiting,
            "maxConcurrentExports": MAX_RUNNING,
            "timestamp": _now(),
            "version": "1.7.0-export-scale",
        }

    @app.get("/export/metrics")
    def metrics() -> Response:
        service.running_gauge.set(service.running)
        service.waiting_gauge.set(service.waiting)
        return Response(generate_latest(service.registry), media_type="text/plain; version=0.0.4")

    @app.post("/export/run")
    async def run(request: Request) -> Response:
        began = time.perf_counter()
        body = await request.body()
        try:
            asked = Asked.model_validate_json(body)
        except ValidationError as error:
            service.requests.labels("unknown", "rejected", "anonymous").inc()
            return _failed(400, str(error.errors()[0]["msg"]))
        if not service.enter():
            return _failed(429, "five run and 100 wait")
        service.requests.labels(asked.format, "started", "anonymous").inc()
        try:
            return JSONResponse(await run_in_threadpool(service.export, body, asked, began))
        except Exception:
            service.fails.labels("internal", asked.format).inc()
            return _failed(500, "the export failed")

    @app.get("/export/files/{name}")
    def file(name: str) -> Response:
        path = folder / Path(name).name
        if not path.is_file():
            return _failed(404, "there is no such file")
        return FileResponse(path, media_type=TYPES[path.suffix[1:]], filename=path.name)

    @app.get("/export/download/{name}")
    def download(name: str) -> Response:
        if not (folder / Path(name).name).is_file():
            return _failed(404, "there is no such file")
        return JSONResponse({"downloadUrl": f"/export/files/{name}", "status": "ready", "timestamp": _now()})

    return app


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _failed(status: int, error: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"success": False, "error": error, "timestamp": _now()}, status, headers)


def main(folder: Path) -> None:
    """Serve on a free port of the loopback address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    config = uvicorn.Config(make_app(folder), log_level="warning", access_log=False)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    sys.stdout.write(json.dumps({"event": "listening", "url": address}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
