"""How a value may be shown in a PDF: the spellings that still say all that was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from assertions.contents.pdf.text import squeeze
from assertions.contents.sent import Json

_TRUE: Final = (
    "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "Y", "y", "T", "t", "✓", "✔", "☑", "●", "[x]",
    "[X]", "Evet", "evet", "EVET", "Doğru", "Ja", "ja", "Oui", "oui", "Sí", "sí", "Да", "да", "Ναι", "是", "1",
)  # fmt: skip
_FALSE: Final = (
    "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "N", "n", "F", "f", "✗", "✘", "✕", "×", "☐",
    "☒", "○", "[]", "Hayır", "hayır", "HAYIR", "Yanlış", "Nein", "nein", "Non", "non", "Нет", "нет", "Όχι", "否",
    "0",
)  # fmt: skip
_TRUE_BY_LENGTH: Final = tuple(sorted(_TRUE, key=len, reverse=True))
_FALSE_BY_LENGTH: Final = tuple(sorted(_FALSE, key=len, reverse=True))
NOTHING: Final = re.compile(r"\(?(?:null|none|nil|undefined|n/?a|empty|-{1,3}|∅|\"\"|'')\)?", re.IGNORECASE)
"""What may stand where there is no value."""
_BREAK: Final = r"(?:\\r\\n|\\n|\\r|\\t|[↵⏎¶␤␊␍␉→⇥⤶/|]|<br/?>)?"
_GROUPS: Final = (",", ".", "'", "_")
"""Thousands separators other than white space, which is ignored."""
_MAX_PLAIN_EXPONENT: Final = 330
_PLACES: Final = (2, 3, 4, 5, 6, 8, 10, 15)
_DIGITS: Final = 26
"""Significant digits that a decimal number keeps here."""
_NUMBER_FIRST: Final = frozenset("-(.0123456789")
_NUMBER_MORE: Final = frozenset(".,'_eE0123456789")
_MAX_LOOSE: Final = 20_000
"""Longer texts are compared letter by letter only."""
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def canonical(value: Json) -> str:
    """Return a value's commonest spelling in normal form; nothing for null."""
    if isinstance(value, str):
        return squeeze(value)
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return squeeze(_encode(value))


def ends(value: Json, first: str, text: str, start: int) -> Iterator[int]:
    """Yield where a value that begins at `start` of a page's text may end, the longest first for numbers.

    first: the value's canonical spelling.
    """
    if value is None:
        shown = NOTHING.match(text, start)
        if shown:
            yield shown.end()
        yield start
    elif isinstance(value, (bool, int, float)):
        yield from _plain_ends(value, first, text, start)
    else:
        if text.startswith(first, start):
            yield start + len(first)
        end = _loose_end(value, first, text, start) if isinstance(value, str) else _nested_end(value, text, start)
        if end is not None:
            yield end


def _plain_ends(value: bool | int | float, first: str, text: str, start: int) -> Iterator[int]:
    """Yield where a boolean or a number may end: the longest spelling first, without trying all where that is plain."""
    end = start + len(first)
    number = not isinstance(value, bool)
    if number and text[start : start + 1] not in _NUMBER_FIRST:
        return
    plain = text.startswith(first, start) and text[end : end + 1] not in (_NUMBER_MORE if number else ())
    if plain:
        yield end
    for spelling in _by_length(value, first):
        if text.startswith(spelling, start) and not (plain and spelling == first):
            yield start + len(spelling)


def _loose_end(value: str, first: str, text: str, start: int) -> int | None:
    """Return where a text ends that is shown with hyphens, signs for line breaks, or escapes."""
    if not first or len(first) > _MAX_LOOSE:
        return None
    if not value[0].isspace() and text[start : start + 1] not in (first[0], "\\"):
        return None
    match = _loose(value).match(text, start)
    return match.end() if match and match.end() != start + len(first) else None


def spellings(value: Json, first: str) -> tuple[str, ...]:
    """Return the spellings that can be looked for anywhere on a page."""
    if isinstance(value, (bool, int, float)):
        return (first, *others(value))
    if isinstance(value, str) and value:
        return (first, squeeze(json.dumps(value, ensure_ascii=False)[1:-1]), squeeze(json.dumps(value)[1:-1]))
    if isinstance(value, (dict, list)):
        return (first, squeeze(json.dumps(value)), squeeze(repr(value)))
    return (first,)


def others(value: bool | int | float) -> tuple[str, ...]:
    """Return the spellings of a boolean or a number other than the canonical one."""
    if value is True:
        return _TRUE[1:]
    if value is False:
        return _FALSE[1:]
    return _other_numbers(repr(value))


def _by_length(value: bool | int | float, first: str) -> tuple[str, ...]:
    """All spellings, longest first."""
    if isinstance(value, bool):
        return _TRUE_BY_LENGTH if value else _FALSE_BY_LENGTH
    return _numbers_by_length(first)


