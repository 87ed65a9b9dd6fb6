"""Right-to-left text: drawn by UAX #9, Arabic joined, and read back in the order sent."""

from __future__ import annotations

import io
from collections.abc import Callable

import bidi as python_bidi
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pdf import arabic
from service.pdf.bidi import base_level, resolve_levels, visual_order
from service.pdf.bidi_line import lines_of
from service.pdf.fonts import SANS, face, widths
from service.pdf.layout import wrap
from tests.service.pdf.test_writer import export, squeezed, texts_pdfium, texts_pdftotext, texts_pypdf

CASES = (
    "רחוב הרצל 15",
    "מחיר 1,250.00 ₪",
    "طلب رقم 4711",
    "הזמנה ABC-12 דחוף",
    "Order הזמנה 12",
    "שלום (עולם)",
    "abc (אב) ג 12",
    "שלום:",
    "طلب! 7",
    "\u07eb:",
    "بلاغ لا إله سلام (x) [ab] لأب",
)
MARKS = "\u202a\u202b\u202c"
"""Embedding marks that pdftotext adds."""
EACH_CLASS = "abאבגابت12١٢+-,.:/#$%()[]{}<>! \t\u0301\u05b0\u064e₪é漢«»"


def read(data: bytes, texts: Callable[[bytes], list[str]]) -> str:
    """The first page's text without white space and added marks."""
    return squeezed(texts(data)[0].translate(dict.fromkeys(map(ord, MARKS))))


@pytest.mark.e2e
@pytest.mark.parametrize("texts", [texts_pdfium, texts_pdftotext, texts_pypdf])
@pytest.mark.parametrize("text", CASES)
def test_mixed_directions_are_read_back_in_the_order_sent(texts: Callable[[bytes], list[str]], text: str) -> None:
    """Numbers, currency, brackets and Latin words among right-to-left letters, in cell, head, title and user."""
    data = export([{"id": 1, text: text}, {"id": 2, text: "plain"}], title=text, user=text)
    assert read(data, texts).count(squeezed(text)) == 4


@pytest.mark.e2e
@pytest.mark.parametrize("texts", [texts_pdfium, texts_pdftotext, texts_pypdf])
def test_a_wrapped_right_to_left_cell_is_read_back_whole(texts: Callable[[bytes], list[str]]) -> None:
    """Its lines follow one another as sent."""
    text = "רחוב הרצל 15 abc " * 40
    assert squeezed(text) in read(export([{"id": 1, "v": text}]), texts)


def places(text: str) -> list[str]:
    """The letters of a cell as PDFium finds them on the page, from left to right."""
    document = pypdfium2.PdfDocument(export([{"v": text}]))
    page = document[0]
    textpage = page.get_textpage()
    found = []
    for at in range(textpage.count_chars()):
        char = textpage.get_text_range(at, 1)
        left, bottom, _, _ = textpage.get_charbox(at)
        if char in text and not char.isspace() and 700 < bottom < 770:
            found.append((left, char))
    textpage.close()
    page.close()
    document.close()
    return [char for _, char in sorted(found)]


@pytest.mark.parametrize("text", ["אבגד 15", "אב ABC-12 דה", "xyz אבג 12"])
def test_the_page_shows_what_uax_9_says(text: str) -> None:
    """From left to right the letters stand as python-bidi puts them."""
    assert places(text) == [char for char in python_bidi.get_display(text) if char != " "]


@given(st.text(EACH_CLASS, max_size=24))
def test_the_order_is_that_of_python_bidi(text: str) -> None:
    """Every class of characters, brackets too: the same order as python-bidi's Rust core."""
    order, _ = visual_order(text, resolve_levels(text), base_level(text))
    assert "".join(text[index] for index in order) == python_bidi.get_display(text)


def test_arabic_letters_join() -> None:
    """Initial, medial, final and isolated forms; lam and alef as one shape; what the font lacks stays plain."""
    assert arabic.join_letters("طلب", lambda _: True) == [0xFEC3, 0xFEE0, 0xFE90]
    assert arabic.join_letters("لا", lambda _: True) == [arabic.BLANK, 0xFEFB]
    assert arabic.join_letters("سلام", lambda _: True) == [0xFEB3, arabic.BLANK, 0xFEFC, 0xFEE1]
    assert arabic.join_letters("طلب", lambda code: code < 0xFB00) == list(map(ord, "طلب"))
    assert arabic.join_letters("ب\u200d 7", lambda _: True)[1:] == [0x200D, ord(" "), ord("7")]


def test_joined_arabic_is_what_is_drawn() -> None:
    """The page's picture is that of the presentation forms, not of separate letters."""

    def picture(text: str) -> bytes:
        document = pypdfium2.PdfDocument(export([{"v": text}, {"v": "m" * 30}]))
        image = document[0].render(scale=2).to_pil().crop((0, 160, 600, 320))
        document.close()
        held = io.BytesIO()
        image.save(held, "png")
        return held.getvalue()

    assert picture("طلب") == picture("\ufec3\ufee0\ufe90")
    assert picture("لا") == picture("\ufefb")
    assert picture("طلب") != picture("ط\u200cل\u200cب")


@given(st.text("אב ab1(\n", max_size=80), st.integers(1, 30))
def test_wrapped_lines_keep_their_paragraphs_levels(text: str, limit: int) -> None:
    """The lines' levels put together are those of the paragraphs."""
    lines = list(lines_of(text, wrap(text, limit, lambda _: 3)))
    assert "".join(line.text for line in lines) == text.replace("\n", "")
    levels = [level for line in lines for level in line.levels]
    assert levels == [level for paragraph in text.split("\n") for level in resolve_levels(paragraph)]


def test_every_form_has_room_in_its_line() -> None:
    """A letter is measured as wide as its widest form, so that no joined line is wider than its column."""
    sans = face(SANS)
    for char in "دذرزقس":
        assert widths(SANS)[char] == max(sans.width(code) for code in [ord(char), *arabic.forms_of(char)])
