"""Can the text of a PDF's page be seen, or only be extracted?

Text may be off the page, tiny, unpainted or covered, or drawn as boxes by a font that does not have its letters.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_SCALE: Final = 2.0
"""Pixels a point: small print keeps its strokes."""
_CONTRAST: Final = 24
"""Of 255: light grey on white has 40 and more, what can't be seen has none."""
_TINY_PT: Final = 1.5
"""Type of this height is a line, not text."""
_SLANTED: Final = 0.1
"""Sine of twice the angle from which on letters are no longer upright or on end: a watermark's."""
_OFF = "off the page"
_FEW: Final = 3
_SHARE: Final = {_OFF: 0.2}
"""Of a page's words: the end of a long line may run off the paper, it can still be read back."""
_OTHER_SHARE: Final = 0.02
"""Fewer may be drawn in a way of their own."""
_FACELESS_LEAST: Final = 3
"""So many different letters of a script are never all of one height and one width, in any typeface."""


@dataclass(frozen=True, slots=True)
class _Word:
    """Letters side by side, and their box in points from the page's left and bottom."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


def unseen(document: pdfium.PdfDocument, index: int) -> tuple[str, str] | None:
    """Why the words of a page can't be seen, and the first of them; None where they can.

    index: the page, from 0. Raises pdfium.PdfiumError where the page can't be loaded.
    """
    page = document[index]
    textpage = page.get_textpage()
    try:
        # letters beyond ASCII may be of a font that is not embedded and that this machine lacks
        words = [word for word in _words(textpage) if word.text.isascii() and sum(map(str.isalnum, word.text)) >= 2]
        return (_hidden(page, words) if words else None) or _faceless(textpage)
    finally:
        textpage.close()
        page.close()


def _hidden(page: Any, words: list[_Word]) -> tuple[str, str] | None:
    width, height = (round(side * _SCALE) for side in page.get_size())
    bitmap = page.render(scale=_SCALE, grayscale=True)
    pixels, stride = bytes(bitmap.buffer), bitmap.stride
    bitmap.close()
    found: dict[str, list[str]] = {}
    for word in words:
        left, top, right, bottom = _on_screen(page, word, width, height)
        if not (0 <= (left + right) / 2 < width and 0 <= (top + bottom) / 2 < height):
            why = _OFF
        elif word.top - word.bottom < _TINY_PT:
            why = "too small to be read"
        elif not _stands_out(pixels, stride, max(left, 0), max(top, 0), min(right, width), min(bottom, height)):
            why = "not to be seen: unpainted, covered, or in the colour of the paper"
        else:
            continue
        found.setdefault(why, []).append(word.text)
    for why, texts in found.items():
        if len(texts) >= max(_FEW, _SHARE.get(why, _OTHER_SHARE) * len(words)) or len(texts) == len(words):
            return f"{len(texts)} of {len(words)} words are {why}", texts[0]
    return None


def _faceless(textpage: Any) -> tuple[str, str] | None:
    """Letters of a script, in fonts of the file's own, that are all drawn as one and the same sign."""
    raw = textpage.raw
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    boxes: defaultdict[str, set[tuple[float, float]]] = defaultdict(set)
    letters: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for index in range(textpage.count_chars()):
        letter = chr(pdfium_c.FPDFText_GetUnicode(raw, index))
        if letter < "\u0100" or not letter.isalpha() or not _in_own_font(raw, index):
            continue
        size = pdfium_c.FPDFText_GetFontSize(raw, index)
        if size <= 0 or not pdfium_c.FPDFText_GetCharBox(raw, index, left, right, bottom, top):
            continue
        script = unicodedata.name(letter, "letter").split()[0]
        boxes[script].add((round((right.value - left.value) / size, 2), round((top.value - bottom.value) / size, 2)))
        letters[script][letter] = None
    for script, shown in letters.items():
        if len(shown) >= _FACELESS_LEAST and len(boxes[script]) == 1:
            why = f"all {len(shown)} {script.title()} letters are drawn as one and the same sign: the font lacks them"
            return why, "".join(shown)[:12]
    return None


def _in_own_font(raw: Any, index: int) -> bool:
    """Whether a letter's outline is in the file: of other fonts, and of drawn ones (Type 3), no box is known."""
    drawn = pdfium_c.FPDFText_GetTextObject(raw, index)
    font = pdfium_c.FPDFTextObj_GetFont(drawn) if drawn else None
    length = ctypes.c_size_t()
    return bool(
        font
        and pdfium_c.FPDFFont_GetIsEmbedded(font) == 1
        and pdfium_c.FPDFFont_GetFontData(font, None, 0, ctypes.byref(length))
        and length.value
    )


def _words(textpage: Any) -> Iterator[_Word]:
    """Runs of letters on one line without white space between them, as drawn; those at a slant are left out."""
    raw, box = textpage.raw, pdfium_c.FS_RECTF()
    here = ctypes.byref(box)
    text = ""
    left = bottom = right = top = 0.0
    for index in range(textpage.count_chars()):
        char = chr(pdfium_c.FPDFText_GetUnicode(raw, index))
        angle = 0.0 if char.isspace() else pdfium_c.FPDFText_GetCharAngle(raw, index)
        slanted = angle != 0.0 and abs(math.sin(2 * angle)) > _SLANTED
        if char.isspace() or slanted or not pdfium_c.FPDFText_GetLooseCharBox(raw, index, here):
            if text:
                yield _Word(text, left, bottom, right, top)
                text = ""
            continue
        low, high = min(box.bottom, box.top), max(box.bottom, box.top)
        if text and not (low < (bottom + top) / 2 < high and abs(box.left - right) < high - low):
            yield _Word(text, left, bottom, right, top)
            text = ""
        if not text:
            left, bottom, right, top = box.left, low, box.right, high
        text += char
        left, bottom = min(left, box.left), min(bottom, low)
        right, top = max(right, box.right), max(top, high)
    if text:
        yield _Word(text, left, bottom, right, top)


def _on_screen(page: Any, word: _Word, width: int, height: int) -> tuple[int, int, int, int]:
    """A word's box in pixels from the left and the top, whatever the page's origin and rotation are."""
    xs, ys = [], []
    for x, y in ((word.left, word.bottom), (word.right, word.top)):
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, x, y, ctypes.byref(at_x), ctypes.byref(at_y))
        xs.append(at_x.value)
        ys.append(at_y.value)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def _stands_out(pixels: bytes, stride: int, left: int, top: int, right: int, bottom: int) -> bool:
    """Whether a box's darkest and lightest pixel are far enough apart; mostly its middle row alone tells."""
    lightest, darkest = 0, 255
    for row in sorted(range(top, bottom), key=lambda row: abs(2 * row - top - bottom)) if left < right else ():
        line = pixels[row * stride + left : row * stride + right]
        high, low = max(line), min(line)
        lightest, darkest = max(lightest, high), min(darkest, low)
        if lightest - darkest >= _CONTRAST:
            return True
    return False
