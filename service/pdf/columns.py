"""Cells of one column of some records, measured together: which fit on one line, and where each starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from service.pdf.fonts import SANS, escaped, widths

CellOperators = Callable[..., str]
"""One cell's operators, from its text and how far left of its anchor it starts."""


class _Starts(dict[int, str]):
    """Width of a right-aligned text -> the operators before it, of the few hundred widths that there are."""

    def __init__(self, move: str) -> None:
        super().__init__()
        self._move = move

    def __missing__(self, units: int) -> str:
        value = self[units] = f"{self._move}[{units}("
        return value


class MeasuredColumn:
    """One column of some records, at least one, measured."""

    def __init__(self, texts: list[str], limit: int, right_aligned: bool) -> None:
        self.texts = texts
        self.right_aligned = right_aligned
        self.move = ""
        """The operators between the cell before and a right-aligned text."""
        self._limit = limit
        self._joined = "\n".join(texts)
        self._codes = self._joined.encode() if self._joined.isascii() else b""
        self._ends = b"\n" * (len(texts) - 1)
        size = len(texts[0])
        # dates, codes, running numbers; true only where no text has a line end, which is looked at next
        self._alike = (
            len(self._codes) == size + len(self._ends) * (size + 1) and self._codes[size :: size + 1] == self._ends
        )
        # by way of the set, since few lengths differ
        self._longest = size if self._alike else max(set(self._lengths if right_aligned else map(len, texts)))
        self.plain, self.fits = self._look()
        """Whether all of them are printable ASCII, and whether these all fit on one line each."""
        if not self.fits:  # of long texts no copies are held
            self._joined, self._codes = "", b""

    def _look(self) -> tuple[bool, bool]:
        regular = widths(SANS)
        if self.right_aligned and self._more is not None:
            return True, regular.of("0") * self._longest + self._more <= self._limit
        if self._holds_only(regular.chars_within(self._limit // max(1, self._longest))):
            return True, True
        if not self._holds_only(regular.plain):
            return False, False
        return True, max(regular.of_all(set(self.texts), plain=True)) <= self._limit

    def _holds_only(self, chars: bytes) -> bool:
        """Whether no text has another character."""
        return self._joined.isascii() and self._codes.translate(None, chars) == self._ends

    @cached_property
    def _shown(self) -> list[str]:
        """The insides of the literal strings that show plain texts."""
        if not self.fits:
            return list(map(escaped, self.texts))
        if "(" in self._joined or ")" in self._joined or "\\" in self._joined:
            return escaped(self._joined).split("\n")
        return self.texts

    @cached_property
    def _lengths(self) -> list[int]:
        return list(map(len, self.texts))

    @cached_property
    def _units(self) -> list[int]:
        return widths(SANS).of_all(self.texts, self.plain)

    @cached_property
    def _more(self) -> int | None:
        """How much wider each text is than as many digits; None where that differs.

        Mostly it is the same: numbers are of digits, and of a point each or none.
        """
        regular = widths(SANS)
        others = self._codes.translate(None, regular.even)
        same = others.partition(b"\n")[0]
        if not self._joined.isascii() or len(others) != len(same) + len(self._ends) * (len(same) + 1):
            return None
        if others != (same + b"\n") * len(self._ends) + same or same.strip(regular.plain):
            return None
        return regular.of(same.decode()) - regular.of("0") * len(same)

    @cached_property
    def _starts(self) -> list[str]:
        """The operators before each plain text of a right-aligned column."""
        starts = _Starts(self.move)
        if not self.fits or self._more is None:
            return list(map(starts.__getitem__, self._units))
        digit = widths(SANS).of("0")
        if self._alike:
            return [starts[digit * self._longest + self._more]] * len(self.texts)
        by_length = [starts[digit * length + self._more] for length in range(self._longest + 1)]
        return list(map(by_length.__getitem__, self._lengths))

    def fits_in(self, first: int, last: int) -> bool:
        """Return whether those from `first` up to `last` fit on one line each."""
        if self.fits:
            return True
        printable = self.plain or " ".join(self.texts[first:last]).isprintable()
        return printable and max(self._units[first:last]) <= self._limit

    def values(self, first: int, last: int, operators: CellOperators) -> list[list[str]]:
        """What goes into the pattern's gaps; not to be changed."""
        if self.plain:
            lists = [self._starts, self._shown] if self.right_aligned else [self._shown]
            return lists if (first, last) == (0, len(self.texts)) else [one[first:last] for one in lists]
        texts = self.texts[first:last]
        if self.right_aligned:
            return [list(map(operators, texts, self._units[first:last]))]
        return [list(map(operators, texts))]
