"""A small HTTP client of the catalogue's tests, without any code of the harness."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pypdfium2

COLUMNS = ["ref", "name", "amount", "big", "ok", "none", "nested"]
NAMES = (
    "Ayşe Yıldız",
    "Ωμέγα",
    "Жук",
    "漢字テスト",
    "한국어",
    'say "so", please',
    "two\r\nlines",
    "lone\rcr",
    " spaced ",
    "",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One exchange."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def ask(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request; `path` is the contract's, put behind the target's base path."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, parts.path + path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def export(url: str, body: object) -> Answer:
    """Ask for an export; bytes are sent as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(url, "POST", "/export/run", raw, **{"Content-Type": "application/json"})


def records(count: int) -> list[dict[str, object]]:
    """Records with something awkward in each column."""
    return [
        {
            "ref": f"R-{number}",
            "name": NAMES[number % len(NAMES)],
            "amount": number + 0.25,
            "big": 12345678901234567890,
            "ok": number % 2 == 0,
            "none": None,
            "nested": {"a": [1, "ı"]},
        }
        for number in range(count)
    ]


def body_of(form: str, count: int) -> dict[str, object]:
    """A whole request."""
    return {"format": form, "columns": COLUMNS, "data": records(count), "title": "Başlık", "user": "tester"}


def file_of(url: str, answer: Answer) -> Answer:
    """The file that an export's answer names."""
    return ask(url, "GET", answer.json["result"]["downloadUrl"])


def csv_rows(data: bytes) -> list[list[str]]:
    """Header and records."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def csv_right(data: bytes, count: int) -> bool:
    """Whether a CSV file holds `records(count)`; numbers by value, nested values as JSON."""
    header, *rows = csv_rows(data)
    sent = records(count)
    return (
        header == COLUMNS
        and len(rows) == count
        and all(
            row[:2] == [record["ref"], record["name"]]
            and float(row[2]) == record["amount"]
            and row[3:6] == [str(record["big"]), str(record["ok"]).lower(), ""]
            and json.loads(row[6]) == record["nested"]
            for row, record in zip(rows, sent, strict=True)
        )
    )


def pdf_pages(data: bytes) -> list[str]:
    """Each page's text, without white space."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [re.sub(r"\s", "", page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()


def metric(page: str, name: str, **labels: str) -> float:
    """Sum of the samples of a name that bear these labels, from a page in either format."""
    total = 0.0
    for line in page.splitlines():
        match = re.match(r"\s*([a-z_]+)(?:\s*\{(.*?)\})?\s+(\S+)", line)
        if match and match[1] == name:
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            if all(pairs.get(key) == value for key, value in labels.items()):
                total += float(match[3])
    return total
