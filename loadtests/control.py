"""The runner's end of the line to its generators."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from dataclasses import dataclass

import msgspec

from loadtests import drive


@dataclass(frozen=True)
class Event:
    """Something that happened on the line."""

    worker: int | None
    """None: a process that makes no load."""
    message: drive.GeneratorMessage | None
    """None: the line broke; its process ended or was ended."""


class Control:
    """Listens on a free port of this machine; numbers the generators as they come."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.events: queue.Queue[Event] = queue.Queue()
        self.pids: dict[int, int] = {}
        self._lines: list[tuple[int | None, socket.socket]] = []
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def send(self, message: drive.RunnerMessage) -> None:
        """Tell every process; one that is gone shows by its broken line."""
        with self._lock:
            lines = list(self._lines)
        for worker, line in lines:
            if worker is not None or isinstance(message, drive.End | drive.Stop):
                with contextlib.suppress(OSError):
                    line.sendall(drive.encode(message) + b"\n")

    def close(self) -> None:
        """Stop listening and drop every line; generators that still run end by this."""
        self._server.close()
        with self._lock:
            for _, line in self._lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), name="control-line", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        worker: int | None = None
        known = False
        with contextlib.suppress(OSError, ValueError, msgspec.DecodeError), line.makefile("rb") as reader:
            for said in reader:
                message = drive.decode_generator(said)
                if isinstance(message, drive.Hello):
                    worker = self._admit(line, message)
                    known = True
                if known:
                    self.events.put(Event(worker, message))
        if known:
            self.events.put(Event(worker, None))

    def _admit(self, line: socket.socket, hello: drive.Hello) -> int | None:
        with self._lock:
            worker = len(self.pids) if hello.conductor and len(self.pids) < self.workers else None
            self._lines.append((worker, line))
            if worker is None:
                return None
            self.pids[worker] = hello.pid
        line.sendall(drive.encode(drive.Welcome(worker=worker, workers=self.workers)) + b"\n")
        return worker
