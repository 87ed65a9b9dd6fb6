"""How a value may be shown on a page, and how it may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assertions.contents.pdf.check import check_pdf
from assertions.contents.pdf.values import canonical, ends
from assertions.contents.sent import Json
from tests.assertions.contents.layouts import LAYOUTS, model, text_lines
from tests.assertions.contents.test_pdf import one_column


@pytest.mark.parametrize(
    ("value", "shown", "right"),
    [
        (None, "", True),
        (None, "null", True),
        (None, "N/A", True),
        (None, "—", True),
        (None, "x", False),
        (True, "true", True),
        (True, "Yes", True),
        (True, "✓", True),
        (True, "false", False),
        (False, "no", True),
        (False, "", False),
        (7, "7", True),
        (7, "7.00", True),
        (7, "77", False),
        (7, "-7", False),
        (-7, "-7", True),
        (-7, "−7", True),
        (-7, "(7)", True),
        (-7, "7", False),
        (1234567, "1,234,567", True),
        (1234567, "1.234.567", True),
        (1234567, "1 234 567", True),
        (1234567, "1'234'567", True),
        (1234567, "123,4567", False),
        (9007199254740993, "9007199254740993", True),
        (9007199254740993, "9007199254740992", False),
        (12.5, "12.5", True),
        (12.5, "12.50", True),
        (12.5, "12,50", True),
        (12.5, "13", False),
        (12.345678, "12.35", True),
        (12.345678, "12.3", False),
        (2.675, "2.68", True),
        (2.675, "2.67", True),
        (2.675, "2.66", False),
        (1000.0, "1000", True),
        (1000.0, "1e3", False),
        (1e21, "1e+21", True),
        (1e21, "1E21", True),
        (1e21, "1000000000000000000000.00", True),
        (1e21, "1,000,000,000,000,000,000,000.00", True),
        (1e21, "1000000000000000000001.00", False),
        (-1e13, "-10000000000000.000", True),
        (5e-324, "0.00", True),
        (-5e-324, "-0.00", True),
        (-5e-324, "0.00", True),
        (1e-13, "0.000000000000100", True),
        (1e-13, "0.000000000000000", False),
        (12345678901234.5, "12345678901234.50", True),
        (12345678901234.5, "12,345,678,901,234.5000", True),
        (12345678901234.5, "12345678901234.00", False),
        (-0.001, "0.00", True),
        (5e-324, "0.01", False),
        (True, "Evet", True),
        (True, "Hayır", False),
        (False, "[ ]", True),
        (False, "☒", True),
        (True, "f", False),
        (1e-7, "0.0000001", True),
        (1e-7, "1e-7", True),
        (1.5e300, "1.5e+300", True),
        ("two\nlines", "two lines", True),
        ("two\nlines", "two\\nlines", True),
        ("two\nlines", "two ↵ lines", True),
        ("two\nlines", "two", False),
        ("a\tb", "a → b", True),
        ('say "x"', 'say "x"', True),
        ('say "x"', "say x", False),
        ('say "x"', 'say \\"x\\"', True),
        ("=1+1", "=1+1", True),
        ("long-winded", "long-winded", True),
        ("hyphenation", "hyphen-ation", True),
        ("hyphenation", "hyphen", False),
        ([1, 2.5, None, True], "[1, 2.5, null, true]", True),
        ([1, 2.5, None, True], "[1,2.50,None,True]", True),
        (["red", "green"], "red, green", True),
        (["red", "green"], "red", False),
        (["red", "green"], "green, red", False),
        ({"street": "Hauptstr. 5", "zip": 10115}, "street: Hauptstr. 5, zip: 10115", True),
        ({"street": "Hauptstr. 5", "zip": 10115}, "Hauptstr. 5; 10115", True),
        ({"street": "Hauptstr. 5", "zip": 10115}, '{"street":"Hauptstr. 5","zip":10115}', True),
        ({"street": "Hauptstr. 5", "zip": 10115}, "[object Object]", False),
        ({"street": "Hauptstr. 5", "zip": 10115}, "street: Hauptstr. 5, zip: 10116", False),
        ({"a": {"b": ["x", {"c": 5}]}}, "a.b: x, c: 5", True),
        ([], "[]", True),
        ({}, "{}", True),
    ],
)
@pytest.mark.parametrize("layout", ["by_rows", "by_columns"])
def test_spellings(layout: str, value: Json, shown: str, right: bool) -> None:
    """A value may be shown in any way that still says it, and in no other."""
    sent = one_column("first", value, "last")
    sheets = model(sent)
    rows = tuple((row[0], shown) if index == 1 else row for index, row in enumerate(sheets[0].rows))
    outcome = check_pdf(LAYOUTS[layout]((replace(sheets[0], rows=rows),)), sent)
    assert (outcome.findings == ()) is right, outcome.findings


def test_values_too_large_for_a_float_are_unchanged() -> None:
    """A number beyond every float has its canonical spelling only."""
    value = float("inf")
    assert list(ends(value, canonical(value), "5", 0)) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8786.17, "8786.1700000000001"),
        (0.1, "0.10000000000000001"),
        ({"straße": "Grün 5", "zip": 7}, '{"stra\\u00dfe": "Gr\\u00fcn 5", "zip": 7}'),
    ],
)
def test_the_same_value_in_a_longer_spelling(value: Json, shown: str) -> None:
    """Seventeen digits are the same double, and escapes the same JSON."""
    sent = one_column("above", value, "below")
    sheets = model(sent)
    rows = sheets[0].rows
    sheet = replace(sheets[0], rows=(rows[0], (rows[1][0], shown), rows[2]))
    assert check_pdf(text_lines((sheet,)), sent).findings == ()
