"""Where the cells of a page were found, and which of them stand where another's should."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import Final

from assertions.contents.pdf.match import Pool
from assertions.contents.pdf.plan import DISTINCT, Plan
from assertions.contents.pdf.text import Text

_LAYOUT_LEAST: Final = 3
"""Records that must have a column elsewhere before that is their layout."""
_LAST_RECORD: Final = 2_000
"""Letters behind the last key of a page that may be its record's."""
_ROW_BY_ROW: Final = 0.7
"""A page is drawn record by record where at least this share of its cells follow one another."""


def longest_rise(places: Sequence[int]) -> list[int]:
    """Return the indexes of the longest rising run, others left out: what stands in order."""
    if all(map(lt, places, places[1:])):
        return list(range(len(places)))
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, place in enumerate(places):
        at = bisect_left(tails, place)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [place]
        ends[at : at + 1] = [index]
    run: list[int] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        run.append(index)
        index = before[index]
    return run[::-1]


@dataclass(slots=True)
class Taken:
    """What became of cells, each by its record and column, that were looked for in a pool."""

    missing: list[tuple[int, int]] = field(default_factory=list)
    places: dict[tuple[int, int], int] = field(default_factory=dict)
    broken: set[tuple[int, int]] = field(default_factory=set)
    """Those that stand in pieces, other cells' lines between them."""


def known_of(taken: Taken, plan: Plan) -> list[tuple[int, int]]:
    """Cells of which it is sure where they stand, record by record and column by column.

    They are whole and, where no key says where to look for them, like no other of these records.
    """
    counts = Counter(plan.cells[row][column] for row, column in taken.places)
    return sorted(
        (row, column)
        for row, column in taken.places.keys() - taken.broken
        if len(plan.cells[row][column]) >= DISTINCT
        and (counts[plan.cells[row][column]] == 1 or (row, plan.key) in taken.places)
    )


def out_of_turn(taken: Taken, known: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cells that do not follow one another as most do."""
    steady = set(longest_rise([taken.places[at] for at in known]))
    return [at for index, at in enumerate(known) if index not in steady]


def moved_columns(known: Sequence[tuple[int, int]], astray: Sequence[tuple[int, int]]) -> set[int]:
    """Columns that stand elsewhere in most records: the layout has them there, and nothing is wrong with that."""
    every, moved = Counter(column for _, column in known), Counter(column for _, column in astray)
    return {column for column, count in moved.items() if count >= _LAYOUT_LEAST and count > every[column] / 2}


def astray_of(taken: Taken, plan: Plan, text: Text) -> list[tuple[int, int]]:
    """Cells that stand where another record's or another column's should; none where a page is not drawn by record."""
    known = known_of(taken, plan)
    if _headed(text, plan):
        exchanged = out_of_turn(taken, known)
        if 0 < len(exchanged) <= (1 - _ROW_BY_ROW) * len(known) and _at_home(taken, known, exchanged):
            return exchanged
    while own := moved_columns(known, astray := out_of_turn(taken, known)):
        known = [at for at in known if at[1] not in own]
    return astray if len(known) - len(astray) >= _ROW_BY_ROW * len(known) else []


def _headed(text: Text, plan: Plan) -> bool:
    """Whether the columns' heads stand side by side, in their order: then the cells below must, too."""
    return re.search(r"\W{0,6}".join(map(re.escape, plan.labels)), text.joined) is not None


def _at_home(taken: Taken, known: Sequence[tuple[int, int]], cells: Sequence[tuple[int, int]]) -> bool:
    """Whether most of these cells stand among the others of their record, not in another part of the page."""
    others = set(known) - set(cells)
    begins: dict[int, int] = {}
    for row, column in others:
        begins[row] = min(begins.get(row, taken.places[row, column]), taken.places[row, column])
    home = 0
    for row, column in cells:
        behind = min((begin for other, begin in begins.items() if other > row), default=None)
        place = taken.places[row, column]
        home += row in begins and begins[row] <= place and (behind is None or place < behind)
    return home > len(cells) / 2


def _window(places: Mapping[tuple[int, int], int], plan: Plan, row: int) -> tuple[int, int]:
    """Return the text from a record's key to the next record's; nothing where no key is on the page."""
    key = places.get((row, -1 if plan.key is None else plan.key))
    if key is None:
        return 0, 0
    behind = [at for (_, column), at in places.items() if column == plan.key and at > key]
    return key, min(behind, default=key + _LAST_RECORD)


def take_all(pool: Pool, plan: Plan, rows: Sequence[int]) -> Taken:
    """Take cells from a pool: the keys, near which the others are looked for, then the longest first."""
    wanted = [(row, column) for row in rows for column, cell in enumerate(plan.cells[row]) if cell]
    wanted.sort(key=lambda place: (place[1] != plan.key, -len(plan.cells[place[0]][place[1]])))
    taken = Taken()
    places = taken.places
    for row, column in wanted:
        value, cell = plan.value(row, column), plan.cells[row][column]
        key = places.get((row, -1 if plan.key is None else plan.key))
        lead = (
            sum(map(len, plan.cells[row][column : plan.key])) + len(plan.cells[row]) if column < (plan.key or 0) else 0
        )
        at = pool.take(value, cell, 0 if key is None else max(0, key - lead))
        if at is None and not isinstance(value, bool) and len(cell) >= DISTINCT:
            at = pool.take_pieces(cell, _window(places, plan, row) if isinstance(value, (int, float)) else None)
            taken.broken.add((row, column))
        if at is None:
            taken.missing.append((row, column))
        else:
            places[row, column] = at
    taken.missing.sort()
    return taken
