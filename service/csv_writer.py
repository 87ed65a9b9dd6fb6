"""Records to CSV: UTF-8, header first, RFC 4180 quoting and line ends."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from service.cells import cell_rows
from service.files import PartFile
from service.rows import Slice

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(rows: Iterable[list[str]]) -> str:
    """Rows of cells as CSV text."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def write_csv(out: PartFile, columns: tuple[str, ...], parts: Iterable[Slice], *, guard_formulas: bool) -> int:
    """Write header and records; the number of records."""
    out.file.write(csv_text([list(columns)]).encode())
    count = 0
    for part in parts:
        out.check_wanted()
        rows = cell_rows(part, columns)
        if guard_formulas:
            rows = [[f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell for cell in row] for row in rows]
        count += len(rows)
        out.file.write(csv_text(rows).encode())
    return count
