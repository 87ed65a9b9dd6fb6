"""docs/faults.md: each fault names its tests, and each of these exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
TEST = re.compile(r"`(tests/[\w./]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (D\d+) \|.*$", re.MULTILINE)


def rows() -> dict[str, str]:
    """The rows of the first table, by the fault's number."""
    return {found[1]: found[0] for found in ROW.finditer(PAGE.read_text("utf-8"))}


def functions_of(path: Path) -> set[str]:
    """The test functions of a file; none where there is no such file."""
    if not path.is_file():
        return set()
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_a_test() -> None:
    """D1 to D24 each have a row that names at least one test."""
    found = rows()
    assert list(found) == [f"D{number}" for number in range(1, 25)]
    assert [number for number, row in found.items() if not TEST.search(row)] == []


def test_every_named_test_exists() -> None:
    """A test that is renamed or removed is renamed or replaced on the page too."""
    named = TEST.findall(PAGE.read_text("utf-8"))
    assert [(path, name) for path, name in named if name not in functions_of(ROOT / path)] == []
