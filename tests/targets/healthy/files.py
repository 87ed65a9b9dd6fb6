"""Files and answers that look different and are the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import msgspec
from aiohttp import web
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table

from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.csvfile import NEEDS_QUOTES, rows_of, write_rows
from tests.targets.fixtures.fault_tools import good
from tests.targets.fixtures.pdffile import FONT, Style, font_of, pages_of, put_page, runs, write_pages
from tests.targets.fixtures.reference_target import ReferenceTarget, Reply
from tests.targets.fixtures.request import Ask, cell_text

GROUP = Group("healthy", healthy=True)

# -- csv --


def quote_all(cell: str) -> str:
    """Every cell in quotes."""
    return '"' + cell.replace('"', '""') + '"'


def line_feeds(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Rows end with only LF."""
    write_rows(file, rows_of(ask), end="\n")


def all_quoted(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """All cells in quotes."""
    write_rows(file, rows_of(ask), quoted=quote_all)


def other_numbers(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Floats in other spellings of the same value, nested values without spaces."""

    def cells() -> Iterator[list[str]]:
        yield list(ask.columns)
        for row in ask.rows:
            yield [_respelt(bytes(row[name])) if name in row else "" for name in ask.columns]

    write_rows(file, cells())


def _respelt(raw: bytes) -> str:
    """1000.0 as 1e3; only where the value stays exactly the same."""
    if raw[:1] in (b"{", b"["):
        return json.dumps(json.loads(raw), ensure_ascii=False)
    text = cell_text(raw)
    if raw[:1] in b"-0123456789" and not text.lstrip("-").isdigit():
        short = f"{float(text):e}"
        return short if float(short) == float(text) else repr(float(text))
    return text


GROUP.file("csv-line-feeds", "Rows end with LF.", "csv", line_feeds)
GROUP.file("csv-all-quoted", "Every cell is quoted.", "csv", all_quoted)
GROUP.file("csv-other-numbers", "Numbers are spelt differently, with the same value.", "csv", other_numbers)


def quote_inside(cell: str) -> str:
    """Quotes also where a cell has spaces at its ends."""
    return quote_all(cell) if not NEEDS_QUOTES.isdisjoint(cell) or cell != cell.strip() or not cell else cell


def more_quoted(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Empty cells are quoted, too."""
    write_rows(file, rows_of(ask), quoted=quote_inside)


GROUP.file("csv-empty-quoted", "Empty cells, and those with spaces at their ends, are quoted.", "csv", more_quoted)

# -- pdf --


def styled(file: BinaryIO, ask: Ask, made_at: str, *, style: Style) -> None:
    """Another look."""
    write_pages(file, pages_of(ask, made_at, style), style)


GROUP.file(
    "pdf-landscape",
    "Pages lie on their side.",
    "pdf",
    partial(styled, style=Style(width_pt=842.0, height_pt=595.0)),
)
GROUP.file(
    "pdf-other-words",
    "Larger letters, narrow lines, tabs' worth of space between cells, and other words around the numbers.",
    "pdf",
    partial(
        styled,
        style=Style(
            size_pt=9.0, between="   ", end=" ", page_words="- {page} / {pages} -", count_words="{records} rows in all"
        ),
    ),
)


def by_columns(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Each cell on a line of its own under its record's number: a list, not a table."""
    style = Style(between="\n", end="\n.")

    heads = " | ".join(ask.columns) + " |"
    write_pages(file, [([*head[:-1], heads], records) for head, records in pages_of(ask, made_at, style)], style)


GROUP.file("pdf-list", "Each cell stands on a line of its own.", "pdf", by_columns)


def markup(text: str) -> str:
    """A cell as a paragraph's text, each stretch in a font that has its letters."""
    parts = (
        escape(letters) if font == FONT else f'<font name="{font}">{escape(letters)}</font>'
        for font, letters in runs(re.sub(r"\s", " ", text))
    )
    return "".join(parts)


def as_table(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A table with lines, its cells wrapped in their columns."""
    font_of("a")
    widths = 36.0 * 28 / max(1, len(ask.columns))
    small = ParagraphStyle("cell", fontName=FONT, fontSize=5, leading=6, splitLongWords=1)

    def cell(text: str) -> str | Paragraph:  # paragraphs are slow: only what would be too wide, or has odd letters
        return text if re.fullmatch(r"[ -~]*", text) and 3 * len(text) < widths else Paragraph(markup(text), small)

    story: list[Any] = []
    pages = list(pages_of(ask, made_at, Style()))
    for number, (head, records) in enumerate(pages):
        if number:
            story.append(PageBreak())
        story += [Paragraph(markup(text), small) for text in head[:-1]]
        rows = [list(ask.columns), *records]
        story += [
            Spacer(1, 4),
            Table(
                [[cell(text) for text in row] or [""] for row in rows],
                colWidths=[widths] * max(1, len(ask.columns)),
                style=[
                    ("GRID", (0, 0), (-1, -1), 0.25, "grey"),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("FONT", (0, 0), (-1, -1), FONT, 5, 6),
                ],
            ),
        ]
    width, height = landscape(A4)[0] + 260, 5000.0
    frame = Frame(10, 10, width - 20, height - 20)
    document = BaseDocTemplate(file, pagesize=(width, height), pageTemplates=[PageTemplate(frames=[frame])])
    document.build(story)


GROUP.file("pdf-table", "A table with lines, made by another layout engine.", "pdf", as_table)

# -- answers --


def _more_keys(reply: Reply) -> None:
    reply.body |= {"version": "9", "queueDepth": 0, "links": {"self": "/"}}
    reply.body["result"] |= {"sha256": "unknown", "encoding": "utf-8"}


def _absolute(reply: Reply) -> None:
    reply.body["result"]["filename"] = str(Path.cwd() / reply.body["result"]["filename"])


def _whole_ms(reply: Reply) -> None:
    reply.body["processingTime"] = round(reply.body["processingTime"])


GROUP.reply("answers-more-keys", "Answers have keys of their own.", good(_more_keys))
GROUP.reply("answers-absolute-path", "`filename` is an absolute path.", good(_absolute))
GROUP.reply("answers-whole-ms", "processingTime is in whole milliseconds.", good(_whole_ms))


class LongNames(ReferenceTarget):
    """Names with a long random part."""

    def new_name(self, form: str) -> str:
        """As the reference target's, four times as random."""
        tails = "".join(super(LongNames, self).new_name(form).split("_")[2].split(".")[0] for _ in range(4))
        head, _, rest = super().new_name(form).rpartition("_")
        return f"{head}_{tails.upper()}.{rest.rpartition('.')[2]}"


@GROUP.make("names-long", "The random part of a name is long, in capitals.", kind=LongNames)
def _long(target: ReferenceTarget) -> None:
    pass


class Streamed(ReferenceTarget):
    """Answers in chunks."""

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Without a length, with spaces in the JSON."""
        whole = await super().run(request)
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        answer = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
        if "Retry-After" in whole.headers:
            answer.headers["Retry-After"] = whole.headers["Retry-After"]
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(msgspec.json.format(body, indent=4))
        await answer.write_eof()
        return answer


@GROUP.make("answers-chunked", "Answers are indented and sent in chunks, without a length.", kind=Streamed)
def _streamed(target: ReferenceTarget) -> None:
    pass


class MoreHealth(ReferenceTarget):
    """Tells more than it must."""

    def status_body(self) -> dict[str, Any]:
        """And more."""
        there = datetime.now(timezone(timedelta(hours=2)))
        return super().status_body() | {"uptime": 5, "node": {"name": "a"}, "timestamp": there.isoformat()}

    async def health(self, request: web.Request) -> web.StreamResponse:
        """With its parts."""
        return web.json_response({"ok": True, "ts": "2026-11-23T18:00:00Z", "checks": {"disk": "ok"}})


@GROUP.make("status-more-keys", "/health and the status page tell more than they must.", kind=MoreHealth)
def _more(target: ReferenceTarget) -> None:
    pass


def put_pages(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Not packed."""
    from reportlab.pdfgen.canvas import Canvas

    font_of("a")
    style = Style()
    canvas = Canvas(file, pageCompression=0)
    for head, records in pages_of(ask, made_at, style):
        put_page(canvas, records, head, style)
    canvas.save()


GROUP.file("pdf-unpacked", "The PDF's pages are not packed.", "pdf", put_pages)

TARGETS = GROUP.targets
