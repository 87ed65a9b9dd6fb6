"""Is an exported file what was asked for? Bytes in, findings out; nothing is opened, fetched or written here.

Strict where the contract speaks (`CONTRACT.md`, section 2), tolerant in all that it leaves open: line ends, quoting,
the spelling of a float, a PDF's layout, fonts and order of drawing.
"""

from __future__ import annotations

from assertions.contents.csv import check_csv, check_csv_of
from assertions.contents.pdf.check import check_pdf, check_pdf_of
from assertions.contents.sent import CODE_IN_BRIEF, ContentsError, Outcome, Sent, expected
from assertions.contents.template import Request, Template
from assertions.record.finding_codes import CODES

__all__ = [
    "CODES",
    "CODE_IN_BRIEF",
    "ContentsError",
    "Outcome",
    "Request",
    "Sent",
    "Template",
    "check_csv",
    "check_csv_of",
    "check_pdf",
    "check_pdf_of",
    "expected",
]