@lru_cache(maxsize=65_536)
def _numbers_by_length(first: str) -> tuple[str, ...]:
    return tuple(sorted((first, *_other_numbers(first)), key=len, reverse=True))


@lru_cache(maxsize=65_536)
def _other_numbers(first: str) -> tuple[str, ...]:
    exact = Decimal(first)
    whole = first.lstrip("-").isdigit()
    if not exact.is_finite():
        return ()
    plain = []
    if abs(exact.adjusted()) <= _MAX_PLAIN_EXPONENT:
        plain = [format(exact, "f")]
        plain += [plain[0] + tail for tail in (".0", ".00")] if whole else _rounded(exact, float(first))
    found = {spelling for text in plain for spelling in _grouped(text)}
    if not whole:
        found |= {spelling for text in plain if "." in text for spelling in _grouped(text.rstrip("0").rstrip("."))}
        found |= _with_exponent(first)
    return tuple(found - {first})


def _rounded(exact: Decimal, value: float) -> list[str]:
    """A float with 2 decimals and more: rounded as it was written, or as the binary number that it became."""
    found = []
    for source in (exact, Decimal(value)):
        for places in _PLACES:
            if exact.adjusted() + places <= _DIGITS:
                for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP):
                    near = source.quantize(Decimal(1).scaleb(-places), rounding)
                    found += [format(near, "f")] if near else [format(near, "f"), format(abs(near), "f")]
            elif source == source.to_integral_value():
                found.append(f"{source:.0f}.{'0' * places}")
        if source == source.to_integral_value():
            found += [f"{source:.0f}", f"{source:.0f}.0"]
    return found


def _with_exponent(first: str) -> set[str]:
    """Spellings of a float with an exponent."""
    value = float(first)
    found = {f"{value:.{places}{mark}}" for places in _PLACES for mark in "eE"}
    found |= {spelling for digits in (16, 17) if float(spelling := f"{value:.{digits}g}") == value}
    mantissa, _, exponent = first.partition("e")
    if exponent:
        digits = exponent.lstrip("+-").lstrip("0")
        signs = ("-", "-0") if exponent.startswith("-") else ("", "+", "0", "+0")
        spelt = {mantissa, mantissa if "." in mantissa else f"{mantissa}.0"}  # Java writes 1.0E-7
        found |= {f"{mantissa}{mark}{sign}{digits}" for mantissa in spelt for mark in "eE" for sign in signs}
        found |= {"4.9E-324"} if value == 5e-324 else set()
    return found | {spelling.replace(".", ",") for spelling in found}


_LIGATURE: Final = re.compile(r"f-\?f-\?[il]|f-\?[fil]")
"""What PDFium leaves out where a font says that its glyph is a ligature's own letter."""


def _grouped(plain: str) -> Iterator[str]:
    """One number with each kind of separators, and with a minus in parentheses."""
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, dot, rest = digits.partition(".")
    yield plain
    if sign:
        yield f"({digits})"
    if dot:
        yield f"{sign}{whole},{rest}"
    if len(whole) > 3:
        for group in _GROUPS:
            long = f"{int(whole):_}".replace("_", group)
            yield f"{sign}{long}{dot}{rest}"
            if dot:
                yield f"{sign}{long},{rest}"


@lru_cache(maxsize=4_096)
def _loose(value: str) -> re.Pattern[str]:
    """A text as it may stand on a page: hyphens put in at line ends, breaks and tabs shown, quotes escaped."""
    pattern = []
    for piece in re.split(r"(\s+)", value):
        if not piece.strip():
            pattern.append(_BREAK * min(len(piece), 8) if not set(piece) <= {" "} else "")
            continue
        letters = [re.escape(letter) for letter in squeeze(piece)]
        letters = [rf"\\?{letter}" if letter in ('"', r"\\", "/") else letter for letter in letters]
        pattern.append(_LIGATURE.sub(r"(?:\g<0>)?", "-?".join(letters)))
    return re.compile("".join(pattern))


_FILLER: Final = r"""[\W_]{0,8}"""


def _nested_end(value: Json, text: str, start: int) -> int | None:
    """Return where a nested value's leaves have all been passed, in order, with signs and keys between them."""
    position = start
    for key, leaf in _keyed(value, ""):
        label = "|".join(sorted({re.escape(squeeze(key)), re.escape(squeeze(json.dumps(key)[1:-1]))}))
        shown = sorted({s for s in spellings(leaf, canonical(leaf)) if s}, key=len, reverse=True)
        if leaf is None:
            shown = ["null", "None", ""]
        inner = "|".join(map(re.escape, shown))
        named = rf"(?:[\w.\[\]]{{0,40}}?(?:{label}){_FILLER})?" if label else ""
        match = re.compile(rf"{_FILLER}{named}(?:{inner})").match(text, position)
        if not match:
            return None
        position = match.end()
    closing = re.compile(r"""["'\]})]*""").match(text, position)
    return closing.end() if closing else position


def _keyed(value: Json, key: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _keyed(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _keyed(inner, key)
    else:
        yield key, value
