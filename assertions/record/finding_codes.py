"""What can be wrong with an exported file: the codes of findings."""

from __future__ import annotations

from typing import Final, Literal, get_args

Code = Literal[
    "unreadable",  # does not open, is cut short, or needs more memory or time than it may
    "encrypted",  # pdf: does not open without a password
    "encoding",  # csv: not UTF-8
    "syntax",  # csv: not RFC 4180
    "no-text",  # pdf: a page without any text
    "lost",  # a record that was sent is not there
    "hidden",  # pdf: text that can be extracted, but not seen
    "cut",  # pdf: text that can be extracted whole, but of which a part is cut off
    "cell",  # a value is not what was sent
    "foreign",  # a row that was never sent
    "repeated",  # a record is there more than once
    "order",  # a record, or a column, in the wrong place
    "ragged",  # csv: a row with too few or too many cells
    "row-count",  # more or fewer records than were sent
    "header",  # csv: the first row is not the columns; pdf: a page lacks a column head
    "pages",  # pdf: not max(1, ceil(n / 50)) pages
    "formula-guard",  # csv: a cell has a guard against formulas that nobody asked for
    "record-count",  # pdf: the number of records is not on the first page
    "title",  # pdf: not on the first page
    "user",  # pdf: not on the first page
    "time",  # pdf: no time of making on the first page
    "page-number",  # pdf: a page lacks its number or the total
    "brief",  # pdf: not examined further, since other files of the same data are broken
]
"""What can be wrong with a file, the worst first."""

CODES: Final[frozenset[str]] = frozenset(get_args(Code))
"""The closed set of finding codes."""
RANK: Final[dict[str, int]] = {code: rank for rank, code in enumerate(get_args(Code))}
"""0 is the worst."""
