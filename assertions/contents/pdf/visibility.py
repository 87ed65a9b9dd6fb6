"""Visibility of a PDF page's text: drawn text, or text that can only be extracted.

Text may be off the page, tiny, unpainted or covered, or drawn as boxes by a font that does not have its letters.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
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
"""Fewer may be drawn in another way."""
_RUN: Final = re.compile(r"\S+")
_FACELESS_LEAST: Final = 3
"""Number of different letters of a script that are never all of one height and one width, in any typeface."""


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
        chars = _chars(textpage)
        # letters beyond ASCII may be of a font that is not embedded and that this machine lacks
        words = [word for word in _words(textpage, chars) if word.text.isascii() and _letters(word.text) >= 2]
        return (_hidden(page, words) if words else None) or _faceless(textpage, chars)
    finally:
        textpage.close()
        page.close()


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _chars(textpage: Any) -> str:
    """Return a page's letters, each at its own index."""
    count, raw = textpage.count_chars(), textpage.raw
    text: str = textpage.get_text_range() if count else ""
    unicode = pdfium_c.FPDFText_GetUnicode
    # the text has letters put in or left out where the two differ; words' beginnings tell
    if len(text) == count and all(ord(text[run.start()]) == unicode(raw, run.start()) for run in _RUN.finditer(text)):
        return text
    return "".join(chr(unicode(raw, index)) for index in range(count))


def _hidden(page: Any, words: list[_Word]) -> tuple[str, str] | None:
    width, height = (round(side * _SCALE) for side in page.get_size())
    bitmap = page.render(scale=_SCALE, grayscale=True)
    with memoryview(bitmap.buffer) as pixels:
        found = _why_unseen(words, _on_screen(page, width, height), pixels.cast("B"), bitmap.stride, width, height)
    bitmap.close()
    for why, texts in found.items():
        if len(texts) >= max(_FEW, _SHARE.get(why, _OTHER_SHARE) * len(words)) or len(texts) == len(words):
            return f"{len(texts)} of {len(words)} words are {why}", texts[0]
    return None


def _why_unseen(
    words: list[_Word],
    on_screen: Callable[[_Word], tuple[int, int, int, int]],
    pixels: memoryview,
    stride: int,
    width: int,
    height: int,
) -> dict[str, list[str]]:
    """Return the words that can't be seen, by what keeps them from it."""
    found: dict[str, list[str]] = {}
    for word in words:
        left, top, right, bottom = on_screen(word)
        if not (0 <= (left + right) / 2 < width and 0 <= (top + bottom) / 2 < height):
            why = _OFF
        elif word.top - word.bottom < _TINY_PT:
            why = "too small to be read"
        elif not _stands_out(pixels, stride, max(left, 0), max(top, 0), min(right, width), min(bottom, height)):
            why = "not to be seen: unpainted, covered, or in the colour of the paper"
        else:
            continue
        found.setdefault(why, []).append(word.text)
    return found


def _faceless(textpage: Any, chars: str) -> tuple[str, str] | None:
    """Letters of a script, in fonts of the file's own, that are all drawn as one and the same sign."""
    raw = textpage.raw
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    edges = tuple(map(ctypes.byref, (left, right, bottom, top)))
    boxes: defaultdict[str, set[tuple[float, float]]] = defaultdict(set)
    letters: defaultdict[str, dict[str, None]] = defaultdict(dict)
    own: dict[int, bool] = {}
    for index, letter in enumerate(chars):
        if letter < "\u0100" or not letter.isalpha() or not _in_own_font(raw, index, own):
            continue
        size = pdfium_c.FPDFText_GetFontSize(raw, index)
        if size <= 0 or not pdfium_c.FPDFText_GetCharBox(raw, index, *edges):
            continue
        script = _script(letter)
        boxes[script].add((round((right.value - left.value) / size, 2), round((top.value - bottom.value) / size, 2)))
        letters[script][letter] = None
    for script, shown in letters.items():
        if len(shown) >= _FACELESS_LEAST and len(boxes[script]) == 1:
            why = f"all {len(shown)} {script.title()} letters are drawn as one and the same sign: the font lacks them"
            return why, "".join(shown)[:12]
    return None


@lru_cache(maxsize=4_096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "letter").split()[0]


