"""Does a PDF hold what was sent?

The layout is the service's: rows or columns in any order of drawing, any font, cells wrapped or not, heads in any
case, numbers with separators. The text must be there as text, whole, on the right page, in order and once.
A null may be shown as anything that means nothing; a float may be rounded to no fewer than two decimals.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from functools import cached_property

import pypdfium2 as pdfium

from assertions.contents.pdf.clip import cut_texts
from assertions.contents.pdf.furniture import check_first_page, check_heads, check_page_number, tight
from assertions.contents.pdf.page import LAYOUTS, Layout, Reading, read_as, read_page
from assertions.contents.pdf.plan import DISTINCT, PER_PAGE, Plan, make_plan
from assertions.contents.pdf.same_page import SamePages, same_pages
from assertions.contents.pdf.text import Page, PageError, squeeze
from assertions.contents.pdf.visibility import unseen
from assertions.contents.sent import Findings, Outcome, Sent
from assertions.contents.template import KnownPage, Request
from assertions.record.finding_codes import Code

_TAIL_BYTES = 2048
"""Length of the file's end that must hold the end mark."""
_ID_BYTES = 256
"""A file's last bytes differ from file to file: they choose the page that is looked at, the same each time."""
_LOOKED_AT = 3
_ASKED = 8
"""On pages of longer files one object in so many is asked whether it is clipped, another one on each page; where one
is, all are."""
_ONE_AT_A_TIME = threading.Lock()
"""PDFium works in one thread at a time."""
_DEEP_PAGES = 2
"""Pages with faults that are read in every known way; the faults of further pages are only counted."""
_MAX_SEARCHES = 100
"""Most records that are looked for on the other pages, where they are not on their own."""


def check_pdf(data: bytes, sent: Sent) -> Outcome:
    """Compare a PDF file with what was sent; never raises, whatever the bytes are."""
    return _check(data, lambda: sent, None)


def check_pdf_of(data: bytes, request: Request, *, brief: bool = False) -> Outcome:
    """Compare a PDF file with what one request of a template sent: quickly where it holds that, else as `check_pdf`.

    brief: a page on which something is wrong is the last that is read.
    """
    return _check(data, lambda: request.exact, request if request.renames else None, brief)


def _check(data: bytes, exact: Callable[[], Sent], request: Request | None, brief: bool = False) -> Outcome:
    findings = Findings()
    if b"%%EOF" not in data[-_TAIL_BYTES:]:
        findings.add("unreadable", "", "a file that ends with %%EOF", repr(data[-40:]))
    with _ONE_AT_A_TIME:
        return findings.outcome(pages=_open(data, exact, request, findings, brief))


