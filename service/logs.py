"""Log lines on stderr: one event a line, as JSON or as `event key=value`."""

from __future__ import annotations

import queue
import sys
import threading
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

WAITING_LINES = 10_000
LAST_WORDS_S = 1.0


def now_iso() -> str:
    """The time in UTC, ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Writes events from a thread of its own: a pipe that nobody reads must not stop the event loop.

    When 10,000 lines wait, further ones are dropped; a broken stream never breaks an export.
    """

    def __init__(self, style: Literal["json", "text"] = "json", stream: TextIO | None = None) -> None:
        self._style = style
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
