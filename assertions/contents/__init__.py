"""Is an exported file what was asked for? Bytes in, findings out; nothing is opened, fetched or written here.

Strict where the contract speaks (`CONTRACT.md`, section 2), tolerant in all that it leaves open: line ends, quoting,
the spelling of a float, a PDF's layout, fonts and order of drawing.
"""

from __future__ import annotations

from assertions.contents.csv_check import check_csv
from assertions.contents.pdf_check import check_pdf
from assertions.contents.sent import CODES, ContentsError, Outcome, Sent, expected

__all__ = ["CODES", "ContentsError", "Outcome", "Sent", "check_csv", "check_pdf", "expected"]
