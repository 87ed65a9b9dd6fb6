"""Reading a request's body: small ones into memory, big ones into a spool file, never more than the limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from aiohttp import StreamReader

from service.errors import ServiceError
from service.files import new_name, open_private, part_path

IN_MEMORY_BYTES = 4 * 1024 * 1024
BUDGET_BYTES = 128 * 1024 * 1024
WRITE_BYTES = 1024 * 1024


IDLE_TIMEOUT_S = 30.0
"""Without a byte of the body."""
LEAST_BYTES_A_SECOND = 16 * 1024
"""Mean speed below which a body is given up, once it takes longer than IDLE_TIMEOUT_S."""


class BodyTimeout(ServiceError):
    """The body comes too slowly; the message says how slowly."""


class BodyTooLarge(ServiceError):
    """The body is longer than the limit."""


class MemoryBudget:
    """Bytes of bodies held in memory, over all requests; when it is spent, small bodies go to the disk too."""

    def __init__(self, limit_bytes: int = BUDGET_BYTES) -> None:
        self._left = limit_bytes

    def take(self, count: int) -> bool:
        """Reserve `count` bytes; False when they are not there."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def give(self, count: int) -> None:
        """Return reserved bytes."""
        self._left += count


class Body:
    """One request's body while it is needed; `close` frees its memory or its spool file."""

    def __init__(self, folder: Path, budget: MemoryBudget) -> None:
        self._folder = folder
        self._budget = budget
        self._reserved = 0
        self._spool: Path | None = None
        self.content: bytes | Path = b""
        """The bytes, or the path of the file that holds them."""

    async def read(self, stream: StreamReader, limit_bytes: int) -> None:
        """Take all of the stream.

        Raises BodyTooLarge past the limit, BodyTimeout when the client is too slow, OSError when the disk is full.
        """
        buffer = bytearray()
        total = 0
        spool: BinaryIO | None = None
        try:
            async for chunk in _in_time(stream):
                total += len(chunk)
                if total > limit_bytes:
                    raise BodyTooLarge
                buffer += chunk
                if spool is None:
                    fits = len(buffer) <= IN_MEMORY_BYTES and self._budget.take(len(chunk))
                    if fits:
                        self._reserved += len(chunk)
                        continue
                    self._spool = part_path(self._folder, new_name("body"))
                    spool = open_private(self._spool)
                    self._give_back()
                if len(buffer) >= WRITE_BYTES:
                    await asyncio.to_thread(_write, spool, bytes(buffer))
                    buffer.clear()
            if spool is not None:
                await asyncio.to_thread(_write, spool, bytes(buffer))
        finally:
            if spool is not None:
                spool.close()
        self.content = self._spool or bytes(buffer)

    def _give_back(self) -> None:
        self._budget.give(self._reserved)
        self._reserved = 0

    def close(self) -> None:
        """Free it; may be called twice."""
        self._give_back()
        self.content = b""
        if self._spool is not None:
            with contextlib.suppress(OSError):  # the disk turned read-only; it is swept at the next start
                self._spool.unlink(missing_ok=True)
            self._spool = None


async def _in_time(stream: StreamReader) -> AsyncIterator[bytes]:
    """Yield what comes; BodyTimeout for a client that is too slow."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    total = 0
    while True:
        slowest_end = began + IDLE_TIMEOUT_S + total / LEAST_BYTES_A_SECOND
        try:
            async with asyncio.timeout_at(min(slowest_end, loop.time() + IDLE_TIMEOUT_S)):
                chunk = await stream.readany()
        except TimeoutError:
            raise BodyTimeout(f"only {total} bytes came in {loop.time() - began:.0f} s") from None
        if not chunk:
            return
        total += len(chunk)
        yield chunk


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
