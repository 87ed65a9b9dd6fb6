"""Records to CSV: UTF-8, header first, RFC 4180 quoting and line ends."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

import msgspec

from service.cells import Chunk, cell_rows
from service.files import PartFile
from service.request.rows import JsonChunk

_SHAPELESS = r"\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
FORMULA = re.compile(rf"[\t\r\n]|[{_SHAPELESS}]*[=+@|\-\uff1d\uff0b\uff0d\uff20\uff5c]")
"""What a spreadsheet may run: tab, CR, LF at the start, or a sign behind white space and shapeless characters."""
_lines = msgspec.json.Encoder().encode_lines
_ROW_ENDS = bytes.maketrans(b"]", b"\r")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def csv_text(rows: Iterable[list[str]]) -> str:
    """Rows of cells as CSV text."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def guarded(cell: str) -> str:
    """Return the cell with ' before it when a spreadsheet would run it; numbers stay numbers."""
    if FORMULA.match(cell) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def write_csv(out: PartFile, columns: tuple[str, ...], chunks: Iterable[Chunk], *, guard_formulas: bool) -> int:
    """Write header and records; the number of records."""
    heads = [guarded(name) for name in columns] if guard_formulas else list(columns)
    out.write(csv_text([heads]).encode())
    count = 0
    for chunk in chunks:
        out.check_wanted()
        text = _plain(chunk, len(columns)) if isinstance(chunk, JsonChunk) and not guard_formulas else None
        if text is None:
            rows = cell_rows(chunk, columns)
            if guard_formulas:
                rows = [list(map(guarded, row)) for row in rows]
            text = csv_text(rows).encode()
        count += chunk.count
        out.write(text)
    return count


def _plain(chunk: JsonChunk, width: int) -> bytes | None:
    """The slice as CSV, made of its values' JSON text; None when a cell may need quotes or a text that differs.

    Without escapes and nested values, quotes stand around strings only, brackets around rows, and an unquoted null for
    nothing. Commas are counted at the end. A lone column could be an empty string, whose row must not be a blank line.
    """
    values = None if width == 1 or chunk.escapes or chunk.brackets else chunk.values()
    if not values:
        return None
    try:
        text = _lines(values)
    except TypeError:  # a key is missing
        return None
    if b"{" in text:  # an object, or a string with a brace: the records' own are gone
        return None
    if b"null" in text:
        text = text.replace(b",null", b",").replace(b"[null", b"[")
    text = text.translate(_ROW_ENDS, b'["')
    return text if text.count(b",") == (width - 1) * len(values) else None