def _in_own_font(raw: Any, index: int, known: dict[int, bool]) -> bool:
    """Return whether a letter's outline is in the file: of other fonts, and of drawn ones (Type 3), no box is known.

    known: what was found of the page's fonts so far, each by its address.
    """
    drawn = pdfium_c.FPDFText_GetTextObject(raw, index)
    font = pdfium_c.FPDFTextObj_GetFont(drawn) if drawn else None
    if not font:
        return False
    address = ctypes.addressof(font.contents)
    if address not in known:
        length = ctypes.c_size_t()
        known[address] = bool(
            pdfium_c.FPDFFont_GetIsEmbedded(font) == 1
            and pdfium_c.FPDFFont_GetFontData(font, None, 0, ctypes.byref(length))
            and length.value
        )
    return known[address]


def _words(textpage: Any, chars: str) -> Iterator[_Word]:
    """Runs of letters on one line without white space between them, as drawn; those at a slant are left out."""
    raw, first, last = textpage.raw, pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    at_first, at_last = ctypes.byref(first), ctypes.byref(last)
    box, angle = pdfium_c.FPDFText_GetLooseCharBox, pdfium_c.FPDFText_GetCharAngle
    for run in _RUN.finditer(chars):
        start, end = run.start(), run.end() - 1
        text = run[0]
        if not text.isascii():
            continue
        plain = box(raw, start, at_first) and box(raw, end, at_last)
        low, high = min(first.bottom, first.top), max(first.bottom, first.top)
        floor, roof = min(last.bottom, last.top), max(last.bottom, last.top)
        level = plain and low < (floor + roof) / 2 < high and angle(raw, start) == angle(raw, end) == 0.0
        if level and first.left <= last.right <= first.right + (end - start) * (high - low):
            yield _Word(text, first.left, min(low, floor), max(first.right, last.right), max(high, roof))
        else:
            yield from _spelt(raw, chars, start, end + 1)


def _spelt(raw: Any, chars: str, start: int, end: int) -> Iterator[_Word]:
    """Words of a run of letters that do not simply stand side by side, letter by letter."""
    box = pdfium_c.FS_RECTF()
    here = ctypes.byref(box)
    text = ""
    left = bottom = right = top = 0.0
    for index in range(start, end):
        angle = pdfium_c.FPDFText_GetCharAngle(raw, index)
        slanted = angle != 0.0 and abs(math.sin(2 * angle)) > _SLANTED
        if slanted or not pdfium_c.FPDFText_GetLooseCharBox(raw, index, here):
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
        text += chars[index]
        left, bottom = min(left, box.left), min(bottom, low)
        right, top = max(right, box.right), max(top, high)
    if text:
        yield _Word(text, left, bottom, right, top)


def _on_screen(page: Any, width: int, height: int) -> Callable[[_Word], tuple[int, int, int, int]]:
    """Return a function: a word to its box in pixels from left and top, for any origin and rotation."""
    raw, at_x, at_y = page.raw, ctypes.c_int(), ctypes.c_int()
    to_x, to_y = ctypes.byref(at_x), ctypes.byref(at_y)
    to_device = pdfium_c.FPDF_PageToDevice

    def on_screen(word: _Word) -> tuple[int, int, int, int]:
        to_device(raw, 0, 0, width, height, 0, word.left, word.bottom, to_x, to_y)
        x, y = at_x.value, at_y.value
        to_device(raw, 0, 0, width, height, 0, word.right, word.top, to_x, to_y)
        return min(x, at_x.value), min(y, at_y.value), max(x, at_x.value) + 1, max(y, at_y.value) + 1

    return on_screen


def _stands_out(pixels: memoryview, stride: int, left: int, top: int, right: int, bottom: int) -> bool:
    """Whether a box's darkest and lightest pixel are far enough apart; mostly its middle row is enough."""
    if left >= right or top >= bottom:
        return False
    middle = (top + bottom - 1) // 2
    line = bytes(pixels[middle * stride + left : middle * stride + right])
    lightest, darkest = max(line), min(line)
    if lightest - darkest >= _CONTRAST:
        return True
    for row in sorted(range(top, bottom), key=lambda row: abs(2 * row - top - bottom)):
        line = bytes(pixels[row * stride + left : row * stride + right])
        high, low = max(line), min(line)
        lightest, darkest = max(lightest, high), min(darkest, low)
        if lightest - darkest >= _CONTRAST:
            return True
    return False
