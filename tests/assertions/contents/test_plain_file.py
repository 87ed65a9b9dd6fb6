"""What is read of a PDF file byte by byte, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assertions.contents.pdf import plain_file
from assertions.contents.pdf.plain_file import NotPlainError, PlainFile, entries_of
from assertions.contents.pdf.tag_letters import fonts_of_tag
from tests.assertions.contents.plain_pdf import CATALOG, FONT, PAGES, RESOURCES, file_of, objects_of, page_number

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
        (b"/F1 7 Tf (x) Tj q\x80/F2 7 Tf (TAG-1) Tj", None),
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
        b"<</A 1 /B\x80/C 1>>",
        b"<</A 1 /B 1\xff1>>",
        b"<</A 1>> R/B 1>>",
        rb"<</A(" + rb"\(" * 400_000 + b">>",
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


def context_of(reference: bytes, own: bytes) -> bytes:
    """Hash a page whose font refers to an object in this spelling."""
    objects = objects_of("T010000001")
    objects[40] = own
    objects[FONT] = objects[FONT].replace(b"/Encoding", b"/ToUnicode " + reference + b"/Encoding")
    return PlainFile(file_of(objects)).page(2).context


@pytest.mark.parametrize("reference", [b"40 0 R", b"40\0\r\n0\t\fR", b"40\x800\xffR", b"0040 0 R"])
def test_all_that_pdfium_takes_for_a_reference_is_followed(reference: bytes) -> None:
    """For PDFium two more signs are white space."""
    assert context_of(reference, b"(a)") != context_of(reference, b"(b)")


@pytest.mark.parametrize("reference", [b"0" * 254 + b"407 0 R", b"+40 0 R", b"40 00 R", b"40 1 R", b"40%\n0 R"])
def test_odd_references_are_refused(reference: bytes) -> None:
    """Of a long word PDFium reads 256 signs."""
    with pytest.raises(NotPlainError):
        context_of(reference, b"(a)")


@pytest.mark.parametrize(
    ("trailer", "is_read"),
    [
        (b"%\n/Root 1 0 R", True),
        (b"/Root 1 0 R\n% a file (free) >> <<\r/ID[<AB><CD>]", True),
        (b"/Root 1 0 R/ID[<AB\n%>]/Root 60 0 R/Foo[<\nCD>]", False),
        (b"/Root 1 0 R/ID[(AB\n%)]/Root 60 0 R/Foo[(\nCD)]", False),
        (b"/Root 1 0 R/Encrypt 40 0 R", False),
    ],
)
def test_comments_in_the_trailer(trailer: bytes, is_read: bool) -> None:
    """They are left out, and what only looks like one, within a string, hides nothing."""
    data = file_of(objects_of("T010000001")).replace(b"/Root %d 0 R" % CATALOG, trailer)
    with contextlib.nullcontext() if is_read else pytest.raises(NotPlainError):
        assert len(PlainFile(data).pages) == PAGES


@pytest.mark.parametrize("value", [b"1" * 400_000, b"1" * 200_000 + b" " * 200_000])
def test_long_numbers_take_no_time(value: bytes) -> None:
    """Each is looked at once."""
    assert context_of(b"40 0 R", b"[%b]" % value)


def test_a_file_is_hashed_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often its pages refer to the same objects."""
    objects = objects_of("T010000001")
    number = page_number(1)
    objects[number] = objects[number].replace(
        b"/Contents", b"/A[%d 0 R 1]/B[%d 0 R 2]/Contents" % (RESOURCES, RESOURCES)
    )
    monkeypatch.setattr(plain_file, "_MOST_HASHED_BYTES", 4_000)
    file = PlainFile(file_of(objects))
    assert file.page(2)
    with pytest.raises(NotPlainError):
        file.page(1)
