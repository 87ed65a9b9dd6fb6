"""What each page of a PDF must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from assertions.contents.pdf.text import squeeze
from assertions.contents.pdf.values import canonical
from assertions.contents.sent import Json, Row

PER_PAGE: Final = 50
"""Records a page."""
DISTINCT: Final = 4
"""A value at least this long, and once on its page, shows where its record is."""
RULE: Final = "|"
"""The commonest sign between two cells."""


@dataclass(frozen=True)
class Plan:
    """Expected contents of one page."""

    first: int
    """Index of its first record in the whole export."""
    records: tuple[Row, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    """Each record's cells, canonical."""
    key: int | None
    """The column whose values tell all the export's records apart."""

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The columns' heads in normal form."""
        return tuple(squeeze(name) for name in self.columns)

    @cached_property
    def labels_by_length(self) -> tuple[str, ...]:
        """The longest first, so that none is taken for a part of another."""
        return tuple(sorted(filter(None, self.labels), key=len, reverse=True))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The values that distinguish a page's records; none where no column does."""
        return () if self.key is None else tuple(cells[self.key] for cells in self.cells)

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """Each record's cells, in order."""
        return tuple("".join(cells) for cells in self.cells)

    @cached_property
    def ruled_rows(self) -> tuple[str, ...]:
        """Each record's cells with the commonest sign between them."""
        return tuple(RULE.join(cells) for cells in self.cells)

    def value(self, row: int, column: int) -> Json:
        """The value sent for one cell."""
        return self.records[row].get(self.columns[column])

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(cell for cells in self.cells for cell in cells)

    def is_distinct(self, row: int, column: int) -> bool:
        """Whether no other cell of the page holds a cell's value, and it is long enough to be known by."""
        cell = self.cells[row][column]
        return len(cell) >= DISTINCT and self._counts[cell] == 1

    def anchor(self, row: int) -> int:
        """The column by which a record is looked for."""
        if self.key is not None and self.cells[row][self.key]:
            return self.key
        return max(range(len(self.columns)), key=lambda column: len(self.cells[row][column]), default=0)


def make_plan(records: Sequence[Row], columns: tuple[str, ...], per_page: int) -> list[Plan]:
    """Cut an export into its pages; without records there is one empty page."""
    cells = [tuple(canonical(record.get(name)) for name in columns) for record in records]
    key = None
    for column in range(len(columns) if cells else 0):
        values = {row[column] for row in cells}
        if len(values) == len(cells) and (key is None or len(cells[0][column]) > len(cells[0][key])):
            key = column
    return [
        Plan(start, tuple(records[start : start + per_page]), columns, tuple(cells[start : start + per_page]), key)
        for start in range(0, max(1, len(records)), per_page)
    ]
