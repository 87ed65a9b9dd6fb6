"""The defects of docs/faults.md, and the tests of each: `pytest -m D4` runs those of D4."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
_TEST = re.compile(r"`(tests/[\w./]+\.py::test_\w+(?:\[[^`]+\])?)`")
_ROW = re.compile(r"^\| (D\d+) \|.*$", re.MULTILINE)


def named_tests() -> dict[str, tuple[str, ...]]:
    """Return pytest's names of the tests in the page's first table, by the number of the defect.

    A name without brackets stands for all cases of a test. Empty where the page is missing.
    """
    if not PAGE.is_file():
        return {}
    text = PAGE.read_text(encoding="utf-8")
    return {row[1]: tuple(_TEST.findall(row[0])) for row in _ROW.finditer(text)}
