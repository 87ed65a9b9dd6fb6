"""The real service in a process of its own, and plain clients of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60.0
PROBE_EVERY_S = 0.002


class Client:
    """One kept connection; not for several threads at once."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)

    def export(self, body: bytes) -> None:
        """POST a body and wait for its file; AssertionError when the answer is no 200."""
        self._connection.request("POST", "/export/run", body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        told = answer.read()
        assert answer.status == 200, told[:500]

    def health(self) -> None:
        """GET /health."""
        self._connection.request("GET", "/health")
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def running(folder: Path, workers: int) -> Iterator[str]:
    """A service on a free port while the block runs; its url."""
    with (folder.parent / f"service-{workers}.log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", "0", "--exports", str(folder), "--workers", str(workers)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield _url(process, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            if line.endswith("\n") and '"listening"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.01)
    raise AssertionError(f"the service did not start: {log.read_text()[:500]}")


def at_once(url: str, body: bytes, clients: int, each: int) -> None:
    """`clients` at once, each with `each` exports one after the other."""

    def one(_: int) -> None:
        client = Client(url)
        try:
            for _turn in range(each):
                client.export(body)
        finally:
            client.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(one, range(clients)))


def health_during(url: str, work: Callable[[], None]) -> list[float]:
    """Seconds that each /health took while `work` ran, one after the other on one connection."""
    taken: list[float] = []
    ended = threading.Event()

    def probe() -> None:
        client = Client(url)
        try:
            while not ended.is_set():
                began = time.perf_counter()
                client.health()
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
