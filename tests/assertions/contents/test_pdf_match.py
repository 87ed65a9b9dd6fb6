"""Finding cells in a page's text: sequences, pools of letters, texts in pieces, and what stands in order."""

from __future__ import annotations

import pytest

from assertions.contents.pdf.cells import longest_rise
from assertions.contents.pdf.match import Item, Pool, follow
from assertions.contents.pdf.text import text_of
from assertions.contents.pdf.values import spellings


def test_the_longest_rise() -> None:
    """What stands in order is kept; what was moved is left out."""
    assert longest_rise([]) == []
    assert longest_rise([1, 2, 9, 3, 4]) == [0, 1, 3, 4]
    assert longest_rise([5, 1, 2, 3]) == [1, 2, 3]
    assert len(longest_rise([3, 2, 1])) == 1


def test_a_sequence_without_end_is_given_up() -> None:
    """Cells that could stand anywhere do not keep the checker busy for ever."""
    items = [Item(None, "", "")] * 400 + [Item("z", "z", "")]
    assert follow("-" * 3000, 0, items)[0] is None


def test_letters_are_taken_once() -> None:
    """Two equal cells need two places on the page."""
    pool = Pool(text_of("alpha beta alpha"))
    assert [pool.take("alpha", "alpha"), pool.take("alpha", "alpha"), pool.take("alpha", "alpha")] == [0, 9, None]
    assert pool.rest() == "beta"


def test_a_number_of_very_many_digits_is_spelt_as_sent() -> None:
    """Beyond all floats nobody groups digits or adds decimals; the number itself is found."""
    value = 10**500
    assert spellings(value, str(value)) == (str(value),)
    assert Pool(text_of(f"a {value} b")).take(value, str(value)) == 1


def test_a_number_in_pieces_is_of_its_record() -> None:
    """Digits stand everywhere: they are put together from the record's own lines, and from no single ones."""
    pool = Pool(text_of("k1 1234 x 45 k2 1234 Page 45"))
    assert pool.take_pieces("123445", (0, 10)) == 2
    assert pool.take_pieces("123445", (10, 15)) is None
    assert Pool(text_of("1 2 3 x 45")).take_pieces("12345", (0, 50)) is None


def test_words_of_a_letter_do_not_use_up_the_beginnings() -> None:
    """A column of marks before a text that begins with the same letter."""
    text = "A " * 20 + "Another x longer y text"
    assert Pool(text_of(text)).take_pieces("Anotherlongertext") == 20


@pytest.mark.parametrize(("text", "number"), [("57", 5), ("5.7", 5), ("-5", 5), ("2.5", 5), ("1,5", 5)])
def test_a_number_inside_another_is_not_taken(text: str, number: int) -> None:
    """Digits, points and signs next to a number make it another number."""
    assert Pool(text_of(text)).take(number, str(number)) is None
