"""Records to PDF."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from service.cells import cell_rows
from service.files import PartFile
from service.rows import Slice

RECORDS_PER_PAGE = 50


def write_pdf(
    out: PartFile,
    columns: tuple[str, ...],
    parts: Iterable[Slice],
    *,
    title: str,
    user: str,
    made_at: str,
    records: int,
) -> int:
    if "DejaVuSans" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("DejaVuSans", str(Path(__file__).parent / "fonts" / "DejaVuSans.ttf")))
    canvas = Canvas(out.file)
    pages = max(1, -(-records // RECORDS_PER_PAGE))

    def head(page: int) -> None:
        canvas.setFont("DejaVuSans", 8)
        if page == 1:
            canvas.drawString(30, 820, f"{title}  {made_at}  {user}  {records} records")
        canvas.drawString(30, 800, "  ".join(columns))
        canvas.drawString(30, 20, f"Page {page} of {pages}")

    page = 1
    head(1)
    count = 0
    for part in parts:
        out.check_wanted()
        for row in cell_rows(part, columns):
            if count and count % RECORDS_PER_PAGE == 0:
                canvas.showPage()
                page += 1
                head(page)
            canvas.drawString(30, 785 - 15 * (count % RECORDS_PER_PAGE), "  ".join(row))
            count += 1
    canvas.showPage()
    canvas.save()
    return count
