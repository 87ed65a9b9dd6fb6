"""A reportlab document whose pages go to the file as they are made, so that memory stays constant."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import islice
from typing import Any

from isal import isal_zlib
from reportlab.pdfbase import pdfdoc

KIDS = 64
FLUSH_BYTES = 128 * 1024
LEVEL = 1
"""Of ISA-L's deflate: zlib's first level takes three times as long for files of the same size."""


class PagedDocument(pdfdoc.PDFDocument):  # type: ignore[misc]
    """Writes each page at `add_page` and keeps only where it is; reportlab's own objects follow at `finish`.

    `write` takes bytes. No outlines, no encryption.
    """

    def __init__(self, write: Callable[[bytes], object], *, title: str, author: str, creator: str, lang: str) -> None:
        super().__init__(pdfVersion=(1, 5), lang=lang)
        self._write = write
        self._buffer = bytearray()
        self._written = 0
        self._offsets = array("Q", [0])
        self._nodes: list[int] = []
        self._node: list[int] = []
        self._pages = 0
        self._parts: dict[str, int] = {}
        self._box = (0.0, 0.0, b"")
        """Width and height of the last page, and the box made of them."""
        self.setTitle(title)
        self.setAuthor(author)
        self.setCreator(creator)
        self.setProducer(f"{creator}, with reportlab")
        self.setSubject("Export")
        self._resources = self._number()
        self._root = self._number()
        self._emit(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def _number(self) -> int:
        """A new object number, out of the same row that reportlab's objects take theirs from."""
        self.objectcounter += 1
        return int(self.objectcounter)

    def _emit(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._write(bytes(self._buffer))
        self._written += len(self._buffer)
        self._buffer.clear()

    def _put(self, number: int, body: bytes) -> None:
        offsets = self._offsets
        at = self._written + len(self._buffer)
        if number == len(offsets):
            offsets.append(at)
        else:
            offsets.extend([0] * (number + 1 - len(offsets)))
            offsets[number] = at
        self._emit(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _put_stream(self, number: int, head: bytes, content: bytes) -> None:
        packed = isal_zlib.compress(content, LEVEL)
        self._put(
            number,
            b"<<%b/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (head, len(packed), packed),
        )

    def add_form(self, name: str, box: tuple[float, float, float, float], content: bytes) -> None:
        """A part that pages show with `/name Do`."""
        number = self._parts[name] = self._number()
        head = b"/Type/XObject/Subtype/Form/BBox[%.2f %.2f %.2f %.2f]/Resources %d 0 R" % (*box, self._resources)
        self._put_stream(number, head, content)

    def add_page(self, width: float, height: float, content: bytes) -> None:
        """Write one page of that size in points."""
        if not self._node:
            self._nodes.append(self._number())
        stream, page = self._number(), self._number()
        self._put_stream(stream, b"", content)
        if self._box[:2] != (width, height):
            self._box = (width, height, b"[0 0 %.2f %.2f]" % (width, height))
        self._put(
            page,
            b"<</Type/Page/Parent %d 0 R/MediaBox%b/Resources %d 0 R/Contents %d 0 R>>"
            % (self._nodes[-1], self._box[2], self._resources, stream),
        )
        self._node.append(page)
        self._pages += 1
        if len(self._node) == KIDS:
            self._end_node()

    def _end_node(self) -> None:
        self._put(self._nodes[-1], _pages_node(self._node, len(self._node), b"/Parent %d 0 R" % self._root))
        self._node.clear()

    def finish(self, fonts: pdfdoc.PDFDictionary) -> None:
        """Write everything that is left; `fonts` is the dictionary of font resources."""
        if self._node:
            self._end_node()
        self._put(self._root, _pages_node(self._nodes, self._pages, b""))
        parts = b"".join(b"/%b %d 0 R" % (name.encode(), number) for name, number in self._parts.items())
        catalog = self._number()
        self._put(self._resources, b"<</Font %b/XObject<<%b>>>>" % (fonts.format(self), parts))
        info = self.Reference(self.info)
        self._put_registered()
        self._put(
            catalog,
            b"<</Type/Catalog/Pages %d 0 R/Lang %b/ViewerPreferences<</DisplayDocTitle true>>>>"
            % (self._root, self.Catalog.Lang.format(self)),
        )
        start = self._written + len(self._buffer)
        self._emit(b"xref\n0 %d\n0000000000 65535 f \n" % len(self._offsets))
        for offset in islice(self._offsets, 1, None):
            self._emit(b"%010d 00000 n \n" % offset)
        self._emit(
            b"trailer\n<</Size %d/Root %d 0 R/Info %b/ID%b>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(self._offsets), catalog, info.format(self), self._id(), start)
        )
        self._flush()

    def _id(self) -> bytes:
        digest = self.signature.hexdigest().encode()
        return b"[<%b><%b>]" % (digest, digest)

    def _put_registered(self) -> None:
        """Write reportlab's own objects; formatting one may register more."""
        done: set[int] = set()
        while waiting := [number for number in self.numberToId if number not in done]:
            for number in waiting:
                done.add(number)
                thing: Any = self.idToObject[self.numberToId[number]]
                self._put(number, pdfdoc.format(thing, self, toplevel=1).rstrip(b"\n"))


def _pages_node(kids: list[int], count: int, parent: bytes) -> bytes:
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    return b"<</Type/Pages%b/Count %d/Kids[%b]>>" % (parent, count, listed)
