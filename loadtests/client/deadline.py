"""One deadline over a whole HTTP exchange, which http.client does not have."""

from __future__ import annotations

import io
import socket

from loadtests.client.clock import Clock

CHUNK_BYTES = 64 * 1024


class _DeadlineSocket:
    """A socket that http.client can use, each of whose calls is given only the time that is left."""

    def __init__(self, inner: socket.socket, clock: Clock, deadline: float) -> None:
        self.inner, self.clock, self.deadline = inner, clock, deadline

    def _arm(self) -> None:
        left = self.deadline - self.clock.now()
        if left <= 0:
            raise TimeoutError("the exchange took longer than its deadline")
        self.inner.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self._arm()
        self.inner.sendall(data)

    def recv_into(self, buffer: memoryview) -> int:
        self._arm()
        return self.inner.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), CHUNK_BYTES)

    def close(self) -> None:
        """Nothing yet: http.client calls this as soon as an answer says `Connection: close`, before reading it."""


class _Reader(io.RawIOBase):
    """The reading end of a deadline socket."""

    def __init__(self, source: _DeadlineSocket) -> None:
        self.source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self.source.recv_into(buffer)