def _open(
    data: bytes, exact: Callable[[], Sent], request: Request | None, findings: Findings, brief: bool
) -> int | None:
    """Check an open file; returns its pages, or None where it does not open."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        code: Code = "encrypted" if "password" in str(error).lower() else "unreadable"
        findings.add(code, "", "a PDF that opens", str(error))
        return None
    try:
        _Check(document, data, exact, request, findings).run(brief=brief)
        return len(document)
    finally:
        document.close()


class _Check:
    """One file's pages against the records sent."""

    def __init__(
        self,
        document: pdfium.PdfDocument,
        data: bytes,
        exact: Callable[[], Sent],
        request: Request | None,
        findings: Findings,
    ) -> None:
        self.document = document
        self.id = data[-_ID_BYTES:]
        self.pages = [Page(document, index) for index in range(len(document))]
        self.exact = exact
        self.request = request
        """None: pages are compared letter by letter, as they are once something is wrong."""
        self.findings = findings
        self.page_count = len(request.template.plans if request else self.plans)
        self.asked = 1 if len(self.pages) <= _LOOKED_AT else _ASKED
        self.searches = 0
        self.bad_pages = 0
        self.same = self._same_pages(data)
        """None: PDFium reads all pages of this file."""

    @cached_property
    def sent(self) -> Sent:
        """What was sent, letter by letter."""
        return self.exact()

    @cached_property
    def plans(self) -> list[Plan]:
        """What each page must hold, letter by letter."""
        return make_plan(self.sent.records, self.sent.columns, PER_PAGE)

    def run(self, *, brief: bool = False) -> None:
        """Note all that differs; brief: up to the end of the first page on which something does."""
        if len(self.pages) != self.page_count:
            self.findings.add("pages", "", f"{self.page_count} pages", f"{len(self.pages)} pages")
        layout: Layout = "rows"
        for index, page in enumerate(self.pages):
            page.asked = index % self.asked, self.asked
            try:
                layout = self._page(index, page, layout)
            except PageError as error:
                self.findings.add("unreadable", f"page {index + 1}", "a page that can be read", str(error))
            if page.clips:
                self.asked, self.same = 1, None
                self._cut(index)
            if brief and self.findings.count:
                left = f"{len(self.pages) - index - 1} of {len(self.pages)} pages not read"
                self.findings.add("brief", "", "other files of the same data are broken: examined in brief", left)
                return
        self._sight()
        for plan in self.plans[len(self.pages) :] if len(self.pages) < self.page_count else ():
            for row in range(len(plan.records)):
                self._lost(plan, row, "its page is not there")

    def _cut(self, index: int) -> None:
        """Note each text of a page of which a clip rectangle leaves only a part."""
        try:
            texts = cut_texts(self.document, index)
        except pdfium.PdfiumError:
            return  # noted where the page is read
        cells: dict[str, list[str]] = {}
        if texts and index < len(self.plans):
            plan = self.plans[index]
            for row, record in enumerate(plan.cells):
                for column, cell in zip(plan.columns, record, strict=True):
                    cells.setdefault(cell, []).append(f", record {plan.first + row + 1}, column {column}")
        for whole, shown in texts:
            places = cells.get(squeeze(whole))
            where = f"page {index + 1}{places.pop(0) if places else ''}"
            self.findings.add("cut", where, whole, f"only {shown!r} is on the paper, the rest is clipped off")

    def _same_pages(self, data: bytes) -> SamePages | None:
        """Return the pages for comparison by their bytes; None where one page holds another text than its bytes say."""
        request, count = self.request, len(self.pages)
        same = same_pages(data, request, count) if request and count > 1 else None
        if request is None or same is None:
            return None
        index = 1 + zlib.crc32(self.id, 1) % (count - 1)
        for layout in LAYOUTS:
            known = request.template.pages.get((index, count, layout))
            if known and same.is_known(index, known):
                page = Page(self.document, index)
                page.asked = index % self.asked, self.asked
                try:
                    holds = request.rename(page.raw) == known.text
                except PageError:
                    return None
                return same if holds and not page.clips else None
        return same

    def _sight(self) -> None:
        """Look at all pages of a short file, and at one of a long one: drawing takes ten times as long as reading."""
        pages = range(len(self.pages))
        for index in pages if len(pages) <= _LOOKED_AT else (zlib.crc32(self.id) % len(pages),):
            try:
                seen = unseen(self.document, index)
            except pdfium.PdfiumError:
                continue  # noted where the page is read
            if seen:
                self.findings.add("hidden", f"page {index + 1}", f"text that can be seen, such as {seen[1]}", seen[0])

    def _page(self, index: int, page: Page, layout: Layout) -> Layout:
        """Check one page; return the layout by which to read the next page first."""
        request = self.request if index < self.page_count else None
        holds = self._holds_template(index, page, layout, request) if request else None
        if holds:
            return holds
        before = self.findings.count
        found = self._page_itself(index, page, layout)
        if self.findings.count > before:
            self.request = None
        return found

    def _page_itself(self, index: int, page: Page, layout: Layout) -> Layout:
        """Check one page letter by letter."""
        number = index + 1
        if not page.drawn.words:
            self.findings.add("no-text", f"page {number}", "text", "a page without any text")
            return layout
        plan = self.plans[index] if index < len(self.plans) else make_plan((), self.sent.columns, PER_PAGE)[0]
        deep = self.bad_pages < _DEEP_PAGES
        reading = read_page(page, plan, layout, deep=deep)
        if reading.problems and deep:
            moved = read_page(page.apart(), plan, layout)
            reading = min(reading, moved, key=lambda found: len(found.problems))
        self.bad_pages += bool(reading.problems)
        for code, row, column, expected, found in reading.problems:
            if code == "lost":
                self._lost(plan, row, found)
                continue
            where = f"page {number}, record {plan.first + row + 1}"
            self.findings.add(
                code, where if column is None else f"{where}, column {plan.columns[column]}", expected, found
            )
        if not reading.quick:
            _strangers(self.plans, index, page, reading, self.findings)
        _furniture(self.sent, index, len(self.pages), reading, self.findings)
        page.forget()
        return reading.layout

    def _holds_template(self, index: int, page: Page, layout: Layout, request: Request) -> Layout | None:
        """Return the layout of a page in which nothing is wrong by the template; None where something may be.

        A page whose text equals that of a page without a fault is not judged again; where its bytes show that, it
        is not read again, either.
        """
        template = request.template
        key = index, len(self.pages), layout
        known = template.pages.get(key)
        if known and self.same and self.same.is_known(index, known):
            return known.layout
        raw = request.rename(page.raw)
        if raw is None or not raw:
            return None
        if known and known.text == raw:
            self._learn(index, page, known)
            return known.layout
        renamed = page.renamed(raw, request.rename)
        plan = template.plans[index]
        # the first page's layout is looked for; another page that is not of its layout is looked at letter by letter
        reading = read_as(renamed, plan, layout) if index else read_page(renamed, plan, layout)
        if reading is None or reading.problems:
            return None
        findings = Findings()
        _strangers(template.plans, index, renamed, reading, findings)
        _furniture(request.sent, index, len(self.pages), reading, findings)
        if findings.count:
            return None
        if index and not renamed.was_placed:  # the first page has more on it than its request's tag
            self._learn(index, page, template.remember(key, raw, reading.layout))
        return reading.layout

    def _learn(self, index: int, page: Page, known: KnownPage | None) -> None:
        """Note what a page is made of whose text PDFium has read."""
        if known and self.same and not page.clips:
            self.same.learn(index, known)

    def _stands(self, cell: str, page: Page) -> bool:
        """Return whether a key is on a page as a whole word."""
        try:
            text = page.drawn
        except PageError:
            return False  # noted where the page itself is read
        place = text.joined.find(cell)
        while place >= 0:
            if place in text.borders and place + len(cell) in text.borders:
                return True
            place = text.joined.find(cell, place + 1)
        return False

    def _lost(self, plan: Plan, row: int, found: str) -> None:
        """Record a record that is on another page than its own, or on none."""
        where = f"record {plan.first + row + 1}"
        anchor = plan.cells[row][plan.anchor(row)] if plan.columns else ""
        self.searches += 1
        if len(anchor) >= DISTINCT and self.searches <= _MAX_SEARCHES:
            for index, page in enumerate(self.pages):
                if self._stands(anchor, page):
                    home = plan.first // PER_PAGE + 1
                    if index + 1 != home:
                        self.findings.add("order", where, f"on page {home}", f"on page {index + 1}")
                        return
        self.findings.add("lost", where, " ".join(plan.cells[row]), found)


