"""The contract's counting rules, at their borders."""

from __future__ import annotations

import pytest

from assertions.contract import FAMILIES, FILENAME, pages_for, size_of


@pytest.mark.parametrize(
    ("records", "size"),
    [(0, "small"), (999, "small"), (1_000, "medium"), (9_999, "medium"), (10_000, "large"), (10_001, "large")],
)
def test_sizes_turn_at_1000_and_10000(records: int, size: str) -> None:
    """small < 1,000 <= medium < 10,000 <= large."""
    assert size_of(records) == size


@pytest.mark.parametrize(("records", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (101, 3), (10_000, 200)])
def test_fifty_records_a_page(records: int, pages: int) -> None:
    """A PDF has a page for each fifty records begun, and at least one."""
    assert pages_for(records) == pages


@pytest.mark.parametrize("rule", [size_of, pages_for])
def test_fewer_than_none_is_an_error(rule: object) -> None:
    """There is no negative number of records."""
    assert callable(rule)
    with pytest.raises(ValueError, match="a number of records is 0 or more, not -1"):
        rule(-1)


def test_nine_families_with_the_series_that_a_scrape_yields() -> None:
    """A histogram yields three series, each other family one: eleven in all."""
    assert len(FAMILIES) == 9
    assert sum(len(family.series) for family in FAMILIES) == 11


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("exports/export_1795000000000_a1B2c3D4e.csv", True),
        ("export_1_a.pdf", True),
        ("/srv/export_1_a.pdf", True),
        ("export_1_a.PDF", False),
        ("export_1_a.csv\n", False),
        ("myexport_1_a.csv", False),
        ("export_x_a.csv", False),
        ("export_1_.csv", False),
        ("export_1_a-b.csv", False),
    ],
)
def test_file_names(path: str, found: bool) -> None:
    """A finished file's path ends in export_<ms>_<letters or digits>.<format>, and in nothing else."""
    assert (FILENAME.search(path) is not None) is found
