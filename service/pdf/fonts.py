"""Fonts of a PDF: which glyphs show a text, how wide it is, and the embedded subsets that let it be read back.

Plain ASCII is written with a simple one-byte font, so that a page of it costs next to nothing. All else goes through
composite fonts whose two-byte codes are the characters themselves (UTF-16), so that the text can always be read
back. A character that neither DejaVu Sans nor Droid Sans Fallback has is shown as the empty box, and still reads back.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection
from functools import cache, lru_cache
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFontFile

from service.pdf import arabic

FOLDER = Path(__file__).parents[1] / "fonts"
SANS, BOLD = "DejaVuSans", "DejaVuSans-Bold"
KEYS = {SANS: "R", BOLD: "B", "DroidSansFallbackFull": "C", "NanumSquareR": "K"}
"""Face -> name of its fonts in a document's resources, but for their last letter."""
FALLBACKS = ("DroidSansFallbackFull", "NanumSquareR")
"""Asked in order for what the first two lack; one more is one more file in `fonts/`, its name here and in KEYS."""
ASCII = range(32, 127)
_PRINTABLE = bytes(ASCII)
BLANKS = {0x09: 0x20, 0x0A: 0x20, 0x0D: 0x20, 0xA0: 0x20}
"""Characters that are shown like another one, but read back as themselves."""
LENGTHS_KEPT, LENGTH_KEPT_CHARS = 4_096, 64
"""Widths remembered, of texts not longer than this."""
SUBSET_LIMIT = 20_000
"""With more characters than this the whole font goes into the file: its subset's table could not hold them."""


class Face:
    """One font file, parsed once a process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = FOLDER / f"{name}.ttf"
        self.file = TTFontFile(str(self.path))
        # what nothing reads any more, or is there thousands of times: two megabytes of small objects
        self.file.glyphToChar.clear()
        known = {metrics: metrics for metrics in self.file.hmetrics}
        self.file.hmetrics = [known[metrics] for metrics in self.file.hmetrics]
        self.file.glyphPos = array("L", self.file.glyphPos)

    def has(self, code: int) -> bool:
        """Is there a glyph for the character?"""
        return BLANKS.get(code, code) in self.file.charToGlyph

    def width(self, code: int) -> int:
        """Advance in 1/1000 of the type size."""
        advance: float = self.file.charWidths.get(BLANKS.get(code, code), self.file.defaultWidth)
        return round(advance)


@cache
def face(name: str) -> Face:
    """The parsed face of that name."""
    return Face(name)


class Widths(dict[str, int]):
    """Character -> advance in 1/1000 em, looked up once; use `__getitem__`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        # widths in steps that fit a byte, rounded up, for the fast sum over ASCII bytes; 4 keeps the digits exact
        advances = [self[chr(code)] if code in ASCII else 0 for code in range(256)]
        self.step = 4 if max(advances) <= 4 * 255 else 5
        self.steps = bytes(-(-advance // self.step) for advance in advances)
        self.plain = _PRINTABLE
        self.even = bytes(code for code in ASCII if self.steps[code] == self.steps[ord("0")])
        """ASCII characters as wide as a digit."""
        self._within = [bytes(code for code in ASCII if self.steps[code] <= most) for most in range(256)]
        # every character becomes the first one that is as wide: 2026-01-01 and 2026-12-31 are measured once
        shape = bytearray(256)
        shape[ord("\n")] = ord("\n")  # between two texts
        for code in ASCII:
            shape[code] = self.steps.index(self.steps[code], ASCII.start)
        self._shape = bytes(shape)
        self._lengths = _Lengths(self)

    def __missing__(self, char: str) -> int:
        # of a letter that joins its neighbours the widest form, so that a line fits whatever they are
        codes = [ord(char), *arabic.forms_of(char)]
        shown = face(face_for(codes[0], self._name))
        value = self[char] = max(shown.width(code) for code in codes if code == codes[0] or shown.has(code))
        return value

    def of(self, text: str) -> int:
        """A text's width in 1/1000 em; of ASCII rounded up by at most 4 a character."""
        if text.isascii():
            return self.step * sum(text.encode().translate(self.steps))
        return sum(map(self.__getitem__, text))

    def chars_within(self, units: int) -> bytes:
        """Return the ASCII characters that are no wider, rounded up as `of` does."""
        return self._within[max(0, min(units // self.step, 255))]

    def of_all(self, texts: Collection[str], plain: bool) -> list[int]:
        """The widths of some texts; `plain`: all of them are printable ASCII."""
        lengths = self._lengths
        if len(lengths) > LENGTHS_KEPT:
            lengths.clear()
        shapes = "\n".join(texts).encode().translate(self._shape).split(b"\n") if plain and texts else texts
        return list(map(lengths.__getitem__, shapes))


class _Lengths(dict[str | bytes, int]):
    """Text, or shape of an ASCII text -> its width; cleared now and then."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self._widths = widths

    def __missing__(self, text: str | bytes) -> int:
        widths = self._widths
        value = widths.step * sum(text.translate(widths.steps)) if isinstance(text, bytes) else widths.of(text)
        if len(text) <= LENGTH_KEPT_CHARS:
            self[text] = value
        return value


@cache
def widths(name: str) -> Widths:
    """The widths of a face and its fallback."""
    return Widths(name)


def warm_up() -> None:
    """Parse the fonts that every document needs, ahead of the first one."""
    for name in (SANS, BOLD):
        widths(name)
        font_program(name, ())


def face_for(code: int, name: str) -> str:
    """Which face shows a character; the first one's empty box when none does."""
    if face(name).has(code):
        return name
    if code <= 0x2FF:
        return name  # Latin and control characters: no reason to load a big font
    return next((other for other in FALLBACKS if face(other).has(code)), name)


def is_plain(text: str) -> bool:
    """True when it is printable ASCII throughout; `str.isprintable` takes four times as long."""
    return text.isascii() and not text.encode().translate(None, _PRINTABLE)


def escaped(text: str) -> str:
    """The inside of a PDF literal string."""
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").replace("\r", "\\r")


def font_program(name: str, shown: tuple[int, ...]) -> tuple[bytes, int, dict[int, int]]:
    """The font program that shows ASCII and these characters: deflated, its true length, character -> glyph."""
    if len(shown) <= 256:
        return _program_kept(name, shown)
    return _make_program(name, shown)


@lru_cache(maxsize=16)
def _program_kept(name: str, shown: tuple[int, ...]) -> tuple[bytes, int, dict[int, int]]:
    return _make_program(name, shown)


def _make_program(name: str, shown: tuple[int, ...]) -> tuple[bytes, int, dict[int, int]]:
    font_face = face(name)
    if len(shown) > SUBSET_LIMIT:
        data = font_face.path.read_bytes()
        return zlib.compress(data, 6), len(data), dict(font_face.file.charToGlyph)
    # codes 0 to 126 in their own places, for the simple font
    order = [0] * ASCII.start + list(ASCII) + list(shown)
    data = font_face.file.makeSubset(order)
    # the subset numbers its glyphs by first use, the empty box first
    glyphs: dict[int, int] = {}
    numbers = {0: 0}
    for code in order:
        old = font_face.file.charToGlyph.get(code, 0)
        glyphs[code] = numbers.setdefault(old, len(numbers))
    return zlib.compress(data, 6), len(data), glyphs
