"""PDF as the contract wants it: 50 records a page, however long a record is, and every letter can be read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from tests.targets.harness.request import Ask, cells

PER_PAGE = 50
MARGIN_PT = 30.0
FONT = "ZooMono"
MONO_WIDTH = 0.602
"""Of a letter, in font sizes; the East Asian fonts' letters take up to 1.0."""
TALLEST_PT = 14_000.0
"""Readers stop at 14,400."""

EAST_ASIAN = (
    ("STSong-Light", "gbk"),
    ("HeiseiMin-W3", "shift_jis"),
    ("HYSMyeongJo-Medium", "euc_kr"),
    ("MSung-Light", "big5"),
)
"""Fonts that every reader knows by name, and a codec that tells what each can show."""

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a page looks; none of it is the contract's."""

    width_pt: float = 595.0
    height_pt: float = 842.0
    """At least; a page whose records are long grows."""
    size_pt: float = 7.0
    between: str = " | "
    """Stands between two cells."""
    end: str = " |"
    """Stands behind a record: a hyphen at a line's end would be read back as a break inside a word."""
    page_words: str = "Page {page} of {pages}"
    count_words: str = "Records: {records}"


def _to_unicode(name: str, subset: list[int]) -> str:
    """A font's map back to Unicode; reportlab's own writes letters beyond U+FFFF wrongly."""
    pairs = [f"<{code:02X}> <{chr(letter).encode('utf-16-be').hex().upper()}>" for code, letter in enumerate(subset)]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            f"/CIDSystemInfo << /Registry ({name}) /Ordering ({name}) /Supplement 0 >> def",
            f"/CMapName /{name} def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            f"<00> <{len(subset) - 1:02X}>",
            "endcodespacerange",
            *(
                line
                for start in range(0, len(pairs), 100)
                for line in (f"{len(pairs[start : start + 100])} beginbfchar", *pairs[start : start + 100], "endbfchar")
            ),
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    )


