"""The runner's end of the line to its generators."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import struct
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from assertions.record.types import GeneratorClock
from loadtests.client.clock import Clock
from loadtests.protocol import messages
from loadtests.protocol.channel import unpack

SEND_TIMEOUT_S = 10
"""A process that takes nothing for so long is given up: it must not hold the others up."""


@dataclass(frozen=True)
class Event:
    """Something that happened on the line."""

    worker: int | None
    """None: a process that makes no load."""
    message: messages.GeneratorMessage | None
    """None: the line broke; its process ended or was ended."""


@dataclass(frozen=True)
class RemoteSetup:
    """What generators on other machines are told, and where what they bring is put."""

    brief: messages.RemoteConfig
    roots: Mapping[str, Path]


class ControlServer:
    """Listens for the generators, tells them the time, and numbers them as they come."""

    def __init__(
        self, workers: int, clock: Clock, address: tuple[str, int] = ("127.0.0.1", 0), away: RemoteSetup | None = None
    ) -> None:
        """address: host and port, 0 for any that is free; away: None where all generators are on this machine.

        OSError where it can't listen there.
        """
        self.workers, self.clock, self.away = workers, clock, away
        self.events: queue.Queue[Event] = queue.Queue()
        self.pids: dict[int, int] = {}
        """Processes of this machine."""
        self.anchors: dict[int, float] = {}
        self.clocks: dict[int, GeneratorClock] = {}
        """Of those that were elsewhere and brought their records."""
        self._open: dict[socket.socket, int | None] = {}
        """All lines, those of generators with their numbers."""
        self._cargo_due: set[int] = set()
        """Generators elsewhere whose records have not come yet."""
        self._lock = threading.Lock()
        self._numbered = 0
        self._server = socket.create_server(address)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def send(self, message: messages.RunnerMessage) -> None:
        """Tell every generator; one that is gone shows by its broken line."""
        with self._lock:
            lines = [line for line, worker in self._open.items() if worker is not None]
        for line in lines:
            _tell(line, message)

    def dismiss(self) -> None:
        """Tell every process that all is done, a Locust master too: it ends its workers after a while."""
        with self._lock:
            lines = list(self._open)
        for line in lines:
            _tell(line, messages.End())

    def drop(self, worker: int) -> None:
        """End a generator that hangs; one elsewhere ends when its line does."""
        if worker in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pids[worker], signal.SIGKILL)
            return
        with self._lock:
            for line, number in self._open.items():
                if number == worker:
                    _hang_up(line)

    def close(self) -> None:
        """Stop listening and drop every line; generators that still run end by this."""
        _hang_up(self._server)
        self._server.close()
        with self._lock:
            for line in self._open:
                _hang_up(line)

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT_S, 0))
            with self._lock:
                self._open[line] = None
            threading.Thread(target=self._serve, args=(line,), name="control-line", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        try:
            self._listen(line)
        finally:
            with self._lock:
                del self._open[line]
            line.close()

    def _listen(self, line: socket.socket) -> None:
        worker: int | None = None
        known = False
        with contextlib.suppress(OSError, ValueError, msgspec.DecodeError), line.makefile("rb") as reader:
            for said in reader:
                message = messages.decode_generator(said)
                match message:
                    case messages.TimeRequest():
                        _tell(line, messages.TimeReply(now=self.clock.now()))
                        continue
                    case messages.RecordUpload():
                        self._take(message, reader)
                        _tell(line, messages.UploadDone())
                        return
                    case messages.Hello():
                        worker = self._admit(line, message)
                        known = True
                        self._greet(line, message, worker)
                if known:
                    self.events.put(Event(worker, message))
        if known:
            self.events.put(Event(worker, None))

    def _take(self, cargo: messages.RecordUpload, stream: IO[bytes]) -> None:
        """What a generator elsewhere recorded. OSError where it can't be put away; the run can't go on without it."""
        with self._lock:
            if self.away is None or cargo.worker not in self._cargo_due:
                raise OSError(f"no record of generator {cargo.worker} is waited for")
            self._cargo_due.remove(cargo.worker)
        try:
            unpack(stream, self.away.roots)
        except (OSError, tarfile.TarError) as error:
            text = f"the record of generator {cargo.worker} on {cargo.host} can't be put away: {error}"
            self.events.put(Event(cargo.worker, messages.Trouble(text=text)))
            raise OSError(text) from error
        self.anchors[cargo.worker] = cargo.anchor
        self.clocks[cargo.worker] = GeneratorClock(
            worker=cargo.worker,
            host=cargo.host,
            offset_s=cargo.offset_s,
            error_s=cargo.error_s,
            drift_s=cargo.drift_s,
        )

    def _admit(self, line: socket.socket, hello: messages.Hello) -> int | None:
        with self._lock:
            wanted = hello.conductor and self._numbered < self.workers and (hello.host is None or self.away is not None)
            worker = self._numbered if wanted else None
            if worker is None:
                return None
            self._open[line] = worker
            self._numbered += 1
            if hello.host is None:
                self.pids[worker] = hello.pid
            else:
                self._cargo_due.add(worker)
        return worker

    def _greet(self, line: socket.socket, hello: messages.Hello, worker: int | None) -> None:
        if worker is None:
            return
        _tell(line, messages.Welcome(worker=worker, workers=self.workers))
        if hello.host is not None and self.away is not None:
            _tell(line, self.away.brief)


def _tell(line: socket.socket, message: messages.RunnerMessage) -> None:
    """Send a message whole, or end the line: what comes behind half a message can't be read."""
    try:
        line.sendall(messages.encode(message) + b"\n")
    except OSError:
        _hang_up(line)


def _hang_up(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
