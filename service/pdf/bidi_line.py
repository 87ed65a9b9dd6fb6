"""Lines that hold right-to-left text: drawn by UAX #9, written into the file in the order in which they were sent.

Three readers shape how: PDFium sorts what stands on one line by place and guesses the directions of the whole table
row, poppler (`pdftotext -raw`) and pypdf take the order in the file. So every run of one direction is a text object of
its own, in the order sent, moved to where UAX #9 puts it; and an invisible space below the line stands between two
runs, since PDFium then reads each of them as a separate line and guesses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from service.pdf import arabic, bidi
from service.pdf.document_fonts import DocumentFonts, Glyph
from service.pdf.fonts import face, face_for

SEPARATOR = Glyph(0, ord(" "))
"""Drawn as the empty box, since PDFium overlooks what has no shape; read as a space."""
SEPARATOR_DROP = 4
"""Type sizes below the line: PDFium ends a line at twice the widest character."""
_TURNED = re.compile(
    f"[{bidi.RIGHT_TO_LEFT}](?:[^{bidi.RIGHT_TO_LEFT}]*[{bidi.RIGHT_TO_LEFT}])*|[^{bidi.RIGHT_TO_LEFT}]+"
)
"""A stretch from one right-to-left character to the last, or what stands before or behind it."""


@dataclass(frozen=True)
class Line:
    """One line of a paragraph."""

    text: str
    levels: tuple[int, ...]
    """Of each character, as the whole paragraph resolves them."""
    base: int
    """The paragraph's level."""

    @classmethod
    def of_paragraph(cls, text: str) -> Line:
        """Return a paragraph that is one line."""
        return cls(text, tuple(bidi.resolve_levels(text)), bidi.base_level(text))


def lines_of(text: str, lines: list[str]) -> Iterator[Line]:
    """Yield the lines into which `layout.wrap` broke a text, each with its part of its paragraph's levels."""
    remaining = iter(lines)
    for paragraph in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        levels = bidi.resolve_levels(paragraph)
        base = bidi.base_level(paragraph)
        at = 0
        while True:
            line = next(remaining)
            yield Line(line, tuple(levels[at : at + len(line)]), base)
            at += len(line)
            if at == len(paragraph):
                break


def draw_line(line: Line, size: float, fonts: DocumentFonts, name: str, shift: int = 0) -> str:
    """Return the text operators of a line that starts `shift` units left of the current place."""
    order, levels = bidi.visual_order(line.text, line.levels, line.base)
    glyphs = _glyphs(line.text, levels, name)
    advances = [_width(glyph.shown, name) if glyph.advance is None else glyph.advance for glyph in glyphs]
    lefts = [0] * len(order)
    places = [0] * len(order)
    width = 0
    for place, index in enumerate(order):
        lefts[index] = width
        places[index] = place
        width += advances[index]
    operators = [f"[{shift}]TJ"] if shift else []
    pen = 0
    for start, end in _runs(line.text, levels):
        indexes = sorted(range(start, end), key=places.__getitem__)
        operators.append(_separator(size, fonts, name))
        operators.append(_move(pen, lefts[indexes[0]]))
        pieces = fonts.encode_glyphs([glyphs[index] for index in indexes], name)
        operators += [f"/{key} {size:g} Tf({literal})Tj" for key, literal in pieces]
        pen = lefts[indexes[0]] + sum(advances[start:end])
    operators.append(_separator(size, fonts, name))
    operators.append(_move(pen, width))
    return "".join(operators)


def _glyphs(text: str, levels: list[int], name: str) -> list[Glyph]:
    """Return what shows each character: joined, and mirrored."""
    shown = arabic.join_letters(text, lambda code: face(face_for(code, name)).has(code))
    glyphs = []
    for index, char in enumerate(text):
        if shown[index] == ord(char):
            shown[index] = ord(bidi.mirrored(char, levels[index]))
        advance = None
        if arabic.BLANK in (shown[index], *shown[index - 1 : index]) and shown[index] != ord(char):
            # lam and alef share the ligature's
            advance = _width(shown[index + 1 if shown[index] == arabic.BLANK else index], name) // 2
        glyphs.append(Glyph(shown[index], ord(char), advance))
    return glyphs


def _width(shown: int, name: str) -> int:
    return face(face_for(shown, name)).width(shown)


def _runs(text: str, levels: list[int]) -> Iterator[tuple[int, int]]:
    """Start and end of the runs of one level, in the order sent; of right-to-left text word by word.

        Poppler turns the letters of such a word round, but leaves words in the file's order. A mirrored sign stands
    PDFium would turn it round once more next to right-to-left letters. So does a sign at the end of a word, or
        behind a mark of such a script that stands without its letter: pypdf would read it before them.
    """
    keys = []
    word = 0
    for index, char in enumerate(text):
        apart = bidi.mirrored(char, levels[index]) != char
        right_to_left = levels[index] % 2
        word += index > 0 and (apart or (right_to_left and text[index - 1].isspace()))
        keys.append((levels[index], word))
        word += apart
    start = 0
    for _, run in groupby(keys):
        end = start + len(list(run))
        for part in _TURNED.finditer(text, start, end):
            yield part.span()
        start = end


def _move(pen: int, to: int) -> str:
    return f"[{pen - to}]TJ" if pen != to else ""


def _separator(size: float, fonts: DocumentFonts, name: str) -> str:
    ((key, literal),) = fonts.encode_glyphs([SEPARATOR], name)
    back = face(name).width(SEPARATOR.shown)
    return f" {-SEPARATOR_DROP * size:g} Ts 3 Tr/{key} {size:g} Tf[({literal}){back}]TJ 0 Tr 0 Ts"
