"""Check of one page: each record whole, in order and once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from assertions.contents.pdf.cells import astray_of, known_of, longest_rise, moved_columns, out_of_turn, take_all
from assertions.contents.pdf.match import Pool, Span, match_columns, match_rows
from assertions.contents.pdf.plan import Plan
from assertions.contents.pdf.text import Page, Text, squeeze
from assertions.contents.pdf.values import NOTHING, spellings
from assertions.record.finding_codes import Code

Layout = Literal["rows", "placed-rows", "columns", "bands", "loose"]
LAYOUTS: Final[tuple[Layout, ...]] = ("rows", "columns", "placed-rows", "bands", "loose")
"""How a page can be read, the quickest first."""
_MOST: Final = 0.5
_ORDINAL: Final = re.compile(r"^(?:no|nr|row|record)", re.IGNORECASE)
"""Signs allowed next to a record's number."""
_SIGNS: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"\d+")
_USUAL_LEAST: Final = 3
"""A caption is what stands before at least this number of records, and before more than half of the page's."""


@dataclass(slots=True)
class Reading:
    """One page, read as one layout."""

    layout: Layout
    problems: list[tuple[Code, int, int | None, str, str]] = field(default_factory=list)
    """Code, record of the page, column (None: the whole record), expected, found."""
    found: float = 0.0
    """The share of records (or columns) that are where the layout would have them."""
    furniture: str = ""
    """The page's text but for its records."""
    heads: str = ""
    """What stands above the table's columns, column by column, where that was read apart."""

    whole: list[tuple[int, int]] = field(default_factory=list)
    """Cells that were looked for among those of some records, and found in one piece."""
    astray: list[tuple[int, int]] = field(default_factory=list)
    """Those of them that stand where another record's or another column's should."""

    quick: bool = False
    """True: only looked through, the furniture holds the records too."""

    def note(self, code: Code, row: int, column: int | None, expected: str, found: str) -> None:
        """Record one fault."""
        self.problems.append((code, row, column, expected, found))


def read_page(page: Page, plan: Plan, first: Layout, *, deep: bool = True) -> Reading:
    """Read a page as `first`, then as any other layout; return the reading to believe.

    That is the first without a problem. A page most of whose records are where a strict layout has them is of that
    layout, and its faults are faults; else the loosest reading shows best what is missing. deep False: the file is
    known to be wrong, so a page that is not right as `first` is only read quickly.
    """
    if not deep and first == "loose":
        return _quick(page, plan)
    likely: Reading | None = None
    for layout in (first, *(layout for layout in LAYOUTS if layout != first)):
        if layout == "loose" and likely:
            continue
        tried = _READERS[layout](page, plan)
        if tried is None:
            continue
        if not tried.problems:
            return tried
        chance = layout == "columns" and len(plan.records) == 1  # a row's cells are also columns of one cell
        if layout == "loose" or (tried.found >= _MOST and not chance):
            likely = likely or tried
        if not deep:
            break
    return likely or _quick(page, plan)


def read_as(page: Page, plan: Plan, layout: Layout) -> Reading | None:
    """Read a page as one layout; None where it can't be read so."""
    return _READERS[layout](page, plan)


def _quick(page: Page, plan: Plan) -> Reading:
    """Look for each cell on a page of a file that is known to be wrong, as it is commonly spelt."""
    text = page.drawn
    reading = Reading("loose", furniture=text.spaced(0, len(text.joined)), quick=True)
    for row, cells in enumerate(plan.cells):
        gone = [
            column
            for column, cell in enumerate(cells)
            if cell
            and cell not in text.joined
            and not any(spelling in text.joined for spelling in spellings(plan.value(row, column), cell))
        ]
        if gone:
            _note_missing(reading, plan, row, gone, "not on the page, or not whole")
    return reading


def _read_rows(page: Page, plan: Plan) -> Reading:
    return _rows("rows", page.drawn, plan)


def _read_placed_rows(page: Page, plan: Plan) -> Reading:
    return _rows("placed-rows", page.placed, plan)


def _rows(layout: Layout, text: Text, plan: Plan) -> Reading:
    reading = Reading(layout)
    spans = match_rows(text, plan)
    known = [span for span in spans if span]
    if not plan.records:
        reading.found, reading.furniture = 1.0, text.spaced(0, len(text.joined))
        return reading
    reading.found = len(known) / len(plan.records)
    if not known:
        for row in range(len(plan.records)):
            reading.note("lost", row, None, plan.rows[row], "")
        return reading
    _explain_rows(reading, text, plan, spans)
    begin, end = min(span[0] for span in known), max(span[1] for span in known)
    above = _explain_records(reading, text, plan, _leading(spans), (0, begin))
    below = _explain_records(reading, text, plan, _leading(spans[::-1], len(spans)), (end, len(text.joined)))
    reading.furniture = f"{above} \n {below}"
    own = moved_columns(reading.whole, reading.astray)
    for row, column in reading.astray:
        if column not in own:
            _note_astray(reading, plan, row, column)
    row = next(row for row, span in enumerate(spans) if span)
    if _end(spans[row]) - _start(spans[row]) > len(plan.rows[row]) + 1:  # labels may stand before the cells
        pool = Pool(text, _start(spans[row]), _end(spans[row]))
        take_all(pool, plan, [row])
        reading.heads = pool.rest()
    return reading


