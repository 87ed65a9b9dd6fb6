"""The Unicode Bidirectional Algorithm (UAX #9): the level of every character, and the order in which a line is drawn.

Written here because the PDF needs the levels: the glyphs are drawn in visual order, but go into the file run by run in
the order in which the text was sent. python-bidi's Rust core returns only the reordered text, and its Python core knows
no paired brackets; a test holds this module against the Rust core. Explicit embeddings, overrides and isolates (X1 to
X8) are ignored: they count as BN.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from bidi.mirror import MIRRORED

RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff"
_ANY_RIGHT_TO_LEFT = re.compile(f"[{RIGHT_TO_LEFT}]")
_EXPLICIT = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_NEUTRAL = {"B", "S", "WS", "ON"}
_STRONG_OF = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}
_CANONICAL = {"\u2329": "\u3008", "\u232a": "\u3009"}
_BRACKET_DEPTH = 63
"""BD16: deeper brackets pair no longer."""


def has_right_to_left(text: str) -> bool:
    """Return whether a text holds a character that UAX #9 may reorder."""
    return _ANY_RIGHT_TO_LEFT.search(text) is not None


def base_level(text: str) -> int:
    """Return the paragraph level (P2, P3): 1 when the first strong character runs from right to left."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return 0 if kind == "L" else 1
    return 0


def resolve_levels(text: str) -> list[int]:
    """Return the level of each character of a paragraph, by its own base level; rule L1 is `visual_order`'s."""
    base = base_level(text)
    original = [_class_of(char) for char in text]
    at = [index for index, kind in enumerate(original) if kind != "BN"]  # X9
    kinds = [original[index] for index in at]
    edge = "R" if base else "L"
    _resolve_weak(kinds, edge)
    _resolve_brackets([text[index] for index in at], kinds, [original[index] for index in at], edge)
    _resolve_neutral(kinds, edge)
    levels = [base] * len(text)
    for index, kind in zip(at, kinds, strict=True):
        # I1, I2
        if base:
            levels[index] = 1 if kind == "R" else 2
        else:
            levels[index] = {"L": 0, "R": 1}.get(kind, 2)
    for index, kind in enumerate(original):
        if kind == "BN" and index:
            levels[index] = levels[index - 1]
    return levels


def visual_order(text: str, levels: Sequence[int], base: int) -> tuple[list[int], list[int]]:
    """Return a line's characters by index from left to right, and their levels after rule L1.

    `levels` are the line's part of its paragraph's.
    """
    final = list(levels)
    reset = True
    for index in range(len(text) - 1, -1, -1):  # L1
        kind = unicodedata.bidirectional(text[index])
        if kind in ("S", "B"):
            reset = True
        elif kind not in _EXPLICIT | {"WS", "BN"}:
            reset = False
        if reset:
            final[index] = base
    order = list(range(len(text)))
    for level in range(max(final, default=0), 0, -1):  # L2
        for start, end in _runs([final[index] >= level for index in order]):
            order[start:end] = order[start:end][::-1]
    return order, final


def mirrored(char: str, level: int) -> str:
    """Return the character that shows `char` at a level (L4): `(` for `)` from right to left."""
    return MIRRORED.get(char, char) if level % 2 else char


def _class_of(char: str) -> str:
    kind = unicodedata.bidirectional(char)
    return "BN" if kind in _EXPLICIT else kind or "L"


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Start and end of every stretch of true flags."""
    start = None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            yield start, index
            start = None


def _resolve_weak(kinds: list[str], edge: str) -> None:
    """W1 to W7, in place."""
    before = strong = edge
    for index, kind in enumerate(kinds):
        if kind == "NSM":  # W1
            kinds[index] = before
        before = kinds[index]
        if before in ("L", "R", "AL"):
            strong = before
        elif before == "EN" and strong == "AL":  # W2
            kinds[index] = "AN"
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]  # W3
    for index in range(1, len(kinds) - 1):  # W4
        left, kind, right = kinds[index - 1 : index + 2]
        if left == right and ((kind == "ES" and left == "EN") or (kind == "CS" and left in ("EN", "AN"))):
            kinds[index] = left
    for start, end in _runs([kind == "ET" for kind in kinds]):  # W5
        if "EN" in (*kinds[max(0, start - 1) : start], *kinds[end : end + 1]):
            kinds[start:end] = ["EN"] * (end - start)
    strong = edge
    for index, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):  # W6
            kinds[index] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":  # W7
            kinds[index] = "L"


def _bracket_pairs(chars: Sequence[str], kinds: Sequence[str]) -> list[tuple[int, int]]:
    """BD16: the pairs of brackets, sorted by the opening one."""
    opened: list[tuple[str, int]] = []
    pairs = []
    for index, char in enumerate(chars):
        category = unicodedata.category(char)
        if kinds[index] != "ON" or category not in ("Ps", "Pe") or char not in MIRRORED:
            continue
        plain = _CANONICAL.get(char, char)
        if category == "Ps":
            if len(opened) == _BRACKET_DEPTH:
                break
            opened.append((_CANONICAL.get(MIRRORED[char], MIRRORED[char]), index))
            continue
        for depth in range(len(opened) - 1, -1, -1):
            if opened[depth][0] == plain:
                pairs.append((opened[depth][1], index))
                del opened[depth:]
                break
    return sorted(pairs)


def _resolve_brackets(chars: Sequence[str], kinds: list[str], original: Sequence[str], edge: str) -> None:
    """N0, in place."""
    for first, last in _bracket_pairs(chars, kinds):
        inside = {_STRONG_OF.get(kind) for kind in kinds[first + 1 : last]}
        if edge in inside:
            direction = edge
        elif inside & {"L", "R"}:
            strong = (_STRONG_OF[kind] for kind in reversed(kinds[:first]) if kind in _STRONG_OF)
            direction = next(strong, edge)
        else:
            continue
        for bracket in (first, last):
            kinds[bracket] = direction
            for mark in range(bracket + 1, len(kinds)):
                if original[mark] != "NSM":
                    break
                kinds[mark] = direction


def _resolve_neutral(kinds: list[str], edge: str) -> None:
    """N1 and N2, in place."""
    for start, end in _runs([kind in _NEUTRAL for kind in kinds]):
        left = _STRONG_OF[kinds[start - 1]] if start else edge
        right = _STRONG_OF[kinds[end]] if end < len(kinds) else edge
        kinds[start:end] = [left if left == right else edge] * (end - start)
