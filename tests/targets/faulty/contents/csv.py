"""CSV files that do not hold what was sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import BinaryIO

import msgspec

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.csvfile import NEEDS_QUOTES, line, quote, rows_of, write_rows
from tests.targets.fixtures.jobs import Write
from tests.targets.fixtures.request import Ask, Row, cell_text

GROUP = Group("csv", "smoke")


def _csv(name: str, why: str, write: Write) -> None:
    """The reference target with another CSV writer."""
    GROUP.file(f"csv-{name}", why, "csv", write, "csv-contents")


# -- whole rows --


def picked(file: BinaryIO, ask: Ask, made_at: str, *, how: str) -> None:
    """Rows lost, doubled or moved."""
    rows = list(ask.rows)
    if how == "lost-at-1000":
        del rows[999:1000]
    elif how == "last-lost":
        del rows[-1:]
    elif how == "first-lost":
        del rows[:1]
    elif how == "last-twice":
        rows += rows[-1:]
    elif how == "swapped" and len(rows) > 30:
        rows[20], rows[21] = rows[21], rows[20]
    elif how == "capped":
        del rows[1000:]
    elif how == "equal-lost":
        rows = [row for before, row in zip([None, *rows], rows, strict=False) if row != before]
    write_rows(file, rows_of(replace(ask, rows=rows)))


_csv("row-1000-lost", "Where one chunk of a thousand rows ends, a row is lost.", partial(picked, how="lost-at-1000"))
_csv("last-row-lost", "The last record is missing.", partial(picked, how="last-lost"))
_csv("first-row-lost", "The first record is missing, taken for a header.", partial(picked, how="first-lost"))
_csv("last-row-twice", "The last record is there twice.", partial(picked, how="last-twice"))
_csv("rows-swapped", "Two neighbours of longer files change places.", partial(picked, how="swapped"))
_csv("equal-lost", "Of neighbours that are equal one is kept.", partial(picked, how="equal-lost"))
_csv("capped", "At most 1,000 records are written, without a message.", partial(picked, how="capped"))


# -- header and columns --


def without_header(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Records only."""
    rows = iter(rows_of(ask))
    next(rows)
    write_rows(file, rows)


