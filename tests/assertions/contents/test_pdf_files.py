"""Files that are no readable PDF, scripts, spellings of values, and what a long list of faults costs."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.lib import pdfencrypt
from reportlab.pdfgen.canvas import Canvas

from assertions.contents.pdf.check import check_pdf
from assertions.contents.pdf.furniture import check_first_page, check_heads, check_page_number
from assertions.contents.pdf.match import Pool
from assertions.contents.pdf.text import squeeze, text_of
from assertions.contents.sent import Findings, Sent
from tests.assertions.contents.layouts import LAYOUTS, fonts, model, platypus, put, text_lines
from tests.assertions.contents.test_pdf import SENT, codes, make_sent, one_column

FEW = make_sent(5)
HEALTHY = text_lines(model(FEW))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"id,name\r\n1,a\r\n", b"%PDF-1.4\n%%EOF\n", b"\0" * 5000])
def test_what_is_no_pdf_is_unreadable(data: bytes) -> None:
    """Anything that does not open is one fault, without pages."""
    outcome = check_pdf(data, SENT)
    assert codes(outcome) == {"unreadable"}
    assert outcome.pages is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_breaks_off_is_found(share: float) -> None:
    """However much of it is there, and whether a reader repairs it or not."""
    data = text_lines(model(SENT))
    assert "unreadable" in codes(check_pdf(data[: int(len(data) * share)], SENT))


def drawn(draw: Callable[[Canvas], object], encrypt: object = None) -> bytes:
    """A file of one page."""
    fonts()
    file = io.BytesIO()
    canvas = Canvas(file, encrypt=encrypt)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_a_file_behind_a_password_is_encrypted() -> None:
    """Who can't open it can't read it back."""
    locked = drawn(lambda canvas: canvas.drawString(50, 50, "x"), pdfencrypt.StandardEncryption("secret"))
    assert codes(check_pdf(locked, one_column())) == {"encrypted"}


def test_a_file_that_only_forbids_changes_passes() -> None:
    """Encryption with an empty user password hides nothing."""

    def draw(canvas: Canvas) -> None:
        for place, line in enumerate(("Values", "by ann", "2026-11-23", "0 records", "Page 1 of 1", "ref v")):
            put(canvas, 50, 700 - 20 * place, line)

    open_file = drawn(draw, pdfencrypt.StandardEncryption("", ownerPassword="owner", canModify=0))
    assert check_pdf(open_file, one_column()).findings == ()


def test_a_page_without_text_is_found() -> None:
    """A page of lines and pictures can't be read back."""
    assert codes(check_pdf(drawn(lambda canvas: canvas.rect(50, 50, 100, 100)), one_column("a"))) == {"no-text"}


def test_a_page_that_can_not_be_loaded_is_found() -> None:
    """A page tree that names an object that is not there is noted, and the other pages are read."""
    sent = make_sent(120)
    data = text_lines(model(make_sent(120, "T000000002")))
    kids = re.search(rb"/Kids \[ (\d+) 0 R", data)
    assert kids is not None
    broken = data[: kids.start(1)] + b"9" * len(kids[1]) + data[kids.end(1) :]
    outcome = check_pdf(broken, sent)
    assert "unreadable" in codes(outcome)
    assert outcome.finding_count == 1 + 70


def test_a_lost_record_with_an_unloadable_page_is_lost() -> None:
    """Looking for a record on the other pages does not stumble over one that can't be loaded."""
    sent = make_sent(60)
    sheets = model(sent)
    data = text_lines((sheets[0], replace(sheets[1], rows=sheets[1].rows[1:])))
    kids = re.search(rb"/Kids \[ (\d+) 0 R", data)
    assert kids is not None
    broken = data[: kids.start(1)] + b"9" * len(kids[1]) + data[kids.end(1) :]
    assert codes(check_pdf(broken, sent)) == {"unreadable", "lost"}


def test_a_page_unlike_the_others_is_read_quickly_behind_many_faults() -> None:
    """Once a file is known to be wrong, a page that holds nothing of its records counts each of them."""
    sent = make_sent(400)
    sheets = model(sent)
    faulty = tuple(replace(sheet, rows=sheet.rows[:20] + sheet.rows[21:]) for sheet in sheets[:7])
    outcome = check_pdf(text_lines((*faulty, replace(sheets[7], rows=()))), sent)
    assert outcome.finding_count == 7 + 50


def test_a_loose_layout_without_a_key_passes() -> None:
    """Where no column tells records apart, cells in any order of drawing still pass."""
    values = ("xylophone", "yesterday", "xylophone")
    records = tuple({"a": value, "b": "same words", "c": value[::-1], "d": "more words"} for value in values)
    sent = Sent(("a", "b", "c", "d"), records, "T", "u")
    assert check_pdf(LAYOUTS["two_blocks"](model(sent)), sent).findings == ()


