"""Write the error rates of the comparison into docs/evidence.md: `python -m tests.evidence.comparison`."""

from __future__ import annotations

from tests.evidence.comparison.page import PAGE, shown

if __name__ == "__main__":
    PAGE.write_text(shown(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
