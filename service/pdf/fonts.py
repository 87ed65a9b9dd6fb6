"""Fonts of a PDF: which glyphs show a text, how wide it is, and the embedded subsets that let it be read back.

Plain ASCII is written with a simple one-byte font, so that a page of it costs next to nothing. All else goes through
composite fonts whose two-byte codes are the characters themselves (UTF-16), so that the text can always be read
back. A character that neither DejaVu Sans nor Droid Sans Fallback has is shown as the empty box, and still reads back.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from struct import pack

from reportlab.pdfbase import pdfdoc
from reportlab.pdfbase.ttfonts import TTFontFile

from service.pdf.bidi import visual

FOLDER = Path(__file__).parents[1] / "fonts"
SANS, BOLD = "DejaVuSans", "DejaVuSans-Bold"
FALLBACKS = ("DroidSansFallbackFull", "NanumSquareR")
"""Asked in order for what the first two lack; one more is one more file in `fonts/`, its name here and in KEYS."""
ASCII = range(32, 127)
_PRINTABLE = bytes(ASCII)
BLANKS = {0x09: 0x20, 0x0A: 0x20, 0x0D: 0x20, 0xA0: 0x20}
"""Characters that are shown like another one, but read back as themselves."""
SLOT_CODES = 60_000
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
        # every character becomes the first one that is as wide: 2026-01-01 and 2026-12-31 are measured once
        shape = bytearray(256)
        shape[ord("\n")] = ord("\n")  # between two texts
        for code in ASCII:
            shape[code] = self.steps.index(self.steps[code], ASCII.start)
        self._shape = bytes(shape)
        self._lengths = _Lengths(self)

    def __missing__(self, char: str) -> int:
        code = ord(char)
        value = self[char] = face(face_for(code, self._name)).width(code)
        return value

    def of(self, text: str) -> int:
        """A text's width in 1/1000 em; of ASCII rounded up by at most 4 a character."""
        if text.isascii():
            return self.step * sum(text.encode().translate(self.steps))
        return sum(map(self.__getitem__, text))

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
        _program(name, ())


def face_for(code: int, name: str) -> str:
    """Which face shows a character; the first one's empty box when none does."""
    if face(name).has(code):
        return name
    if code <= 0x2FF:
        return name  # Latin and control characters: no reason to load a big font
    return next((other for other in FALLBACKS if face(other).has(code)), name)


@dataclass
class _Used:
    """What a document shows of one face."""

    plain: bool = False
    """ASCII through the simple font."""
    codes: set[int] = field(default_factory=set)
    """Characters of the Basic Multilingual Plane, their own codes."""
    slots: dict[int, int] = field(default_factory=dict)
    """Characters beyond it -> running number; 60,000 to a font."""


KEYS = {SANS: "R", BOLD: "B", "DroidSansFallbackFull": "C", "NanumSquareR": "K"}


class _Keys(dict[str, str]):
    """Character -> resource name of the font that shows it; looking one up marks it as used."""

    def __init__(self, name: str, used: dict[str, _Used]) -> None:
        super().__init__()
        self._name = name
        self._used = used

    def __missing__(self, char: str) -> str:
        code = ord(char)
        shown = face_for(code, self._name)
        used = self._used[shown]
        if code < 0x10000:
            used.codes.add(code)
            key = self[char] = KEYS[shown] + "u"
        else:
            number = used.slots.setdefault(code, len(used.slots))
            key = self[char] = f"{KEYS[shown]}x{number // SLOT_CODES}"
        return key


