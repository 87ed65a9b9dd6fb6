"""Reading a request's body: small ones into memory, big ones into a spool file, never more than the limit."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import BinaryIO

from aiohttp import StreamReader

from service.errors import ServiceError
from service.files import new_name, part_path

IN_MEMORY_BYTES = 4 * 1024 * 1024
BUDGET_BYTES = 128 * 1024 * 1024
WRITE_BYTES = 1024 * 1024


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
        """Take all of the stream; BodyTooLarge past the limit, OSError when the disk has no room."""
        buffer = bytearray()
        total = 0
        spool: BinaryIO | None = None
        try:
            async for chunk in stream.iter_any():
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
                    spool = self._spool.open("xb", buffering=0)
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


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
