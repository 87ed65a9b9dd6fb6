"""Files checked with PDFium reading every page, and as usual: both must find the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from assertions.contents.pdf import check as check_module
from assertions.contents.pdf.check import check_pdf_of
from assertions.contents.pdf.same_page import SamePages
from assertions.contents.sent import Outcome, expected
from assertions.contents.tags import TAG_PLACEHOLDER, tagged
from assertions.contents.template import KnownPage, Request, Template
from tests.assertions.contents.plain_pdf import Change, file_of, objects_of

FIRST, SECOND, THIRD, FOURTH = "T010000001", "T010000002", "T010000003", "T010000004"
Files = Sequence[tuple[bytes, str]]
"""Files of one template, each with its tag."""


@dataclass
class Looks:
    """How often a page was compared by its bytes, and how often that was enough."""

    asked: int = 0
    known: int = 0
    pages: set[int] = field(default_factory=set)
    """Indexes of the pages of which the bytes were enough."""


def check_all(files: Files, body: bytes) -> list[Outcome]:
    """Check files of one template one after another."""
    template = Template(body, TAG_PLACEHOLDER)

    def outcome(data: bytes, tag: str) -> Outcome:
        user = template.sent.user
        whole = lambda: expected(tagged(body, tag), None, TAG_PLACEHOLDER)  # noqa: E731
        return check_pdf_of(data, Request(template, tag, user, None, whole))

    return [outcome(data, tag) for data, tag in files]


def both_ways(monkeypatch: pytest.MonkeyPatch, files: Files, body: bytes) -> tuple[list[Outcome], Looks]:
    """Check files with PDFium reading all pages and as usual; the outcomes must be equal."""
    with monkeypatch.context() as patch:
        patch.setattr(check_module, "same_pages", lambda data, request, pages: None)
        slow = check_all(files, body)
    looks = Looks()
    is_known = SamePages.is_known

    def counted(self: SamePages, index: int, known: KnownPage) -> bool:
        found = is_known(self, index, known)
        looks.asked += 1
        looks.known += found
        looks.pages |= {index} if found else set()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(SamePages, "is_known", counted)
        quick = check_all(files, body)
    assert quick == slow
    return quick, looks


def healthy(*tags: str) -> list[tuple[bytes, str]]:
    """Files in which nothing is wrong."""
    return [(file_of(objects_of(tag)), tag) for tag in tags]


def changed(tag: str, change: Change) -> tuple[bytes, str]:
    """Return a file of which some objects are others."""
    objects = objects_of(tag)
    change(objects, tag)
    return file_of(objects), tag
