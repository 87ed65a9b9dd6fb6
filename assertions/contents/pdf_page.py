"""Does one page hold its records, each whole, in order and once?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from assertions.contents.pdf_match import Plan, Pool, Span, match_columns, match_rows
from assertions.contents.pdf_text import Page, Text
from assertions.contents.pdf_values import NOTHING
from assertions.contents.sent import Code

Layout = Literal["rows", "placed-rows", "columns", "bands", "loose"]
LAYOUTS: Final[tuple[Layout, ...]] = ("rows", "columns", "placed-rows", "bands", "loose")
"""How a page can be read, the quickest first."""
_DISTINCT: Final = 4
"""A value at least this long, and once on its page, tells where its record is."""


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

    def note(self, code: Code, row: int, column: int | None, expected: str, found: str) -> None:
        """Note one thing wrong."""
        self.problems.append((code, row, column, expected, found))


def read_page(page: Page, plan: Plan, first: Layout) -> Reading:
    """Read a page as `first`, then as any other layout; return the first reading without a problem, or the best."""
    best: Reading | None = None
    for layout in (first, *(layout for layout in LAYOUTS if layout != first)):
        reading = _READERS[layout](page, plan)
        if reading is None:
            continue
        if not reading.problems:
            return reading
        # a page most of whose records are where a strict layout has them is of that layout, and its faults are faults
        if reading.found >= 0.5 and layout != "loose":
            return reading
        if best is None or (reading.found, -len(reading.problems)) > (best.found, -len(best.problems)):
            best = reading
    return best or Reading("loose")


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
    reading.furniture = f"{text.spaced(0, begin)} \n {text.spaced(end, len(text.joined))}"
    return reading


def _explain_rows(reading: Reading, text: Text, plan: Plan, spans: Sequence[Span | None]) -> None:
    furthest = 0
    last: int | None = None
    for row, span in enumerate(spans):
        if span is None:
            following = next((span[0] for span in spans[row + 1 :] if span and span[0] >= furthest), len(text.joined))
            _explain_record(reading, text, plan, row, (furthest, following))
            last = None
            continue
        if span[0] < furthest:
            reading.note("order", row, None, "records in the order sent", "a later record stands before it")
        elif last is not None and _says_something(text.joined[furthest : span[0]], plan):
            between = text.spaced(furthest, span[0])
            code: Code = "repeated" if any(cells and cells in between for cells in _keys(plan)) else "foreign"
            reading.note(code, last, None, "nothing between two records", between)
        furthest, last = max(furthest, span[1]), row


def _says_something(between: str, plan: Plan) -> bool:
    """Whether text between two records is more than signs, labels and words for nothing."""
    if not any(map(str.isalnum, between)):
        return False
    for label in sorted(filter(None, plan.labels), key=len, reverse=True):
        between = between.replace(label, " ")
    return any(map(str.isalnum, NOTHING.sub(" ", between)))


def _keys(plan: Plan) -> list[str]:
    return [] if plan.key is None else [cells[plan.key] for cells in plan.cells]


def _explain_record(reading: Reading, text: Text, plan: Plan, row: int, window: Span) -> None:
    """Judge a record that does not stand in one row: its cells may be broken into lines."""
    pool = Pool(text, *window)
    missing = _take_all(pool, plan, [row])[0]
    shown = [column for column, cell in enumerate(plan.cells[row]) if cell]
    if not missing:
        return
    key_gone = plan.key is not None and (row, plan.key) in missing
    if key_gone and 2 * len(missing) > len(shown):
        reading.note("lost", row, None, " ".join(plan.cells[row]), text.spaced(*window))
        return
    for _, column in missing:
        reading.note("cell", row, column, plan.cells[row][column], text.spaced(*window))


def _take_all(pool: Pool, plan: Plan, rows: Sequence[int]) -> tuple[list[tuple[int, int]], dict[tuple[int, int], int]]:
    """Take cells from a pool, the longest first; returns those not there, and the places of the others."""
    wanted = [(row, column) for row in rows for column, cell in enumerate(plan.cells[row]) if cell]
    wanted.sort(key=lambda place: -len(plan.cells[place[0]][place[1]]))
    places: dict[tuple[int, int], int] = {}
    missing: list[tuple[int, int]] = []
    for row, column in wanted:
        value, cell = plan.value(row, column), plan.cells[row][column]
        at = pool.take(value, cell)
        if at is None and isinstance(value, (str, dict, list)) and len(cell) >= _DISTINCT:
            at = pool.take_pieces(cell)
        if at is None:
            missing.append((row, column))
        else:
            places[row, column] = at
    return sorted(missing), places


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
            rest += [text.spaced(0, span[0]), text.spaced(span[1], len(text.joined))]
    if len(texts) == 1:
        rest.append(texts[0].spaced(position, len(texts[0].joined)))
    else:
        pool = Pool(whole)
        _take_all(pool, plan, range(len(plan.records)))
        rest.append(pool.rest())
    reading.furniture = " \n ".join(rest)
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
    missing, places = _take_all(pool, plan, range(len(plan.records)))
    gone: dict[int, list[int]] = {}
    for row, column in missing:
        gone.setdefault(row, []).append(column)
    for row, columns in gone.items():
        shown = sum(1 for cell in plan.cells[row] if cell)
        if 2 * len(columns) > shown and (plan.key is None or plan.key in columns):
            reading.note("lost", row, None, " ".join(plan.cells[row]), "")
            continue
        for column in columns:
            reading.note("cell", row, column, plan.cells[row][column], "not on the page, or not whole")
    reading.furniture = pool.rest()
    _loose_order(reading, plan, places)
    for row, key in enumerate(_keys(plan)):
        if len(key) >= _DISTINCT and row not in gone and key in reading.furniture.split():
            reading.note("repeated", row, None, "each record once", key)
    reading.found = 1 - len(gone) / max(1, len(plan.records))
    return reading


def _loose_order(reading: Reading, plan: Plan, places: dict[tuple[int, int], int]) -> None:
    every = [cell for cells in plan.cells for cell in cells]
    counts: dict[str, int] = {}
    for cell in every:
        counts[cell] = counts.get(cell, 0) + 1
    distinct = {
        place: at
        for place, at in places.items()
        if len(cell := plan.cells[place[0]][place[1]]) >= _DISTINCT and counts[cell] == 1
    }
    column = plan.key
    if column is not None:
        furthest = -1
        for row in range(len(plan.records)):
            at = distinct.get((row, column))
            if at is not None and at < furthest:
                reading.note("order", row, None, "records in the order sent", "a later record stands before it")
            furthest = max(furthest, at if at is not None else -1)
    crossed = told = 0
    for row in range(len(plan.records)):
        order = [distinct[row, column] for column in range(len(plan.columns)) if (row, column) in distinct]
        told += len(order) > 1
        crossed += order != sorted(order)
    if told and 2 * crossed > told:
        reading.note("order", 0, None, "cells in the order of the columns", f"otherwise in {crossed} records")


_READERS: Final[dict[Layout, Callable[[Page, Plan], Reading | None]]] = {
    "rows": _read_rows,
    "placed-rows": _read_placed_rows,
    "columns": _read_columns,
    "bands": _read_bands,
    "loose": _read_loose,
}
