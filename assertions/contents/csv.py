"""Does a CSV file hold what was sent?

Legal differences pass: LF or CRLF, any cell quoted or only those that need it, no final line end, one leading
byte-order mark (it is legal UTF-8, and spreadsheets ask for it), any spelling of the same float or the same JSON.
A record of a single empty cell may be a blank line: RFC 4180 can't tell it from none.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from operator import eq
from typing import Final, Literal

from assertions.contents.csv_values import canonical, canonical_rows, judge_cell
from assertions.contents.sent import Findings, Json, Outcome, Row, Sent
from assertions.contents.template import Request

_QUOTED = r'"(?:[^"]++|"")*+"'
_BARE = r'[^",\r\n]*+'
_CELL: Final = re.compile(rf'(?:"((?:[^"]++|"")*+)"|({_BARE}))(,|\r?\n|\Z)')
_VALID: Final = re.compile(rf"(?:(?:{_QUOTED}|{_BARE})(?:,|\r?\n|\Z))*+")


def check_csv(data: bytes, sent: Sent) -> Outcome:
    """Compare a CSV file with what was sent; never raises, whatever the bytes are."""
    return _compare(data, sent, None)


def check_csv_of(data: bytes, request: Request) -> Outcome:
    """Compare a CSV file with what a template's request sent: quickly where both are equal, else as `check_csv`."""
    template = request.template
    renamed = request.rename_bytes(data) if request.renames else None
    if renamed is not None:
        if renamed == template.csv_file:
            return Outcome(rows=len(template.sent.records), pages=None, findings=(), finding_count=0)
        outcome = _compare(renamed, template.sent, template.rows)
        if not outcome.finding_count:
            template.remember_csv(renamed)
            return outcome
    return _compare(data, request.exact, None)


def _compare(data: bytes, sent: Sent, rows: list[list[str]] | None) -> Outcome:
    """Compare a file with what was sent. rows: the expected cells in their commonest spelling, where known."""
    findings = Findings()
    text = _decode(data, sent, findings)
    wanted = canonical_rows(sent) if rows is None else rows
    if _holds_plainly(text, sent, wanted) and not findings.count:
        return findings.outcome(rows=len(wanted))
    rows = _rows(text, findings)
    if rows is None:
        return findings.outcome()
    if not rows:
        findings.add("header", "", ",".join(sent.columns), "an empty file")
        return findings.outcome(rows=0)
    header, body = rows[0], rows[1:]
    if header != list(sent.columns):
        findings.add("header", "", _line(sent.columns), _line(header))
    if len(sent.columns) == 1 and len(body) == len(sent.records) - 1 and canonical(_last(sent)) == "":
        body = [*body, [""]]  # the last, empty record and a missing final line end look like no record
    _Comparison(sent, findings, wanted).run(body)
    return findings.outcome(rows=len(body))


def _holds_plainly(text: str, sent: Sent, wanted: list[list[str]]) -> bool:
    """Whether a text is RFC 4180 and has just the wanted cells, without keeping them; False: look closer."""
    valid = _VALID.match(text)
    if valid is None or valid.end() < len(text):
        return False
    rows = csv.reader(io.StringIO(text, newline=""))
    left = iter((*wanted, None))
    try:
        return next(rows, None) == list(sent.columns) and all(map(eq, rows, left)) and next(left, ()) is None
    except csv.Error:  # a cell longer than the reader's limit
        return False


def _decode(data: bytes, sent: Sent, findings: Findings) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        piece = data[max(0, error.start - 20) : error.start + 20]
        findings.add("encoding", f"byte {error.start}, line {line}", "UTF-8", repr(piece))
        text = data.decode("utf-8", "replace")
    first = sent.columns[0] if sent.columns else ""
    own = len(first) - len(first.lstrip("\ufeff"))
    return text[1:] if text.startswith("\ufeff" * (own + 1)) else text


def _last(sent: Sent) -> Json:
    return sent.records[-1].get(sent.columns[0])


