"""The error rates of the comparison as docs/evidence.md shows them."""

from __future__ import annotations

import re
from pathlib import Path

from evidence.comparison import check, repeated

PAGE = Path(__file__).resolve().parents[3] / "docs" / "evidence.md"
KEPT = re.compile(r"(<!-- error rates -->\n).*(<!-- /error rates -->)", re.DOTALL)


def part() -> str:
    """Return the stored figures, a paragraph each."""
    lines = (check.stored_line(), repeated.stored_line() or "Repeated runs were not measured yet.")
    return "".join(f"{line}\n\n" for line in lines)


def shown(text: str) -> str:
    """Return the page with the stored figures in it."""
    return KEPT.sub(lambda kept: f"{kept[1]}{part()}{kept[2]}", text)
