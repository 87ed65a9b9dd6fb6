"""Load on a real service while it is hurt, and a look at every file that it left."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pypdfium2

from tests.faults.outcomes import NoData
from tests.service.helpers import FINAL, TIMEOUT_S, Answer, Running, encoded, running

RECORDS = 400
PAGES = 8
"""Of 50 records each."""
ONE_AT_A_TIME = threading.Lock()
"""For PDFs: the library that opens them takes no calls of several threads at once."""
BODIES = {
    name: encoded(format=name, columns=["id", "text"], data=[{"id": n, "text": f"record {n}"} for n in range(RECORDS)])
    for name in ("csv", "pdf")
}


@dataclass
class Load:
    """Clients that ask again and again until they are told to stop, or nobody answers."""

    service: Running
    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0
    """Requests whose connection broke off."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, clients: int = 4) -> None:
        """Start the clients."""
        for number in range(clients):
            body = BODIES[("csv", "pdf")[number % 2]]
            thread = threading.Thread(target=self._ask, args=(body,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _ask(self, body: bytes) -> None:
        while not self._stopping.is_set():
            try:
                self.answers.append(self.service.post(body))
            except Exception:  # http.client has its own for a connection that broke off
                self.unanswered += 1
                return

    def stop(self) -> None:
        """Let each client end with its present request."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)

    def of_status(self, status: int) -> list[Answer]:
        """The answers of that status."""
        return [answer for answer in self.answers if answer.status == status]


@dataclass(frozen=True)
class Files:
    """The files under final names in an exports folder."""

    checked: int
    partial: int
    """Not whole."""
    missing: int
    """Answered with 200, and not there or of another size."""
    unfinished: int
    """Parts and spool files."""


def look(folder: Path, answers: list[Answer]) -> Files:
    """Open every file, and find those that were answered."""
    finals = [path for path in folder.iterdir() if FINAL.fullmatch(path.name)]
    sizes = {path.name: path.stat().st_size for path in finals}
    done = [answer.json()["result"] for answer in answers if answer.status == 200]
    return Files(
        checked=len(finals),
        partial=sum(not whole(path) for path in finals),
        missing=sum(sizes.get(result["filename"].rpartition("/")[2]) != result["bytes"] for result in done),
        unfinished=len(list(folder.iterdir())) - len(finals),
    )


def whole(path: Path) -> bool:
    """Whether a file holds all records of its body."""
    try:
        if path.suffix == ".csv":
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
            return rows == [["id", "text"], *([str(n), f"record {n}"] for n in range(RECORDS))]
        with ONE_AT_A_TIME:
            document = pypdfium2.PdfDocument(path.read_bytes())
            try:
                last = document[len(document) - 1].get_textpage().get_text_bounded()
                return len(document) == PAGES and f"record {RECORDS - 1}" in last
            finally:
                document.close()
    except (ValueError, OSError, pypdfium2.PdfiumError):
        return False


def family_of(service: Running) -> list[psutil.Process]:
    """The service's processes."""
    process = psutil.Process(service.process.pid)
    return [process, *process.children(recursive=True)]


def alive_after(processes: list[psutil.Process]) -> int:
    """How many of these are left after some patience."""
    return len(psutil.wait_procs(processes, TIMEOUT_S)[1])


def seconds_until(reached: Callable[[], object]) -> float:
    """Wait until this is true; the seconds that it took, TIMEOUT_S where it never was."""
    start = time.monotonic()
    while time.monotonic() - start < TIMEOUT_S:
        if reached():
            break
        time.sleep(0.01)
    return time.monotonic() - start


def pause(dice: random.Random, most_s: float) -> None:
    """Wait for a random time."""
    time.sleep(dice.uniform(0, most_s))


def at_rest(service: Running) -> bool:
    """Whether nothing runs and nothing waits."""
    status = service.get("/export/status").json()
    return bool(status["concurrentExports"] == status["queueDepth"] == 0)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[tuple[Running, Path]]:
    """A service whose exports folder is a file system of this size; yields it and the folder as seen from here."""
    exports = folder / "exports"
    exports.mkdir()
    mounted = 'mount -t tmpfs -o size="$0" tmpfs "$1" && shift && exec "$@"'
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", mounted, size, str(exports))
    tried = subprocess.run([*wrapper, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise NoData(f"no file system can be mounted here: {tried.stderr.strip()[:100]}")
    with running(exports=exports, wrapper=wrapper) as service:
        yield service, Path(f"/proc/{service.process.pid}/root{exports}")
