"""Start, serve, stop: sockets, signals, the pool, the folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from concurrent.futures import Executor

from aiohttp import web

from service import files
from service.app import SERVICE, create_app
from service.logs import Log
from service.pool import WorkerPool
from service.settings import VERSION, Settings

ANSWER_S = 5.0


class StartError(Exception):
    """The service can't start; the message is one sentence."""


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise StartError(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "end what uses the port or choose another with --port"
        ) from None
    made.setblocking(False)
    return made


def _claim(settings: Settings, log: Log) -> int:
    try:
        lock, removed = files.claim(settings.exports)
    except OSError as error:
        raise StartError(
            f"can't write to the exports folder {settings.exports}: {error.strerror or error}; choose another with --exports"
        ) from None
    if removed:
        log.event("swept", removed=removed)
    return lock


async def serve(settings: Settings, log: Log, executor: Executor | None = None) -> None:
    """Run until SIGTERM or SIGINT, then let admitted exports finish; StartError when it can't begin.

    `executor` runs the exports instead of the process pool; it must be able to reach the exports folder.
    """
    lock = _claim(settings, log)
    listener = _listen(settings)
    pool = None
    if executor is None:
        executor = pool = WorkerPool(settings.workers, settings.recycle_after)
    inspector = WorkerPool(1, settings.recycle_after)
    try:
        if pool is not None:
            await asyncio.gather(*(asyncio.wrap_future(one) for one in pool.warm_up()))
        await _serve(settings, log, executor, inspector, listener)
    finally:
        inspector.shutdown(cancel_futures=True)
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        listener.close()
        os.close(lock)


async def _serve(
    settings: Settings, log: Log, executor: Executor, inspector: Executor, listener: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(settings, executor, inspector, log)
    service = app[SERVICE]
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=ANSWER_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=1024).start()
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        log.event(
            "listening",
            url=f"http://{shown}:{port}",
            pid=os.getpid(),
            port=port,
            exports=str(settings.exports.resolve()),
            version=VERSION,
        )
        await stop.wait()
        service.stopping = True
        log.event("stopping", running=service.exports.admission.running, waiting=service.exports.admission.waiting)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.exports.admission.idle(), settings.grace_s or None)
        service.exports.withdraw_waiting()
    finally:
        await runner.cleanup()
    log.event("stopped")
