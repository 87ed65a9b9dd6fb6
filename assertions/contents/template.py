"""What all files of one request template must hold: read once, with the placeholder where each request has its tag.

A file is compared in the template's own letters: the tag in what was read of the file becomes the placeholder again.
Only a comparison that finds nothing wrong counts; else the file is held against its own request, letter by letter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from assertions.contents.csv_values import canonical_rows
from assertions.contents.pdf.page import Layout
from assertions.contents.pdf.plan import PER_PAGE, Plan, make_plan
from assertions.contents.sent import Sent, expected

if TYPE_CHECKING:
    from assertions.contents.pdf.tag_letters import Letter

PageKey = tuple[int, int, Layout]
"""A page's index, the number of pages, and the layout of the page before."""

_MOST_BYTES: Final = 32 * 1024 * 1024
"""Larger files are not kept for comparison."""
_MOST_PAGES: Final = 2_000
"""Pages remembered a template."""


@dataclass(slots=True)
class KnownPage:
    """A page in which nothing was wrong, with the placeholder for the tag."""

    text: str
    """As PDFium gives it."""
    layout: Layout
    places: int = 0
    """How often the tag is in the text."""
    print: bytes | None = None
    """Hash of the bytes that the page is made of; None where they do not tell its text."""
    hash_later: Callable[[], bytes | None] | None = None
    """Hashes these bytes; called when another file comes to be compared, so that one file costs nothing more."""
    tags: tuple[str, ...] = ()
    """Tags of the files in which PDFium read this text from pages of these bytes."""
    fonts: frozenset[bytes] | None = None
    """Names of the fonts in which these bytes draw the tag; empty: they can't be told. None: not asked for yet."""


class Template:
    """One request template, and what was derived from the template so far."""

    def __init__(self, body: bytes, placeholder: str) -> None:
        self.body = body
        self.placeholder = placeholder
        self.pages: dict[PageKey, KnownPage] = {}
        """Pages in which nothing was wrong."""
        self.letters: dict[bytes, dict[str, Letter]] = {}
        """What PDFium reads of each font, by the font's hash."""
        self.unlike_pages = 0
        """How many pages had the text of a known page and other bytes."""

        self.csv_file: bytes | None = None
        """A CSV file that holds what was sent; another that is the same but for its tag does, too."""

    @cached_property
    def sent(self) -> Sent:
        """The data sent, with the placeholder for the tag; ContentsError where the body can't be read."""
        return expected(self.body, None, self.placeholder)

    @cached_property
    def rows(self) -> list[list[str]]:
        """Each record's cells as CSV spells them most often."""
        return canonical_rows(self.sent)

    @cached_property
    def plans(self) -> list[Plan]:
        """What each page of a PDF must hold."""
        return make_plan(self.sent.records, self.sent.columns, PER_PAGE)

    def remember_csv(self, file: bytes) -> None:
        """Keep a CSV file that holds what was sent, in the template's letters."""
        if len(file) <= _MOST_BYTES:
            self.csv_file = file

    def remember(self, key: PageKey, text: str, layout: Layout) -> KnownPage | None:
        """Keep a page in which nothing was wrong; None where there are too many."""
        if len(self.pages) >= _MOST_PAGES:
            return None
        page = self.pages[key] = KnownPage(text, layout, text.count(self.placeholder))
        return page

    def has(self, tag: str) -> bool:
        """Whether a tag could be taken for other letters of the template."""
        return tag.encode() in self.body


@dataclass(frozen=True)
class Request:
    """One export of a template."""

    template: Template
    tag: str
    user: str
    at: float | None
    whole: Callable[[], Sent]
    """Reads what this request itself sent, letter by letter."""

    @cached_property
    def renames(self) -> bool:
        """Whether the tag differs from all other text of the body, so that the template can stand for the request."""
        tag, placeholder = self.tag, self.template.placeholder
        alike = len(tag) == len(placeholder) and tag.isascii() and tag.isalnum() and tag[:1].isalpha()
        return alike and tag[0] not in tag[1:] and not self.template.has(tag)

    def rename(self, text: str) -> str | None:
        """Put the placeholder where a text has the tag; None where the placeholder itself stands there."""
        return None if self.template.placeholder in text else text.replace(self.tag, self.template.placeholder)

    def rename_bytes(self, data: bytes) -> bytes | None:
        """Do the same with bytes."""
        placeholder = self.template.placeholder.encode()
        return None if placeholder in data else data.replace(self.tag.encode(), placeholder)

    @cached_property
    def sent(self) -> Sent:
        """What was sent, in the template's letters."""
        there = self.template.sent
        return Sent(there.columns, there.records, there.title, self.user, self.at)

    @cached_property
    def exact(self) -> Sent:
        """What was sent, letter by letter."""
        return self.whole()
