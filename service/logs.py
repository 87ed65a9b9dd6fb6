"""Log lines on stderr: one event a line, as JSON or as `event key=value`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec


def now_iso() -> str:
    """The time in UTC, ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Writes events; a broken stderr never breaks an export."""

    def __init__(self, style: Literal["json", "text"] = "json", stream: TextIO | None = None) -> None:
        self._style = style
        self._stream = stream

    def event(self, event: str, **fields: object) -> None:
        """Write one line: the event's name, its time, and the fields in the order given."""
        if self._style == "json":
            line = msgspec.json.encode({"event": event, **fields, "timestamp": now_iso()}).decode()
        else:
            words = [now_iso(), event]
            for name, value in fields.items():
                shown = msgspec.json.encode(value).decode()
                plain = isinstance(value, str) and value and not any(c in value for c in ' "\\=\n\r\t')
                words.append(f"{name}={value if plain else shown}")
            line = " ".join(words)
        stream = self._stream or sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass
