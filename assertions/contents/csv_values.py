"""How a value may be spelt in a CSV cell: the commonest spelling, and what else says the same."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from assertions.contents.sent import Json, Sent

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_GUARDS: Final = "'\t"
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_INTEGER: Final = re.compile(r"-?[0-9]+")
_EXACT: Final = 2**53
"""Whole numbers below this are whole in every language, and read back as such: 5 is not 5.0."""
_MAX_NUMBER_CHARS: Final = 5_000
"""Longer cells are never compared as numbers, only letter by letter."""


def canonical_rows(sent: Sent) -> list[list[str]]:
    """Return each record's cells in their commonest spelling."""
    columns = sent.columns
    return [[canonical(record.get(name)) for name in columns] for record in sent.records]


def canonical(value: Json) -> str:
    """Return the commonest spelling of a value."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return _encode(value)


def judge_cell(value: Json, cell: str) -> Literal["cell", "formula-guard"] | None:
    """Return what is wrong with one cell, or None where the cell has the value that was sent."""
    if _says(value, cell):
        return None
    if cell[:1] and cell[0] in _GUARDS and _says(value, cell[1:]):
        return "formula-guard"
    return "cell"


def _says(value: Json, cell: str) -> bool:
    if value is None or isinstance(value, (str, bool)):
        return cell == canonical(value)
    if isinstance(value, (int, float)):
        return _says_number(value, cell)
    try:
        return _same(json.loads(cell, parse_constant=_no_constant), value)
    except (ValueError, RecursionError):
        return False


def _says_number(value: int | float, cell: str) -> bool:
    if cell == repr(value):
        return True
    if len(cell) > _MAX_NUMBER_CHARS or not _NUMBER.fullmatch(cell):
        return False
    if isinstance(value, float):
        return float(cell) == value
    if abs(value) < _EXACT and not _INTEGER.fullmatch(cell):
        return False
    try:
        return Decimal(cell) == value
    except InvalidOperation:
        return False


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _same(left: Json, right: Json) -> bool:
    """Equal as JSON: true is not 1, 1 is 1.0, keys in any order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
