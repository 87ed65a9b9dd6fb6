"""Random mutations of a real bundle: each is found with the key, and all but a whole publication without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evidence.conftest import Made
from tests.evidence.mutations.summary import KEPT, PAGE, counts, page_part, read_stored, table
from tests.evidence.mutations.trial import Trial, finding, missed, signed_copy, trials

COUNT = 60
SEED = 20_261_130


@pytest.mark.e2e
def test_random_mutations(made: Made, tmp_path: Path) -> None:
    """No mutation escapes, and no untouched bundle is suspected."""
    bundle = signed_copy(made.path, tmp_path)
    assert (finding(bundle.path, bundle.key), finding(bundle.path, None), finding(made.path, None)) == (None,) * 3
    found = list(trials(bundle, range(COUNT), SEED, tmp_path))
    assert missed(found) == [], table(counts(found), 3, 0)


def trial(kind: str, with_key: str | None, without_key: str | None, of_bundle: bool = True) -> Trial:
    """A mutation and what was found of it."""
    return Trial(number=0, kind=kind, what="", with_key=with_key, of_bundle=of_bundle, without_key=without_key)


def test_what_counts_as_missed() -> None:
    """A mutation must be found with the key; without one, any of the bundle but a whole publication."""
    again = "records edited, published again"
    fine = [
        trial("byte flipped", "x", "x"),
        trial("byte flipped", "x", None, of_bundle=False),
        trial(again, "x", None),
    ]
    bad = [trial("byte flipped", None, "x"), trial("byte flipped", "x", None), trial(again, "x", "x")]
    assert missed([*fine, *bad]) == bad
    flipped = counts([*fine, *bad])[0]
    assert (flipped.made, flipped.found_with_key, flipped.of_bundle, flipped.found_without_key) == (4, 3, 3, 2)


def test_the_stored_mutations() -> None:
    """2,000 mutations are stored, none escaped, no untouched bundle was suspected, and docs/evidence.md shows them."""
    stored = read_stored()
    assert max(summary.made for summary in stored.bundles) >= 2_000
    for summary in stored.bundles:
        assert (summary.missed, summary.false_alarms) == (0, 0)
        assert sum(kind.made for kind in summary.kinds) == summary.made
    shown = KEPT.search(PAGE.read_text(encoding="utf-8"))
    assert shown is not None
    assert shown[0] == f"{shown[1]}{page_part(stored)}{shown[2]}"
