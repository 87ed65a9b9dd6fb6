"""Where things go on a PDF page: paper, column widths, line breaks. Pure arithmetic.

Points are 1/72 inch. Text widths are in 1/1000 of the type size ("units").

The rules, in order:
1. The first paper on which the columns' usual widths fit: A4 upright 8 pt, A4 lying 7 pt, A3 lying 8 and 7 pt,
   A2 lying 8, 7 and 6 pt. 6 pt is the smallest type there is.
2. On the last paper, columns that want more than their share wrap. No column gets narrower than the longest word of
   its head (of that, at most 8 times the type size): the page gets wider instead.
3. A page always holds 50 records. When their lines need more room than the paper has, that page is made taller.
4. A page that would be taller than 14,400 pt (the format's limit) is made wider, and its columns with it. Only a page
   that is beyond that limit both ways, or has hundreds of columns, is drawn smaller as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

LONGEST_SIDE = 14_400.0
MARGIN = 28.0
FOOT = 14.0
PAD = 4.0
LEADING = 1.2
PITCH = 14.0
WIDEN = 1.6
USUAL_LIMIT = 24_000
LEAST_LIMIT = 8_000
TITLE_ROOM = 40.0
RECORDS_PER_PAGE = 50
WINDOW = 4_096
"""Characters of a long text that are measured together."""


@dataclass(frozen=True)
class Paper:
    """A renderer and the type on it."""

    width: float
    height: float
    size: float
    """Type size."""


A4, A3, A2 = (595.28, 841.89), (841.89, 1190.55), (1190.55, 1683.78)
PAPERS = (
    Paper(A4[0], A4[1], 8.0),
    Paper(A4[1], A4[0], 7.0),
    Paper(A3[1], A3[0], 8.0),
    Paper(A3[1], A3[0], 7.0),
    Paper(A2[1], A2[0], 8.0),
    Paper(A2[1], A2[0], 7.0),
    Paper(A2[1], A2[0], 6.0),
)


@dataclass(frozen=True)
class Column:
    """One column of the table."""

    left: float
    """Its left edge, from the table's."""
    width: float
    right_aligned: bool

    @property
    def inner(self) -> float:
        """Room for text."""
        return self.width - 2 * PAD

    @property
    def anchor(self) -> float:
        """Where its text starts (left-aligned) or ends (right-aligned)."""
        return self.left + (self.width - PAD if self.right_aligned else PAD)


@dataclass(frozen=True)
class Table:
    """The layout of a document's table."""

    width: float
    """Of the page."""
    height: float
    """Of the page, when its records need no more."""
    size: float
    """Type size."""
    columns: tuple[Column, ...]

    def units(self, column: Column) -> int:
        """How wide a line in the column may be."""
        return int(column.inner * 1000 / self.size)

    def widened(self, factor: float) -> Table:
        """The same table on wider paper, columns widened alike."""
        inner = self.width - 2 * MARGIN
        grown = self.width * factor - 2 * MARGIN
        ratio = grown / inner
        columns = tuple(
            Column(column.left * ratio, column.width * ratio, column.right_aligned) for column in self.columns
        )
        return Table(self.width * factor, self.height, self.size, columns)


def table_for(usual_units: list[int], least_units: list[int], right_aligned: list[bool]) -> Table:
    """The layout for columns of these usual widths, each at least as wide as the least."""
    wanted = [min(units, USUAL_LIMIT) for units in usual_units]
    for paper in PAPERS:
        widths = [units * paper.size / 1000 + 2 * PAD + 1 for units in wanted]
        room = paper.width - 2 * MARGIN
        if sum(widths) <= room:
            return _placed(paper, paper.width, _spread(widths, right_aligned, room), right_aligned)
    paper = PAPERS[-1]
    least = [min(units, LEAST_LIMIT) * paper.size / 1000 + 2 * PAD + 1 for units in least_units]
    room = max(paper.width - 2 * MARGIN, sum(least))
    return _placed(paper, room + 2 * MARGIN, _shared(widths, least, room), right_aligned)


def _spread(wanted: list[float], right_aligned: list[bool], room: float) -> list[float]:
    """Left-aligned columns take what is left over, up to 1.6 times what they want."""
    text = sum(width for width, aligned in zip(wanted, right_aligned, strict=True) if not aligned)
    ratio = min(WIDEN, 1 + (room - sum(wanted)) / text) if text else 1.0
    return [width if aligned else width * ratio for width, aligned in zip(wanted, right_aligned, strict=True)]


def _shared(wanted: list[float], least: list[float], room: float) -> list[float]:
    """Every column its least; of what is left over, small wishes whole and the others the same share."""
    given = list(least)
    spare = room - sum(least)
    wishes = [max(0.0, want - floor) for want, floor in zip(wanted, least, strict=True)]
    left = len(wishes)
    for at in sorted(range(len(wishes)), key=wishes.__getitem__):
        extra = min(wishes[at], spare / left)
        given[at] += extra
        spare -= extra
        left -= 1
    return given


def _placed(paper: Paper, width: float, widths: list[float], right_aligned: list[bool]) -> Table:
    edges = [0.0, *accumulate(widths)]
    columns = tuple(
        Column(edge, width, aligned) for edge, width, aligned in zip(edges, widths, right_aligned, strict=False)
    )
    return Table(width, paper.height, paper.size, columns)


def wrap(text: str, limit: int, width_of: Callable[[str], int]) -> list[str]:
    """Lines of at most `limit` units that join to the text (line ends apart): broken after spaces where possible.

    A single character wider than the limit still gets its line. LF, CR and CRLF end a line.
    """
    lines: list[str] = []
    for hard in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if hard:
            lines += _wrapped(hard, limit, width_of)
        else:
            lines.append("")
    return lines


def _wrapped(hard: str, limit: int, width_of: Callable[[str], int]) -> Iterator[str]:
    """Of a text without line ends; looked at in windows, for its widths take some forty bytes a character."""
    begin = 0
    size = WINDOW
    while True:
        part = hard[begin : begin + size]
        edges = list(accumulate(map(width_of, part), initial=0))
        at = 0
        while edges[-1] - edges[at] > limit:
            cut = max(bisect_right(edges, edges[at] + limit) - 1, at + 1)
            space = part.rfind(" ", at, cut) + 1
            # a combining mark must not start a line; its advance is 0, so the search above keeps it with its letter
            cut = space if space > at and begin + cut < len(hard) else cut
            yield part[at:cut]
            at = cut
        if begin + len(part) == len(hard):
            if at < len(part) or not hard:
                yield part[at:]
            return
        size = size if at else 2 * size
        begin += at
