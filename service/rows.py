"""A JSON array of records, decoded slice by slice, so that memory stays constant however long the array is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec

SLICE_BYTES = 128 * 1024
BETWEEN_RECORDS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")

MINUS_ZERO = re.compile(rb"-0[ \t\r\n]*[,}]")

Row: TypeAlias = dict[str, Any]
"""One record. Floats are kept as the text that JSON had; all else as msgspec decodes it."""


class _AnyObject(msgspec.Struct):
    """Matches any JSON object and keeps nothing of it."""


_check = msgspec.json.Decoder(list[_AnyObject]).decode
_rows = msgspec.json.Decoder(list[dict[str, Any]], float_hook=str).decode
_raw_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class Slice:
    """Some whole records in a row, as JSON text (`raw`, an array of them)."""

    def __init__(self, raw: bytes, rows: list[Row] | None) -> None:
        self.raw = raw
        self.rows = rows
        """None: an integer in here is too long for a plain decode, use `raw_rows`."""

    @property
    def count(self) -> int:
        """How many records."""
        return len(_check(self.raw)) if self.rows is None else len(self.rows)

    @property
    def nested(self) -> bool:
        """True when a value may be an object or an array, or a number that a plain decode would change (-0)."""
        raw = self.raw
        if self.rows is None or raw.count(b"{") != len(self.rows) or raw.count(b"[") != 1:
            return True
        return b"-0" in raw and MINUS_ZERO.search(raw) is not None

    @property
    def literals(self) -> bool:
        """True when a value may be null, true or false."""
        raw = self.raw
        return b"true" in raw or b"null" in raw or b"false" in raw

    @property
    def escapes(self) -> bool:
        """True when a string may hold quotes, line ends or other signs that JSON must escape."""
        return b"\\" in self.raw

    def raw_rows(self) -> list[dict[str, msgspec.Raw]]:
        """The same records with every value as its JSON source text."""
        return _raw_rows(self.raw)


def check(data: memoryview) -> int:
    """Count the records of a JSON array; raises msgspec.DecodeError, UnicodeDecodeError or RecursionError if it is bad.

    The error says what is wrong with the text: not an array of objects, half a surrogate pair, not UTF-8.
    """
    count = 0
    for raw, found in _cut(data, _check):
        if not raw.isascii():
            raw.decode()
        count += len(found)
    return count


def slices(data: memoryview, size: int = SLICE_BYTES, done: Callable[[int], None] = lambda _: None) -> Iterator[Slice]:
    """Yield a checked array's records in order, about `size` bytes of JSON at a time.

    `done` is told, before each slice, how many bytes will not be read again.
    """
    used = 0
    for raw, rows in _cut(data, _decode, size):
        done(used)
        used += len(raw) - 2
        yield Slice(raw, rows)


def first_keys(data: memoryview) -> tuple[str, ...]:
    """The first record's keys in order; none of an empty array."""
    for part in slices(data, 1):
        for row in part.raw_rows():
            return tuple(row)
    return ()


def _decode(raw: bytes) -> list[Row] | None:
    try:
        return _rows(raw)
    except msgspec.ValidationError:
        _check(raw)  # a whole slice, so the values are to blame
        return None


def _cut(data: memoryview, decode: Any, size: int = SLICE_BYTES) -> Iterator[tuple[bytes, Any]]:
    at = 1
    end = len(data)
    if bytes(data[:1]) != b"[":
        decode(bytes(data))  # says what it is instead
        raise msgspec.ValidationError("Expected `array`")
    while True:
        step = size
        while True:
            found = BETWEEN_RECORDS.search(data, at + step)
            cut = found.start() + 1 if found else end
            raw = b"".join((b"[", data[at:cut], b"]" if found else b""))
            try:
                rows = decode(raw)
                break
            except msgspec.DecodeError:
                # the cut fell inside a string or a nested object; doubling keeps hostile text from costing n squared
                if not found:
                    raise
                step *= 2
        yield raw, rows
        if found is None:
            return
        at = found.end() - 1
