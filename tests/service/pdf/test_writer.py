"""PDF: 50 records a page, heads and numbers on each, and all text can be read back."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.jobs import pipeline
from service.pdf import fonts, page
from service.pdf.layout import LONGEST_SIDE, wrap
from service.pdf.writer import pages_of
from service.request import export_request

SCRIPTS = {
    "Turkish": "İstanbul'da ğüşıöç ĞÜŞİÖÇ",
    "Greek": "Καλημέρα κόσμε, ώρα",
    "Cyrillic": "Съешь ещё этих булок, Їжак",
    "Chinese": "中文字符测试，漢字",
    "Japanese": "日本語のテキスト カタカナ",
    "Korean": "한국어 텍스트",
    "Thai": "ข้อความไทย",
    "Devanagari": "हिन्दी पाठ",
    "Hebrew": "שלום עולם",
    "Arabic": "مرحبا بالعالم",
    "Arabic digits": "١٢٣",
    "Persian digits": "۱۲۳",
    "emoji": "😀 and 🚀 and 𠀀",
    "signs": "€ ₺ ₽ “quoted” – (paren) \\back\\ …",
    "combining": "e\u0301 a\u0308",
    "escapes in codes": "\u010d \u0d0d \u5c28 \u2829 \u5c5c",
}


def export(rows: list[dict[str, Any]], **keys: Any) -> bytes:
    """The PDF file of these records."""
    body = json.dumps({"format": "pdf", "data": rows, **keys}, ensure_ascii=False).encode()
    with tempfile.TemporaryDirectory() as folder:
        name = "export_1_aaaaaaaaa.pdf"
        done = pipeline.run_job(
            pipeline.Job(
                request=export_request.parse_request(body),
                folder=Path(folder),
                name=name,
                made_at="2026-11-23T18:00:00.000Z",
                body=body,
            )
        )
        data = (Path(folder) / name).read_bytes()
        assert (done.file_bytes, done.records) == (len(data), len(rows))
        return data


def texts_pypdf(data: bytes) -> list[str]:
    """Each page's text as pypdf reads it."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data), strict=True).pages]


def texts_pdfium(data: bytes) -> list[str]:
    """Each page's text as PDFium reads it."""
    document = pypdfium2.PdfDocument(data)
    try:
        texts = []
        for page in document:
            text = page.get_textpage()
            texts.append(text.get_text_bounded())
            text.close()
            page.close()
        return texts
    finally:
        document.close()


def texts_pdftotext(data: bytes) -> list[str]:
    """Each page's text as Debian's pdftotext reads it, in the order in which it is drawn."""
    done = run_tool(("pdftotext", "-raw", "-enc", "UTF-8", "-", "-"), data)
    return done.decode().split("\f")[:-1]


