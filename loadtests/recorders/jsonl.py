"""A JSON-lines file that recorders append to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from assertions.record.types import Record


class LineFile:
    """A JSON-lines file that several threads write; a failed write is kept for the runner to see."""

    def __init__(self, path: Path, fail: Callable[[str], None], *, append: bool = False) -> None:
        # unbuffered: every record reaches the system at once, and none stays behind when the disk is full
        self._file = path.open("ab" if append else "wb", buffering=0)
        self._lock = threading.Lock()
        self._fail = fail
        self._encode = msgspec.json.Encoder().encode

    def write(self, record: Record) -> None:
        """Write one record and hand it to the system."""
        try:
            with self._lock:
                rest = memoryview(self._encode(record) + b"\n")
                while rest:
                    rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._fail(f"the record can't be written: {error.strerror or error}")

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self._fail(f"the record can't be written: {error.strerror or error}")