def _furniture(sent: Sent, index: int, pages: int, reading: Reading, findings: Findings) -> None:
    """Judge the text of a page outside its records. index: from 0; pages: of the file."""
    texts = [text for text in (reading.furniture, reading.heads) if text]
    mixed = reading.quick or (reading.layout == "loose" and bool(reading.problems))  # with what is left of records
    check_heads(texts, sent.columns, index + 1, findings, ordered=not mixed)
    furniture = tight(reading.furniture)
    check_page_number(furniture, index + 1, max(pages, 1), findings)
    if index == 0:
        check_first_page(furniture, sent, pages, findings)


def _strangers(plans: list[Plan], index: int, page: Page, reading: Reading, findings: Findings) -> None:
    """Find records that a page holds twice, and records of its neighbours."""
    words, left, rest = set(page.drawn.words), set(reading.furniture.split()), squeeze(reading.furniture)
    own = plans[index].keys if index < len(plans) else ()
    for other in range(max(0, index - 1), min(index + 2, len(plans))):
        plan = plans[other]
        for row, key in enumerate(plan.keys):
            if key not in rest and key not in words:
                continue
            if len(key) < DISTINCT or not (key in left or _holds(rest, key) or (other != index and key in words)):
                continue
            if any(key != longer and longer.startswith(key) for longer in own):
                continue  # the first line of a longer key
            where = f"page {index + 1}, record {plan.first + row + 1}"
            if other == index:
                findings.add("repeated", where, "each record once", key)
            else:
                findings.add("order", where, f"on page {other + 1}", f"on page {index + 1}")


def _holds(text: str, key: str) -> bool:
    """Whether a key stands in a text without white space, and not as the beginning of a longer number."""
    place = text.find(key)
    while place >= 0:
        if not text[place + len(key) : place + len(key) + 1].isdigit():
            return True
        place = text.find(key, place + 1)
    return False