def _rows(text: str, findings: Findings) -> list[list[str]] | None:
    """Parse by RFC 4180; where the text breaks it, note that and read on as a lenient reader would."""
    if not text:
        return []
    valid = _VALID.match(text)
    end = valid.end() if valid else 0
    if end < len(text):
        near = text[max(0, end - 40) : end + 40]
        line = text.count("\n", 0, end) + 1
        findings.add("syntax", f"line {line}", "cells quoted as RFC 4180 asks", repr(near))
        try:
            return list(csv.reader(io.StringIO(text, newline="")))
        except csv.Error:
            return None
    try:  # quick, and right once the text is known to be valid
        return [row or [""] for row in csv.reader(io.StringIO(text, newline=""))]
    except csv.Error:  # a cell longer than the reader's limit
        return _slow_rows(text)


def _slow_rows(text: str) -> list[list[str]]:
    """Parse valid text with cells of any length."""
    cells = _CELL.findall(text)
    if not text.endswith(","):
        cells.pop()  # the empty match at the very end
    rows: list[list[str]] = []
    row: list[str] = []
    for quoted, bare, after in cells:
        row.append(quoted.replace('""', '"') if quoted else bare)
        if after != ",":
            rows.append(row)
            row = []
    return rows


def _line(cells: Sequence[str]) -> str:
    return json.dumps(list(cells), ensure_ascii=False)


class _Comparison:
    """One file's rows against the records sent."""

    def __init__(self, sent: Sent, findings: Findings, wanted: list[list[str]]) -> None:
        self.columns = sent.columns
        self.records = sent.records
        self.findings = findings
        self.canonical = wanted

    def run(self, rows: list[list[str]]) -> None:
        """Note all that differs."""
        if rows == self.canonical:
            return
        if len(rows) != len(self.records):
            self.findings.add("row-count", "", f"{len(self.records)} records", f"{len(rows)} rows")
        if len(rows) == len(self.records) and all(self._holds(i, row) for i, row in enumerate(rows)):
            return
        self._explain(rows)

    def _holds(self, index: int, row: list[str]) -> bool:
        if row == self.canonical[index]:
            return True
        return len(row) == len(self.columns) and not any(self._wrong(self.records[index], row))

    def _wrong(self, record: Row, row: list[str]) -> Iterator[tuple[str, Literal["cell", "formula-guard"]]]:
        for name, cell in zip(self.columns, row, strict=False):
            code = judge_cell(record.get(name), cell)
            if code:
                yield name, code

    def _explain(self, rows: list[list[str]]) -> None:
        """Say what happened to each row, found again by a column whose values are all different."""
        key = self._key(rows)
        where = {} if key is None else {cells[key]: i for i, cells in enumerate(self.canonical)}
        homes = [where.get(row[key]) if key is not None and len(row) > key else None for row in rows]
        seen = {home for home in homes if home is not None}
        taken: set[int] = set()
        furthest = -1
        for index, (row, home) in enumerate(zip(rows, homes, strict=True)):
            place = f"row {index + 1}"
            if len(row) != len(self.columns):
                self.findings.add("ragged", place, f"{len(self.columns)} cells", f"{len(row)} cells: {_line(row)}")
            if home is None:
                if index >= len(self.records) or index in seen or len(rows) != len(self.records):
                    self.findings.add("foreign", place, "a record that was sent", _line(row))
                    continue
                home = index  # noqa: PLW2901 -- a damaged key: judge the row by its place
            elif home in taken:
                self.findings.add("repeated", place, "each record once", f"record {home + 1} again")
                continue
            elif home < furthest:
                self.findings.add("order", place, f"record {index + 1}", f"record {home + 1}")
            furthest = max(furthest, home)
            taken.add(home)
            for name, code in self._wrong(self.records[home], row):
                value = canonical(self.records[home].get(name))
                self.findings.add(code, f"{place}, column {name}", value, row[self.columns.index(name)])
        for home in range(len(self.records)):
            if home not in taken:
                self.findings.add("lost", f"record {home + 1}", _line(self.canonical[home]), "")

    def _key(self, rows: list[list[str]]) -> int | None:
        """Choose the column that distinguishes records and of which most is still there."""
        best, most = None, 0
        for column in range(len(self.columns)):
            values = {cells[column] for cells in self.canonical}
            if len(values) == len(self.canonical):
                hits = len(values & {row[column] for row in rows if len(row) > column})
                if hits > most:
                    best, most = column, hits
        return best
