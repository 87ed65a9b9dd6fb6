"""A quick look at every target: does it start, answer /health and an export, and end on SIGTERM?

Each runs in a fork of this process, so that a look takes a fraction of a second. It is no judgement: that is the
harness's work.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from tests.targets.fixtures.entry import Entry

START_S = 20.0
END_S = 15.0
CHECK_BODY = {
    "format": "csv",
    "columns": ["id", "name"],
    "data": [{"id": number, "name": f"İnci {number}"} for number in range(3)],
    "user": "check",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What the look at one target showed."""

    name: str
    problem: str | None
    """One sentence; None: it runs and answers."""


def look(target: Entry) -> Looked:
    """Start a target, send it requests, end it."""
    with tempfile.TemporaryDirectory(prefix="target-") as folder:
        context = multiprocessing.get_context("fork")
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_live, args=(target, Path(folder) / "exports", sending))
        process.start()
        sending.close()
        try:
            return Looked(target.name, _problem(receiving))
        finally:
            process.terminate()
            process.join(END_S)
            if process.is_alive():
                process.kill()
                process.join()


def _live(target: Entry, folder: Path, sending: Connection) -> None:
    """All that the child process does."""
    folder.mkdir()
    os.chdir(folder.parent)
    target.build(folder).serve(0, sending.send)


def _problem(receiving: Connection) -> str | None:
    """What is wrong with a target that was just started."""
    if not receiving.poll(START_S):
        return f"did not listen within {START_S:g} s"
    try:
        url = urlsplit(receiving.recv())
    except EOFError:
        return "ended before it listened"
    return _health(url.hostname, url.port, url.path) or _export(url.hostname, url.port, url.path)


def _health(host: str | None, port: int | None, prefix: str) -> str | None:
    """/health must be answered at all."""
    status, _ = _ask(host, port, "GET", prefix + "/health")
    return None if status in (200, 503) else f"/health answered {status}"


def _export(host: str | None, port: int | None, prefix: str) -> str | None:
    """An export of three records must be answered."""
    status, answer = _ask(host, port, "POST", prefix + "/export/run", json.dumps(CHECK_BODY).encode())
    return None if status == 200 else f"the export was answered {status}: {answer[:200]!r}"


def _ask(host: str | None, port: int | None, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One exchange; status 0 where no answer came."""
    connection = http.client.HTTPConnection(host or "", port, timeout=START_S)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode()
    finally:
        connection.close()
