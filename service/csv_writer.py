"""Records to CSV: UTF-8, header first, RFC 4180 quoting and line ends."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from service.cells import Part, cell_rows, flat_columns
from service.files import PartFile
from service.rows import Slice

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def csv_text(rows: Iterable[list[str]]) -> str:
    """Rows of cells as CSV text."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def guarded(cell: str) -> str:
    """The cell with ' before it when a spreadsheet would run it; numbers stay numbers."""
    if cell.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def write_csv(out: PartFile, columns: tuple[str, ...], parts: Iterable[Part], *, guard_formulas: bool) -> int:
    """Write header and records; the number of records."""
    heads = [guarded(name) for name in columns] if guard_formulas else list(columns)
    out.write(csv_text([heads]).encode())
    fast = _Fast(columns)
    count = 0
    for part in parts:
        out.check_wanted()
        text = fast.text(part) if isinstance(part, Slice) and not guard_formulas else None
        if text is None:
            rows = cell_rows(part, columns)
            if guard_formulas:
                rows = [list(map(guarded, row)) for row in rows]
            text = csv_text(rows)
        count += part.count
        out.write(text.encode())
    return count


class _Fast:
    """Cells and commas in one join, where no cell can need quotes or a text of its own; a slice that may have one is
    left to the csv module."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._commas = len(columns) - 1
        self._single = len(columns) == 1
        self._pattern = ["", ","] * self._commas + ["", "\r\n"]

    def text(self, part: Slice) -> str | None:
        """The slice as CSV; None when a cell may need care."""
        # without escapes no string holds a quote or a line end, so only commas are left to look for; a single column
        # could be an empty string, whose row must not be a blank line
        if self._single or part.escapes:
            return None
        cells = flat_columns(part)
        if cells is None:
            return None
        count = len(cells[0])
        parts = self._pattern * count
        width = len(self._pattern)
        for at, column in enumerate(cells):
            parts[2 * at :: width] = column
        text = "".join(parts)
        return text if text.count(",") == self._commas * count else None
