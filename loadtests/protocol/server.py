"""The runner's side of the connections to its generators."""

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
"""A process that accepts nothing for so long is given up: it must not hold the others up."""


@dataclass(frozen=True)
class Event:
    """Something that happened on a connection."""

    worker: int | None
    """None: a process that makes no load."""
    message: messages.GeneratorMessage | None
    """None: the connection broke; its process ended or was ended."""


@dataclass(frozen=True)
class RemoteSetup:
    """What generators on other machines get, and where their uploads are put."""

    config: messages.RemoteConfig
    roots: Mapping[str, Path]


class Uploads:
    """The records of generators on other machines."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots
        self._due: set[int] = set()
        self._lock = threading.Lock()
        self.anchors: dict[int, float] = {}
        self.clocks: dict[int, GeneratorClock] = {}

    def expect(self, worker: int) -> None:
        """Note that a generator has still to upload its record."""
        with self._lock:
            self._due.add(worker)

    def take(self, upload: messages.RecordUpload, stream: IO[bytes]) -> None:
        """Unpack a record. OSError where none is expected; tarfile.TarError or OSError where it can't be unpacked."""
        with self._lock:
            if upload.worker not in self._due:
                raise UnexpectedUploadError(f"no record of generator {upload.worker} is expected")
            self._due.remove(upload.worker)
        unpack(stream, self._roots)
        self.anchors[upload.worker] = upload.anchor
        self.clocks[upload.worker] = GeneratorClock(
            worker=upload.worker,
            host=upload.host,
            offset_s=upload.offset_s,
            error_s=upload.error_s,
            drift_s=upload.drift_s,
        )


class UnexpectedUploadError(OSError):
    """An upload that nothing was known of."""


class ControlServer:
    """Listens for the generators, gives them the time, and numbers them as they come."""

    def __init__(
        self, workers: int, clock: Clock, address: tuple[str, int] = ("127.0.0.1", 0), remote: RemoteSetup | None = None
    ) -> None:
        """address: host and port, 0 for any that is free; remote: None where all generators are on this machine.

        OSError where it can't listen there.
        """
        self.workers, self.clock, self.remote = workers, clock, remote
        self.events: queue.Queue[Event] = queue.Queue()
        self.pids: dict[int, int] = {}
        """Of the generators of this machine."""
        self.uploads = Uploads({} if remote is None else remote.roots)
        self._connections: dict[socket.socket, int | None] = {}
        """All connections, those of generators with their numbers."""
        self._lock = threading.Lock()
        self._numbered = 0
        self._server = socket.create_server(address)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def send(self, message: messages.RunnerMessage) -> None:
        """Send a message to every generator; one that has ended shows by its broken connection."""
        with self._lock:
            connections = [connection for connection, worker in self._connections.items() if worker is not None]
        for connection in connections:
            _send(connection, message)

    def dismiss(self) -> None:
        """Send the end to every process, a Locust master too, which ends its workers after a while."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _send(connection, messages.End())

    def drop(self, worker: int) -> None:
        """End a generator that hangs; one of another machine ends with its connection."""
        if worker in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pids[worker], signal.SIGKILL)
            return
        with self._lock:
            for connection, number in self._connections.items():
                if number == worker:
                    _shut_down(connection)

    def close(self) -> None:
        """Stop listening and drop every connection; generators that still run end by this."""
        _shut_down(self._server)
        self._server.close()
        with self._lock:
            for connection in self._connections:
                _shut_down(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT_S, 0))
            with self._lock:
                self._connections[connection] = None
            threading.Thread(target=self._serve, args=(connection,), name="control-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._receive(connection)
        finally:
            with self._lock:
                del self._connections[connection]
            connection.close()

    def _receive(self, connection: socket.socket) -> None:
        worker: int | None = None
        known = False
        with contextlib.suppress(OSError, ValueError, msgspec.DecodeError), connection.makefile("rb") as reader:
            for text in reader:
                message = messages.decode_generator(text)
                match message:
                    case messages.TimeRequest():
                        _send(connection, messages.TimeReply(now=self.clock.now()))
                        continue
                    case messages.RecordUpload():
                        self._take_upload(message, reader)
                        _send(connection, messages.UploadDone())
                        return
                    case messages.Hello():
                        worker = self._admit(connection, message)
                        known = True
                        self._greet(connection, message, worker)
                if known:
                    self.events.put(Event(worker, message))
        if known:
            self.events.put(Event(worker, None))

    def _take_upload(self, upload: messages.RecordUpload, stream: IO[bytes]) -> None:
        """Take a record. OSError where it can't be stored, without which the run can't go on."""
        try:
            self.uploads.take(upload, stream)
        except UnexpectedUploadError:
            raise
        except (OSError, tarfile.TarError) as error:
            text = f"the record of generator {upload.worker} on {upload.host} can't be stored: {error}"
            self.events.put(Event(upload.worker, messages.Trouble(text=text)))
            raise OSError(text) from error

    def _admit(self, connection: socket.socket, hello: messages.Hello) -> int | None:
        """Return the number of a new generator; None for a master, or where there are generators enough."""
        with self._lock:
            remote = hello.host is not None
            if not hello.makes_load or self._numbered >= self.workers or (remote and self.remote is None):
                return None
            worker = self._numbered
            self._connections[connection] = worker
            self._numbered += 1
            if not remote:
                self.pids[worker] = hello.pid
        if remote:
            self.uploads.expect(worker)
        return worker

    def _greet(self, connection: socket.socket, hello: messages.Hello, worker: int | None) -> None:
        if worker is None:
            return
        _send(connection, messages.Welcome(worker=worker, workers=self.workers))
        if hello.host is not None and self.remote is not None:
            _send(connection, self.remote.config)


def _send(connection: socket.socket, message: messages.RunnerMessage) -> None:
    """Send a whole message, or end the connection: what follows half a message can't be read."""
    try:
        connection.sendall(messages.encode(message) + b"\n")
    except OSError:
        _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
