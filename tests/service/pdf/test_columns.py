"""Columns of cells: what is measured together is what each cell measures by itself."""

from __future__ import annotations

import pytest

from service.pdf.columns import MeasuredColumn
from service.pdf.fonts import SANS, escaped, widths

LIMIT = 6_000
COLUMNS = {
    "whole numbers": ["1", "22", "333", "0"],
    "numbers of one length": ["1001", "1002", "1003"],
    "numbers with a point each": ["1.5", "22.25", "0.0"],
    "numbers, some with a point": ["1", "2.5", "-3", "1.2.3"],
    "dates": ["2026-01-01", "2026-12-31"],
    "numbers as wide as the column": ["999999999", "1"],
    "a number too wide": ["1", "9999999999"],
    "texts of one length": ["ab", "WW", "il"],
    "texts with signs that PDF escapes": ["(a)", "b\\c", ""],
    "a text too wide": ["short", "W" * 7],
    "wide in letters, not in number": ["iiiiiiiiiiiiiiiiiiii", "WWWWWW"],
    "empty texts": ["", "", ""],
    "one text": ["x"],
}


@pytest.mark.parametrize("texts", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("right_aligned", [False, True])
def test_plain_texts_fit_where_each_is_no_wider_than_the_column(texts: list[str], right_aligned: bool) -> None:
    """The quick look at all texts says what the widths of each say."""
    column = MeasuredColumn(texts, LIMIT, right_aligned)
    assert (True, all(widths(SANS).of(text) <= LIMIT for text in texts)) == (column.plain, column.fits)


@pytest.mark.parametrize("texts", COLUMNS.values(), ids=COLUMNS)
def test_right_aligned_texts_start_by_their_own_width(texts: list[str]) -> None:
    """However the widths were found, each text starts as far left of its anchor as it is wide."""
    column = MeasuredColumn(texts, LIMIT, right_aligned=True)
    column.move = "5 0 Td "
    expected = [[f"5 0 Td [{widths(SANS).of(text)}(" for text in texts], list(map(escaped, texts))]
    assert expected == column.values(0, len(texts), lambda text, shift=0: text)


@pytest.mark.parametrize("right_aligned", [False, True])
@pytest.mark.parametrize(
    "texts",
    [["1\n2", "3"], ["1", "\n"], ["12", "3\n"], ["1", "\x01"], ["1\x7f"], ["é"], ["", "é"], ["1.é", "2.é"]],
    ids=repr,
)
def test_line_ends_and_other_signs_are_not_plain(texts: list[str], right_aligned: bool) -> None:
    """One text with a line end, a control character or another script makes the column one to look at cell by cell."""
    column = MeasuredColumn(texts, LIMIT, right_aligned)
    assert (column.plain, column.fits) == (False, False)
