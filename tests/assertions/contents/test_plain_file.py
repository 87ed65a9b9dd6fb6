"""What is read of a PDF file byte by byte, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assertions.contents.pdf.plain_file import NotPlainError, PlainFile, entries_of
from assertions.contents.pdf.tag_letters import fonts_of_tag
from tests.assertions.contents.plain_pdf import PAGES, file_of, objects_of

HEALTHY = file_of(objects_of("T010000001"))
WORDS = (
    b"0",
    b"9999999999",
    b"R",
    b"/Kids",
    b"/Parent",
    b"obj",
    b"endobj",
    b"<<",
    b">>",
    b"[",
    b"(",
    b"%",
    b"stream\n",
    b"xref",
)


@given(st.lists(st.tuples(st.integers(0, len(HEALTHY) - 1), st.sampled_from(WORDS)), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_damaged_files_are_read_or_refused(edits: list[tuple[int, bytes]]) -> None:
    """Whatever stands where: no other error comes of it."""
    data = bytearray(HEALTHY)
    for at, word in edits:
        data[at : at + len(word)] = word
    with contextlib.suppress(NotPlainError):
        file = PlainFile(bytes(data))
        for index in range(len(file.pages)):
            file.page(index)


def test_pages_of_a_healthy_file() -> None:
    """All of them are found, and what is drawn on each."""
    file = PlainFile(HEALTHY)
    assert [b"Page %d of %d" % (index + 1, PAGES) in file.page(index).content[0] for index in range(PAGES)] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("content", "fonts"),
    [
        (b"/F1 7 Tf (TAG-1) Tj", {b"F1"}),
        (b"/F1 7 Tf q /F2 7 Tf (x) Tj Q [(TAG-1)-20(y)] TJ /F2 9 Tf (TAG 2) Tj", {b"F1", b"F2"}),
        (b"/F1 7 Tf (x)Tj/F2 7 Tf(TAG-1)Tj", {b"F2"}),
        (rb"/F1 7 Tf (\(TAG-1\)) Tj", {b"F1"}),
        (b"/P <</MCID 0>> BDC /F1 7 Tf 0.5 Tc <41> Tj (TAG-1) Tj EMC", {b"F1"}),
        (b"/F1 7 Tf -1 Tc (TAG-1) Tj", None),
        (b"/F1 7 Tf {} (TAG-1) Tj", None),
        (b"(TAG-1) Tj", None),
        (b"/F1 7 Tf /G gs (TAG-1) Tj", None),
        (b"/F1 7 Tf (TAG) Tj", None),
        (b"/F1 7 Tf (TAG-1", None),
        (rb"/F1 7 Tf (TAG-1\)", None),
        (b"/F1 7 Tf (a (TAG-1) b) Tj", None),
        (b"/F1 7 Tf % (\n(TAG-1) Tj", None),
        (b"/F1 7 Tf <41(42> (TAG-1) Tj", None),
        (b"/F1 7 Tf BI /W 1 ID (TAG-1) EI", None),
        (b"/F1 7 Tf 50 Tz (TAG-1) Tj", None),
        (b"/F1 7 Tf /TAG Do (TAG-1) Tj", None),
        (b"/F#31 7 Tf (TAG-1) Tj", None),
        (b"/F1 7 Tf (x) Tj", set()),
    ],
)
def test_fonts_of_a_tag(content: bytes, fonts: set[bytes] | None) -> None:
    """They are known only where nothing about the instructions is in doubt."""
    assert fonts_of_tag(content, b"TAG") == (None if fonts is None else frozenset(fonts))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<<",
        b"/A 1",
        b"<</A>>",
        b"<</A 1/A 2>>",
        b"<</A[1>>]>>",
        b"<</A(b>>",
        b"<</A#42 1>>",
        b"<<1/A>>",
        b"<<>>>>",
    ],
)
def test_what_is_no_dictionary(text: bytes) -> None:
    """It is refused, not guessed at."""
    with pytest.raises(NotPlainError):
        entries_of(text)


def test_entries_of_a_dictionary() -> None:
    """Values are one token, a reference, or all up to their closing bracket."""
    text = b"\n<</A/B /C 1 0 R/D[1 0 R<</E(>>)>>]\n/F<</G<41>>>/H true>>"
    assert entries_of(text) == {
        b"/A": b"/B",
        b"/C": b"1 0 R",
        b"/D": b"[ 1 0 R << /E (>>) >> ]",
        b"/F": b"<< /G <41> >>",
        b"/H": b"true",
    }
