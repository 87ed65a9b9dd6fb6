"""What the service's tests share: a real service in a subprocess, an app in this process, plain HTTP to both."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from service.app import SERVICE, Service, create_app
from service.http.connections import SERVER_KEY, Runner, Server
from service.logs import Log
from service.settings import Settings
from tests.processes import start_module

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0
JSON = {"Content-Type": "application/json"}
FINAL = re.compile(r"export_\d+_[a-z0-9]{9}\.(csv|pdf)")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def call(url: str, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> Answer:
    """One request over a separate connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    try:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, JSON | sent if method == "POST" else sent)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def encoded(**body: Any) -> bytes:
    """A request body."""
    return json.dumps(body, ensure_ascii=False).encode()


def sample(page: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that bear these labels; an assertion fails when there is none."""
    values = [
        one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    assert values, f"{name} {labels} is not on the page"
    return sum(values)


def assert_identity(page: str) -> None:
    """started = succeeded + failed + running + waiting."""
    count = partial(sample, page, "export_requests_total")
    ended = count(status="succeeded") + count(status="failed")
    assert count(status="started") == ended + sample(page, "export_concurrent_running") + sample(
        page, "export_queue_depth"
    )


class Running:
    """A real service in a subprocess."""

    def __init__(self, process: subprocess.Popen[str], event: dict[str, Any], exports: Path) -> None:
        self.process = process
        self.url: str = event.get("url", "")
        self.event = event
        self.exports = exports

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return call(self.url, "GET", path, None, **headers)

    def run(self, **body: Any) -> Answer:
        """POST /export/run with these keys."""
        return call(self.url, "POST", "/export/run", encoded(**body))

    def post(self, body: bytes, **headers: str) -> Answer:
        """POST /export/run with these bytes."""
        return call(self.url, "POST", "/export/run", body, **headers)

    def metrics(self) -> str:
        """The metrics page."""
        return self.get("/export/metrics").body.decode()

    def file(self, answer: Answer) -> bytes:
        """The file of a successful answer."""
        got = self.get(answer.json()["result"]["downloadUrl"])
        assert got.status == 200
        return got.body

    def stop(self) -> int:
        """SIGTERM, wait, exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)


def start(*arguments: str, exports: Path, wrapper: tuple[str, ...] = (), **environment: str) -> Running:
    """Start a service on a free port, by another command if given, and wait until it listens."""
    words: tuple[str | Path, ...] = ("--port", "0", "--exports", exports, *arguments)
    process = start_module(
        "service", *words, environment=environment, wrapper=wrapper, own_group=True, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    if '"listening"' not in line and '"warning"' not in line:
        process.kill()
        raise AssertionError(f"the service did not start: {line}{process.stderr.read()}")
    return Running(process, json.loads(line), exports)


@contextmanager
def running(*arguments: str, exports: Path, wrapper: tuple[str, ...] = (), **environment: str) -> Iterator[Running]:
    """A service for the length of a block."""
    service = start(*arguments, exports=exports, wrapper=wrapper, **environment)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
        service.process.wait(TIMEOUT_S)
        assert service.process.stderr is not None
        service.process.stderr.close()


def workers_of(service: Running) -> list[psutil.Process]:
    """The processes that check bodies and run exports: the children of the service's fork server.

    Not told by their niceness, since all the processes of a test that `nice` runs are nice.
    """
    direct = psutil.Process(service.process.pid).children()
    return [worker for child in direct for worker in child.children()]


class Quiet(Log):
    """Keeps events instead of writing them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, event: str, **fields: object) -> None:
        """Remember it."""
        self.events.append((event, fields))

    def named(self, event: str) -> list[dict[str, object]]:
        """The fields of all events of that name."""
        return [fields for name, fields in self.events if name == event]


@dataclass
class Held:
    """One task that a gate holds back."""

    call: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        """Do the task now, in this thread."""
        try:
            self.future.set_result(self.call())
        except Exception as error:
            self.future.set_exception(error)


class Gate(Executor):
    """Runs nothing until told to: the test decides when an export ends, and how."""

    def __init__(self) -> None:
        self.held: list[Held] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hold the task back."""
        self.held.append(Held(partial(fn, *args, **kwargs)))
        return self.held[-1].future


class Local:
    """An app in this process, served over a real socket."""

    def __init__(self, url: str, service: Service, server: Server, log: Quiet, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.server = server
        self.service = service
        self.log = log
        self.session = session

    async def post(self, body: bytes, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """POST /export/run: status, JSON, headers."""
        async with self.session.post(f"{self.url}/export/run", data=io.BytesIO(body), headers=JSON | headers) as answer:
            return answer.status, await answer.json(), dict(answer.headers)

    async def page(self) -> str:
        """The metrics page."""
        async with self.session.get(f"{self.url}/export/metrics") as answer:
            return await answer.text()


@asynccontextmanager
async def local(
    executor: Executor,
    max_connections: int = 1_000,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> AsyncIterator[Local]:
    """Serve an app on a free port; `settings` as of `Settings`."""
    log = Quiet()
    app = create_app(Settings(**settings), executor, executor, log)
    runner = Runner(
        app,
        log=log,
        max_connections=max_connections,
        clock=clock,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=1,
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT_S)) as session:
        try:
            yield Local(f"http://{host}:{port}", app[SERVICE], app[SERVER_KEY][0], log, session)
        finally:
            await runner.cleanup()


async def until(true: Callable[[], bool]) -> None:
    """Return when `true()` is."""
    async with asyncio.timeout(TIMEOUT_S):
        while not true():
            await asyncio.sleep(0.001)