def _leading(spans: Sequence[Span | None], backwards: int = 0) -> list[int]:
    """Indexes of the records before the first one that was found; backwards: how many there are, read from the end."""
    count = next((index for index, span in enumerate(spans) if span), len(spans))
    return [backwards - 1 - index for index in reversed(range(count))] if backwards else list(range(count))


def _explain_rows(reading: Reading, text: Text, plan: Plan, spans: Sequence[Span | None]) -> None:
    """Judge all from the first record that was found to the last."""
    rows = [row for row, span in enumerate(spans) if span]
    steady = longest_rise([span[0] for span in spans if span])
    kept = [rows[index] for index in steady]
    for row in sorted(set(rows) - set(kept)):
        reading.note("order", row, None, "records in the order sent", "at another place of the page")
    for before, behind in pairwise(kept):
        between = [row for row in range(before + 1, behind) if not spans[row]]
        if between:
            _explain_records(reading, text, plan, between, (_end(spans[before]), _start(spans[behind])))
    described: list[tuple[int, tuple[int, int], str]] = []
    steps = list(pairwise(sorted(rows, key=lambda row: _start(spans[row]))))
    for before, behind in steps:
        gap = _end(spans[before]), _start(spans[behind])
        if not any(not span for span in spans[min(before, behind) : max(before, behind)]):
            described.append((before, gap, _beyond_labels(text.joined[slice(*gap)], plan, behind)))
    usual = Counter(words for _, _, words in described)
    for before, gap, words in described:
        if not words or usual[words] >= max(_USUAL_LEAST, len(steps) // 2 + 1):
            continue
        found = text.spaced(*gap)
        code: Code = "repeated" if any(key and key in squeeze(found) for key in plan.keys) else "foreign"
        reading.note(code, before, None, "nothing between two records", found)


def _start(span: Span | None) -> int:
    return span[0] if span else 0


def _end(span: Span | None) -> int:
    return span[1] if span else 0


def _beyond_labels(between: str, plan: Plan, row: int) -> str:
    """The letters and digits before a record beyond labels, words for nothing and the record's own number."""
    if not between or _SIGNS.fullmatch(between):
        return ""
    for label in plan.labels_by_length:
        between = between.replace(label, " ")
    rest = NOTHING.sub(" ", between)
    own = str(plan.first + row + 1), str(row + 1)
    number = next((digits for digits in _NUMBER.finditer(rest) if digits[0] in own), None)
    if number is None:
        return _SIGNS.sub("", rest)
    return _ORDINAL.sub("", _SIGNS.sub("", f"{rest[: number.start()]} {rest[number.end() :]}"))


def _explain_records(reading: Reading, text: Text, plan: Plan, rows: Sequence[int], window: Span) -> str:
    """Judge records that do not stand in one row: their cells may be broken into lines. Return the remaining text."""
    if not rows:
        return text.spaced(*window)
    pool = Pool(text, *window)
    gone: dict[int, list[int]] = {}
    taken = take_all(pool, plan, rows)
    for row, column in taken.missing:
        gone.setdefault(row, []).append(column)
    if not taken.missing:  # else what is found may be another's
        known = known_of(taken, plan)
        reading.whole += known
        reading.astray += out_of_turn(taken, known)
    for row, columns in gone.items():
        _note_missing(reading, plan, row, columns, text.spaced(*window))
    return pool.rest()


def _note_missing(reading: Reading, plan: Plan, row: int, columns: Sequence[int], found: str) -> None:
    """Note a record as lost where nothing is left that only it holds, else each of its cells that is gone."""
    shown = [column for column, cell in enumerate(plan.cells[row]) if cell]
    own = [column for column in shown if plan.is_distinct(row, column)]
    if set(own or shown) <= set(columns) and (len(own) > 1 or len(columns) > 1 or len(shown) == 1):
        reading.note("lost", row, None, " ".join(plan.cells[row]), found)
        return
    for column in columns:
        reading.note("cell", row, column, plan.cells[row][column], found)


def _note_astray(reading: Reading, plan: Plan, row: int, column: int) -> None:
    reading.note("cell", row, column, plan.cells[row][column], "in the place of another cell")


def _read_columns(page: Page, plan: Plan) -> Reading | None:
    return _columns("columns", [page.drawn], plan, page.drawn) if plan.records else None


def _read_bands(page: Page, plan: Plan) -> Reading | None:
    bands = page.bands(len(plan.columns)) if plan.records and len(plan.columns) > 1 else None
    return _columns("bands", bands, plan, page.placed) if bands else None


def _columns(layout: Layout, texts: Sequence[Text], plan: Plan, whole: Text) -> Reading:
    reading = Reading(layout)
    found = match_columns(texts, plan)
    reading.found = sum(span is not None for span, _ in found) / max(1, len(found))
    rest = []
    position = 0
    for column, (span, count) in enumerate(found):
        text = texts[min(column, len(texts) - 1)]
        if span is None:
            row = min(count, len(plan.records) - 1)
            reading.note("cell", row, column, plan.cells[row][column], "not in its place in the column")
        elif len(texts) == 1:
            rest.append(text.spaced(position, span[0]))
            position = span[1]
        else:
            rest.append(text.spaced(0, span[0]))
    if len(texts) == 1:
        rest.append(texts[0].spaced(position, len(texts[0].joined)))
        reading.furniture = " \n ".join(rest)
    else:
        pool = Pool(whole)
        take_all(pool, plan, range(len(plan.records)))
        reading.furniture, reading.heads = pool.rest(), " ".join(rest)
    return reading


def _read_loose(page: Page, plan: Plan) -> Reading:
    """Take every cell from anywhere on the page, each letter once; then look at the order of those that are unique."""
    readings = [_loose(page.drawn, plan)]
    if readings[0].problems:
        readings.append(_loose(page.placed, plan))
    return min(readings, key=lambda reading: len(reading.problems))


def _loose(text: Text, plan: Plan) -> Reading:
    reading = Reading("loose")
    pool = Pool(text)
    taken = take_all(pool, plan, range(len(plan.records)))
    gone: dict[int, list[int]] = {}
    for row, column in taken.missing:
        gone.setdefault(row, []).append(column)
    for row, columns in gone.items():
        _note_missing(reading, plan, row, columns, "not on the page, or not whole")
    reading.furniture = pool.rest()
    _loose_order(reading, text, plan, taken.places)
    for row, column in astray_of(taken, plan, text):
        if row not in gone:
            _note_astray(reading, plan, row, column)
    reading.found = 1 - len(gone) / max(1, len(plan.records))
    return reading


def _loose_order(reading: Reading, text: Text, plan: Plan, places: dict[tuple[int, int], int]) -> None:
    keys = [places.get((row, -1 if plan.key is None else plan.key)) for row in range(len(plan.records))]
    known = [(row, at) for row, at in enumerate(keys) if at is not None and plan.is_distinct(row, plan.key or 0)]
    steady = set(longest_rise([at for _, at in known]))
    for index, (row, _) in enumerate(known):
        if index not in steady:
            reading.note("order", row, None, "records in the order sent", "at another place of the page")
    misplaced = _out_of_place(text, plan, keys)
    for at in misplaced:
        reading.note("order", 0, at, "cells in the order of the columns", "another place in most records")


def _out_of_place(text: Text, plan: Plan, keys: Sequence[int | None]) -> list[int]:
    """Return the columns that stand, in most records, on the wrong side of the key. keys: its place in each record.

    Only columns that are near their key at all are judged: a table drawn column by column has none.
    """
    if plan.key is None:
        return []
    right, near, asked = Counter[int](), Counter[int](), Counter[int]()
    ends = [0, *(at for at in keys if at is not None), len(text.joined)]
    if ends != sorted(ends):
        return []
    known = [row for row, at in enumerate(keys) if at is not None]
    for number, row in enumerate(known):
        before = text.joined[ends[number] : ends[number + 1]]
        after = text.joined[ends[number + 1] + len(plan.cells[row][plan.key]) : ends[number + 2]]
        for column, cell in enumerate(plan.cells[row]):
            if column == plan.key or len(cell) < 2:
                continue
            shown = [spelling for spelling in spellings(plan.value(row, column), cell) if len(spelling) > 1]
            here, there = (before, after) if column < plan.key else (after, before)
            asked[column] += 1
            at_home = any(spelling in here for spelling in shown)
            right[column] += at_home
            near[column] += at_home or any(spelling in there for spelling in shown)
    return [column for column, count in asked.items() if near[column] >= 0.8 * count and right[column] <= 0.4 * count]


_READERS: Final[dict[Layout, Callable[[Page, Plan], Reading | None]]] = {
    "rows": _read_rows,
    "placed-rows": _read_placed_rows,
    "columns": _read_columns,
    "bands": _read_bands,
    "loose": _read_loose,
}
