"""A JSON array of records, decoded slice by slice, so that memory stays constant however long the array is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import astuple

from service.request.allowance import Allowance
from service.request.record_checks import Decoded, RecordCheck

CHUNK_BYTES = 64 * 1024
"""Decoded, they stay in the processor's cache."""
BETWEEN_RECORDS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")

MINUS_ZERO = re.compile(rb"-0[ \t\r\n]*[,}]")
WIDEST = 200
"""Columns of a plain decode; it looks for a key among its neighbours, which is slow among very many."""
ALIKE_BYTES = 16 * 1024
"""Of records for which a decoder of their keys is made, which takes as long as to check some hundred of them; and the
most of these keys, since decoders are kept."""


class _AnyObject(msgspec.Struct):
    """Matches any JSON object and keeps nothing of it."""


_Rows = Callable[[bytes], list[msgspec.Struct]]
_check = msgspec.json.Decoder(list[_AnyObject]).decode
_raw_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
# a float is not made a number: near the ends of its range that takes a thousand times as long as to read its text
_any_rows = msgspec.json.Decoder(list[dict[str, Any]], float_hook=len).decode


@lru_cache(maxsize=16)
def _decoder(columns: tuple[str, ...]) -> _Rows | None:
    """Decodes records into structs with one field a column, twice as fast as dicts; None: the names can't be fields.

    Floats are kept as the text that JSON had, a missing key is UNSET, other keys are left out.
    """
    if len(columns) > WIDEST:
        return None
    names = [f"c{number}" for number in range(len(columns))]
    fields = [(name, Any, msgspec.UNSET) for name in names]
    try:
        row = msgspec.defstruct("Row", fields, rename=dict(zip(names, columns, strict=True)), gc=False)
    except ValueError:  # quotes, backslashes and control signs
        return None
    return msgspec.json.Decoder(list[row], float_hook=str).decode  # type: ignore[valid-type]


class JsonChunk:
    """Some whole records in a row, as JSON text (`raw`, an array of them)."""

    def __init__(self, raw: bytes, columns: tuple[str, ...], rows: list[msgspec.Struct] | None) -> None:
        self.raw = raw
        self._columns = columns
        self._rows = rows

    @property
    def count(self) -> int:
        """How many records."""
        return len(_check(self.raw)) if self._rows is None else len(self._rows)

    @property
    def escapes(self) -> bool:
        """True when a string may hold quotes, line ends or other signs that JSON must escape."""
        return b"\\" in self.raw

    @property
    def brackets(self) -> bool:
        """True when a value is an array, or a string holds a bracket."""
        inner = self.raw[1:-1]
        return b"[" in inner or b"]" in inner

    def values(self) -> list[tuple[Any, ...]] | None:
        """The records' values: floats as the text that JSON had, UNSET for a missing key, else as msgspec decodes it.

        None where a plain decode would change a number or can't be had; use `raw_rows` then.
        """
        raw = self.raw
        if self._rows is None or (b"-0" in raw and MINUS_ZERO.search(raw)):
            return None
        return list(map(astuple, self._rows))

    def columns(self) -> list[tuple[Any, ...]] | None:
        """The same column by column."""
        values = self.values()
        if values is None:
            return None
        return list(zip(*values, strict=True)) or [() for _ in self._columns]

    def raw_rows(self) -> list[dict[str, msgspec.Raw]]:
        """The same records with every value as its JSON source text."""
        return _raw_rows(self.raw)


def validate_records(data: memoryview, allowance: Allowance | None = None) -> int:
    """Count the records of a JSON array.

    Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooDeep or RepeatedKey if it is bad, and TooCostly
    past the allowance. The error says what is wrong: not an array of objects, half a surrogate pair, not UTF-8.
    """
    count = 0
    names = read_first_keys(data, allowance) if len(data) > ALIKE_BYTES else ()
    if len(names) > WIDEST or sum(map(len, names)) > ALIKE_BYTES:
        names = ()
    records = RecordCheck(names)
    for raw, (found, decoded) in _cut(data, _counted(names), allowance=allowance):
        if decoded is None:
            raw.decode()  # what is skipped is not looked at
        records.check(raw, decoded)
        count += found
    return count


def _counted(names: tuple[str, ...]) -> Callable[[bytes], tuple[int, Decoded | None]]:
    """Decode records: how many, and themselves, as structs where each has these keys and no others."""
    decode_alike = _alike(names)

    def decode(raw: bytes) -> tuple[int, Decoded | None]:
        if decode_alike is not None:
            try:
                records = decode_alike(raw)
                return len(records), records
            except msgspec.ValidationError:
                pass  # other keys, or an integer that is too long
        try:
            rows = _any_rows(raw)
            return len(rows), rows
        except msgspec.ValidationError:
            return len(_check(raw)), None

    return decode


@lru_cache(maxsize=16)
def _alike(names: tuple[str, ...]) -> _Rows | None:
    """Decode records that have all of these keys and no others; None: the names can't be fields."""
    if not names:
        return None
    fields = [(f"c{number}", Any) for number in range(len(names))]
    rename = {field: name for (field, _), name in zip(fields, names, strict=True)}
    try:
        row = msgspec.defstruct("Alike", fields, rename=rename, gc=False, forbid_unknown_fields=True)
    except ValueError:
        return None
    return msgspec.json.Decoder(list[row], float_hook=len).decode  # type: ignore[valid-type]


def read_chunks(
    data: memoryview,
    columns: tuple[str, ...],
    size: int = CHUNK_BYTES,
    done: Callable[[int], None] = lambda _: None,
    allowance: Allowance | None = None,
) -> Iterator[JsonChunk]:
    """Yield a checked array's records in order, about `size` bytes of JSON at a time; TooCostly past the allowance.

    `done` is called, before each slice, with how many bytes will not be read again.
    """
    used = 0
    for raw, rows in _cut(data, _plain(columns), size, allowance):
        done(used)
        used += len(raw) - 2
        yield JsonChunk(raw, columns, rows)


def read_first_keys(data: memoryview, allowance: Allowance | None = None) -> tuple[str, ...]:
    """The first record's keys in order; none of an empty array. TooCostly past the allowance."""
    for part in read_chunks(data, (), 1, allowance=allowance):
        for row in part.raw_rows():
            return tuple(row)
    return ()


def _plain(columns: tuple[str, ...]) -> Callable[[bytes], list[msgspec.Struct] | None]:
    rows = _decoder(columns)

    def decode(raw: bytes) -> list[msgspec.Struct] | None:
        try:
            if rows is not None:
                return rows(raw)
        except msgspec.ValidationError:
            pass  # an integer that is too long
        _check(raw)  # a cut inside a record is still seen
        return None

    return decode


def _cut(
    data: memoryview, decode: Any, size: int = CHUNK_BYTES, allowance: Allowance | None = None
) -> Iterator[tuple[bytes, Any]]:
    at = 1
    end = len(data)
    if bytes(data[:1]) != b"[":
        if allowance is not None:
            allowance.take(end)
        decode(bytes(data))  # says what it is instead
        raise msgspec.ValidationError("Expected `array`")
    while True:
        step = size
        while True:
            found = BETWEEN_RECORDS.search(data, at + step)
            cut = found.start() + 1 if found else end
            if allowance is not None:
                allowance.take(cut - at)
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
