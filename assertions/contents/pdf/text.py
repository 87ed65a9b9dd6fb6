"""The text of a PDF's pages, made comparable: one normal form, no white space, word borders kept separately."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from assertions.contents.pdf.clip import clips

_DROPPED: Final = (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, 0xFFFF)
_TABLE: Final[dict[int, str | None]] = {
    **dict.fromkeys(_DROPPED),
    **{code: None for code in range(0x20) if not chr(code).isspace()},
    # what PDFium makes of a hyphen at a line's end
    0x02: "-",
    0xFFFE: "-",
    # dashes that fonts and extractors confuse
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-"),
}

_ODD: Final = re.compile("[" + "".join(map(re.escape, map(chr, _TABLE))) + "]")
"""The letters that the table changes; most pages have none."""
_TWINS: Final = 6
"""PDFium looks for an equal text object among this number of objects before."""
_AWAY_PT: Final = 2000
_UPRIGHT: Final = {1: (0, -1, 1, 0), 2: (-1, 0, 0, -1), 3: (0, 1, -1, 0)}
"""What undoes a page's quarter turns: a, b, c and d of a matrix."""
_SPACE: Final = 0.15
"""Of the letters' height: a gap no wider is no river between columns."""


def words_of(text: str) -> list[str]:
    """Split a text at white space, in the normal form in which texts are compared."""
    if _ODD.search(text):
        text = text.translate(_TABLE)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.split()


def squeeze(text: str) -> str:
    """Return a text in normal form, without white space."""
    return "".join(words_of(text))


@dataclass(frozen=True)
class Text:
    """One page's text in one reading order."""

    words: tuple[str, ...]

    @cached_property
    def joined(self) -> str:
        """All words without anything between them."""
        return "".join(self.words)

    @cached_property
    def borders(self) -> frozenset[int]:
        """Places in `joined` where a word begins or ends."""
        return frozenset(self._cuts)

    @cached_property
    def _cuts(self) -> tuple[int, ...]:
        return tuple(accumulate(map(len, self.words), initial=0))

    def spaced(self, start: int, end: int) -> str:
        """Return a piece of `joined` with a space at each word border."""
        cuts = self._cuts
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        return " ".join(self.joined[a:b] for a, b in pairwise((start, *inside, end)) if a < b)


def text_of(raw: str) -> Text:
    """Make a text comparable."""
    return Text(tuple(words_of(raw)))


Rename = Callable[[str], str | None]
"""Puts another tag into a text; None where that can't be undone."""


class PageError(Exception):
    """A page can't be loaded; the message is PDFium's."""


class Page:
    """One page: its text in the order in which it was drawn and, when asked for, in the order of its places."""

    def __init__(
        self, document: pdfium.PdfDocument, index: int, apart: bool = False, rename: Rename | None = None
    ) -> None:
        self._document = document
        self._index = index
        self._apart = apart
        self._rename = rename
        self.asked = 0, 1
        """Of the page's objects these are asked whether they are clipped: from which on, and each how many."""
        self.clips = False
        """Whether a clipped text object was found when the page was read."""

    def apart(self) -> Page:
        """The same page, `drawn` of which holds also what PDFium takes for a shadow of equal text before it."""
        return Page(self._document, self._index, apart=True)

    def renamed(self, raw: str, rename: Rename) -> Page:
        """The same page with another tag in its text. raw: its text as drawn, with that tag."""
        page = Page(self._document, self._index, rename=rename)
        page.__dict__["raw"] = raw
        return page

    @property
    def was_placed(self) -> bool:
        """Whether it was asked for where the letters stand."""
        return "_lines" in self.__dict__

    def _textpage(self, apart: bool = False) -> Any:
        try:
            page = self._document[self._index]
            self.clips = clips(page.raw, *self.asked)
            _turn_upright(page.raw)
            if apart:
                _move_twins(page.raw)
            return page.get_textpage()
        except pdfium.PdfiumError as error:
            raise PageError(str(error)) from error

    @cached_property
    def raw(self) -> str:
        """The text as it was drawn, and as PDFium gives it; PageError where the page can't be read."""
        textpage = self._textpage(self._apart)
        try:
            return str(textpage.get_text_range())
        finally:
            textpage.close()

    @cached_property
    def drawn(self) -> Text:
        """The text as it was drawn; PageError where the page can't be read."""
        return text_of(self.raw)

    def forget(self) -> None:
        """Give back what only `placed` and `bands` need; it is read again when asked for."""
        for name in ("_lines", "placed"):
            self.__dict__.pop(name, None)

    @cached_property
    def _lines(self) -> list[list[_Glyph]]:
        textpage = self._textpage()
        try:
            return _lines(_glyphs(textpage))
        finally:
            textpage.close()

    @cached_property
    def placed(self) -> Text:
        """The text line by line, from the top, each from the left."""
        words = (word for line in self._lines for piece in _split(line) for word in words_of(piece))
        return self._own(Text(tuple(words)))

    def _own(self, text: Text) -> Text:
        """A text with this page's tag."""
        if self._rename is None or not text.words:
            return text
        renamed = self._rename("\n".join(text.words))
        return text if renamed is None else Text(tuple(renamed.split("\n")))

    def bands(self, columns: int) -> tuple[Text, ...] | None:
        """Return the text of each column of the table, or None where white rivers do not make that many columns."""
        lines = self._lines
        inked = [_inked(line) for line in lines]
        for top in range(min(len(lines), 12)):
            for bottom in range(min(len(lines) - top, 5)):
                rivers = _rivers(inked[top : len(lines) - bottom])
                if len(rivers) + 1 == columns:
                    return tuple(map(self._own, _bands(lines[top:], rivers)))
        return None