def test_two_records_that_look_like_a_row_by_chance_pass() -> None:
    """Column by column, the first column's end and the second's beginning may look like a record."""
    sent = Sent(("a", "b"), ({"a": "first", "b": "same"}, {"a": "second", "b": "same"}), "T", "u")
    assert check_pdf(LAYOUTS["by_columns"](model(sent)), sent).findings == ()


def test_a_text_without_a_border_is_taken_when_long() -> None:
    """Letters that touch their neighbours are taken from a page only where there are enough of them."""
    pool = Pool(text_of("xWilhelminay 12Adaz"))
    assert pool.take("Wilhelmina", "Wilhelmina") == 1
    assert pool.take("Ada", "Ada") is None


@settings(max_examples=60, deadline=None)
@given(at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=30))
def test_damaged_files_are_judged_without_an_error(at: float, junk: bytes) -> None:
    """Whatever bytes a file holds, the check ends with an outcome."""
    place = int(at * len(HEALTHY))
    outcome = check_pdf(HEALTHY[:place] + junk + HEALTHY[place + len(junk) :], FEW)
    assert (outcome.finding_count == 0) == (outcome.findings == ())


@pytest.mark.parametrize("layout", ["by_rows", "platypus", "text_lines", "by_columns"])
def test_scripts_come_back(layout: str) -> None:
    """Turkish, Greek, Cyrillic, Vietnamese, Chinese, Japanese and Korean pass, and one wrong letter is found."""
    names = ("Iğdır İzmir ŞÇÖÜ", "Ωμέγα ΐ", "Щербакова Ёж", "Trần Thị Hòa", "请确认", "佐藤花子", "김민수", "naïve ﬁ ½")
    sent = one_column(*names)
    assert check_pdf(LAYOUTS[layout](model(sent)), sent).findings == ()
    for index, name in enumerate(names):
        other = one_column(*names[:index], name[1:] + "ß", *names[index + 1 :])
        assert codes(check_pdf(LAYOUTS[layout](model(sent)), other)) & {"cell", "lost"}, name


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("QUARTERLY FIGURES", "Nov 23, 2026", "examiner-7", "63 records"), set()),
        (("Quarterly figures", "23/11/26", "EXAMINER-7", "63"), set()),
        (("Quarterly figures | examiner-7 | 18:05", "Total: 63"), set()),
        (("Quarterly fig…", "2026", "examiner-7", "63"), {"title"}),
        (("Quarterly figures", "2026", "examiner", "63"), {"user"}),
        (("Quarterly figures", "today", "examiner-7", "63"), {"time"}),
        (("Quarterly figures", "2026", "examiner-7", "163"), {"record-count"}),
    ],
)
def test_the_first_page_may_say_it_in_other_words(lines: tuple[str, ...], found: set[str]) -> None:
    """Title, user, time and number of records are looked for, not their wording."""
    sheets = model(SENT)
    assert codes(check_pdf(text_lines((replace(sheets[0], lines=lines), *sheets[1:])), SENT)) == found


@pytest.mark.parametrize(
    "words", ["3/200", "- 3 of 200 -", "Seite 3 von 200", "200 pages, this is 3", "Page 3 / 1 200"]
)
def test_page_numbers_in_other_words(words: str) -> None:
    """Any words that hold the number and the total will do."""
    findings = Findings()
    check_page_number(words, 3, 1200 if "1 200" in words else 200, findings)
    assert findings.count == 0


@pytest.mark.parametrize("words", ["Page 3", "3 of 20", "30 of 200", "200", ""])
def test_page_numbers_that_are_not_there(words: str) -> None:
    """A number inside another number is none."""
    findings = Findings()
    check_page_number(words, 3, 200, findings)
    assert findings.count == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("first_name city", 0),
        ("First Name City", 0),
        ("FIRST NAME | CITY", 0),
        ("first_ city name", 0),
        ("city first_name", 1),
        ("first_name", 1),
        ("", 2),
    ],
)
def test_heads_in_other_dress(text: str, count: int) -> None:
    """Case, underscores and wrapping are free; all heads must be there, in order."""
    findings = Findings()
    check_heads([text], ("first_name", "city"), 1, findings)
    assert findings.count == count


@pytest.mark.parametrize("text", ["MÜŞTERI ADI", "MÜŞTERİ ADI", "müşteri adı", "Müşteri Adi"])
def test_heads_in_upper_case_of_any_language(text: str) -> None:
    """Upper case knows one I for the Turkish two, or two."""
    findings = Findings()
    check_heads([text], ("Müşteri adı",), 1, findings)
    assert findings.count == 0


