"""The reference server: it answers after a known time, with the times of each request and its answer.

Standard library only, so that it starts at once; it runs in a process of its own, for as long as its standard input is
open. Its clock is the machine's monotonic one, which the generators use too.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Schedule:
    """How long the server takes over each request, in the order in which they come."""

    usual_s: float = 0.005
    slow_s: float = 0.05
    slow_every: int = 25
    """Every n-th request is slow; 0: none is."""
    stall_every_s: float = 0.0
    """It stalls at the end of each period of so many seconds; 0: never."""
    stall_s: float = 0.0
    zero_s: float = 0.0
    """On the monotonic clock: when the first period begins."""

    def takes_s(self, number: int, arrived_s: float) -> float:
        """Seconds from the arrival of the request of that number (from 1) to its answer."""
        slow = self.slow_every > 0 and number % self.slow_every == 0
        return (self.slow_s if slow else self.usual_s) + self.stalls_s(arrived_s)

    def stalls_s(self, moment_s: float) -> float:
        """Return the seconds of a stall that are left at a moment of the monotonic clock."""
        if self.stall_every_s <= 0:
            return 0.0
        left = self.stall_every_s - (moment_s - self.zero_s) % self.stall_every_s
        return left if left <= self.stall_s else 0.0


class _Known(asyncio.Protocol):
    """One connection: whole requests in, each answered by the schedule."""

    served = 0

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.head = b""
        self.missing = 0
        """Bytes of the body that have not come; the body itself is not kept."""
        self.arrived = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
        else:
            if not self.head:
                self.arrived = time.monotonic()
            self.head += data
            if _HEAD_END not in self.head:
                return
            head, _, body = self.head.partition(_HEAD_END)
            self.missing = _length(head) - len(body)
        if self.missing == 0:
            post, self.head = self.head.startswith(b"POST"), b""
            if post:
                type(self).served += 1
                due = round(self.arrived + self.schedule.takes_s(self.served, self.arrived), 6)
                # the loop's clock is the monotonic one; after a stall those that came first go first
                self.loop.call_at(due + self.served * 1e-10, self._answer, self.arrived)
            else:
                self._send(b'{"ok":true}')

    def _answer(self, arrived: float) -> None:
        answer = {"success": True, "arrived": arrived, "left": time.monotonic()}
        self._send(json.dumps(answer).encode())

    def _send(self, body: bytes) -> None:
        if self.transport is not None:
            self.transport.write(_ANSWER % (len(body), body))


def _length(head: bytes) -> int:
    for field in head.split(b"\r\n")[1:]:
        if field[: len(_LENGTH)].lower() == _LENGTH:
            return int(field[len(_LENGTH) :])
    return 0


async def _serve(listener: socket.socket, schedule: Schedule) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Known(schedule), sock=listener, backlog=1024)
    async with server:
        # the end of standard input is the end: whoever started this can't leave it behind
        await loop.run_in_executor(None, sys.stdin.buffer.read)


def command(listener: socket.socket, schedule: Schedule) -> list[str]:
    """Return the command line of a reference server on a listening socket whose descriptor it inherits."""
    call = f"import sys; sys.path.insert(0, {_ROOT!r}); from {__name__} import main; main(sys.argv[1:])"
    return [sys.executable, "-c", call, str(listener.fileno()), json.dumps(asdict(schedule))]


def main(argv: Sequence[str]) -> None:
    """Serve on the inherited descriptor `argv[0]` by the schedule `argv[1]` (JSON), until standard input ends."""
    with socket.socket(fileno=int(argv[0])) as listener:
        asyncio.run(_serve(listener, Schedule(**json.loads(argv[1]))))


_ROOT = __file__.rpartition("/loadtests/")[0]
