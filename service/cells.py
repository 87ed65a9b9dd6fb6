"""The text of a JSON value in a cell: what both writers show."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec

from service.rows import Row, Slice
from service.sources import TableRows

Part = Slice | TableRows
"""What both writers take, some records at a time."""

_WORDS = {False: "false", True: "true", None: ""}
_WORD_TYPES = {bool, type(None)}
_text = msgspec.json.Decoder(str).decode
_nested = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw]).decode
_quoted = msgspec.json.Encoder().encode


def raw_text(value: msgspec.Raw) -> str:
    """The cell of a value's JSON source: strings unescaped, null empty, objects and arrays as compact JSON in UTF-8
    (numbers in them as they were written), all else as it was written."""
    source = bytes(value).strip()
    first = source[:1]
    if first == b'"':
        return _text(source)
    if first == b"n":
        return ""
    if first in b"{[":
        return compact(source)
    return source.decode()


def compact(source: bytes) -> str:
    """JSON text without white space and needless escapes; every number keeps its digits."""
    first = source[:1]
    if first == b'"':
        return _quoted(_text(source)).decode()
    if first not in b"{[":
        return source.decode()
    parts = _nested(source)
    if isinstance(parts, dict):
        inner = (f"{_quoted(name).decode()}:{compact(bytes(part).strip())}" for name, part in parts.items())
        return "{" + ",".join(inner) + "}"
    return "[" + ",".join(compact(bytes(part).strip()) for part in parts) + "]"


def value_text(value: Any) -> str:
    """The cell of a decoded flat value (str, int, bool or None; floats are text already)."""
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def cell_columns(part: Part, columns: tuple[str, ...]) -> list[Sequence[str]]:
    """The cells of a slice, column by column."""
    if isinstance(part, Slice) and part.rows and not part.nested:
        try:
            return flat_columns(part.rows, columns)
        except KeyError:  # some record lacks a column
            pass
    return list(zip(*cell_rows(part, columns), strict=True)) or [() for _ in columns]


def flat_columns(rows: list[Row], columns: tuple[str, ...]) -> list[Sequence[str]]:
    """The cells of some flat records, at least one, column by column. KeyError: a key is missing."""
    return [_texts(list(map(itemgetter(name), rows))) for name in columns]


def _texts(column: Sequence[Any]) -> Sequence[str]:
    types = set(map(type, column))
    if types == {str}:
        return column
    if types <= _WORD_TYPES:
        return list(map(_WORDS.__getitem__, column))
    if types.isdisjoint(_WORD_TYPES):
        return list(map(str, column))
    return [_WORDS[value] if value.__class__ in _WORD_TYPES else str(value) for value in column]


def cell_rows(part: Part, columns: tuple[str, ...]) -> list[list[str]]:
    """The cells of a slice, row by row in the order of the columns."""
    if isinstance(part, TableRows):
        return part.cells()
    rows = part.rows
    if rows is None or part.nested:
        absent = msgspec.Raw(b"null")
        return [[raw_text(row.get(name, absent)) for name in columns] for row in part.raw_rows()]
    try:
        if part.literals and rows:
            return list(map(list, zip(*flat_columns(rows, columns), strict=True)))
        return [list(map(str, map(row.__getitem__, columns))) for row in rows]
    except KeyError:  # some record lacks a column
        return [[value_text(row.get(name)) for name in columns] for row in rows]
