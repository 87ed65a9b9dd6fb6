"""The report as a few printed pages: headline, assertions, reasons, lists, performance, plots. From the model."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pypdfium2 as pdfium
from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from evidence.reports.figures import Plot
from evidence.reports.model import NO_BASELINE, AssertionRow, ReportModel
from evidence.reports.tables import Table as Rows

FONT, BOLD = "EvidenceSans", "EvidenceSans-Bold"
WIDTH = A4[0] - 36 * mm
COLOURS = {"GREEN": "#1a7f37", "RED": "#b4141f", "NO DATA": "#5c6470"}
WORDS = {"PASS": "#1a7f37", "FAIL": "#b4141f", "NO DATA": "#5c6470", "WAIVED": "#7d4e00"}


def pdf(model: ReportModel, pictures: Mapping[str, bytes]) -> bytes:
    """Return the document, the same bytes for the same model. pictures: PNG of each plot by its path; may be empty."""
    _fonts()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=model.first_line,
        author="Export@Scale",
        invariant=1,
    )
    with _binary_streams():
        document.build(list(_story(model, pictures)), onFirstPage=_footer(model), onLaterPages=_footer(model))
    return file.getvalue()


@contextlib.contextmanager
def _binary_streams() -> Iterator[None]:
    """Write streams as they are: as text (ASCII 85) they are a quarter longer, and take half of the document's time."""
    usual = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = usual


def pdf_words(content: bytes) -> list[str]:
    """Return the words of each page of a document. ValueError where it can't be read."""
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        raise ValueError(str(error)) from error
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


def _fonts() -> None:
    """Register a font with Latin, Greek, Cyrillic and the marks; it comes with matplotlib."""
    # found without loading matplotlib, which takes longer than all else here
    found = find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(FONT, folder / "DejaVuSans.ttf"))
        pdfmetrics.registerFont(TTFont(BOLD, folder / "DejaVuSans-Bold.ttf"))


def _footer(model: ReportModel) -> Any:
    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(FONT, 7)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(18 * mm, 9 * mm, f"{model.colour} – {model.subject}, {model.when}"[:130])
        canvas.drawRightString(A4[0] - 18 * mm, 9 * mm, f"page {document.page}")
        canvas.restoreState()

    return draw


def _style(size: float, *, bold: bool = False, colour: str = "#1b1f24", after: float = 2) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}{bold}{colour}{after}",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.32,
        textColor=colors.HexColor(colour),
        spaceAfter=after,
        splitLongWords=True,
    )


def _text(text: str, size: float = 8.5, *, bold: bool = False, colour: str = "#1b1f24", after: float = 2) -> Paragraph:
    return Paragraph(escape(text), _style(size, bold=bold, colour=colour, after=after))


def _heading(text: str) -> Paragraph:
    style = _style(12, bold=True, after=4)
    style.keepWithNext = 1
    return Paragraph(escape(text), style)


def _story(model: ReportModel, pictures: Mapping[str, bytes]) -> Iterator[Any]:
    yield _text(model.colour, 26, bold=True, colour=COLOURS[model.colour], after=10)
    yield _text(model.subject, 13, bold=True, after=3)
    yield _text(model.when, 9.5)
    if model.detail:
        yield _text(model.detail, 9.5, bold=True)
    if model.lead:
        yield _text(f"First cause: {model.lead}", 9.5)
    yield _text(model.changed, 9.5)
    counts = ", ".join(f"{count} {word}" for word, count in model.counts if count)
    optional = f" ({model.optional} NO DATA optional)" if model.optional else ""
    yield _text(
        f"{counts} in {len(model.verdicts)} verdicts{optional}. Judged by {model.harness}.", 8, colour="#555555"
    )
    for incident in model.incidents:
        yield _text(f"Could not run: {incident}", 9, bold=True, colour=COLOURS["RED"])
    yield Spacer(1, 4 * mm)
    yield _heading("The six assertions")
    yield _table(
        ("", "assertion", "measured", "of the limit", "samples"),
        [
            (
                row.status,
                row.title,
                row.line if row.status == "PASS" else f"{row.line}; {row.reason}",
                f"{row.bar} {row.used_text}" if row.bar else "–",
                row.count or "–",
            )
            for row in model.assertions
        ],
        (17, 38, 66, 36, 17),
    )
    yield Spacer(1, 3 * mm)
    yield _heading("What changed since the baseline")
    for change in model.changes if model.changes is not None else (f"No baseline: {NO_BASELINE}.",):
        yield _text(change)
    if model.reasons or model.missing:
        yield Spacer(1, 3 * mm)
        yield _heading("Why it is not GREEN")
        yield from _reasons(model)
        for why, command in model.missing:
            yield _text(f"NO DATA: {why}. Run: {command}")
    yield from _lists(model)
    for section in model.performance[:1]:
        yield Spacer(1, 3 * mm)
        yield _heading(section.title)
        yield _rows(section.tables[0], (44, 20, 17, 40, 18, 17, 18))
    yield from _pictures("Plots", model.plots, pictures)
    if model.panels is not None:
        yield Spacer(1, 3 * mm)
        yield _heading(model.panels.section.title)
        for paragraph in model.panels.section.paragraphs:
            yield _text(paragraph, 7.8)
        yield _rows(model.panels.section.tables[0], (44, 15, 19, 15, 15, 20, 46))
        yield from _pictures("", model.panels.pictures, pictures)
    yield Spacer(1, 3 * mm)
    yield _heading("Context")
    for label, value in model.context:
        yield _text(f"{label}: {value}", 7.5, after=1)