def _matplotlib() -> Path:
    """Where matplotlib lies, which ships the font; importing it would take most of an animal's start."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("matplotlib, whose fonts the zoo borrows, is not installed")
    return Path(spec.origin).parent


@cache
def _mono() -> Any:
    """Register the fonts once a process; the one that is embedded is returned."""
    ttfonts.makeToUnicodeCMap = _to_unicode
    rl_config.useA85 = 0  # binary streams: smaller and quicker
    font = TTFont(FONT, str(_matplotlib() / "mpl-data" / "fonts" / "ttf" / "DejaVuSansMono.ttf"))
    pdfmetrics.registerFont(font)
    for name, _ in EAST_ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return font


@cache
def font_of(letter: str) -> str:
    """The font for a letter. One that no font has is drawn as a box, and can still be read back."""
    known = _mono().face.charToGlyph
    if ord(letter) in known:
        return FONT
    if ord(letter) < 0x10000:
        for name, codec in EAST_ASIAN:
            try:
                letter.encode(codec)
            except UnicodeEncodeError:
                continue
            return name
    known[ord(letter)] = 0
    return FONT


def runs(text: str) -> Iterator[tuple[str, str]]:
    """Stretches of one font: (font, letters)."""
    start, current = 0, ""
    for place, letter in enumerate(text):
        font = font_of(letter)
        if font != current:
            if place:
                yield current, text[start:place]
            start, current = place, font
    if text:
        yield current, text[start:]


def wrap(text: str, columns: int) -> list[str]:
    """Break a text into lines of at most so many narrow letters, never behind a hyphen where that can be helped."""
    lines: list[str] = []
    for stretch in re.split(r"\r\n|[\r\n\v\f\x85\u2028\u2029]", text):
        rest = stretch.replace("\t", " ")
        while len(rest) > columns or (not rest.isascii() and _width(rest) > columns):
            cut = columns if rest.isascii() else _fitting(rest, columns)
            space = rest.rfind(" ", cut // 2, cut)
            cut = space + 1 if space > 0 else cut
            while cut > 1 and rest[cut - 1] == "-":
                cut -= 1
            lines.append(rest[:cut])
            rest = rest[cut:]
        lines.append(rest)
    return lines


def _width(text: str) -> float:
    """In narrow letters."""
    return sum(1.0 if letter.isascii() or font_of(letter) == FONT else 1 / MONO_WIDTH for letter in text)


def _fitting(text: str, columns: int) -> int:
    """How many letters fit into a line; at least one."""
    width = 0.0
    for place, letter in enumerate(text):
        width += 1.0 if letter.isascii() or font_of(letter) == FONT else 1 / MONO_WIDTH
        if width > columns:
            return max(1, place)
    return len(text)


def draw(canvas: Canvas, lines: Iterable[str], top_pt: float, size_pt: float) -> None:
    """Put lines on the page, one under the other."""
    text = canvas.beginText(MARGIN_PT, top_pt)
    text.setLeading(size_pt * 1.25)
    text.setFont(FONT, size_pt, size_pt * 1.25)
    for line in lines:
        if line.isascii():
            text.textLine(line)
            continue
        for font, letters in runs(RIGHT_TO_LEFT.sub(lambda match: match[0][::-1], line)):
            text.setFont(font, size_pt, size_pt * 1.25)
            text.textOut(letters)
        text.setFont(FONT, size_pt, size_pt * 1.25)
        text.textLine("")
    canvas.drawText(text)


def page_text(records: list[list[str]], head: list[str], style: Style, size_pt: float) -> list[str]:
    """All lines of one page: its head, then its records."""
    columns = int((style.width_pt - 2 * MARGIN_PT) / (size_pt * MONO_WIDTH))
    lines = [part for text in head for part in wrap(text, columns)]
    for record in records:
        lines.extend(wrap(style.between.join(record) + style.end, columns))
    return lines


def put_page(canvas: Canvas, records: list[list[str]], head: list[str], style: Style) -> None:
    """One page, as tall as its records need; where that is not enough, with smaller letters."""
    size_pt = style.size_pt
    lines = page_text(records, head, style, size_pt)
    while (len(lines) + 2) * size_pt * 1.25 + 2 * MARGIN_PT > TALLEST_PT:
        size_pt *= 0.7
        lines = page_text(records, head, style, size_pt)
    height_pt = max(style.height_pt, (len(lines) + 2) * size_pt * 1.25 + 2 * MARGIN_PT)
    canvas.setPageSize((style.width_pt, height_pt))
    draw(canvas, lines, height_pt - MARGIN_PT, size_pt)
    canvas.showPage()


def pages_of(
    ask: Ask, made_at: str, style: Style, per_page: int = PER_PAGE
) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Each page's head and records."""
    count = max(1, -(-len(ask.rows) // per_page))
    for number in range(count):
        head = [
            style.page_words.format(page=number + 1, pages=count)
            + "  "
            + style.count_words.format(records=len(ask.rows))
        ]
        if number == 0:
            head += [ask.title + " ", f"Made at {made_at}", f"User: {ask.user} "]
        head.append(style.between.join(ask.columns) + style.end)
        rows = ask.rows[number * per_page : (number + 1) * per_page]
        yield head, [cells(row, ask.columns) for row in rows]


def write_pages(
    file: BinaryIO,
    pages: Iterable[tuple[list[str], list[list[str]]]],
    style: Style,
    prepare: Callable[[Canvas], object] = lambda _: None,
) -> None:
    """Draw pages into a file; `prepare` is called at the beginning of each."""
    _mono()
    canvas = Canvas(file, pageCompression=1)
    for head, records in pages:
        prepare(canvas)
        put_page(canvas, records, head, style)
    canvas.save()


def write_pdf(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """The healthy file."""
    style = Style()
    write_pages(file, pages_of(ask, made_at, style), style)
