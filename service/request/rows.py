"""A JSON array of records, decoded slice by slice, so that memory stays constant however long the array is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import astuple

from service.errors import ServiceError

CHUNK_BYTES = 128 * 1024
BETWEEN_RECORDS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")

MAX_DEPTH = 200
"""Arrays and objects inside one another, the array of records and the record counted: counted, for the interpreter's
own limit differs between a process that checks and one that writes."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_OPENING = frozenset(b"[{")
MINUS_ZERO = re.compile(rb"-0[ \t\r\n]*[,}]")
WIDEST = 200
"""Columns of a plain decode; it looks for a key among its neighbours, which is slow among very many."""
ALIKE_BYTES = 16 * 1024
"""Of records for which a decoder of their own keys is made; that takes as long as to check some hundred of them."""
_WHITE_SPACE = b" \t\r\n"


class TooDeep(ServiceError):
    """A value is nested deeper than MAX_DEPTH."""


class RepeatedKey(ServiceError):
    """A key is twice in a record, or in an object inside one; the message is the key."""


class _AnyObject(msgspec.Struct):
    """Matches any JSON object and keeps nothing of it."""


_Rows = Callable[[bytes], list[msgspec.Struct]]
_check = msgspec.json.Decoder(list[_AnyObject]).decode
_raw_rows = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_any_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode
_NESTED = frozenset((dict, list))


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


def validate_records(data: memoryview) -> int:
    """Count the records of a JSON array.

    Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooDeep or RepeatedKey if it is bad.
    The error says what is wrong with the text: not an array of objects, half a surrogate pair, not UTF-8.
    """
    count = 0
    names = read_first_keys(data) if len(data) > ALIKE_BYTES else ()
    for raw, (found, alike) in _cut(data, _counted(names)):
        if not raw.isascii():
            raw.decode()
        _check_depth(raw, found)
        _check_keys(raw, alike, names, found * len(names))
        count += found
    return count


def _counted(names: tuple[str, ...]) -> Callable[[bytes], tuple[int, list[msgspec.Struct] | None]]:
    """Decode records: how many, and themselves where each has these keys and no others."""
    decode_alike = _alike(names)

    def decode(raw: bytes) -> tuple[int, list[msgspec.Struct] | None]:
        if decode_alike is not None:
            try:
                records = decode_alike(raw)
                return len(records), records
            except msgspec.ValidationError:
                pass  # other keys, or an integer that is too long
        return len(_check(raw)), None

    return decode


@lru_cache(maxsize=16)
def _alike(names: tuple[str, ...]) -> _Rows | None:
    """Decode records that have all of these keys and no others; None: the names can't be fields."""
    if not names or len(names) > WIDEST:
        return None
    fields = [(f"c{number}", Any) for number in range(len(names))]
    rename = {field: name for (field, _), name in zip(fields, names, strict=True)}
    try:
        row = msgspec.defstruct("Alike", fields, rename=rename, gc=False, forbid_unknown_fields=True)
    except ValueError:
        return None
    return msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]


def _check_keys(raw: bytes, alike: list[msgspec.Struct] | None, names: tuple[str, ...], distinct: int) -> None:
    """Raise RepeatedKey where a key is twice in an object of a slice.

    alike: its records where they have these names and no others, `distinct` keys in all. There are at most as many keys
    as colons, at most one more than commas, and without white space at most as many as colons behind quotes. So a slice
    is read key by key only where a key is twice, or texts hold such signs.
    """
    if alike is not None and (raw.count(b":") == distinct or raw.count(b",") + 1 == distinct):
        return
    packed = raw.translate(None, _WHITE_SPACE)
    most = packed.count(b'":')
    if alike is not None:
        if most == distinct:
            return
        if _is_flat(raw, len(alike)) and most - _colons_in_texts(packed, names) == distinct:
            return
        nested = [value for value in chain.from_iterable(map(astuple, alike)) if value.__class__ in _NESTED]
        distinct += _count_keys(nested)
    else:
        try:
            distinct = _count_keys(_any_rows(raw))
        except msgspec.ValidationError:  # an integer that is too long
            distinct = -1
    if most != distinct:
        json.loads(raw, object_pairs_hook=_distinct, parse_int=len, parse_float=len)


def _colons_in_texts(packed: bytes, names: tuple[str, ...]) -> int:
    """How many colons behind quotes are of texts, in flat records without white space; 0 where names hold such signs.

    A text has one behind an escaped quote, or as its first sign; no key ends so where no name has these signs.
    """
    if any(sign in name for name in names for sign in '":\\'):
        return 0
    return packed.count(b'\\":') + packed.count(b':":')


def _is_flat(raw: bytes, records: int) -> bool:
    """Whether records surely hold neither objects nor arrays: they have no more brackets than their own."""
    return raw.count(b"{") + raw.count(b"[") <= records + 1


def _count_keys(nested: list[Any]) -> int:
    """How many keys there are in decoded objects and arrays, and in all that is in them."""
    count = 0
    while nested:
        inner: list[Any] = []
        for one in nested:
            if one.__class__ is dict:
                count += len(one)
                inner += [value for value in one.values() if value.__class__ in _NESTED]
            else:
                inner += [value for value in one if value.__class__ in _NESTED]
        nested = inner
    return count


def _distinct(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise RepeatedKey(name)
        seen.add(name)


def _check_depth(raw: bytes, records: int) -> None:
    """Raise TooDeep where brackets are nested too deep; flat records have no more than their own."""
    if _is_flat(raw, records):
        return
    # brackets in strings count too at first: they seldom nest
    if _depth(raw) > MAX_DEPTH and _depth(STRING.sub(b"", raw)) > MAX_DEPTH:
        raise TooDeep


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for code in raw.translate(None, _NOT_BRACKETS):
        if code in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def read_chunks(
    data: memoryview, columns: tuple[str, ...], size: int = CHUNK_BYTES, done: Callable[[int], None] = lambda _: None
) -> Iterator[JsonChunk]:
    """Yield a checked array's records in order, about `size` bytes of JSON at a time.

    `done` is called, before each slice, with how many bytes will not be read again.
    """
    used = 0
    for raw, rows in _cut(data, _plain(columns), size):
        done(used)
        used += len(raw) - 2
        yield JsonChunk(raw, columns, rows)


def read_first_keys(data: memoryview) -> tuple[str, ...]:
    """The first record's keys in order; none of an empty array."""
    for part in read_chunks(data, (), 1):
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


def _cut(data: memoryview, decode: Any, size: int = CHUNK_BYTES) -> Iterator[tuple[bytes, Any]]:
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