def _measured(row: AssertionRow) -> str:
    return row.line if row.status == "PASS" else f"{row.line}; {row.reason}"


def _reasons(model: ReportModel) -> Iterator[Any]:
    for number, reason in enumerate(model.reasons, 1):
        critical = " (critical)" if reason.critical else ""
        title = f"{number}. {reason.status}{critical}: {reason.title} in {', '.join(reason.scenarios)} ({reason.check})"
        lines = [
            ("expected", reason.expected),
            ("measured", reason.measured),
            ("since", reason.since),
            ("baseline", reason.baseline),
        ]
        for example in reason.examples:
            asked = f"; asked {example.asked}; came {example.came}" if example.asked else ""
            lines.append(("example", f"{example.kind}{asked}{f'; kept {example.kept}' if example.kept else ''}"))
        lines += [("repeat", reason.command), ("no data because of it", ", ".join(reason.follows))]
        yield KeepTogether(
            [
                _text(title, 9, bold=True, colour=WORDS[reason.status], after=1),
                *(_text(f"{label}: {text}", 7.8, after=1) for label, text in lines if text),
                Spacer(1, 2 * mm),
            ]
        )


def _lists(model: ReportModel) -> Iterator[Any]:
    for checklist in model.checklists:
        yield Spacer(1, 3 * mm)
        yield _heading(f"{checklist.title}: {checklist.ticked} of {checklist.boxes}")
        for title, boxes in checklist.sections:
            yield _text(title, 8.5, bold=True, after=1)
            for box in boxes:
                why = "" if box.ticked else f" — {box.reason}"
                yield _text(f"{'☑' if box.ticked else '☐'} {box.text}{why}", 7.8, after=1)


def _pictures(heading: str, plots: Sequence[Plot], pictures: Mapping[str, bytes]) -> Iterator[Any]:
    if not plots:
        return
    yield Spacer(1, 3 * mm)
    for place, plot in enumerate(plots):
        # a heading by itself at a page's foot would announce what is on the next one
        above = [_heading(heading)] if heading and not place else []
        words = [*above, _text(plot.title, 9, bold=True, after=1), _text(plot.caption, 7.8)]
        width = min(WIDTH, 225 * mm / plot.aspect)
        picture = pictures.get(plot.path)
        # a picture that is missing leaves its room, so that the words stand where they stood
        room = Spacer(width, width * plot.aspect)
        words.append(room if picture is None else Image(io.BytesIO(picture), width, width * plot.aspect))
        yield KeepTogether(words)
        yield Spacer(1, 2 * mm)


def _rows(table: Rows, widths_mm: Iterable[float]) -> Table:
    return _table(table.columns, table.rows, widths_mm)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]], widths_mm: Iterable[float]) -> Table:
    made = [[_text(one, 7.5, bold=True, after=0) for one in columns]]
    made += [
        [_text(one, 7.8, colour=WORDS.get(one, "#1b1f24"), bold=one in WORDS, after=0) for one in row] for row in rows
    ]
    table = Table(made, colWidths=[width * mm for width in widths_mm], repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#cccccc")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return table
