"""Check of one exported file against its request: bytes in, findings out. Pure."""

from __future__ import annotations

from typing import Final

from assertions.contents.csv import check_csv_of
from assertions.contents.pdf.check import check_pdf_of
from assertions.contents.sent import Outcome, Sent, expected
from assertions.contents.tags import TAG_PLACEHOLDER, tagged, user_of
from assertions.contents.template import Request, Template
from assertions.record.types import Finding, Hit

FILE_BYTES: Final = 64 * 1024**2
FILE_TIMES: Final = 10
"""A file may have this many bytes, or this many times the bytes of its request; a larger one is not opened."""


def read_template(body: bytes) -> Template:
    """Return the template that a case's request body is."""
    return Template(body, TAG_PLACEHOLDER)


def check_file(data: bytes, template: Template, hit: Hit, *, brief: bool = False) -> Outcome:
    """Compare one file's bytes with the request for the file. ContentsError when the request can't be read.

    brief: report the first fault and only count the pages that were not read.
    """
    fmt = hit.format or ""

    def whole() -> Sent:
        return expected(tagged(template.body, hit.tag, hit.user), None, TAG_PLACEHOLDER, hit.start)

    user = user_of(template.body, hit.user) or template.sent.user
    request = Request(template, hit.tag or "", user, hit.start, whole)
    try:
        return check_csv_of(data, request) if fmt == "csv" else check_pdf_of(data, request, brief=brief)
    except (NameError, AttributeError, ImportError, AssertionError):
        raise  # the checker is broken, not the file
    except MemoryError:
        raise  # noted by who set the limit
    except Exception as error:
        # a file on which a reader breaks is no file that a user could open; it must not end the whole run
        return unreadable(f"a {fmt} file that can be read", f"{type(error).__name__} while it was read")


def too_large(file_bytes: int, template_bytes: int) -> Outcome | None:
    """Return the outcome for a file that is too large to be opened; None for other files. Sizes in bytes."""
    most = max(FILE_BYTES, FILE_TIMES * template_bytes)
    if file_bytes <= most:
        return None
    return unreadable(f"a file of at most {most / 1e6:,.0f} MB", f"{file_bytes / 1e6:,.0f} MB; it was not opened")


def unreadable(wanted: str, found: str) -> Outcome:
    """Return the outcome for a file that could not be read at all."""
    finding = Finding(code="unreadable", where="", expected=wanted, found=found)
    return Outcome(rows=None, pages=None, findings=(finding,), finding_count=1, kinds={"unreadable": 1})
