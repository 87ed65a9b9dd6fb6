"""The generators' end of the line to their runner, and what passes over it beside the messages: the time, and cargo."""

from __future__ import annotations

import contextlib
import socket
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from loadtests import drive
from loadtests.clock import Clock

CONNECT_S = 10.0
ASKS = 25
"""Times that the runner is asked for the time; the quickest answer counts."""
CONTROL_BESIDE = 1
"""For generators elsewhere the runner listens at the Locust master's port and so much."""
ROOTS = ("parts", "spool")
"""Folders of a cargo, as the runner has them."""


class Line:
    """One connection to the runner; OSError where there is none."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._socket.close()

    def say(self, message: drive.GeneratorMessage) -> None:
        """Tell the runner; OSError where it is gone."""
        self._socket.sendall(drive.encode(message) + b"\n")

    def listen(self) -> drive.RunnerMessage | None:
        """The runner's next word; None when it is gone, or speaks another language than this version."""
        try:
            line = self._reader.readline()
            return drive.decode_runner(line) if line.endswith(b"\n") else None
        except (OSError, msgspec.DecodeError):
            return None

    def send(self, roots: Mapping[str, Path]) -> None:
        """Send folders as a tar and wait until they are unpacked; OSError where they are not."""
        with self._socket.makefile("wb") as out:
            with tarfile.open(fileobj=out, mode="w|") as tar:
                for name, root in roots.items():
                    for path in sorted(root.rglob("*")):
                        if path.is_file():
                            tar.add(path, arcname=f"{name}/{path.relative_to(root)}", recursive=False)
            out.flush()
        self._socket.shutdown(socket.SHUT_WR)
        if not isinstance(self.listen(), drive.Landed):
            raise OSError("the runner did not take it")


def unpack(stream: IO[bytes], roots: Mapping[str, Path]) -> None:
    """The other end of `send`. OSError or tarfile.TarError where it is no whole cargo, or would leave its folders."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            root, _, rest = member.name.partition("/")
            if root not in roots or not rest or not member.isfile():
                raise tarfile.TarError(f"{member.name} is no part of a record")
            member.name = rest
            tar.extract(member, roots[root], filter="data")


@dataclass(frozen=True)
class Reading:
    """The runner's time as it was read from elsewhere."""

    anchor: float
    """Unix seconds of the runner's clock at this machine's monotonic clock's zero."""
    error_s: float
    """Half of the quickest way to and fro."""

    @property
    def clock(self) -> Clock:
        """The runner's clock, on this machine."""
        return Clock(anchor=self.anchor)

    @property
    def offset_s(self) -> float:
        """This machine's wall clock less the runner's."""
        return time.time() - self.clock.now()


def read_clock(host: str, port: int) -> Reading:
    """Ask the runner for the time, many times over a line of its own. OSError where it does not say."""
    best: Reading | None = None
    with Line(host, port) as line:
        for _ in range(ASKS):
            sent = time.monotonic()
            line.say(drive.Ask())
            said = line.listen()
            came = time.monotonic()
            if not isinstance(said, drive.At):
                raise OSError("the runner did not say what time it is")
            reading = Reading(anchor=said.now - (sent + came) / 2, error_s=(came - sent) / 2)
            if best is None or reading.error_s < best.error_s:
                best = reading
    assert best is not None
    return best
