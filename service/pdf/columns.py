"""Cells of one column of some records, measured together: which fit on one line, and where each starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from service.pdf.fonts import SANS, escaped, widths

CellOperators = Callable[..., str]
"""One cell's operators, from its text and how far left of its anchor it starts."""


class _Starts(dict[int, str]):
    """Width of a right-aligned text -> the operators before it, of the few hundred widths that there are."""

    def __missing__(self, units: int) -> str:
        value = self[units] = f"[{units}("
        return value


_STARTS = _Starts()


class MeasuredColumn:
    """One column of some records, at least one, measured."""

    def __init__(self, texts: list[str], limit: int, right_aligned: bool) -> None:
        self.texts = texts
        self.right_aligned = right_aligned
        self._limit = limit
        self._joined = "\n".join(texts)
        self._codes = self._joined.encode() if self._joined.isascii() else b""
        self._longest = max(map(len, texts))
        self.fits = self._holds_only(widths(SANS).chars_within(limit // max(1, self._longest)))
        """All of them on one line each, without a look at every page."""
        self.plain = self.fits or self._holds_only(widths(SANS).plain)
        """All of them are printable ASCII."""
        if self.plain and not self.fits:
            self.fits = max(widths(SANS).of_all(set(texts), plain=True)) <= limit

    def _holds_only(self, chars: bytes) -> bool:
        """Whether no text has another character."""
        return self._joined.isascii() and self._codes.translate(None, chars) == b"\n" * (len(self.texts) - 1)

    @cached_property
    def shown(self) -> list[str]:
        """The insides of the literal strings that show plain texts."""
        if "(" in self._joined or ")" in self._joined or "\\" in self._joined:
            return escaped(self._joined).split("\n")
        return self.texts

    @cached_property
    def _units(self) -> list[int]:
        return widths(SANS).of_all(self.texts, self.plain)

    @cached_property
    def starts(self) -> list[str]:
        """The operators before each plain text of a right-aligned column."""
        regular = widths(SANS)
        # numbers mostly: all characters as wide as a digit, but for the same few in each text
        others = self._codes.translate(None, regular.even)
        same = others.partition(b"\n")[0]
        if not self.fits or others != b"\n".join((same,) * len(self.texts)):
            return list(map(_STARTS.__getitem__, self._units))
        more = regular.of(same.decode()) - regular.of("0") * len(same)
        by_length = [_STARTS[regular.of("0") * length + more] for length in range(self._longest + 1)]
        return list(map(by_length.__getitem__, map(len, self.texts)))

    def fits_in(self, first: int, last: int) -> bool:
        """Return whether those from `first` up to `last` fit on one line each."""
        if self.fits:
            return True
        printable = self.plain or " ".join(self.texts[first:last]).isprintable()
        return printable and max(self._units[first:last]) <= self._limit

    def values(self, first: int, last: int, operators: CellOperators) -> list[list[str]]:
        """What goes into the pattern's gaps."""
        if self.plain:
            shown = self.shown[first:last]
            return [self.starts[first:last], shown] if self.right_aligned else [shown]
        texts = self.texts[first:last]
        if self.right_aligned:
            return [list(map(operators, texts, self._units[first:last]))]
        return [list(map(operators, texts))]
