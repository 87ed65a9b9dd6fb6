"""CSV as the contract wants it, written by hand so that each step can be broken on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

from tests.targets.harness.request import Ask, cells

NEEDS_QUOTES = frozenset(',"\r\n\ufeff')

Quote = Callable[[str], str]
Lines = Iterable[list[str]]


def quote(cell: str) -> str:
    """A cell in quotes where RFC 4180 asks for them."""
    if NEEDS_QUOTES.isdisjoint(cell):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def line(row: list[str], quoted: Quote = quote, end: str = "\r\n") -> str:
    """One row as text; a lone empty cell is quoted, for an empty line would be no row."""
    if row == [""]:
        return '""' + end
    return ",".join(map(quoted, row)) + end


def rows_of(ask: Ask) -> Lines:
    """Header and records, as lists of cells."""
    yield list(ask.columns)
    for row in ask.rows:
        yield cells(row, ask.columns)


def write_rows(
    file: BinaryIO, rows: Lines, *, quoted: Quote = quote, end: str = "\r\n", encoding: str = "utf-8"
) -> None:
    """Write rows in pieces of about a thousand."""
    piece: list[str] = []
    for row in rows:
        piece.append(line(row, quoted, end))
        if len(piece) >= 1000:
            file.write("".join(piece).encode(encoding))
            piece.clear()
    file.write("".join(piece).encode(encoding))


def write_csv(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """The healthy file: UTF-8, CRLF, header first."""
    write_rows(file, rows_of(ask))
