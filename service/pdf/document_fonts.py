"""The fonts of one document: text to codes, and at the end the font objects that show the codes and read them back."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from struct import pack
from typing import NamedTuple

from reportlab.pdfbase import pdfdoc

from service.pdf.fonts import ASCII, BLANKS, KEYS, SANS, Face, escaped, face, face_for, font_program

SLOT_CODES = 60_000


class Glyph(NamedTuple):
    """What a place in the text shows, and what is read back from it; mostly the same character."""

    shown: int
    """Character whose glyph is drawn; 0: the empty box."""
    read: int
    advance: int | None = None
    """Advance in 1/1000 em where it is not that of the character shown."""


@dataclass
class _Used:
    """What a document shows of one face."""

    plain: bool = False
    """ASCII through the simple font."""
    codes: set[int] = field(default_factory=set)
    """Characters of the Basic Multilingual Plane, their own codes."""
    slots: dict[Glyph, int] = field(default_factory=dict)
    """What needs a separate code -> running number; 60,000 to a font."""


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
            number = used.slots.setdefault(Glyph(code, code), len(used.slots))
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
        return [(key, self._literal(key, "".join(batch))) for key, batch in groupby(text, self._keys[name].__getitem__)]

    def _literal(self, key: str, text: str) -> str:
        if key[1] == "x":
            slots = next(used.slots for name, used in self._used.items() if KEYS[name] == key[0])
            text = "".join(chr(slots[Glyph(ord(char), ord(char))] % SLOT_CODES) for char in text)
        return _two_bytes(text)

    def encode_glyphs(self, glyphs: list[Glyph], name: str = SANS) -> list[tuple[str, str]]:
        """Return pieces, like `encode`, of glyphs that may show other characters than are read back.

        Where one of them needs a separate code, all get one: readers sort the letters of a word worse in two fonts.
        """
        own = any(glyph.shown != glyph.read or glyph.advance is not None for glyph in glyphs)
        coded = [self._code(glyph, name, own) for glyph in glyphs]
        return [(key, _two_bytes("".join(code for _, code in run))) for key, run in groupby(coded, itemgetter(0))]

    def _code(self, glyph: Glyph, name: str, own: bool) -> tuple[str, str]:
        shown = face_for(glyph.shown, name) if glyph.shown else name
        used = self._used[shown]
        if not own and glyph.read < 0x10000:
            used.codes.add(glyph.read)
            return KEYS[shown] + "u", chr(glyph.read)
        number = used.slots.setdefault(glyph, len(used.slots))
        return f"{KEYS[shown]}x{number // SLOT_CODES}", chr(number % SLOT_CODES)

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
            {
                BLANKS.get(code, code)
                for code in used.codes | {glyph.shown for glyph in used.slots}
                if font_face.has(code)
            }
            - set(ASCII)
        )
        data, length, glyphs = font_program(name, tuple(shown))
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
            coded = [(code, Glyph(code, code)) for code in sorted(used.codes)]
            resources[KEYS[name] + "u"] = document.Reference(
                _composite(document, font_face, label, descriptor, coded, glyphs)
            )
        for slot in range(-(-len(used.slots) // SLOT_CODES)):
            coded = [
                (number - slot * SLOT_CODES, glyph)
                for glyph, number in used.slots.items()
                if number // SLOT_CODES == slot
            ]
            resources[f"{KEYS[name]}x{slot}"] = document.Reference(
                _composite(document, font_face, label, descriptor, coded, glyphs)
            )


def _two_bytes(codes: str) -> str:
    return escaped(codes.encode("utf-16-be", "surrogatepass").decode("latin-1"))


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
    coded: list[tuple[int, Glyph]],
    glyphs: dict[int, int],
) -> pdfdoc.PDFDictionary:
    """A two-byte font; `coded` are (code in the text, glyph), `glyphs` character -> glyph of the program."""
    table = bytearray(2 * (max(code for code, _ in coded) + 1))
    advances: list[object] = []
    for code, (shown, _, advance) in coded:
        table[2 * code : 2 * code + 2] = pack(">H", glyphs.get(BLANKS.get(shown, shown), 0))
        advances += [code, pdfdoc.PDFArray([font_face.width(shown) if advance is None else advance])]
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
            "ToUnicode": document.Reference(_to_unicode([(code, glyph.read) for code, glyph in coded], 2)),
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