class DocumentFonts:
    """The fonts of one document: encodes text, remembers what was used, and at the end makes the font objects."""

    def __init__(self) -> None:
        self._used = {name: _Used() for name in KEYS}
        self._keys = {name: _Keys(name, self._used) for name in KEYS}

    def plain(self, name: str) -> None:
        """Remember that a face's simple font was used directly."""
        self._used[name].plain = True

    def encode(self, text: str, name: str = SANS) -> list[tuple[str, str]]:
        """Pieces (font's resource name, escaped literal) that show the text; codes are Latin-1 characters."""
        if text.isascii() and text.isprintable():
            self._used[name].plain = True
            return [(KEYS[name], escaped(text))]
        text = visual(text)
        return [(key, self._literal(key, "".join(batch))) for key, batch in groupby(text, self._keys[name].__getitem__)]

    def _literal(self, key: str, text: str) -> str:
        if key[1] == "x":
            slots = next(used.slots for name, used in self._used.items() if KEYS[name] == key[0])
            text = "".join(chr(slots[ord(char)] % SLOT_CODES) for char in text)
        return escaped(text.encode("utf-16-be", "surrogatepass").decode("latin-1"))

    def add_to(self, document: pdfdoc.PDFDocument) -> pdfdoc.PDFDictionary:
        """Put the used fonts into the document; the dictionary of font resources."""
        resources: dict[str, object] = {}
        for name, used in self._used.items():
            if used.plain or used.codes or used.slots:
                self._add_face(document, name, used, resources)
        return pdfdoc.PDFDictionary(resources)

    def _add_face(self, document: pdfdoc.PDFDocument, name: str, used: _Used, resources: dict[str, object]) -> None:
        font_face = face(name)
        shown = sorted(
            {BLANKS.get(code, code) for code in used.codes | used.slots.keys() if font_face.has(code)} - set(ASCII)
        )
        data, length, glyphs = _program(name, tuple(shown))
        label = f"{_tag(shown)}+{font_face.name}"
        program = pdfdoc.PDFStream(pdfdoc.PDFDictionary({"Length1": length, "Filter": pdfdoc.PDFName("FlateDecode")}))
        program.content = data
        file = font_face.file
        descriptor = document.Reference(
            pdfdoc.PDFDictionary(
                {
                    "Type": pdfdoc.PDFName("FontDescriptor"),
                    "FontName": pdfdoc.PDFName(label),
                    "Flags": (file.flags & ~32) | 4,
                    "FontBBox": pdfdoc.PDFArray([round(edge) for edge in file.bbox]),
                    "ItalicAngle": round(file.italicAngle),
                    "Ascent": round(file.ascent),
                    "Descent": round(file.descent),
                    "CapHeight": round(file.capHeight),
                    "StemV": file.stemV,
                    "MissingWidth": round(file.defaultWidth),
                    "FontFile2": document.Reference(program),
                }
            )
        )
        if used.plain:
            resources[KEYS[name]] = document.Reference(_simple(document, font_face, label, descriptor))
        if used.codes:
            pairs = [(code, code) for code in sorted(used.codes)]
            resources[KEYS[name] + "u"] = document.Reference(
                _composite(document, font_face, label, descriptor, pairs, glyphs)
            )
        for slot in range(-(-len(used.slots) // SLOT_CODES)):
            pairs = [
                (number - slot * SLOT_CODES, code)
                for code, number in used.slots.items()
                if number // SLOT_CODES == slot
            ]
            resources[f"{KEYS[name]}x{slot}"] = document.Reference(
                _composite(document, font_face, label, descriptor, pairs, glyphs)
            )


def is_plain(text: str) -> bool:
    """True when it is printable ASCII throughout; `str.isprintable` takes four times as long."""
    return text.isascii() and not text.encode().translate(None, _PRINTABLE)


def escaped(text: str) -> str:
    """The inside of a PDF literal string."""
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").replace("\r", "\\r")


def _tag(shown: list[int]) -> str:
    """Six capitals that name a subset."""
    number = zlib.crc32(repr(shown).encode())
    return "".join(chr(65 + number // 26**place % 26) for place in range(6))


def _simple(document: pdfdoc.PDFDocument, font_face: Face, label: str, descriptor: object) -> pdfdoc.PDFDictionary:
    return pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("Font"),
            "Subtype": pdfdoc.PDFName("TrueType"),
            "BaseFont": pdfdoc.PDFName(label),
            "FirstChar": ASCII.start,
            "LastChar": ASCII.stop - 1,
            "Widths": pdfdoc.PDFArray([font_face.width(code) for code in ASCII]),
            "FontDescriptor": descriptor,
            "ToUnicode": document.Reference(_to_unicode([(code, code) for code in ASCII], 1)),
        }
    )


def _composite(
    document: pdfdoc.PDFDocument,
    font_face: Face,
    label: str,
    descriptor: object,
    pairs: list[tuple[int, int]],
    glyphs: dict[int, int],
) -> pdfdoc.PDFDictionary:
    """A two-byte font; `pairs` are (code in the text, character), `glyphs` character -> glyph of the program."""
    table = bytearray(2 * (max(code for code, _ in pairs) + 1))
    advances: list[object] = []
    for code, char in pairs:
        table[2 * code : 2 * code + 2] = pack(">H", glyphs.get(BLANKS.get(char, char), 0))
        advances += [code, pdfdoc.PDFArray([font_face.width(char)])]
    system = {"Registry": pdfdoc.PDFString("Adobe"), "Ordering": pdfdoc.PDFString("Identity"), "Supplement": 0}
    inner = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("Font"),
            "Subtype": pdfdoc.PDFName("CIDFontType2"),
            "BaseFont": pdfdoc.PDFName(label),
            "CIDSystemInfo": pdfdoc.PDFDictionary(system),
            "FontDescriptor": descriptor,
            "DW": round(font_face.file.defaultWidth),
            "W": pdfdoc.PDFArray(advances),
            "CIDToGIDMap": document.Reference(_packed(bytes(table))),
        }
    )
    return pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("Font"),
            "Subtype": pdfdoc.PDFName("Type0"),
            "BaseFont": pdfdoc.PDFName(label),
            "Encoding": pdfdoc.PDFName("Identity-H"),
            "DescendantFonts": pdfdoc.PDFArray([document.Reference(inner)]),
            "ToUnicode": document.Reference(_to_unicode(pairs, 2)),
        }
    )


def _packed(data: bytes) -> pdfdoc.PDFStream:
    stream = pdfdoc.PDFStream(pdfdoc.PDFDictionary({"Filter": pdfdoc.PDFName("FlateDecode")}))
    stream.content = zlib.compress(data, 6)
    return stream


def _to_unicode(pairs: list[tuple[int, int]], code_bytes: int) -> pdfdoc.PDFStream:
    """The map from codes back to characters, beyond the Basic Multilingual Plane as surrogate pairs."""
    digits = 2 * code_bytes
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        f"<{'00' * code_bytes}> <{'FF' * code_bytes}>",
        "endcodespacerange",
    ]
    for first in range(0, len(pairs), 100):
        batch = pairs[first : first + 100]
        lines.append(f"{len(batch)} beginbfchar")
        lines += [f"<{code:0{digits}X}> <{chr(char).encode('utf-16-be').hex().upper()}>" for code, char in batch]
        lines.append("endbfchar")
    lines += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end", ""]
    return _packed("\n".join(lines).encode())


def _program(name: str, shown: tuple[int, ...]) -> tuple[bytes, int, dict[int, int]]:
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
