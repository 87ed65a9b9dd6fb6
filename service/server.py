"""Start, serve, stop: sockets, signals, the pool, the folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import resource
import signal
import socket
import sys
import time
from concurrent.futures import Executor

from aiohttp import web

from service import files
from service.app import SERVICE, create_app
from service.errors import ServiceError
from service.http.access import is_loopback
from service.http.connections import KEEP_ALIVE_S, Runner
from service.jobs.pool import VALIDATOR_RECURSION_LIMIT, WorkerPool, end_forkserver
from service.logs import Log, library_logger
from service.request.sources import SourceError, open_database
from service.settings import VERSION, Settings
from service.start_output import list_routes, print_start, start_lines

ANSWER_S = 5.0
"""How long a stop waits for answers on their way."""
END_S = 2.0
"""How long the processes of a pool, and then their parent, may take to end before they are killed."""
KEPT_FILES = 200
"""Open files that are not for connections: exports, downloads, pipes, the reserve of connections."""
MIN_GRACE_S = 0.01
MIN_SWEEP_S, MAX_SWEEP_S = 0.5, 600.0


class StartError(ServiceError):
    """The service can't start; the message is one sentence."""


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise StartError(f"can't listen on the host {settings.host!r}: {reason}; choose another with --host") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"can't listen on {settings.host}:{settings.port}: the port is in use; end the program that uses it "
                f"(`lsof -i :{settings.port}` names it) or choose another port with --port"
            ) from None
        raise StartError(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "choose another address with --host or --port"
        ) from None
    listener.setblocking(False)
    return listener


def _check_database(settings: Settings) -> None:
    if settings.database is None:
        return
    try:
        open_database(settings.database).close()
    except SourceError as error:
        raise StartError(f"{settings.database}: {error}; give a SQLite file with --database") from None


def _claim(settings: Settings) -> tuple[int, int]:
    try:
        return files.claim_folder(settings.exports)
    except OSError as error:
        raise StartError(
            f"can't write to the exports folder {settings.exports}: {error.strerror or error}; "
            "choose another with --exports"
        ) from None


async def serve(settings: Settings, log: Log, executor: Executor | None = None) -> None:
    """Run until SIGTERM or SIGINT, then let admitted exports finish; StartError when it can't begin.

    `executor` runs the exports instead of the process pool; it must be able to reach the exports folder. It is the
    caller's to shut down.
    """
    _check_database(settings)
    lock, swept = _claim(settings)
    listener = _listen(settings)
    most_s = settings.export_timeout_s
    validator = WorkerPool(1, settings.recycle_after, VALIDATOR_RECURSION_LIMIT, most_s)
    pool = WorkerPool(settings.workers, settings.recycle_after, timeout_s=most_s) if executor is None else None
    try:
        for workers in (pool, validator):
            if workers is not None:
                await asyncio.gather(*map(asyncio.wrap_future, workers.warm_up()))
        await _serve(settings, log, pool or executor or validator, validator, listener, swept)
    finally:
        for workers in (validator, pool):
            if workers is not None:
                await asyncio.to_thread(workers.stop, END_S)
        await asyncio.to_thread(end_forkserver, END_S)
        listener.close()
        os.close(lock)


async def _serve(
    settings: Settings, log: Log, executor: Executor, validator: Executor, listener: socket.socket, swept: int
) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(settings, executor, validator, log)
    service = app[SERVICE]
    runner = Runner(
        app,
        log=log,
        max_connections=min(settings.max_connections, _raise_file_limit()),
        clock=loop.time,
        logger=library_logger(log),
        handler_cancellation=True,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE_S,
        shutdown_timeout=ANSWER_S,
    )
    await runner.setup()
    sweeper = loop.create_task(_sweep(settings, log)) if 0 < settings.retention_s < math.inf else None
    in_time = True
    try:
        await web.SockSite(runner, listener, backlog=1024).start()
        host, port = listener.getsockname()[:2]
        print_start(start_lines(host, listener.family, port, list_routes(app)))
        if settings.token is None and not is_loopback(settings.host):
            log.event("warning", message=f"everybody who can reach {host} may export: no token is set (--token-file)")
        shown = f"[{host}]" if ":" in host else host
        log.event(
            "listening",
            url=f"http://{shown}:{port}",
            pid=os.getpid(),
            port=port,
            exports=str(settings.exports.resolve()),
            version=VERSION,
            swept=swept,
        )
        await stop.wait()
        service.stopping = True
        admission = service.exports.admission
        log.event("stopping", running=admission.running, waiting=admission.waiting)
        try:
            # one that is at rest needs a moment to be seen so, even where it is given no time
            grace_s = max(settings.grace_s, MIN_GRACE_S)
            await asyncio.wait_for(admission.idle(), None if grace_s == math.inf else grace_s)
        except TimeoutError:
            in_time = False
            service.exports.withdraw_waiting()
            for workers in (executor, validator):
                if isinstance(workers, WorkerPool):
                    workers.kill()
    finally:
        if sweeper is not None:
            sweeper.cancel()
        await runner.cleanup()
    log.event("stopped", in_time=in_time)


def _raise_file_limit() -> int:
    """Raise this process's limit of open files as far as allowed; how many connections leave room for files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(1, soft - KEPT_FILES)


async def _sweep(settings: Settings, log: Log) -> None:
    """Remove old files now and then, for ever."""
    while True:
        removed = await asyncio.to_thread(files.remove_old, settings.exports, settings.retention_s, time.time())
        if removed:
            log.event("removed-old", removed=removed)
        await asyncio.sleep(max(MIN_SWEEP_S, min(MAX_SWEEP_S, settings.retention_s / 10)))
