"""Faults that come of a common mistake: a library's default, a tidy-up, a count that is never given back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

import msgspec
from aiohttp import web

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.csvfile import rows_of, write_rows
from tests.targets.fixtures.pdffile import Style, pages_of, write_pages
from tests.targets.fixtures.reference_target import ReferenceTarget
from tests.targets.fixtures.request import Ask, Row, cell_text
from tests.targets.fixtures.slots import Full, Slots

GROUP = Group("plausible", "smoke")
STYLE = Style()
INTEGER = re.compile(r"-?[0-9]+")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TAG = re.compile(r"<[^>]+>")
UNSEEN = re.compile("[\u00ad\u200b\u200c\u2060]")


@dataclass(frozen=True)
class Cells:
    """Writes a CSV with each cell made of its JSON text by `change`; a worker must be able to import it."""

    change: Callable[[bytes], str]

    def __call__(self, file: BinaryIO, ask: Ask, made_at: str) -> None:
        """As `tests.targets.fixtures.jobs.Write`."""
        body = ([self.change(bytes(row[name])) if name in row else "" for name in ask.columns] for row in ask.rows)
        write_rows(file, chain([list(ask.columns)], body))


@dataclass(frozen=True)
class Rows:
    """Writes a CSV of other rows."""

    change: Callable[[list[Row], tuple[str, ...]], list[Row]]

    def __call__(self, file: BinaryIO, ask: Ask, made_at: str) -> None:
        """As `tests.targets.fixtures.jobs.Write`."""
        write_rows(file, rows_of(replace(ask, rows=self.change(ask.rows, ask.columns))))


@dataclass(frozen=True)
class Pages:
    """Writes a PDF of other rows."""

    change: Callable[[list[Row], tuple[str, ...]], list[Row]]

    def __call__(self, file: BinaryIO, ask: Ask, made_at: str) -> None:
        """As `tests.targets.fixtures.jobs.Write`."""
        changed = replace(ask, rows=self.change(ask.rows, ask.columns))
        write_pages(file, pages_of(changed, made_at, STYLE), STYLE)


def as_float(raw: bytes) -> str:
    """5 becomes 5.0."""
    text = cell_text(raw)
    return f"{text}.0" if raw[:1] in b"-0123456789" and INTEGER.fullmatch(text) and len(text) < 15 else text


def as_date(raw: bytes) -> str:
    """A day becomes its midnight."""
    text = cell_text(raw)
    return f"{text}T00:00:00Z" if raw[:1] == b'"' and DATE.fullmatch(text) else text


def as_number(raw: bytes) -> str:
    """Digits in a string become a number."""
    text = cell_text(raw)
    if raw[:1] != b'"' or not re.fullmatch(r"[0-9]+\.[0-9]+", text):
        return text
    return str(float(text))


def stripped(raw: bytes) -> str:
    """Tags are taken out."""
    return TAG.sub("", cell_text(raw))


def tidied(raw: bytes) -> str:
    """Letters that can't be seen are taken out."""
    return UNSEEN.sub("", cell_text(raw))


def cut(raw: bytes) -> str:
    """65,535 letters, as many as a column of text may hold."""
    return cell_text(raw)[:65_535]


