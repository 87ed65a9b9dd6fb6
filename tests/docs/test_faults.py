"""docs/faults.md: each defect names its tests, and each of these exists and bears the defect's number as a marker."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.defects import ROOT, named_tests

NUMBERS = [f"D{number}" for number in range(1, 27)]


def test_every_defect_has_a_test() -> None:
    """D1 to D26 each have a row that names at least one test."""
    found = named_tests()
    assert list(found) == NUMBERS
    assert [number for number, names in found.items() if not names] == []


@pytest.mark.e2e
def test_every_named_test_exists() -> None:
    """A test that is renamed or removed is renamed or replaced on the page too; its marker is the defect's number."""
    found = named_tests()
    words = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    files = sorted({name.partition("::")[0] for names in found.values() for name in names})
    done = subprocess.run(
        [*words, "-m", " or ".join(NUMBERS), *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    collected = {line for line in done.stdout.splitlines() if "::" in line}
    collected |= {line.partition("[")[0] for line in collected}
    assert [(number, name) for number, names in found.items() for name in names if name not in collected] == []
