"""Arabic letters in the forms in which they join, as Unicode's presentation forms (by arabic-reshaper's tables)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from arabic_reshaper import ArabicReshaper
from arabic_reshaper.letters import LETTERS_ARABIC

ZERO_WIDTH_JOINER = "\u200d"
BLANK = 0x200B
"""Zero width space: shown for the lam whose shape is part of the alef's."""
_LAM_FORMS = {0xFEDF: 0, 0xFEE0: 1}
"""Initial and medial lam -> which form of its ligature."""
_LAM_ALEF = {"\u0622": 0xFEF5, "\u0623": 0xFEF7, "\u0625": 0xFEF9, "\u0627": 0xFEFB}
"""Alef -> isolated ligature; the final one follows it."""


@cache
def _reshaper() -> ArabicReshaper:
    return ArabicReshaper(
        {
            "support_ligatures": False,
            "delete_harakat": False,
            "delete_tatweel": False,
            "shift_harakat_position": False,
        }
    )


def has_forms(char: str) -> bool:
    """Return whether a letter looks different where it joins its neighbours."""
    return char in LETTERS_ARABIC


def forms_of(char: str) -> list[int]:
    """Return the presentation forms of a letter; empty for all other characters."""
    return [ord(form) for form in LETTERS_ARABIC.get(char, ()) if form]


def join_letters(text: str, has_glyph: Callable[[int], bool]) -> list[int]:
    """Return, for each character in the order sent, the code of the character that shows it.

    A form that the font lacks stays the plain letter. Lam and alef become the ligature that Arabic writing demands:
    the alef shows it, the lam shows BLANK, so that each keeps its own place in the text.
    """
    joined = iter(_reshaper().reshape(text))
    # the reshaper drops joiners from its result
    shown = [ord(char) if char == ZERO_WIDTH_JOINER else ord(next(joined)) for char in text]
    for index in range(len(text) - 1):
        form = _LAM_FORMS.get(shown[index])
        ligature = _LAM_ALEF.get(text[index + 1])
        if form is not None and ligature is not None and has_glyph(ligature + form):
            shown[index : index + 2] = [BLANK, ligature + form]
    return [code if has_glyph(code) else ord(char) for code, char in zip(shown, text, strict=True)]
