"""docs/checks.md says of every check what it sees, what a FAIL means and what to do."""

from __future__ import annotations

from assertions.checks.catalogue import CHECKS
from tests.docs.checks import PAGE, read_guide, render


def test_every_check_is_explained_and_nothing_else() -> None:
    """docs/checks.toml has exactly the ids of the catalogue, in its order."""
    assert list(read_guide()) == [check.id for check in CHECKS]


def test_the_page_is_the_generated_one() -> None:
    """After a change of the catalogue or of docs/checks.toml, `python -m tests.docs.checks` writes the page anew."""
    assert PAGE.read_text("utf-8") == render()