def columns_sorted(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Columns in an order of their own."""
    write_rows(file, rows_of(replace(ask, columns=tuple(sorted(ask.columns)))))


def header_translated(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """The header in nicer words."""
    rows = iter(rows_of(ask))
    header = [name.replace("_", " ").title() for name in next(rows)]
    write_rows(file, [header, *rows])


def columns_capped(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """As many columns as an old spreadsheet has."""
    write_rows(file, rows_of(replace(ask, columns=ask.columns[:256])))


def heads_composed(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Names of columns in normal form, by which a key that is not finds nothing."""
    write_rows(file, rows_of(replace(ask, columns=tuple(unicodedata.normalize("NFC", name) for name in ask.columns))))


def heads_in_one_line(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A line break in a head is taken for a mistake."""
    rows = iter(rows_of(ask))
    write_rows(file, [[" ".join(name.split("\n")) for name in next(rows)], *rows])


def heads_in_any_case(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Of columns that differ only by case the last one fills all."""
    last = {name.lower(): name for name in ask.columns}
    rows = [
        [cell_text(bytes(row[last[name.lower()]])) if last[name.lower()] in row else "" for name in ask.columns]
        for row in ask.rows
    ]
    write_rows(file, [list(ask.columns), *rows])


def cells_shifted(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Missing keys leave no gap, so the later cells move to the left."""
    rows = [[cell_text(bytes(row[name])) for name in ask.columns if name in row] for row in ask.rows]
    write_rows(file, [list(ask.columns), *[row + [""] * (len(ask.columns) - len(row)) for row in rows]])


def all_keys(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Whatever the records hold, not the columns asked for."""
    names = tuple(dict.fromkeys(name for row in ask.rows for name in row)) or ask.columns
    write_rows(file, rows_of(replace(ask, columns=names)))


_csv("header-missing", "There is no header row.", without_header)
_csv("columns-sorted", "The columns come in alphabetical order.", columns_sorted)
_csv("header-translated", "The header has prettier names.", header_translated)
_csv("columns-capped", "Columns behind the 256th are not exported.", columns_capped)
_csv("heads-composed", "Names of columns are normalised, and the keys are not.", heads_composed)
_csv("heads-one-line", "A line break in a head becomes a space.", heads_in_one_line)
_csv("heads-any-case", "Columns that differ only by case are one.", heads_in_any_case)
_csv("cells-shifted", "A missing key moves the cells behind it to the left.", cells_shifted)
_csv("all-keys", "All keys of the records are exported, asked for or not.", all_keys)


# -- single cells --


def changed_cell(raw: bytes, how: str) -> str:  # noqa: PLR0912  # one branch a fault
    """One cell, spoilt."""
    text, first = cell_text(raw), raw[:1]
    if how == "cut":
        return text[:100]
    if how == "ascii":
        return text.encode("ascii", "replace").decode()
    if how == "latin":
        return text.encode("latin-1", "replace").decode("latin-1")
    if how == "mojibake":
        return text.encode().decode("latin-1")
    if how == "newlines":
        return text.replace("\r\n", "\n")
    if how == "one-line":
        return " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    if how == "stripped":
        return text.strip()
    if how == "guarded":
        return "'" + text if text[:1] in ("=", "+", "-", "@") else text
    if how == "composed":
        return unicodedata.normalize("NFC", text)
    if first == b"n":
        return {"null": "null", "none": "None"}.get(how, "")
    if first in b"tf":
        return {"python-booleans": text.title(), "digits": str(int(text == "true"))}.get(how, text)
    if how == "nothing-nested" and first in b"{[":
        return msgspec.json.encode(_without_nothing(msgspec.json.decode(raw))).decode()
    if first in b"{[":
        return {"object": "[object Object]", "python-nested": repr(msgspec.json.decode(raw))}.get(how, text)
    if first != b'"':
        if how == "floats":
            return str(int(float(text))) if text.lstrip("-").isdigit() else str(float(text))
        if how == "comma":
            return text.replace(".", ",")
        if how == "rounded":
            return text if text.lstrip("-").isdigit() else f"{float(text):.1f}"
    return text


def _without_nothing(value: object) -> object:
    """Objects without their keys of no value, as some serialisers write them."""
    if isinstance(value, dict):
        return {key: _without_nothing(one) for key, one in value.items() if one is not None}
    return [_without_nothing(one) for one in value] if isinstance(value, list) else value


def respelt(file: BinaryIO, ask: Ask, made_at: str, *, how: str) -> None:
    """A file whose cells went through `changed_cell`."""
    write_rows(file, [list(ask.columns), *_respelt(ask.rows, ask.columns, how)])


def _respelt(rows: list[Row], columns: tuple[str, ...], how: str) -> Iterator[list[str]]:
    for row in rows:
        yield [changed_cell(bytes(row[name]), how) if name in row else "" for name in columns]


for _how, _name, _why in (
    ("cut", "cell-cut", "Cells end after 100 letters."),
    ("ascii", "question-marks", "Letters outside ASCII become question marks."),
    ("latin", "latin-letters", "Letters outside Latin-1 become question marks."),
    ("mojibake", "encoded-twice", "The text is encoded as UTF-8 twice."),
    ("newlines", "newlines-changed", "CRLF inside a cell becomes LF."),
    ("one-line", "newlines-lost", "Line breaks inside cells become spaces."),
    ("stripped", "stripped", "Spaces around a cell are lost."),
    ("guarded", "guarded-unasked", "Cells that look like formulas are guarded, though nobody started the service so."),
    ("composed", "normalised", "Letters with accents are normalised to another spelling."),
    ("null", "null-text", "null becomes the text null."),
    ("none", "none-text", "null becomes the text None."),
    ("python-booleans", "booleans-python", "true becomes True."),
    ("digits", "booleans-digits", "true becomes 1."),
    ("object", "object-object", "Nested values become [object Object]."),
    ("python-nested", "nested-python", "Nested values are written as Python's, not as JSON."),
    ("nothing-nested", "nested-nulls-lost", "Keys that are null are left out of nested objects."),
    ("floats", "big-integers", "All numbers go through a float, so big integers change."),
    ("comma", "decimal-comma", "Numbers get a decimal comma."),
    ("rounded", "rounded", "Numbers are rounded to one decimal."),
):
    _csv(_name, _why, partial(respelt, how=_how))


# -- the format itself --


def quotes_not_doubled(cell: str) -> str:
    """A quote inside quotes as it is."""
    return cell if NEEDS_QUOTES.isdisjoint(cell) else f'"{cell}"'


def never_quoted(cell: str) -> str:
    """A cell as it is."""
    return cell


def lone_cr_bare(cell: str) -> str:
    """A carriage return without a newline is not seen."""
    return quote(cell) if "\n" in cell or not {",", '"'}.isdisjoint(cell) else cell


def backslashes(cell: str) -> str:
    """Escapes of another format."""
    return cell if NEEDS_QUOTES.isdisjoint(cell) else '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted_with(file: BinaryIO, ask: Ask, made_at: str, *, how: str) -> None:
    """A file with other quotes."""
    ways = {"bare": never_quoted, "not-doubled": quotes_not_doubled, "lone-cr": lone_cr_bare, "backslash": backslashes}
    write_rows(file, rows_of(ask), quoted=ways[how])


def in_latin5(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A file in the Turkish 8-bit encoding."""
    file.write("".join(line(row) for row in rows_of(ask)).encode("iso8859-9", "replace"))


def in_utf16(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A file in UTF-16."""
    file.write("".join(line(row) for row in rows_of(ask)).encode("utf-16"))


def semicolons(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Cells parted by semicolons."""
    file.write("".join(";".join(map(quote, row)) + "\r\n" for row in rows_of(ask)).encode())


def footer(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A last line that is no record."""
    write_rows(file, rows_of(ask))
    file.write(f"Total,{len(ask.rows)}\r\n".encode())


_csv("unquoted", "No cell is ever quoted.", partial(quoted_with, how="bare"))
_csv("quotes-not-doubled", "Quotes inside a quoted cell are not doubled.", partial(quoted_with, how="not-doubled"))
_csv("lone-cr", "A lone carriage return does not get its cell quoted.", partial(quoted_with, how="lone-cr"))
_csv("backslash", "Quotes are escaped with a backslash.", partial(quoted_with, how="backslash"))
_csv("latin-5", "The file is in ISO 8859-9, not in UTF-8.", in_latin5)
_csv("utf-16", "The file is in UTF-16.", in_utf16)
_csv("semicolons", "Cells are parted by semicolons.", semicolons)
_csv("footer", "A line with the total follows the records.", footer)

TARGETS = GROUP.targets
