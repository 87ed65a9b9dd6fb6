"""A healthy PDF passes in any layout, and each fault is found in every layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assertions.contents.pdf.check import check_pdf
from assertions.contents.sent import Json, Outcome, Sent
from assertions.record.finding_codes import CODES
from tests.assertions.contents.layouts import LAYOUTS, Model, Sheet, dressed, model, shown

NAMES = (
    "Ayşe Yılmaz",
    "Νίκος Παπάς",
    "Иван Петров",
    "王小明",
    "Seán O'Brien",
    "İsmail Güneş-Iğdır",
    "Ada Lovelace",
)
NOTES: tuple[Json, ...] = (
    "paid",
    None,
    "",
    "Delivered late because the bridge was closed. Müşteri faturayı ödedi. Клиент просит перезвонить завтра. " * 2,
    'said "yes"',
    {"street": "Hauptstraße 5", "zip": 10115},
    "two\nlines",
    "efficient office flow",
    [1, 2.5, None, True],
)
COLUMNS = ("id", "ref", "name", "created at", "amount", "active", "dept", "note")


def make_sent(count: int = 63, tag: str = "T000000001") -> Sent:
    """Records of the kind that the load profiles send."""
    return Sent(
        COLUMNS,
        tuple(
            {
                "id": i,
                "ref": f"{tag}-{i}",
                "name": NAMES[i % len(NAMES)],
                "created at": f"2026-03-{i % 28 + 1:02}T10:30:00Z",
                "amount": 1e-7 if i == 9 else round(i * 731.37 - 5000, 2),
                "active": None if i % 11 == 0 else i % 3 == 0,
                "dept": ("Sales", "Ops", "Müşteri")[i % 3],
                "note": NOTES[i % len(NOTES)],
                "hidden": "not a column",
            }
            for i in range(1, count + 1)
        ),
        "Quarterly figures",
        "examiner-7",
    )


SENT = make_sent()


def one_column(*values: Json) -> Sent:
    """An export of a reference and one more column."""
    records = tuple({"ref": f"row-{index}", "v": value} for index, value in enumerate(values))
    return Sent(("ref", "v"), records, "Values", "ann")


def codes(outcome: Outcome) -> set[str]:
    """The codes found; every one is of the closed set."""
    found = {finding.code for finding in outcome.findings}
    assert found <= CODES
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("spell", [shown, dressed])
def test_every_layout_passes(layout: str, spell: Callable[[Json], str]) -> None:
    """However a healthy service lays out its pages and spells its values, there is no finding."""
    assert check_pdf(LAYOUTS[layout](model(SENT, spell)), SENT) == Outcome(None, 2, (), 0)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 101])
@pytest.mark.parametrize("layout", ["by_rows", "by_columns", "platypus"])
def test_every_number_of_records_passes(layout: str, count: int) -> None:
    """Empty exports, full pages and one record more are all healthy."""
    sent = make_sent(count)
    assert check_pdf(LAYOUTS[layout](model(sent)), sent) == Outcome(None, max(1, -(-count // 50)), (), 0)


def rows(sheets: Model, page: int, change: Callable[[list[tuple[str, ...]]], list[tuple[str, ...]]]) -> Model:
    """Change the rows of one page."""
    new = list(sheets)
    new[page] = replace(new[page], rows=tuple(change(list(new[page].rows))))
    return tuple(new)


def cell(page: int, row: int, column: str, change: Callable[[str], str]) -> Callable[[Model], Model]:
    """Change one cell."""
    at = COLUMNS.index(column)

    def apply(table: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        old = table[row]
        table[row] = (*old[:at], change(old[at]), *old[at + 1 :])
        return table

    return lambda sheets: rows(sheets, page, apply)


def every_cell(change: Callable[[str], str]) -> Callable[[Model], Model]:
    """Change all cells."""
    return lambda sheets: tuple(
        replace(sheet, rows=tuple(tuple(map(change, row)) for row in sheet.rows)) for sheet in sheets
    )


def every_sheet(change: Callable[[Sheet], Sheet]) -> Callable[[Model], Model]:
    """Change all pages."""
    return lambda sheets: tuple(map(change, sheets))


def moved(sheets: Model) -> Model:
    """The first page's last record stands on the second page."""
    last = sheets[0].rows[-1]
    return rows(rows(sheets, 0, lambda table: table[:-1]), 1, lambda table: [last, *table])


