"""What PDFium does not read again: findings are the same as if PDFium had read all of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import reportlab.rl_config

from assertions.contents.pdf import plain_file, same_page
from assertions.contents.pdf.check import check_pdf_of
from assertions.contents.pdf.plain_file import PlainFile
from assertions.contents.pdf.same_page import SamePages
from assertions.contents.tags import TAG_PLACEHOLDER
from assertions.contents.template import KnownPage, Request, Template
from tests.assertions.contents import plain_pdf as pdf
from tests.assertions.contents.both_ways import FIRST, FOURTH, SECOND, THIRD, Looks, both_ways, changed, healthy
from tests.assertions.contents.layouts import LAYOUTS, Model, model
from tests.assertions.contents.plain_pdf import Change, Objects, content_of, file_of, objects_of, page_number, stream
from tests.assertions.contents.test_pdf import FAULTS, make_sent


def test_pages_of_a_third_file_are_known_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages but the first, and one once more for the look that PDFium takes itself.

    Those of a second file are not: one tag does not tell what else is the tag, in another spelling.
    """
    outcomes, looks = both_ways(monkeypatch, healthy(FIRST, SECOND, THIRD), pdf.template_body())
    assert [outcome.finding_count for outcome in outcomes] == [0, 0, 0]
    assert looks == Looks(asked=2 * pdf.PAGES, known=pdf.PAGES, pages={1, 2, 3})


def _put(objects: Objects, number: int, old: bytes, new: bytes) -> None:
    assert old in objects[number]
    objects[number] = objects[number].replace(old, new)


def _font(entries: bytes) -> Change:
    return lambda objects, tag: _put(objects, pdf.FONT, b"/Encoding/WinAnsiEncoding", entries)


def _page(index: int, old: bytes, new: bytes) -> Change:
    return lambda objects, tag: _put(objects, page_number(index), old, new)


def _content(index: int, edit: Callable[[bytes], bytes]) -> Change:
    def change(objects: Objects, tag: str) -> None:
        objects[page_number(index) + 1] = stream(edit(content_of(index, tag)))

    return change


def _with_object(own: bytes, change: Change) -> Change:
    def both(objects: Objects, tag: str) -> None:
        objects[40] = own
        change(objects, tag)

    return both


def _hidden_layer(objects: Objects, tag: str) -> None:
    objects[40] = b"<</Type/OCG/Name(layer)>>"
    _put(objects, pdf.CATALOG, b">>", b"/OCProperties<</OCGs[40 0 R]/D<</OFF[40 0 R]>>>>>>")
    _put(objects, pdf.RESOURCES, b"<</Font", b"<</Properties<</Layer 40 0 R>>/Font")
    objects[page_number(2) + 1] = stream(b"/OC /Layer BDC " + content_of(2, tag) + b" EMC")


def _form(number: int, content: bytes) -> Change:
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 600 850]/Resources %d 0 R" % pdf.RESOURCES

    def change(objects: Objects, tag: str) -> None:
        objects[number] = stream(content, head)

    return change


def _inherited_resources(objects: Objects, tag: str) -> None:
    _put(objects, page_number(2), b"/Resources %d 0 R" % pdf.RESOURCES, b"")
    _put(objects, pdf.NODE, b"/Count", b"/Resources<</Font<<>>>>/Count")


def _swapped_pages(objects: Objects, tag: str) -> None:
    first, second = b"%d 0 R" % page_number(1), b"%d 0 R" % page_number(2)
    _put(objects, pdf.NODE, first + b" " + second, second + b" " + first)