def _turn_upright(page: Any) -> None:
    """Turn what a turned page holds, and the page back, only in the open page.

    PDFium drops text without width. Where a font is neither embedded nor on this machine its letters have no height,
    and drawn up a turned page that is their width.
    """
    turn = _UPRIGHT.get(pdfium_c.FPDFPage_GetRotation(page))
    if turn is None:
        return
    for index in range(pdfium_c.FPDFPage_CountObjects(page)):
        pdfium_c.FPDFPageObj_Transform(pdfium_c.FPDFPage_GetObject(page, index), *turn, 0, 0)
    pdfium_c.FPDFPage_SetRotation(page, 0)


def _move_twins(page: Any) -> None:
    """Move text objects that are as large as one just before far off, only in the open page.

    PDFium drops the second of two that hold the same letters and stand within an eighth of their width, as the double
    by which some printers make text bold; a long cell and its equal in the next row stand as near.
    """
    recent: deque[tuple[float, float]] = deque(maxlen=_TWINS)
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(pdfium_c.FPDFPage_CountObjects(page)):
        drawn = pdfium_c.FPDFPage_GetObject(page, index)
        if pdfium_c.FPDFPageObj_GetType(drawn) != pdfium_c.FPDF_PAGEOBJ_TEXT:
            continue
        pdfium_c.FPDFPageObj_GetBounds(drawn, *map(ctypes.byref, (left, bottom, right, top)))
        size = round(right.value - left.value, 1), round(top.value - bottom.value, 1)
        if size in recent:
            pdfium_c.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, 0, _AWAY_PT * (index % (_TWINS + 1) + 1))
        recent.append(size)


@dataclass(frozen=True, slots=True)
class _Glyph:
    """One letter and its place, in points from the page's left and bottom."""

    char: str
    left: float
    right: float
    bottom: float
    top: float


def _glyphs(textpage: Any) -> list[_Glyph]:
    raw = textpage.raw
    box = pdfium_c.FS_RECTF()
    found = []
    for index in range(textpage.count_chars()):
        char = chr(pdfium_c.FPDFText_GetUnicode(raw, index))
        if char.isspace() or not pdfium_c.FPDFText_GetLooseCharBox(raw, index, ctypes.byref(box)):
            continue
        found.append(_Glyph(char, box.left, box.right, min(box.bottom, box.top), max(box.bottom, box.top)))
    return found


def _lines(glyphs: list[_Glyph]) -> list[list[_Glyph]]:
    """Group letters whose middles are at one height, from the top down."""
    lines: list[list[_Glyph]] = []
    middle = 0.0
    for glyph in sorted(glyphs, key=lambda g: -(g.bottom + g.top)):
        here = (glyph.bottom + glyph.top) / 2
        if not lines or middle - here > 0.4 * max(glyph.top - glyph.bottom, 1.0):
            lines.append([])
            middle = here
        lines[-1].append(glyph)
    for line in lines:
        line.sort(key=lambda glyph: glyph.left)
    return lines


def _split(line: Sequence[_Glyph]) -> Iterable[str]:
    """Words of a line: letters with no gap between them."""
    word = ""
    end = 0.0
    for glyph in line:
        if word and glyph.left - end > 0.12 * (glyph.top - glyph.bottom):
            yield word
            word = ""
        word += glyph.char
        end = glyph.right
    if word:
        yield word


@dataclass(frozen=True, slots=True)
class _Inked:
    """Where a line has letters, without the gaps that are no wider than a space among its letters."""

    height: float
    spans: tuple[tuple[float, float], ...]
    """Left and right of each stretch, from the left."""


def _inked(line: Sequence[_Glyph]) -> _Inked:
    height = max(glyph.top - glyph.bottom for glyph in line)
    spans: list[tuple[float, float]] = []
    for glyph in line:
        if spans and glyph.left - spans[-1][1] <= _SPACE * height:
            spans[-1] = spans[-1][0], max(spans[-1][1], glyph.right)
        else:
            spans.append((glyph.left, glyph.right))
    return _Inked(height, tuple(spans))


def _rivers(lines: Sequence[_Inked]) -> list[float]:
    """Return the middles of the white stripes, wider than a space, that run through all lines."""
    spans = sorted(span for line in lines for span in line.spans)
    height = max((line.height for line in lines), default=0.0)
    rivers = []
    end = spans[0][1] if spans else 0.0
    for left, right in spans:
        if left - end > _SPACE * height:
            rivers.append((left + end) / 2)
        end = max(end, right)
    return rivers


def _bands(lines: Sequence[Sequence[_Glyph]], rivers: Sequence[float]) -> tuple[Text, ...]:
    edges = [float("-inf"), *rivers, float("inf")]
    bands = []
    for left, right in pairwise(edges):
        words: list[str] = []
        for line in lines:
            inside = [glyph for glyph in line if left <= (glyph.left + glyph.right) / 2 < right]
            words += [word for piece in _split(inside) for word in words_of(piece)]
        bands.append(Text(tuple(words)))
    return tuple(bands)