def swapped(table: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Two rows change places."""
    table[4], table[30] = table[30], table[4]
    return table


def swapped_columns(sheet: Sheet) -> Sheet:
    """Two columns' cells change places, their heads do not."""
    return replace(sheet, rows=tuple((*row[:1], row[2], row[1], *row[3:]) for row in sheet.rows))


def cells_exchanged(table: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """One record's name and time stand under each other's heads."""
    row = table[12]
    table[12] = (*row[:2], row[3], row[2], *row[4:])
    return table


def names_exchanged(table: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A record bears the name of the next, and the next its own."""
    first, second = table[12], table[13]
    table[12], table[13] = (*first[:2], second[2], *first[3:]), (*second[:2], first[2], *second[3:])
    return table


def without_line(index: int) -> Callable[[Model], Model]:
    """One of the first page's lines is not there."""
    return lambda sheets: (
        replace(sheets[0], lines=sheets[0].lines[:index] + sheets[0].lines[index + 1 :]),
        *sheets[1:],
    )


FAULTS: dict[str, tuple[Callable[[Model], Model], set[str]]] = {
    "lost record": (lambda s: rows(s, 0, lambda table: table[:7] + table[8:]), {"lost", "cell"}),
    "lost first record": (lambda s: rows(s, 0, lambda table: table[1:]), {"lost", "cell"}),
    "lost last record": (lambda s: rows(s, 1, lambda table: table[:-1]), {"lost", "cell"}),
    "repeated record": (
        lambda s: rows(s, 0, lambda table: [*table[:7], table[6], *table[7:]]),
        {"repeated", "foreign", "cell"},
    ),
    "repeated last record": (lambda s: rows(s, 1, lambda table: [*table, table[-1]]), {"repeated", "foreign"}),
    "record on two pages": (lambda s: rows(s, 1, lambda table: [s[0].rows[-1], *table]), {"order"}),
    "record on another page": (moved, {"order"}),
    "swapped records": (lambda s: rows(s, 0, swapped), {"order", "cell"}),
    "reversed records": (lambda s: rows(s, 0, lambda table: table[::-1]), {"order", "cell"}),
    "pages swapped": (
        lambda s: (replace(s[0], rows=s[1].rows), replace(s[1], rows=s[0].rows)),
        {"order", "lost", "cell"},
    ),
    "swapped columns": (every_sheet(swapped_columns), {"order", "cell"}),
    "cells exchanged in each record": (
        every_sheet(lambda p: replace(p, rows=tuple((*r[:2], r[3], r[2], *r[4:]) for r in p.rows))),
        {"cell", "order"},
    ),
    "cells of one record exchanged": (lambda s: rows(s, 0, cells_exchanged), {"cell"}),
    "names of neighbours exchanged": (lambda s: rows(s, 0, names_exchanged), {"cell", "lost"}),
    "cut at 100 letters": (every_cell(lambda text: text[:100]), {"cell", "lost"}),
    "cut with an ellipsis": (every_cell(lambda text: text if len(text) < 30 else text[:29] + "…"), {"cell", "lost"}),
    "records cut at 100 letters": (
        lambda s: tuple(replace(p, rows=tuple(_cut_row(row, 100) for row in p.rows)) for p in s),
        {"cell", "lost"},
    ),
    "letters lost": (every_cell(lambda t: "".join(c if ord(c) < 256 else "?" for c in t)), {"cell", "lost"}),
    "letters turned to boxes": (every_cell(lambda t: "".join(c if ord(c) < 256 else "□" for c in t)), {"cell", "lost"}),
    "dotless i": (every_cell(lambda text: text.replace("ı", "i")), {"cell", "lost"}),
    "one letter": (cell(0, 20, "name", lambda text: text[:-1] + "x"), {"cell"}),
    "one number": (cell(0, 20, "amount", lambda text: text + "7"), {"cell"}),
    "one digit less": (cell(0, 20, "amount", lambda text: text[1:]), {"cell"}),
    "one sign": (cell(0, 20, "amount", lambda text: "-" + text), {"cell"}),
    "one boolean": (cell(0, 19, "active", lambda text: {"true": "false", "false": "true"}[text]), {"cell"}),
    "one value gone": (cell(0, 20, "dept", lambda text: ""), {"cell"}),
    "last value gone": (cell(1, 12, "note", lambda text: ""), {"cell"}),
    "column gone": (every_sheet(lambda p: replace(p, rows=tuple((*r[:6], "", r[7]) for r in p.rows))), {"cell"}),
    "objects as words": (every_cell(lambda t: "[object Object]" if t.startswith("{") else t), {"cell"}),
    "another request's": (every_cell(lambda t: t.replace("T000000001", "T000000002")), {"lost", "cell"}),
    "head gone": (every_sheet(lambda p: replace(p, heads=(*p.heads[:3], "", *p.heads[4:]))), {"header"}),
    "heads on the first page only": (lambda s: (s[0], replace(s[1], heads=("",) * len(COLUMNS))), {"header"}),
    "heads swapped": (every_sheet(lambda p: replace(p, heads=(p.heads[1], p.heads[0], *p.heads[2:]))), {"header"}),
    "title gone": (without_line(0), {"title"}),
    "time gone": (without_line(1), {"time"}),
    "user gone": (without_line(2), {"user"}),
    "number of records gone": (without_line(3), {"record-count"}),
    "wrong number of records": (
        lambda s: (replace(s[0], lines=(*s[0].lines[:3], "Records: 62")), *s[1:]),
        {"record-count"},
    ),
    "page numbers gone": (every_sheet(lambda p: replace(p, number="")), {"page-number"}),
    "total gone": (every_sheet(lambda p: replace(p, number=p.number.split(" of")[0])), {"page-number"}),
    "same page number": (every_sheet(lambda p: replace(p, number="Page 1 of 2")), {"page-number"}),
}


SEEN_OTHERWISE: dict[tuple[str, str], set[str]] = {
    # with its heads each record's labels change too
    ("labelled", "heads swapped"): {"cell"},
    ("labelled", "heads on the first page only"): {"cell", "lost"},
}


def _cut_row(row: tuple[str, ...], letters: int) -> tuple[str, ...]:
    """A record's cells, together no longer than so many letters."""
    kept = []
    for text in row:
        kept.append(text[:letters])
        letters = max(0, letters - len(text))
    return tuple(kept)


FURNITURE = (
    "title gone", "time gone", "user gone", "number of records gone", "wrong number of records", "page numbers gone",
    "total gone", "same page number",
)  # fmt: skip
"""Faults of what `canvas_of` draws for all these layouts alike: the plain table shows them."""
ALIKE = (
    "lost last record", "repeated last record", "cut with an ellipsis", "records cut at 100 letters",
    "letters turned to boxes", "dotless i", "one digit less", "one sign", "last value gone", "objects as words",
)  # fmt: skip
"""Faults that a reader of columns meets as it meets another of the list; the plain table shows them."""
HARD_LAYOUTS = {
    "by_columns": tuple(name for name in FAULTS if name not in (*FURNITURE, *ALIKE)),
    **dict.fromkeys(
        ("labelled", "fixed_width", "two_blocks", "platypus"),
        (
            "lost record", "repeated record", "record on another page", "swapped records", "cut at 100 letters",
            "letters lost", "one letter", "one number", "one boolean", "column gone", "another request's", "head gone",
        ),
    ),
}  # fmt: skip
"""One of each kind of layout, the slow ones with fewer faults; the plain table has a separate test."""


EXCHANGES = ("cells exchanged in each record", "cells of one record exchanged", "names of neighbours exchanged")


@pytest.mark.parametrize("fault", EXCHANGES)
@pytest.mark.parametrize("layout", ["labelled", "fixed_width", "numbered", "ruled_lines", "platypus_middle"])
def test_cells_in_each_others_place_are_found(layout: str, fault: str) -> None:
    """Whatever belongs to another column, or another record, is wrong though it is on the page."""
    outcome = check_pdf(LAYOUTS[layout](FAULTS[fault][0](model(SENT))), SENT)
    assert codes(outcome) & FAULTS[fault][1], outcome.findings


@pytest.mark.parametrize(
    ("layout", "fault"), [(layout, fault) for layout in HARD_LAYOUTS for fault in HARD_LAYOUTS[layout]]
)
def test_every_fault_is_found_in_every_layout(layout: str, fault: str) -> None:
    """A fault has a finding of a code that names it, wherever the text stands on the page."""
    change, allowed = FAULTS[fault]
    outcome = check_pdf(LAYOUTS[layout](change(model(SENT))), SENT)
    assert codes(outcome) & (allowed | SEEN_OTHERWISE.get((layout, fault), set())), outcome.findings


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_for_what_it_is(fault: str) -> None:
    """In a plain table nothing but the fault itself is found."""
    change, allowed = FAULTS[fault]
    outcome = check_pdf(LAYOUTS["by_rows"](change(model(SENT))), SENT)
    assert codes(outcome) <= allowed, outcome.findings
