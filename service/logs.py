"""Log lines on stderr: one event a line, as JSON or as `event key=value`.

Written here and not with structlog: that would replace the thirty lines that render an event, and leave what this
module is for, the queue with an end and the thread behind it, so that a pipe that nobody reads never stops the loop.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

WAITING_LINES = 10_000
LAST_WORDS_S = 1.0
CLIENT_LINES_A_SECOND = 20
"""Lines a second, each event apart, for what clients do wrong: a flood of them must not fill a disk."""


def now_iso() -> str:
    """The time in UTC, ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Writes events from a separate thread: a pipe that nobody reads must not stop the event loop.

    When 10,000 lines wait, further ones are dropped; a broken stream never breaks an export.
    """

    def __init__(
        self,
        style: Literal["json", "text"] = "json",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._style = style
        self._clock = clock
        self._seconds: dict[str, tuple[int, int]] = {}
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._writer: threading.Thread | None = None

    def event(self, event: str, **fields: object) -> None:
        """Write one line: the event's name, its time, and the fields in the order given."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="log", daemon=True)
            self._writer.start()
        try:
            self._lines.put_nowait(self._line(event, fields))
        except queue.Full:
            return

    def client_event(self, event: str, **fields: object) -> None:
        """Write a line about something that a client did wrong; at most 20 a second of each event.

        The first line of a later second has `suppressed`, how many were left out before.
        """
        second = int(self._clock())
        before, count = self._seconds.get(event, (second, 0))
        if second != before:
            left_out = max(0, count - CLIENT_LINES_A_SECOND)
            fields |= {"suppressed": left_out} if left_out else {}
            count = 0
        self._seconds[event] = (second, count + 1)
        if count < CLIENT_LINES_A_SECOND:
            self.event(event, **fields)

    def _line(self, event: str, fields: dict[str, object]) -> str:
        if self._style == "json":
            return msgspec.json.encode({"event": event, **fields, "timestamp": now_iso()}).decode() + "\n"
        words = [now_iso(), event]
        for name, value in fields.items():
            plain = isinstance(value, str) and value and not any(sign in value for sign in ' "\\=\n\r\t')
            words.append(f"{name}={value if plain else msgspec.json.encode(value).decode()}")
        return " ".join(words) + "\n"

    def _write(self) -> None:
        stream = self._stream or sys.stderr
        while (line := self._lines.get()) is not None:
            try:
                stream.write(line)
                stream.flush()
            except (OSError, ValueError):
                continue

    def close(self) -> None:
        """Write what waits, for at most a second."""
        if self._writer is None:
            return
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._writer.join(LAST_WORDS_S)
        self._writer = None


class LibraryHandler(logging.Handler):
    """Turns what libraries log (aiohttp, asyncio) into events of ours: one line each, without tracebacks."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record's message, and what was raised in a word."""
        fields: dict[str, object] = {"logger": record.name, "level": record.levelname.lower()}
        try:
            fields["message"] = record.getMessage().splitlines()[0][:500]
        except (IndexError, TypeError, ValueError):
            fields["message"] = str(record.msg)[:500]
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:500]
        self._log.client_event("library", **fields)


def library_logger(log: Log) -> logging.Logger:
    """Return a logger for a library that takes one; nothing of it reaches stderr but through `log`."""
    logger = logging.Logger("service")
    logger.addHandler(LibraryHandler(log))
    return logger


def capture_libraries(log: Log) -> None:
    """Send what all libraries of this process log, warnings too, to `log`."""
    logging.root.handlers[:] = [LibraryHandler(log)]
    logging.captureWarnings(True)
