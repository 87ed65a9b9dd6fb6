"""What no record may hold: a key that is twice in one object, and objects or arrays nested too deep.

Keys are found by counting; only where counts do not decide is the text read key by key. An object with a repeated key
has fewer keys once decoded than in its text. There, without white space, each key is followed by `":`, and few texts
hold these signs too. Depth is counted in the decoded values, so that brackets in texts never matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Any, cast

import msgspec
from msgspec.structs import astuple

from service.errors import ServiceError

MAX_DEPTH = 200
"""Arrays and objects inside one another, the array of records and the record counted: counted, for the interpreter's
own limit differs between a process that checks and one that writes."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_OPENING = frozenset(b"[{")
_WHITE_SPACE = b" \t\r\n"
_CONTAINERS = frozenset((dict, list))
_KEY_OF_CONTAINER = re.compile(rb'":[{\[]')
_FEW = 8
"""Where at most one record in so many has an object or array inside, only columns that may hold them are searched."""

Decoded = Sequence[msgspec.Struct] | Sequence[dict[str, Any]]


class TooDeep(ServiceError):
    """A value is nested deeper than MAX_DEPTH."""


class RepeatedKey(ServiceError):
    """A key is twice in a record, or in an object inside one; the message is the key."""


class RecordCheck:
    """Checks an array's slices, one after the other.

    names: the keys that records decoded into structs have, each record all of them and no others.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._signs_decide = True

    def check(self, raw: bytes, decoded: Decoded | None) -> None:
        """Raise TooDeep or RepeatedKey for a slice.

        decoded: its records, as structs with one field a name (`c0`, `c1`, ...) or as dicts; None where they can not be
        decoded.
        """
        if decoded is None:
            _check_depth(STRING.sub(b"", raw))
            _read_each_key(raw)
            return
        alike = bool(decoded) and not isinstance(decoded[0], dict)
        rows = cast(Sequence[dict[str, Any]], decoded)
        distinct = len(decoded) * len(self._names) if alike else sum(map(len, rows))
        # without arrays, and with no more colons than the records have keys, there is nothing inside but empty objects
        if self._signs_decide and raw.find(b"[", 1) < 0 and raw.count(b":") == distinct:
            return
        # flat records have no more brackets than their own
        flat = raw.count(b"{") + raw.count(b"[") <= len(decoded) + 1
        if flat and self._signs_decide:
            # there are at most as many keys as colons, and at most one more than commas
            if raw.count(b":") == distinct or raw.count(b",") + 1 == distinct:
                return
            self._signs_decide = False
        packed = raw.translate(None, _WHITE_SPACE)
        inner: set[str] = set()
        if not flat:
            values = self._containers(packed, cast(Sequence[msgspec.Struct], decoded)) if alike else _inside(rows)
            count, inner = _count_keys(values)
            distinct += count
        most = packed.count(b'":')
        if most == distinct:
            return
        names = inner.union(self._names if alike else chain.from_iterable(rows))
        if most - _colons_of_texts(packed, names, flat=flat) != distinct:
            _read_each_key(raw)

    def _containers(self, packed: bytes, records: Sequence[msgspec.Struct]) -> list[Any]:
        """Return the objects and arrays that are values of records."""
        fields = self._fields_with_containers(packed, len(records) // _FEW)
        if fields is None:
            values: Iterable[Any] = chain.from_iterable(map(astuple, records))
        else:
            values = chain.from_iterable(map(attrgetter(field), records) for field in fields)
        return [value for value in values if value.__class__ in _CONTAINERS]

    def _fields_with_containers(self, packed: bytes, most: int) -> list[str] | None:
        """Return the fields whose values may be objects or arrays; None where more than `most` values look so.

        No name has a quote, so the key of such a value is all that stands before `":{` or `":[` up to the next quote.
        What stands in texts may look the same and does no harm.
        """
        found = list(islice(_KEY_OF_CONTAINER.finditer(packed), most + 1))
        if len(found) > most:
            return None
        keys = {packed[packed.rfind(b'"', 0, match.start()) + 1 : match.start()] for match in found}
        spelled = {_plain_spelling(key) for key in keys}
        return [f"c{number}" for number, name in enumerate(self._names) if _packed_name(name) in spelled]


def _packed_name(name: str) -> str:
    return name.translate({ord(sign): None for sign in " \t\r\n"})


def _plain_spelling(key: bytes) -> str:
    """Return a key's name without white space; escapes are read, and what only looks like a key may stay as it is."""
    text = key.decode(errors="replace")
    if "\\" in text:
        try:
            text = json.loads(f'"{text}"')
        except ValueError:
            return text
    return _packed_name(text)


def _colons_of_texts(packed: bytes, names: set[str], *, flat: bool) -> int:
    """Return how many colons behind quotes are of texts, in JSON without white space; 0 where names hold such signs.

    A text has one behind an escaped quote, or as its first sign. Its quote then stands behind the colon of its key or,
    where records are not flat, behind a bracket or comma of an array. No key ends so where no name has these signs.
    """
    if any(sign in name for name in names for sign in '":\\'):
        return 0
    if not flat and any(_packed_name(name).endswith(("[", ",")) for name in names):
        return 0
    count = packed.count(b'\\":') + packed.count(b':":')
    return count if flat else count + packed.count(b'[":') + packed.count(b',":')


def _inside(containers: Iterable[dict[str, Any] | list[Any]]) -> list[Any]:
    values = (one.values() if one.__class__ is dict else one for one in containers)
    return [value for value in chain.from_iterable(values) if value.__class__ in _CONTAINERS]


def _count_keys(containers: list[Any]) -> tuple[int, set[str]]:
    """Return how many keys there are in values of records and in all that is in them, and the keys; raise TooDeep."""
    count = 0
    names: set[str] = set()
    depth = 2
    while containers:
        depth += 1
        if depth > MAX_DEPTH:
            raise TooDeep
        for one in containers:
            if one.__class__ is dict:
                count += len(one)
                names.update(one)
        containers = _inside(containers)
    return count, names


def _check_depth(without_texts: bytes) -> None:
    depth = 0
    for code in without_texts.translate(None, _NOT_BRACKETS):
        depth += 1 if code in _OPENING else -1
        if depth > MAX_DEPTH:
            raise TooDeep


def _read_each_key(raw: bytes) -> None:
    json.loads(raw, object_pairs_hook=_distinct, parse_int=len, parse_float=len)


def _distinct(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise RepeatedKey(name)
        seen.add(name)