def test_an_export_of_nothing_may_say_so_in_words() -> None:
    """No records is as good as 0 records."""
    findings = Findings()
    check_first_page("Values ann 2026 no records", one_column(), 1, findings)
    assert findings.count == 0


def test_a_wrapped_title_with_other_text_is_found() -> None:
    """The words of a title need not stand side by side."""
    findings = Findings()
    check_first_page("Annual Made 2026 report by ann 0", Sent((), (), "Annual report", "ann"), 1, findings)
    assert findings.count == 0


def test_pages_of_the_wrong_number_are_found() -> None:
    """Fewer pages lose records, more pages are too many."""
    sheets = model(make_sent(120))
    fewer = check_pdf(text_lines(sheets[:2]), make_sent(120))
    assert {"pages", "lost"} <= codes(fewer)
    assert fewer.finding_count >= 21 and len(fewer.findings) == 20
    assert "pages" in codes(check_pdf(text_lines((*sheets, sheets[2])), make_sent(120)))


def test_forty_records_a_page_are_found() -> None:
    """The contract says fifty."""
    assert {"pages", "order"} <= codes(check_pdf(text_lines(model(make_sent(100), per_page=40)), make_sent(100)))


@pytest.mark.parametrize("layout", ["text_lines", "two_blocks", "shuffled"])
def test_many_bad_pages_are_all_counted(layout: str) -> None:
    """Beyond the first bad pages faults are only counted, and each page still counts."""
    sent = make_sent(600)
    stale = make_sent(600, "T000000002")
    outcome = check_pdf(LAYOUTS[layout](model(stale)), sent)
    assert outcome.finding_count >= 600
    assert codes(outcome) <= {"cell", "lost"}


def test_good_pages_behind_many_bad_ones_have_no_finding() -> None:
    """Reading quickly finds nothing wrong where nothing is."""
    sent = make_sent(600)
    bad, good = model(make_sent(600, "T000000002")), model(sent)
    few = check_pdf(LAYOUTS["shuffled"]((*bad[:7], *good[7:])), sent)
    more = check_pdf(LAYOUTS["shuffled"]((*bad[:8], *good[8:])), sent)
    assert 0 < more.finding_count - few.finding_count <= 120


def test_records_without_a_key_are_judged_by_place() -> None:
    """Where no column tells records apart, a lost one is still found."""
    sent = Sent(("a", "b"), tuple({"a": "same", "b": value} for value in ("x1", "y2", "x1")), "T", "u")
    assert check_pdf(text_lines(model(sent)), sent).findings == ()
    fewer = Sent(sent.columns, sent.records[:2], "T", "u")
    sheets = model(fewer)
    counted = (replace(sheets[0], lines=(*sheets[0].lines[:3], "Records: 3")),)
    assert codes(check_pdf(text_lines(counted), sent)) & {"lost", "cell", "order"}


def test_records_of_nothing_pass() -> None:
    """Null in every cell leaves nothing to be read back."""
    sent = Sent(("a", "b"), ({"a": None}, {"b": ""}), "T", "u")
    assert check_pdf(text_lines(model(sent)), sent).findings == ()


def test_lost_records_of_short_cells_are_not_looked_for_elsewhere() -> None:
    """A cell of one letter stands on every page by chance."""
    sent = Sent(("a",), ({"a": "x"}, {"a": "Zoey"}), "T", "u")
    found = check_pdf(text_lines(model(replace(sent, records=({"a": "q"}, {"a": "p"}), title="T"))), sent).findings
    assert [(finding.code, finding.expected) for finding in found] == [("lost", "x"), ("lost", "Zoey")]


def test_a_record_that_is_also_a_part_of_a_word_passes() -> None:
    """The title's end is not taken for the record."""
    sent = Sent(("a",), ({"a": "da"},), "Ada", "u")
    assert check_pdf(text_lines(model(sent)), sent).findings == ()


def test_records_without_columns_pass() -> None:
    """An empty first record has no keys, so there are no columns."""
    sent = Sent((), ({}, {}), "T", "u")
    assert check_pdf(text_lines(model(sent)), sent).findings == ()


def test_a_second_reader_sees_the_same() -> None:
    """pypdf finds the same pages and the same references in the samples, so the samples are sound."""
    for layout in ("by_rows", "platypus", "with_forms"):
        pages = pypdf.PdfReader(io.BytesIO(LAYOUTS[layout](model(SENT)))).pages
        text = squeeze("".join(page.extract_text() for page in pages))
        assert len(pages) == 2
        assert all(squeeze(str(record["ref"])) in text for record in SENT.records)


def test_wrapped_tables_of_many_pages_pass() -> None:
    """A table of paragraphs over many pages has no finding."""
    sent = make_sent(260)
    assert check_pdf(platypus(model(sent)), sent).findings == ()