TO_UNICODE = stream(
    b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
    b"1 beginbfchar <31> <0039> endbfchar endcmap end"
)
CHANGES: dict[str, Change] = {
    "another digit": _content(2, lambda text: text.replace(b"(Page 3", b"(Page 8")),
    "a cell of the tag": _content(2, lambda text: text.replace(b"-120)", b"-121)")),
    "a row less": _content(1, lambda text: b"\n".join(text.split(b"\n")[:-4] + text.split(b"\n")[-1:])),
    "the other tag on one page": _content(1, lambda text: text.replace(SECOND.encode(), FIRST.encode())),
    "the other tag in one cell": _content(1, lambda text: text.replace(SECOND.encode(), FIRST.encode(), 1)),
    "the placeholder": _content(1, lambda text: text.replace(SECOND.encode(), TAG_PLACEHOLDER.encode())),
    "no content": _content(3, lambda text: b""),
    "invisible text": _content(2, lambda text: b"3 Tr " + text),
    "a clip": _content(2, lambda text: b"0 0 90 850 re W n " + text),
    "covered": _content(2, lambda text: text + b" 1 g 0 0 600 850 re f"),
    "names read as others": _with_object(TO_UNICODE, _font(b"/Encoding/WinAnsiEncoding/ToUnicode 40 0 R")),
    "another font": lambda objects, tag: _put(objects, pdf.FONT, b"Helvetica", b"ZapfDingbats"),
    "another encoding": _font(b"/Encoding<</Type/Encoding/Differences[49/nine]>>"),
    "other widths": _font(b"/FirstChar 32/LastChar 126/Widths[%b]" % (b"1 " * 95)),
    "a render mode in a state": _content(2, lambda text: b"/Dim gs " + text),
    "a hidden layer": _hidden_layer,
    "an annotation over it": _page(2, b"/Contents", b"/Annots[<</Subtype/Square/Rect[0 0 600 850]/IC[1]>>]/Contents"),
    "a smaller page": _page(2, b"[0 0 600 850]", b"[0 0 60 850]"),
    "a crop": _page(2, b"/Contents", b"/CropBox[0 0 60 850]/Contents"),
    "a turned page": _page(2, b"/Contents", b"/Rotate 90/Contents"),
    "a unit": _page(2, b"/Contents", b"/UserUnit 2/Contents"),
    "a turn that pages inherit": lambda objects, tag: _put(objects, pdf.NODE, b"/Count", b"/Rotate 180/Count"),
    "resources that a page inherits": _inherited_resources,
    "another head two forms deep": _form(pdf.INNER, b"BT /F1 8 Tf 1 0 0 1 200 800 Tm (town) Tj ET"),
    "a record more two forms deep": _form(
        pdf.INNER, b"BT /F1 8 Tf 1 0 0 1 200 800 Tm (name) Tj 1 0 0 1 30 60 Tm (999 %b-999 Ada) Tj ET" % SECOND.encode()
    ),
    "two pages exchanged": _swapped_pages,
    "a wrong count": lambda objects, tag: _put(objects, pdf.NODE, b"/Count 4", b"/Count 3"),
    "a page twice": lambda objects, tag: _put(
        objects, pdf.NODE, b"%d 0 R" % page_number(2), b"%d 0 R" % page_number(1)
    ),
    "a page that is not there": lambda objects, tag: (objects.pop(page_number(2)), None)[1],
    "a wrong length": lambda objects, tag: objects.update(
        {page_number(2) + 1: b"<</Length 30>>\nstream\n%b\nendstream" % content_of(2, tag)}
    ),
    "a stream that breaks off": lambda objects, tag: objects.update(
        {
            page_number(2) + 1: b"<</Filter/FlateDecode/Length 90>>\nstream\n%b\nendstream"
            % stream(b"1 g " * 900)[40:130]
        }
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_found_as_before(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """A file that differs in one thing, between healthy ones."""
    files = [*healthy(FIRST, FOURTH), changed(SECOND, CHANGES[change]), *healthy(THIRD)]
    both_ways(monkeypatch, files, pdf.template_body())
    both_ways(monkeypatch, files[2:], pdf.template_body())


@pytest.mark.parametrize("change", ["covered", "a smaller page", "a crop", "a turned page", "a unit"])
def test_a_page_of_other_bytes_is_read(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Also where its text stays the same."""
    files = [*healthy(FIRST, FOURTH), changed(SECOND, CHANGES[change])]
    _, looks = both_ways(monkeypatch, files, pdf.template_body())
    assert 1 in looks.pages
    assert 2 not in looks.pages


REWRITTEN: dict[str, Callable[[Objects], bytes]] = {
    "object streams": pdf.packed_file_of,
    "without an end mark": lambda objects: file_of(objects)[:-6],
    "a damaged table": lambda objects: file_of(objects).replace(b"0000000009 00000 n", b"0000000019 00000 n"),
    "no table": lambda objects: file_of(objects).replace(b"\nxref\n", b"\nnone\n"),
    "bytes before it": lambda objects: b"\n\n" + file_of(objects),
    "bytes behind it": lambda objects: file_of(objects) + b"\0" * 100,
    "an update": lambda objects: pdf.updated(
        file_of(objects), page_number(2) + 1, stream(content_of(2, SECOND).replace(b"-120)", b"-121)"))
    ),
    "a second object of a number": lambda objects: file_of(objects).replace(
        b"\nxref\n", b"\n%d 0 obj\n%b\nendobj\nxref\n" % (page_number(2) + 1, stream(b""))
    ),
    "a hidden second object of a number": lambda objects: file_of(
        {**objects, 60: b"<<>>\nendobj\n%d 0 obj\n%b" % (page_number(2) + 1, stream(b""))}
    ),
    "a hybrid": lambda objects: file_of(objects).replace(b"/Size", b"/XRefStm 9/Size"),
}


@pytest.mark.parametrize("rewritten", REWRITTEN)
def test_no_bytes_are_compared_of_a_file_that_readers_may_read_differently(
    monkeypatch: pytest.MonkeyPatch, rewritten: str
) -> None:
    """Whatever PDFium makes of the file."""
    files = [*healthy(FIRST, FOURTH), (REWRITTEN[rewritten](objects_of(SECOND)), SECOND)]
    _, looks = both_ways(monkeypatch, files, pdf.template_body())
    assert looks.known == 0


_WIDTHS = b"/FirstChar 32/LastChar 126/Widths[" + b"600 " * (ord("x") - 32) + b"650 " + b"600 " * 6 + b"]"
SHOWN: dict[str, tuple[Change, tuple[str, str, str]]] = {
    "as another letter": (
        _font(b"/Encoding<</Type/Encoding/Differences[120/y]>>"),
        ("T01000000a", "T01000000b", "T01000000x"),
    ),
    "wider": (_font(_WIDTHS), ("T01000000a", "T01000000b", "T01000000x")),
    "higher": (
        lambda objects, tag: _put(objects, pdf.FONT, b"Helvetica", b"Courier"),
        ("Taaaaaaaaa", "Tccccccccc", "Tbbbbbbbbb"),
    ),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_a_tag_that_takes_other_room_or_is_shown_as_another_is_read(
    monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    """In all files alike, so that only the tag tells."""
    change, tags = SHOWN[shown]
    _, looks = both_ways(monkeypatch, [changed(tag, change) for tag in tags], pdf.template_body())
    assert looks.asked > 0
    assert looks.known == 0


def _named(objects: Objects, tag: str) -> None:
    """Another form for each tag, by a name that is the tag."""
    names = FIRST.encode(), SECOND.encode(), THIRD.encode()
    _put(objects, pdf.RESOURCES, b"/Inner", b"/%b 6 0 R/%b 5 0 R/%b 6 0 R/Inner" % names)
    objects[page_number(1) + 1] = stream(content_of(1, tag) + b" /%b Do" % tag.encode())


def _in_glyph_codes(objects: Objects, tag: str) -> None:
    """The first file's tag in another spelling, whatever the tag is."""
    extra = b" BT /F1 8 Tf 1 0 0 1 400 60 Tm <%b> Tj ET" % FIRST.encode().hex().encode()
    objects[page_number(1) + 1] = stream(content_of(1, tag) + extra)


def _at_the_end(objects: Objects, tag: str) -> None:
    """Nothing follows the tag in its string."""
    objects[page_number(1) + 1] = stream(content_of(1, tag).replace(b"%b-" % tag.encode(), b"%b) Tj (-" % tag.encode()))


def _commented(objects: Objects, tag: str) -> None:
    objects[page_number(1) + 1] = stream(content_of(1, tag) + b"\n% (" + tag.encode() + b"-1)")


def _set_closer(objects: Objects, tag: str) -> None:
    objects[page_number(1) + 1] = stream(content_of(1, tag).replace(b"/F1 8 Tf", b"/F1 8 Tf -0.5 Tc"))


@pytest.mark.parametrize("change", [_named, _in_glyph_codes, _at_the_end, _commented, _set_closer])
def test_a_tag_that_is_not_just_drawn_is_read(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """The bytes of these pages are equal but for the tag, and what they show may not be."""
    _, looks = both_ways(monkeypatch, [changed(tag, change) for tag in (FIRST, SECOND, THIRD)], pdf.template_body())
    assert looks.pages == {2, 3}


ROW = b"(%b-57) Tj"
"""A cell of the second page that holds the tag."""


def _beside_it(spelt: bytes) -> bytes:
    """The tag of a file in glyph codes; what is not shown has the request's own."""
    return b"/Span <</Alt (%b-57)>> BDC <" + (spelt + b"-57").hex().encode() + b"> Tj EMC"


def _printed_twice(spelt: bytes) -> bytes:
    """The same escaped; a string that is not shown, for it stands where its equal does, has the request's own."""
    return rb"(T\060%b-57) Tj 1 0 0 1 80 668 Tm (%%b-58) Tj" % spelt[2:]


@pytest.mark.parametrize("cell", [_beside_it, _printed_twice])
@pytest.mark.parametrize("ids", [range(4), range(4, 8)])
def test_another_file_s_tag_in_another_spelling_is_found(
    monkeypatch: pytest.MonkeyPatch, cell: Callable[[bytes], bytes], ids: range
) -> None:
    """The page's bytes are those of the first file but for its own tag, and show the first file's."""

    def file(tag: str) -> tuple[bytes, str]:
        own = tag.encode()
        assert ROW % own in content_of(1, tag)
        return changed(tag, _content(1, lambda text: text.replace(ROW % own, cell(FIRST.encode()) % own)))

    outcomes, _ = both_ways(monkeypatch, [file(FIRST), *(file(f"T01000001{id_}") for id_ in ids)], pdf.template_body())
    assert [outcome.finding_count for outcome in outcomes] == [0, 1, 1, 1, 1]


def test_content_in_several_streams_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose instructions are cut in two is compared whole."""

    def change(objects: Objects, tag: str) -> None:
        lines = content_of(1, tag).split(b"\n")
        objects[40], objects[41] = stream(b"\n".join(lines[:20])), stream(b"\n".join(lines[20:]))
        _put(objects, page_number(1), b"/Contents 13 0 R", b"/Contents[40 0 R 41 0 R]")

    files = [changed(tag, change) for tag in (FIRST, SECOND, THIRD)]
    outcomes, looks = both_ways(monkeypatch, files, pdf.template_body())
    assert [outcome.finding_count for outcome in outcomes] == [0, 0, 0]
    assert looks == Looks(asked=2 * pdf.PAGES, known=pdf.PAGES, pages={1, 2, 3})


def test_a_page_that_is_not_what_its_bytes_say_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a known text another than PDFium's, one page of each file tells, and PDFium reads them all."""
    body = pdf.template_body()
    template = Template(body, TAG_PLACEHOLDER)
    for data, tag in healthy(FIRST, FOURTH):
        assert check_pdf_of(data, Request(template, tag, "ann", None, lambda: template.sent)).finding_count == 0
    for known in template.pages.values():
        known.text += "!"
    asked: list[int] = []
    is_known = SamePages.is_known

    def noted(self: SamePages, index: int, known: KnownPage) -> bool:
        asked.append(index)
        return is_known(self, index, known)

    monkeypatch.setattr(SamePages, "is_known", noted)
    for data, tag in healthy(SECOND):
        assert check_pdf_of(data, Request(template, tag, "ann", None, lambda: template.sent)).finding_count == 0
    assert len(asked) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_judged_alike(monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    """Two healthy files, then one with a fault on its second page, then a healthy one."""
    monkeypatch.setattr(reportlab.rl_config, "useA85", 0)
    sent = make_sent(63, TAG_PLACEHOLDER)
    asked = {"columns": sent.columns, "data": sent.records, "title": sent.title, "user": sent.user}
    body = json.dumps(asked, ensure_ascii=False).encode()

    def file(tag: str, fault: Callable[[Model], Model] | None = None) -> tuple[bytes, str]:
        sheets = model(make_sent(63, tag))
        return LAYOUTS[layout](fault(sheets) if fault else sheets), tag

    fault, _ = FAULTS["last value gone"]
    both_ways(monkeypatch, [file(FIRST), file(SECOND), file(THIRD, fault), file("T010000004")], body)


def test_memory_that_is_not_enough_leaves_the_file_to_pdfium(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison by bytes is given up, the check is not."""

    def starved(self: PlainFile, index: int) -> plain_file.PageBytes:
        raise MemoryError

    monkeypatch.setattr(PlainFile, "page", starved)
    outcomes, looks = both_ways(monkeypatch, healthy(FIRST, SECOND), pdf.template_body())
    assert [outcome.finding_count for outcome in outcomes] == [0, 0]
    assert looks.known == 0


def test_a_service_whose_files_are_never_alike_is_soon_only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has another font, so that hashing its pages would be in vain."""

    def change(objects: Objects, tag: str) -> None:
        _put(objects, pdf.FONT, b"/Type/Font", b"/Type/Font/Name/F%b" % tag.encode())

    tags = [f"T0100000{number:02}" for number in range(12)]
    _, looks = both_ways(monkeypatch, [changed(tag, change) for tag in tags], pdf.template_body())
    assert looks.known == 0
    assert looks.asked < pdf.PAGES * same_page._MOST_UNLIKE
