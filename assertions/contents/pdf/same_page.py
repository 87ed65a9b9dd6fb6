"""Is a page of a file, but for the tag, the very page that another file of its template has there?

Then its text is the other's, but for the tag, and PDFium need not read it once more. What is compared is bytes: the
drawing instructions with the placeholder for the tag, and all that the page refers to. See `plain_file` for which files
can be compared so, and `tag_letters` for which tags.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Final

from assertions.contents.pdf.plain_file import NotPlainError, PageBytes, PlainFile
from assertions.contents.pdf.tag_letters import drawn_letters, fonts_of_tag, read_letters, take_same_room
from assertions.contents.template import KnownPage, Request

_MOST_UNLIKE: Final = 20
"""With this number of pages of a known text but other bytes, a service's files can't be compared so."""
_MOST_TAGS: Final = 8
"""Tags remembered a page."""
_LEAST_TAGS: Final = 2
"""A page read with this number of tags shows them nowhere in another spelling: its bytes would differ for each."""
_MOST_KEPT_BYTES: Final = 8 * 1024 * 1024
"""Larger files are not kept until another comes."""
_MOST_FONTS: Final = 64
"""Fonts remembered a template."""
_MOST_TAG_FONTS: Final = 8
"""Most fonts in which a page may show the tag: each is read in each file's page."""


_GIVEN_UP: Final = (NotPlainError, MemoryError, LookupError, ValueError)
"""What damaged bytes may lead to: PDFium then reads the page, as if nothing was known of it."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One page, with the placeholder for the tag in its instructions."""

    page: PageBytes
    content: bytes
    print: bytes
    """Hash of all of it."""


class SamePages:
    """One file's pages, to be compared with known ones."""

    def __init__(self, file: PlainFile, request: Request) -> None:
        self._file = file
        self._request = request
        self._drawn: dict[int, _Drawn | None] = {}

    def print_of(self, index: int) -> bytes | None:
        """Hash what a page is made of, but for its number's object and the tag; None where the bytes do not tell."""
        drawn = self._draw(index)
        return None if drawn is None else drawn.print

    def is_known(self, index: int, known: KnownPage) -> bool:
        """Return whether a page has the text of a known one, but for the tag."""
        if known.hash_later:
            known.print, known.hash_later = known.hash_later(), None
        if known.print is None:
            return False
        drawn = self._draw(index)
        if drawn is None or drawn.print != known.print:
            return False
        if self._request.tag in known.tags:
            return True  # the same bytes, tag and all
        if known.places != drawn.content.count(self._request.template.placeholder.encode()):
            return False  # the tag is shown in another way, too
        if not known.places:
            return True
        if len(known.tags) < _LEAST_TAGS:
            return False
        return any(self._takes_same_room(index, drawn, known, tag) for tag in known.tags)

    def learn(self, index: int, known: KnownPage) -> None:
        """Note that PDFium read the text of a known page here, too."""
        tag = self._request.tag
        if not known.tags and len(self._file.data) <= _MOST_KEPT_BYTES:
            known.tags, known.hash_later = (tag,), partial(self.print_of, index)
            return
        print_ = self.print_of(index)
        if print_ is None:
            return
        if known.print == print_:
            known.tags = (*known.tags, tag)[-_MOST_TAGS:]
        else:
            self._request.template.unlike_pages += known.print is not None
            known.print, known.tags, known.fonts = print_, (tag,), None

    def _draw(self, index: int) -> _Drawn | None:
        if index not in self._drawn:
            self._drawn.clear()  # a page is asked for again only at once
            self._drawn[index] = self._read(index)
        return self._drawn[index]

    def _read(self, index: int) -> _Drawn | None:
        try:
            page = self._file.page(index)
            content = self._request.rename_bytes(b" ".join(page.content))  # as readers join them
        except _GIVEN_UP:
            return None
        if content is None:
            return None
        whole = hashlib.blake2b(page.context)
        whole.update(b"".join(b"%d " % len(piece) for piece in page.content))
        whole.update(content)
        return _Drawn(page, content, whole.digest())

    def _takes_same_room(self, index: int, drawn: _Drawn, known: KnownPage, tag: str) -> bool:
        if known.fonts is None:
            found = fonts_of_tag(drawn.content, self._request.template.placeholder.encode())
            known.fonts = frozenset() if found is None else found
        return 0 < len(known.fonts) <= _MOST_TAG_FONTS and all(
            self._fit(index, drawn, font, tag) for font in known.fonts
        )

    def _fit(self, index: int, drawn: _Drawn, font: bytes, tag: str) -> bool:
        """Return whether a font shows this file's tag as it shows another file's."""
        letters = self._request.template.letters
        try:
            key = self._file.hash_font(drawn.page, font)
            if key not in letters:
                if len(letters) >= _MOST_FONTS:
                    letters.clear()
                letters[key] = read_letters(self._file.with_content(index, drawn_letters(font)), index)
        except _GIVEN_UP:
            return False
        return take_same_room(tag, self._request.tag, letters[key])


def same_pages(data: bytes, request: Request, pages: int) -> SamePages | None:
    """Return a file's pages for comparison; None where they can't be compared. pages: as PDFium counts them."""
    if request.template.unlike_pages >= _MOST_UNLIKE:
        return None
    try:
        file = PlainFile(data)
    except _GIVEN_UP:
        return None
    return SamePages(file, request) if len(file.pages) == pages else None
