"""Does a page on which only the tag is another hold the same text but for the tag?

It does where the tag stands in plain strings of the drawing instructions, in fonts whose letters PDFium reads as
themselves, and where the tag's letters take the same room: then nothing on the page is at another place, and no
gap between two words is wider or narrower.
"""

from __future__ import annotations

import ctypes
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_STRING: Final = re.compile(rb"(\((?:[^()\\]|\\.)*+(\))?)", re.DOTALL)
_PLAIN: Final = b"()"
_MARK: Final = b"(!)"
"""Stands for a string that holds the tag."""
_HEX: Final = re.compile(rb"<<|>>|<[0-9A-Fa-f\0\t\n\f\r ]*+>")
_OTHER: Final = rb"[^\0\t\n\f\r \[\]()]"
_END: Final = rb"(?![^\0\t\n\f\r \[\]()/])"
"""What parts an operator from what follows."""
_UNSURE: Final = (b"(", b")", b"%", b"<", b">", b"{", b"}", b'"', b"\x80", b"\xff")
"""Comments, strings within strings, what only PDFium takes for white space, and what else is not looked into."""
_RARE: Final = (b"ID", b"Tz", b"Tc")
_DENSE: Final = re.compile(rb"(?<!%b)(?:ID|Tz)%b|-[0-9.]*[\0\t\n\f\r ]+Tc" % (_OTHER, _END))
"""A picture within the instructions, and what sets letters closer than the font does."""
_STEP: Final = re.compile(
    rb"[/(qQg](?:(?<=/)([^\0\t\n\f\r ()<>\[\]{}/%%#]+)[\0\t\n\f\r ]+[0-9.+-]+[\0\t\n\f\r ]+Tf%b"
    rb"|(?<=[qQ])(?<!%b[qQ])%b|(?<=g)(?<!%bg)s%b|(?<=\()!\))" % (_END, _OTHER, _END, _OTHER, _END)
)
_LETTERS: Final = string.ascii_letters + string.digits
_SIZE: Final = 1000
"""Font size at which a letter is read: its measures are then whole numbers."""
_APART: Final = 3000
"""Points between two lines, so that no line has to do with another."""
_NARROWEST: Final = 100
"""Of 1000: PDFium takes letters that stand closer for one that is printed twice."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The room that a letter takes, in thousandths of the font's size."""

    advance: int
    left: int
    bottom: int
    right: int
    top: int


def fonts_of_tag(content: bytes, tag: bytes) -> frozenset[bytes] | None:
    """Return the names of the fonts in which the tag is drawn; None where that can't be told from the instructions.

    The tag must stand in literal strings, and more must follow it there: then its last letter is no string's edge.
    """
    pieces = _STRING.split(content)  # what stands before a string, the string, its end; and so on
    strings, ends = pieces[1::3], pieces[2::3]
    own = [place for place, text in enumerate(strings) if tag in text]
    goes_on = re.compile(re.escape(tag) + rb"[ -'*-\[\]-~]")
    places = sum(len(goes_on.findall(strings[place])) for place in own)
    if None in ends or places != content.count(tag):
        return None
    shortened = [_PLAIN] * len(strings)
    for place in own:
        shortened[place] = _MARK
    pieces[1::3], pieces[2::3] = shortened, [b""] * len(ends)
    steps = _HEX.sub(b" ", b"".join(pieces))
    rest = steps.replace(_PLAIN, b"").replace(_MARK, b"")
    if any(sign in rest for sign in _UNSURE) or (any(sign in rest for sign in _RARE) and _DENSE.search(rest)):
        return None
    return _fonts(steps)


def _fonts(steps: bytes) -> frozenset[bytes] | None:
    """Follow which font is set where the tag stands. steps: the instructions, each string shortened."""
    fonts: set[bytes] = set()
    font: bytes | None = None
    outer: list[bytes | None] = []
    settings = 0
    for step in _STEP.finditer(steps):
        text = step[0]
        if step[1]:
            font = step[1]
            settings += 1
        elif text == b"q":
            outer.append(font)
        elif text != _MARK:  # `gs` may set a font, too
            font = outer.pop() if text == b"Q" and outer else None
        elif font is None:
            return None
        else:
            fonts.add(font)
    return frozenset(fonts) if settings == steps.count(b"Tf") else None


def drawn_letters(font: bytes) -> bytes:
    """Return instructions that draw each letter twice in a row, each letter on a separate line."""
    lines = (
        b"BT /%b %d Tf 1 0 0 1 0 %d Tm (%b) Tj ET\n" % (font, _SIZE, -_APART * line, letter.encode() * 2)
        for line, letter in enumerate(_LETTERS)
    )
    return b"".join(lines)


def read_letters(data: bytes, index: int) -> dict[str, Letter]:
    """Return the letters that PDFium reads as themselves on a page that `drawn_letters` fills, and their room."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return {}
    try:
        page = document[index]
        textpage = page.get_textpage()
        found = _letters(textpage)
        textpage.close()
        page.close()
    except pdfium.PdfiumError:
        return {}
    finally:
        document.close()
    return found


def _letters(textpage: Any) -> dict[str, Letter]:
    raw = textpage.raw
    edges = left, right, bottom, top = tuple(ctypes.c_double() for _ in range(4))
    x, y = ctypes.c_double(), ctypes.c_double()
    lines: dict[int, list[tuple[str, float, tuple[float, float, float, float]]]] = {}
    for index in range(textpage.count_chars()):
        if pdfium_c.FPDFText_IsGenerated(raw, index):
            continue
        placed = pdfium_c.FPDFText_GetCharOrigin(raw, index, x, y)
        if not placed or not pdfium_c.FPDFText_GetCharBox(raw, index, *edges):
            return {}
        box = left.value - x.value, bottom.value - y.value, right.value - x.value, top.value - y.value
        char = chr(pdfium_c.FPDFText_GetUnicode(raw, index))
        lines.setdefault(round(-y.value / _APART), []).append((char, x.value, box))
    found = {}
    for line, letter in enumerate(_LETTERS):
        read = lines.get(line, [])
        if [char for char, _, _ in read] == [letter] * 2:
            (_, here, box), (_, there, _) = read
            found[letter] = Letter(round(there - here), *map(round, box))
    return found


def take_same_room(one: str, other: str, letters: Mapping[str, Letter]) -> bool:
    """Return whether two tags differ in nothing but in which letters they show. letters: of the font."""
    if not set(one) | set(other) <= letters.keys():
        return False
    first, second = ([letters[char] for char in tag] for tag in (one, other))
    if [letter.advance for letter in first] != [letter.advance for letter in second]:
        return False
    boxes = [_box(tag) for tag in (first, second)]
    return boxes[0] is not None and boxes[0] == boxes[1]


def _box(tag: list[Letter]) -> tuple[int, int, int] | None:
    """Return left, bottom and top of a tag; None where other letters than the first and the next one are its edges."""
    ends = list(accumulate(letter.advance for letter in tag))
    lefts = [end - letter.advance + letter.left for end, letter in zip(ends, tag, strict=True)]
    rights = [end - letter.advance + letter.right for end, letter in zip(ends, tag, strict=True)]
    if min(letter.advance for letter in tag) < _NARROWEST or min(lefts) < lefts[0] or max(rights) > ends[-1]:
        return None
    return tag[0].left, min(letter.bottom for letter in tag), max(letter.top for letter in tag)
