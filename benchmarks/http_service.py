"""The real service in a separate process, and plain clients of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 300.0
STOP_S = 30.0
PROBE_EVERY_S = 0.002
IDLE_S = 2.0
"""Servers end a connection that nothing was asked on: uvicorn after 5 s. A client must not ask on one that ends."""
LARGEST_BODY = "256MiB"
"""A body of a million records has 107 MB; the service's own default is 64 MiB."""


class Refused(Exception):
    """A service answered an export with another status than 200; the message has status and answer."""


class NotStarted(Exception):
    """A service did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Answer:
    """An export answered with 200."""

    records: int
    file_bytes: int
    download_url: str


class Client:
    """One kept connection; not for several threads at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=TIMEOUT_S)
        self._base = parts.path.rstrip("/")
        self._used = time.monotonic()

    def export(self, body: bytes) -> Answer:
        """POST a body and wait for its file. Refused where the answer is no 200."""
        answer = self._call("POST", "/export/run", body)
        said = json.loads(answer)
        result = said["result"]
        return Answer(records=said["records"], file_bytes=result["bytes"], download_url=result["downloadUrl"])

    def download(self, answer: Answer, path: Path) -> None:
        """Fetch an export's file. Refused where it is not there."""
        path.write_bytes(self._call("GET", answer.download_url))

    def get(self, path: str) -> bytes:
        """GET a page. Refused where the answer is no 200."""
        return self._call("GET", path)

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        if time.monotonic() - self._used > IDLE_S:
            self._connection.close()  # the next request opens another
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, f"{self._base}{path}", body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status != 200:
            raise Refused(
                f"{method} {path}: expected 200, got {answer.status}: {content[:200].decode('utf-8', 'replace')}"
            )
        return content

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def running(folder: Path, workers: int | None = None) -> Iterator[tuple[str, int]]:
    """Run a service on a free port while the block runs; its url and pid. workers: None: the service's own default."""
    words = [sys.executable, "-m", "service", "--port", "0", "--exports", str(folder), "--max-body", LARGEST_BODY]
    if workers is not None:
        words += ["--workers", str(workers)]
    log_path = folder.parent / f"{folder.name}-service.log"
    with started(words, ROOT, log_path, _listening_url) as found:
        yield found


@contextmanager
def started(
    words: Sequence[str], cwd: Path, log_path: Path, find_url: Callable[[str], str | None]
) -> Iterator[tuple[str, int]]:
    """Run a server while the block runs; its url, found in its output, and its pid. NotStarted."""
    with log_path.open("w+") as log:
        process = subprocess.Popen(words, cwd=cwd, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _wait_for_url(process, log_path, find_url), process.pid
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_url(process: subprocess.Popen[bytes], log: Path, find_url: Callable[[str], str | None]) -> str:
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            url = find_url(line) if line.endswith("\n") else None
            if url is not None:
                return url
        time.sleep(0.01)
    raise NotStarted(f"expected a server that listens within {STOP_S:g} s, got: {log.read_text()[-500:]}")


def _listening_url(line: str) -> str | None:
    return str(json.loads(line)["url"]) if line.startswith("{") and '"listening"' in line else None


def at_once(url: str, body: bytes, clients: int, each: int) -> list[Answer]:
    """Send exports of `clients` at once, each with `each` exports one after the other; all answers."""

    def send(_: int) -> list[Answer]:
        client = Client(url)
        try:
            return [client.export(body) for _turn in range(each)]
        finally:
            client.close()

    with ThreadPoolExecutor(clients) as pool:
        return [answer for answers in pool.map(send, range(clients)) for answer in answers]


def health_during(url: str, work: Callable[[], object]) -> list[float]:
    """Return the seconds that each /health took while `work` ran, one after the other on one connection."""
    taken: list[float] = []
    ended = threading.Event()

    def probe() -> None:
        client = Client(url)
        try:
            while not ended.is_set():
                began = time.perf_counter()
                client.get("/health")
                taken.append(time.perf_counter() - began)
                ended.wait(PROBE_EVERY_S)
        finally:
            client.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        work()
    finally:
        ended.set()
        thread.join()
    return taken
