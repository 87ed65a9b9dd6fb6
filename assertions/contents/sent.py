"""What was sent, and what opening the exported file showed of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from assertions.contract import DEFAULT_USER
from assertions.records import Finding

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Row = Mapping[str, Json]

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
    "formula-guard",  # csv: a cell bears a guard against formulas that nobody asked for
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
CODE_IN_BRIEF: Final = "brief"
_RANK: Final[dict[str, int]] = {code: rank for rank, code in enumerate(get_args(Code))}

MAX_FINDINGS: Final = 20
"""How many findings an outcome lists; it counts all."""
MAX_TEXT: Final = 200
"""How many characters of an expected or found text a finding keeps."""
DEFAULT_TITLE: Final = "Export Report"


class ContentsError(Exception):
    """A request body from which the expected file can't be told; the message says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one export was asked to hold."""

    columns: tuple[str, ...]
    """In order; the first record's keys where the body named none."""
    records: tuple[Row, ...]
    """In order; integers and floats are apart, integers of any size exact."""
    title: str
    user: str
    at: float | None = None
    """When it was asked for, in Unix seconds; None: not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What opening one exported file showed."""

    rows: int | None
    """Data rows read back (csv); None for pdf, or where the file can't be read."""
    pages: int | None
    """Pages (pdf); None for csv, or where the file can't be opened."""
    findings: tuple[Finding, ...]
    """At most 20, at least one of each kind, the worst kind first; empty: the file holds what was sent."""
    finding_count: int
    """How many there were in all."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind, the worst first."""


def _cut(text: str) -> str:
    """Keep a text writable as UTF-8 and at most 200 characters long."""
    clean = text[:MAX_TEXT].encode("utf-8", "backslashreplace").decode("utf-8")
    return clean if len(clean) <= MAX_TEXT and len(text) <= MAX_TEXT else clean[: MAX_TEXT - 1] + "…"


@dataclass(slots=True)
class Findings:
    """Collects what is wrong with one file: counts all, keeps the first 20 of each kind."""

    kept: dict[str, list[Finding]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many in all."""
        return self.counts.total()

    def add(self, code: Code, where: str, expected: str, found: str) -> None:
        """Note one thing wrong."""
        self.counts[code] += 1
        kept = self.kept.setdefault(code, [])
        if len(kept) < MAX_FINDINGS:
            kept.append(Finding(code=code, where=where, expected=_cut(expected), found=_cut(found)))

    def chosen(self) -> tuple[Finding, ...]:
        """Choose 20: one of each kind, the worst kinds first, and as many more of the worst as there is room for."""
        kinds = sorted(self.kept, key=lambda code: _RANK[code])[:MAX_FINDINGS]
        room = MAX_FINDINGS - len(kinds)
        found: list[Finding] = []
        for code in kinds:
            more = self.kept[code][: 1 + room]
            room -= len(more) - 1
            found += more
        return tuple(found)

    def outcome(self, *, rows: int | None = None, pages: int | None = None) -> Outcome:
        """Close the collection."""
        kinds = {code: self.counts[code] for code in sorted(self.counts, key=lambda code: _RANK[code])}
        return Outcome(rows=rows, pages=pages, findings=self.chosen(), finding_count=self.count, kinds=kinds)


def expected(template: bytes, tag: str | None, placeholder: str, at: float | None = None) -> Sent:
    """Read what an export must hold from its request body.

    template: the JSON body, with `placeholder` wherever the request's own tag goes; tag: put in its place (None: the
    body is used as it is); at: when it was asked for, in Unix seconds (None: not known). Raises ContentsError where the
    body is no JSON object with an array of objects in `data`.
    """
    body = template if tag is None else template.replace(placeholder.encode(), tag.encode())
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise ContentsError(f"the request body is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise ContentsError(f"the request body must be a JSON object, not {type(asked).__name__}")
    data = asked.get("data")
    if not isinstance(data, list) or not all(isinstance(record, dict) for record in data):
        raise ContentsError("`data` in the request body must be an array of objects")
    columns = asked.get("columns")
    if columns is None:
        columns = list(data[0]) if data else []
    return Sent(
        columns=tuple(columns),
        records=tuple(data),
        title=asked.get("title", DEFAULT_TITLE),
        user=asked.get("user", DEFAULT_USER),
        at=at,
    )