def run_tool(words: tuple[str, ...], data: bytes = b"") -> bytes:
    """What a reader of PDF says; the test fails where it complains or is not there."""
    try:
        return subprocess.run(words, input=data, capture_output=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        pytest.fail(f"{words[0]} is not installed: apt-get install poppler-utils qpdf")
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{words[0]} ended with {error.returncode}: {error.stderr.decode()[:500]}")


READERS = pytest.mark.parametrize("texts", [texts_pypdf, texts_pdfium])


def squeezed(text: str) -> str:
    """Without white space: lines are broken where the column ends."""
    return "".join(text.split())


def sizes(data: bytes) -> list[tuple[float, float]]:
    """Width and height of each page, in points."""
    boxes = [page.mediabox for page in pypdf.PdfReader(io.BytesIO(data)).pages]
    return [(float(box.width), float(box.height)) for box in boxes]


@pytest.mark.parametrize(("records", "pages"), [(0, 1), (1, 1), (49, 1), (50, 1), (51, 2), (100, 2), (101, 3)])
def test_a_page_holds_fifty_records(records: int, pages: int) -> None:
    """max(1, ceil(n / 50)) pages, each with its number, the total, and the heads; the first has the facts."""
    data = export([{"no": number, "name": f"name{number}"} for number in range(records)], columns=["no", "name"])
    texts = texts_pdfium(data)
    assert len(texts) == pages == pages_of(records)
    for number, text in enumerate(texts, 1):
        assert f"Page {number} of {pages}" in text
        assert "no name" in text.replace("\r\n", " ")
    for fact in ("Export Report", "2026-11-23T18:00:00.000Z", "User: anonymous", f"Records: {records}"):
        assert fact in texts[0]
    for number in range(records):
        assert f"name{number}" in texts[number // 50].split()


@READERS
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_can_be_read_back(texts: Any, script: str) -> None:
    """In cells, in heads, in title and user."""
    text = SCRIPTS[script]
    got = texts(export([{text: text, "n": 7}], title=text, user=text))
    assert squeezed(got[0]).count(squeezed(text)) == 4


def readable(char: str) -> bool:
    """Letters, marks, numbers, signs: what has a shape of its own and runs from left to right."""
    return unicodedata.category(char)[0] in "LMNPS" and not turned(char) and char not in UNREADABLE


def turned(char: str) -> bool:
    """It runs from right to left itself."""
    return unicodedata.bidirectional(char) in {"R", "AL", "AN"}


def turns(text: str) -> bool:
    """It holds something of a script that runs from right to left."""
    return any(turned(char) or any(ord(char) in block for block in RIGHT_TO_LEFT_BLOCKS) for char in text)


RIGHT_TO_LEFT_BLOCKS = (range(0x590, 0x900), range(0xFB1D, 0xFE00), range(0x10800, 0x11000), range(0x1E800, 0x1F000))
"""Their marks have no direction of their own, but readers turn them round."""
UNREADABLE = "\u00ad"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn"]), max_size=60)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), ANY_TEXT), min_size=1, max_size=60))
@example([{"a": "\u07eb:"}])
@example([{"a": "\u05d0:"}])
@example([{"a": "!:\u05d0"}])
@example([{"a": "\\\U000e0100\u08a0"}])
def test_any_text_is_read_back_whole(rows: list[dict[str, str]]) -> None:
    """Whatever the characters and lengths, pypdf reads every record's text on its page, letter for letter.

    It turns signs and marks round that begin a right-to-left text, so there each of them is only looked for.
    """
    texts = texts_pypdf(export(rows, columns=["a", "b", "c"]))
    for number, row in enumerate(rows):
        page = "".join(filter(readable, texts[number // 50]))
        for text in row.values():
            wanted = "".join(filter(readable, text))
            assert wanted in page or (turns(text) and Counter(wanted) <= Counter(page))


@pytest.mark.e2e
@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), ANY_TEXT), min_size=1, max_size=60))
def test_debians_readers_take_any_file(rows: list[dict[str, str]]) -> None:
    """qpdf --check has nothing to say, and pdftotext reads every record's text on its page.

    It puts what stands next to a right-to-left letter in another order, so there every sign is only looked for.
    """
    data = export(rows, columns=["a", "b", "c"])
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(data)
        file.flush()
        assert b"No syntax or stream encoding errors found" in run_tool(("qpdf", "--check", file.name))
    texts = texts_pdftotext(data)
    for number, row in enumerate(rows):
        page = "".join(filter(readable, texts[number // 50]))
        for text in row.values():
            wanted = "".join(filter(readable, text))
            assert wanted in page or (turns(text) and Counter(wanted) <= Counter(page))


@READERS
@pytest.mark.parametrize("text", ["word " * 400, "x" * 2_000, "wörd " * 300, "漢字" * 400, "a\nb\r\nc\rd\n\ne"])
def test_long_values_wrap_whole_within_their_record(texts: Any, text: str) -> None:
    """A long value takes more lines; the page gets taller, the page count stays, nothing is lost."""
    rows = [
        {"no": number, "text": text if number % 25 == 3 else "short", "end": f"end{number}"} for number in range(60)
    ]
    data = export(rows)
    got = texts(data)
    assert len(got) == 2
    for number, row in enumerate(rows):
        assert squeezed(str(row["text"])) + f"end{number}" in squeezed(got[number // 50])


def test_pages_grow_only_where_they_must() -> None:
    """A long record makes its own page taller, not the others."""
    rows = [{"no": number, "text": "word " * 900 if number == 60 else "short"} for number in range(150)]
    first, second, third = sizes(export(rows))
    assert first == third == (595.28, 841.89)
    assert second[0] == 595.28
    assert second[1] > 841.89


def test_a_page_never_gets_beyond_the_formats_limit() -> None:
    """A record of 2 million letters widens its page, then shrinks it, and is still there whole."""
    text = "lorem ipsum " * 170_000
    data = export([{"no": 1, "text": text}, {"no": 2, "text": "after"}])
    ((width, height),) = sizes(data)
    assert max(width, height) <= LONGEST_SIDE
    assert squeezed(texts_pdfium(data)[0]).count("loremipsum") == 170_000


def test_a_page_of_line_ends_is_laid_out_once_or_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider page has as many line ends: it is not tried at twice the width again and again."""
    laid_out: list[int] = []
    original = page.PageRenderer.wrapped_rows

    def counted(renderer: page.PageRenderer, rows: list[list[str]]) -> tuple[page.Block, bool]:
        laid_out.append(len(rows))
        return original(renderer, rows)

    monkeypatch.setattr(page.PageRenderer, "wrapped_rows", counted)
    data = export([{"a": "x" + "\n" * 50_000 + "y", "b": "end"}])
    assert len(laid_out) == 2
    assert texts_pdfium(data)[0].split()[-7:] == ["x", "y", "end", "Page", "1", "of", "1"]
    assert len(data) < 60_000


@READERS
def test_forty_columns_are_all_there(texts: Any) -> None:
    """A wide table gets a larger sheet and smaller type; every cell is still there."""
    rows = [{f"column {at}": f"value {number}/{at}" for at in range(40)} for number in range(60)]
    data = export(rows)
    assert len(sizes(data)) == 2
    assert sizes(data)[0][0] > sizes(data)[0][1]
    got = [squeezed(text) for text in texts(data)]
    for number, row in enumerate(rows):
        assert squeezed("".join(row.values())) in got[number // 50]


def test_a_thousand_columns_still_make_a_page() -> None:
    """The widest table that is allowed stays within the format's limit."""
    data = export([{f"c{at}": at for at in range(1_000)}])
    assert max(sizes(data)[0]) <= LONGEST_SIDE
    assert "999" in texts_pdfium(data)[0].split()


def test_cells_stay_inside_their_columns() -> None:
    """No text reaches into the next column: each character's box lies between its column's edges."""
    rows = [{"left": "WWWW MMMM " * 3, "no": 10**number, "right": "iiii llll"} for number in range(20)]
    document = pypdfium2.PdfDocument(export(rows))
    page = document[0]
    text = page.get_textpage()
    boxes: dict[str, list[tuple[float, float]]] = {"W": [], "0": [], "i": []}
    for at in range(text.count_chars()):
        left, bottom, right, _ = text.get_charbox(at)
        if text.get_text_range(at, 1) in boxes and bottom < 740:
            boxes[text.get_text_range(at, 1)].append((left, right))
    text.close()
    page.close()
    document.close()
    assert max(right for _, right in boxes["W"]) < min(left for left, _ in boxes["0"])
    assert max(right for _, right in boxes["0"]) < min(left for left, _ in boxes["i"])


def test_numbers_are_right_aligned() -> None:
    """The last digits of a column of numbers stand under each other."""
    document = pypdfium2.PdfDocument(export([{"n": value, "t": "x"} for value in (7, 77, 777.7, -7, 123_456_7)]))
    page = document[0]
    text = page.get_textpage()
    whole = text.get_text_range()
    ends = [round(text.get_charbox(one.start(), loose=True)[2], 1) for one in re.finditer("7(?= x)", whole)]
    text.close()
    page.close()
    document.close()
    assert len(ends) == 5
    assert max(ends) - min(ends) <= 0.2


def test_metadata_says_what_it_is() -> None:
    """Title, author, producer, creator and language are set, in any script."""
    reader = pypdf.PdfReader(io.BytesIO(export([{"a": 1}], title="Satış Raporu 中", user="Şükrü")), strict=True)
    assert reader.metadata is not None
    assert reader.metadata.title == "Satış Raporu 中"
    assert reader.metadata.author == "Şükrü"
    assert reader.metadata.creator == "Export@Scale 1.7.0"
    assert reader.metadata.producer == "Export@Scale 1.7.0, with reportlab"
    assert reader.trailer["/Root"]["/Lang"] == "en"  # type: ignore[index]


def test_fonts_are_embedded() -> None:
    """Every font brings its program and its map back to characters."""
    reader = pypdf.PdfReader(io.BytesIO(export([{text: text for text in SCRIPTS.values()}])), strict=True)
    shown: Any = reader.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    assert set(shown) == {"/R", "/Ru", "/Rx0", "/B", "/Bu", "/Bx0", "/Cu", "/Ku"}
    for font in (one.get_object() for one in shown.values()):
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert len(inner["/FontDescriptor"]["/FontFile2"].get_data()) > 1_000
        assert "/ToUnicode" in font


def test_many_pages_hang_in_a_tree() -> None:
    """No node of the page tree has more than 64 children, and the pages come in order."""
    reader = pypdf.PdfReader(io.BytesIO(export([{"n": number} for number in range(50 * 130)])), strict=True)
    root: Any = reader.trailer["/Root"]["/Pages"]  # type: ignore[index]
    assert [len(node.get_object()["/Kids"]) for node in root["/Kids"]] == [64, 64, 2]
    assert len(reader.pages) == root["/Count"] == 130
    assert "Page 130 of 130" in reader.pages[129].extract_text()


def test_a_record_without_some_columns_and_with_odd_values() -> None:
    """Missing and null are empty, booleans and nested values are as in CSV, tabs and control characters read back."""
    rows: list[dict[str, Any]] = [{"a": None, "b": True, "c": {"k": [1.50, "ş"]}}, {"b": False}, {"a": "t\tb\x01e"}]
    text = texts_pypdf(export(rows, columns=["a", "b", "c"]))[0]
    assert 'true {"k":[1.5,"ş"]}' in text.replace("\n", " ")
    assert "t\tb\x01e" in text


@given(st.text("ab \u0301\n", max_size=200), st.integers(1, 40), st.integers(1, 50))
def test_wrap_breaks_the_same_lines_in_windows_of_any_size(text: str, limit: int, window: int) -> None:
    """A long text is measured a part at a time; where the parts end can't be seen in the lines."""

    def width_of(char: str) -> int:
        return {"a": 3, "b": 5, " ": 2}.get(char, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.pdf.layout.WINDOW", window)
        lines = wrap(text, limit, width_of)
    assert lines == wrap(text, limit, width_of)


def test_wrap_loses_nothing_and_keeps_to_the_limit() -> None:
    """Lines join to the text and none is too wide; a letter wider than the limit gets a separate line."""
    width = {"a": 3, "W": 9, " ": 2}.__getitem__
    text = "aaa W aa aaaaaaaaaa WW"
    lines = wrap(text, 10, width)
    assert "".join(lines) == text
    assert all(sum(map(width, line)) <= 10 for line in lines)
    assert wrap("WW", 5, width) == ["W", "W"]
    assert wrap("", 5, width) == [""]
    assert wrap("a\r\na\ra\n", 5, width) == ["a", "a", "a", ""]


def test_more_characters_than_a_subset_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """With very many distinct characters the whole font goes in, and all are read back."""
    monkeypatch.setattr(fonts, "SUBSET_LIMIT", 100)
    monkeypatch.setattr("service.pdf.document_fonts.SLOT_CODES", 50)
    rows = [
        {"a": "".join(map(chr, range(start, start + 20)))}
        for start in (*range(0x4E00, 0x5000, 20), *range(0x1D400, 0x1D500, 20))
    ]
    data = export(rows)
    for texts in (texts_pypdf(data), texts_pdfium(data)):
        for number, row in enumerate(rows):
            assert squeezed(row["a"]) in squeezed(texts[number // 50])
