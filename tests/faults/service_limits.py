"""The service at its limits: disk, log, connections, slow readers."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.outcomes import Counted, Options
from tests.faults.service_load import BODIES, look, seconds_until, small_disk
from tests.service.helpers import TIMEOUT_S, Answer, Running, running

HEALTH_CALLS = 20


def full_disk(options: Options, folder: Path) -> Counted:
    """Exports until the disk is full and on; then room is made."""
    rounds = options.times(3, 20)
    refused = odd = partial = missing = unfinished = after = silent = done = 0
    with small_disk(folder, "3m") as (service, exports):
        for _ in range(rounds):
            answers: list[Answer] = []
            while sum(answer.status == 507 for answer in answers) < 10 and len(answers) < 2_000:
                answers.append(service.post(BODIES[("csv", "pdf")[len(answers) % 2]]))
                silent += service.get("/health").status != 200
            files = look(exports, answers)
            partial, missing, unfinished = (
                partial + files.partial,
                missing + files.missing,
                unfinished + files.unfinished,
            )
            refused += sum(answer.status == 507 for answer in answers)
            done += sum(answer.status == 200 for answer in answers)
            odd += sum(answer.status not in (200, 507) for answer in answers)
            for path in exports.iterdir():
                path.unlink()
            after += service.post(BODIES["pdf"]).status != 200
    return Counted(
        tried=rounds,
        counts={"answered 200": done, "answered 507": refused},
        wrong={
            "other answers": odd,
            "partial files": partial,
            "answered but missing": missing,
            "unfinished files": unfinished,
            "first export with room again not 200": after,
            "/health not answered": silent,
        },
    )


def unread_log(options: Options, folder: Path) -> Counted:
    """A flood of malformed requests, while nobody reads the pipe that the log goes to."""
    flood = options.times(1_000, 10_000)
    with running(exports=folder / "e") as service:
        for _ in range(flood):
            with _connected(service) as connection:
                connection.sendall(b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.recv(1)
        silent, longest = _health(service)
        after = service.post(BODIES["csv"]).status
        service.process.terminate()
        took = seconds_until(lambda: service.process.poll() is not None)
        code = service.process.poll()
    return Counted(
        tried=flood,
        counts={"/health calls": HEALTH_CALLS},
        wrong={
            "/health not answered": silent,
            "next export not 200": int(after != 200),
            "stops not 0": int(code != 0),
        },
        longest_s=max(longest, took),
    )


def slow_readers(options: Options, folder: Path) -> Counted:
    """Clients with tiny receive buffers who ask for one large file at once, and take nothing of it."""
    readers = options.times(150, 300)
    statuses: list[bytes] = []
    with running(exports=folder / "e") as service, contextlib.ExitStack() as stack:
        name = "export_1_aaaaaaaaa.csv"
        (service.exports / name).write_bytes(b"x" * 20_000_000)
        opened = []
        for _ in range(readers):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            reader.settimeout(TIMEOUT_S)
            reader.connect(_address(service))
            reader.sendall(f"GET /export/files/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            opened.append(reader)
        silent, longest = _health(service)
        statuses = [reader.recv(12)[-3:] for reader in opened]
        after = service.post(BODIES["csv"]).status
    return Counted(
        tried=readers,
        counts={"answered 200": statuses.count(b"200"), "answered 503": statuses.count(b"503")},
        wrong={
            "other answers": sum(status not in (b"200", b"503") for status in statuses),
            "/health not answered": silent,
            "next export not 200": int(after != 200),
        },
        longest_s=longest,
    )


def idle_connections(options: Options, folder: Path) -> Counted:
    """Connections that say nothing, half a head or half a body, at a limit of 256 open files."""
    count = options.times(400, 2_000)
    beginnings = (b"", b"POST /export/run HTTP/1.1\r\nHost: lo", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
    with (
        running(exports=folder / "e", wrapper=("prlimit", "--nofile=256:256")) as service,
        contextlib.ExitStack() as stack,
    ):
        for number in range(count):
            connection = stack.enter_context(_connected(service))
            with contextlib.suppress(OSError):  # it may be closed by now, to make room
                connection.sendall(beginnings[number % len(beginnings)])
        silent, longest = _health(service)
        after = service.post(BODIES["csv"]).status
        ended = service.process.poll() is not None
    return Counted(
        tried=count,
        counts={"/health calls": HEALTH_CALLS},
        wrong={
            "/health not answered": silent,
            "next export not 200": int(after != 200),
            "services ended": int(ended),
        },
        longest_s=longest,
    )


def _address(service: Running) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


@contextlib.contextmanager
def _connected(service: Running) -> Iterator[socket.socket]:
    with socket.create_connection(_address(service), TIMEOUT_S) as connection:
        yield connection


def _health(service: Running) -> tuple[int, float]:
    """How many calls of /health were not answered with 200, and the longest time of one."""
    silent, longest = 0, 0.0
    for _ in range(HEALTH_CALLS):
        start = time.monotonic()
        try:
            silent += service.get("/health").status != 200
        except OSError:
            silent += 1
        longest = max(longest, time.monotonic() - start)
    return silent, longest
