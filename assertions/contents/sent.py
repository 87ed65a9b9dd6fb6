"""The data that a request sent, and the outcome of opening the exported file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from assertions.contract import DEFAULT_USER
from assertions.record.finding_codes import CODES, RANK, Code
from assertions.record.types import Finding

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Row = Mapping[str, Json]

CODE_IN_BRIEF: Final = "brief"

__all__ = ["CODES", "Code", "ContentsError", "Findings", "Json", "Outcome", "Row", "Sent", "expected"]

MAX_FINDINGS: Final = 20
"""How many findings an outcome lists; it counts all."""
MAX_TEXT: Final = 200
"""How many characters of an expected or found text a finding keeps."""
DEFAULT_TITLE: Final = "Export Report"


class ContentsError(Exception):
    """A request body from which the expected file can't be derived; the message has the reason."""


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
    """Time of the request, in Unix seconds; None: not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of opening one exported file."""

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
        """Record one fault."""
        self.counts[code] += 1
        kept = self.kept.setdefault(code, [])
        if len(kept) < MAX_FINDINGS:
            kept.append(Finding(code=code, where=where, expected=_cut(expected), found=_cut(found)))

    def chosen(self) -> tuple[Finding, ...]:
        """Choose 20: one of each kind, the worst kinds first, and as many more of the worst as there is room for."""
        kinds = sorted(self.kept, key=lambda code: RANK[code])[:MAX_FINDINGS]
        room = MAX_FINDINGS - len(kinds)
        found: list[Finding] = []
        for code in kinds:
            more = self.kept[code][: 1 + room]
            room -= len(more) - 1
            found += more
        return tuple(found)

    def outcome(self, *, rows: int | None = None, pages: int | None = None) -> Outcome:
        """Close the collection."""
        kinds = {code: self.counts[code] for code in sorted(self.counts, key=lambda code: RANK[code])}
        return Outcome(rows=rows, pages=pages, findings=self.chosen(), finding_count=self.count, kinds=kinds)


def expected(template: bytes, tag: str | None, placeholder: str, at: float | None = None) -> Sent:
    """Read what an export must hold from its request body.

    template: the JSON body, with `placeholder` wherever the request's own tag goes; tag: put in its place (None: the
    body is used as it is); at: time of the request, in Unix seconds (None: not known). Raises ContentsError where the
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
