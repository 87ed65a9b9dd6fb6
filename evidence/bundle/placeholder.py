"""The report that stands in a run directory until there is a whole one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evidence.bundle.layout import COLOURED, REPORT, VERDICT
from evidence.reports.faces.markdown_text import first_line


def publish_placeholder(out: Path, sentence: str) -> None:
    """Replace whatever report is there by one that says why there is none. OSError when even that can't be written.

    What says a colour goes first: on a full disk files can still be removed.
    """
    for name in COLOURED:
        (out / name).unlink(missing_ok=True)
    headline = f"NO DATA: {sentence}"
    verdict = {"schema": 1, "colour": "NO DATA", "headline": headline}
    try:
        (out / VERDICT).write_bytes(msgspec.json.encode(verdict) + b"\n")
        (out / REPORT).write_text(first_line(headline) + "\n", encoding="utf-8")
    except OSError:
        # half a file would be taken for somebody else's
        for name in (VERDICT, REPORT):
            (out / name).unlink(missing_ok=True)
        raise