def by_id(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """In the order of the ids."""
    return sorted(rows, key=lambda row: float(bytes(row["id"])) if "id" in row else 0.0)


def of_the_first(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """With the first record's keys."""
    return [{key: row[key] for key in row if key in rows[0]} for row in rows]


def with_values(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """Those that have any."""
    return [row for row in rows if any(name in row for name in columns)]


def undotted(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """Without the keys that look like paths."""
    return [{key: row[key] for key in row if "." not in key} for row in rows]


GROUP.file("integers-as-floats", "Whole numbers become 5.0.", "csv", Cells(as_float), "csv-contents")
GROUP.file("days-as-midnights", "Texts that look like days get a time.", "csv", Cells(as_date), "csv-contents")
GROUP.file("digits-as-numbers", "Texts that look like numbers are.", "csv", Cells(as_number), "csv-contents")
GROUP.file("tags-stripped", "Texts lose what looks like HTML.", "csv", Cells(stripped), "csv-contents")
GROUP.file("unseen-lost", "Zero-width letters are lost.", "csv", Cells(tidied), "csv-contents")
GROUP.file("cut-at-64k", "Cells end after 65,535 letters.", "csv", Cells(cut), "csv-contents")
GROUP.file(
    "sorted-by-id",
    "Records come in the order of their ids.",
    "csv",
    Rows(by_id),
    "csv-contents",
)
GROUP.file(
    "first-records-keys",
    "A column that the first record lacks is empty throughout.",
    "csv",
    Rows(of_the_first),
    "csv-contents",
)
GROUP.file(
    "empty-records-dropped",
    "Records without a value in any column are left out.",
    "csv",
    Rows(with_values),
    "csv-contents",
)


GROUP.file("dots-as-paths", "A key with a dot is looked up as a path.", "csv", Rows(undotted), "csv-contents")


def unpadded(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """Texts of digits lose their leading zeros."""

    def cell(raw: bytes) -> bytes:
        return b'"%b"' % (raw[1:-1].lstrip(b"0")) if re.fullmatch(rb'"0[0-9]+"', raw) else raw

    return [{key: msgspec.Raw(cell(bytes(row[key]))) for key in row} for row in rows]


GROUP.file(
    "first-records-keys-pdf",
    "In a PDF a column that the first record lacks is empty throughout.",
    "pdf",
    Pages(of_the_first),
    "pdf-contents",
)
GROUP.file("zeros-lost-pdf", "A PDF shows 00123 as 123.", "pdf", Pages(unpadded), "pdf-contents")


def own_columns(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """The first record's keys, whatever was asked for."""
    columns = tuple(ask.rows[0]) if ask.rows else ask.columns
    write_pages(file, pages_of(replace(ask, columns=columns), made_at, STYLE), STYLE)


def first_line(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Values end at their first line break."""

    def short(raw: bytes) -> bytes:
        return json.dumps(cell_text(raw).split("\n")[0]).encode() if raw[:1] == b'"' else raw

    rows = [{key: msgspec.Raw(short(bytes(row[key]))) for key in row} for row in ask.rows]
    write_pages(file, pages_of(replace(ask, rows=rows), made_at, STYLE), STYLE)


def _turned(record: list[str]) -> list[str]:
    return [*record[:2], *record[3:1:-1], *record[4:]]


def exchanged(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Name and department in each other's place."""
    pages = list(pages_of(ask, made_at, STYLE))
    write_pages(file, ((head, [_turned(record) for record in records]) for head, records in pages), STYLE)


GROUP.file("columns-ignored", "A PDF shows all keys, whatever `columns` says.", "pdf", own_columns, "pdf-contents")
GROUP.file("first-lines", "A PDF shows the first line of a value.", "pdf", first_line, "pdf-contents")
GROUP.file("cells-exchanged", "Two columns stand under each other's heads.", "pdf", exchanged, "pdf-contents")


class Particular(ReferenceTarget):
    """Takes some requests only."""

    plain_media = False
    open_metrics = True
    pdf_links = True

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Refuse a media type with a charset."""
        if self.plain_media and request.headers.get("Content-Type") != "application/json":
            return web.json_response({"success": False, "error": "The media type must be JSON"}, status=415)
        return await super().run(request)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Fail where OpenMetrics is asked for."""
        if not self.open_metrics and "openmetrics" in request.headers.get("Accept", ""):
            return web.Response(status=500)
        return await super().metrics(request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Know no link of a PDF."""
        if not self.pdf_links and request.path.endswith(".pdf"):
            return web.json_response({"success": False, "error": "no such file"}, status=404)
        return await super().download(request)


@GROUP.make("charset-refused", "JSON with a charset is refused.", "behaviour", kind=Particular)
def _plain_media(target: ReferenceTarget) -> None:
    target.plain_media = True  # type: ignore[attr-defined]


@GROUP.make("openmetrics-fails", "Prometheus' own Accept is answered 500.", "behaviour", kind=Particular)
def _no_open_metrics(target: ReferenceTarget) -> None:
    target.open_metrics = False  # type: ignore[attr-defined]


@GROUP.make("pdf-links-dead", "The link of a PDF is 404.", "behaviour", kind=Particular)
def _dead_links(target: ReferenceTarget) -> None:
    target.pdf_links = False  # type: ignore[attr-defined]


class Shrinking(Slots):
    """Each refusal costs a place."""

    def admit(self) -> asyncio.Future[None]:
        """One place less behind each Full."""
        try:
            return super().admit()
        except Full:
            self.most_waiting -= 1
            raise


@GROUP.make(
    "refusals-cost-places",
    "Each 429 costs a place in the queue.",
    "rejections",
    "success-outside",
    scenarios=("batch",),
)
def _shrinking(target: ReferenceTarget) -> None:
    target.slots = Shrinking()


def _nothing(_file: BinaryIO, _ask: Ask, _made_at: str) -> None:
    pass


@GROUP.make("files-empty", "Every file is empty, and every number is true.", "bytes-outside")
def _files_empty(target: ReferenceTarget) -> None:
    target.write = {"csv": _nothing, "pdf": _nothing}


TARGETS = GROUP.targets
"""Broken targets, a module a group."""
