"""The objects of a plain PDF file, byte by byte: what a page is made of, without what any reader makes of it.

A plain file leaves nothing to interpret: one cross-reference table, each object once and where the table has it, no
encryption, no update, one tree of pages. Any other file is refused. Two pages of plain files that are made of equal
bytes are one page to every reader, so nothing here needs to understand a font, a number or a matrix.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SPACE: Final = rb"[\0\t\n\f\r ]"
_ANY_SPACE: Final = rb"[\0\t\n\f\r \x80\xff]"
"""What parts two words for PDFium; no word of a dictionary may have its two further signs."""
_TOKEN: Final = (
    rb"<<|>>|[\[\]]|/[^\0\t\n\f\r ()<>\[\]{}/%#\x80\xff]*+|\((?:[^()\\]|\\.)*+\)|<[0-9A-Fa-f\0\t\n\f\r ]*+>"
    rb"|[^\0\t\n\f\r ()<>\[\]{}/%#\x80\xff]++"
)
_TOKENS: Final = re.compile(_TOKEN, re.DOTALL)
_ONLY_TOKENS: Final = re.compile(rb"(?:%b*+(?:%b))*+%b*+" % (_SPACE, _TOKEN, _SPACE), re.DOTALL)
_END: Final = re.compile(rb"startxref[\r\n]{1,2}(\d{1,10})[\r\n]{1,2}%%EOF[\r\n ]{0,4}\Z")
_TABLE: Final = re.compile(rb"xref *[\r\n]{1,2}0 (\d{1,7}) *[\r\n]{1,2}")
_ENTRIES: Final = re.compile(rb"(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*+")
_ENTRY_BYTES: Final = 20
_TRAILER: Final = re.compile(rb"%b*+trailer(.*?)startxref" % _SPACE, re.DOTALL)
_WITH_COMMENTS: Final = re.compile(rb"(?:%b*+(?:%b|%%[^\r\n]*+))*+%b*+" % (_SPACE, _TOKEN, _SPACE), re.DOTALL)
_TOKEN_OR_COMMENT: Final = re.compile(rb"(%b)|%%[^\r\n]*+" % _TOKEN, re.DOTALL)
_TRAILER_KEYS: Final = {b"/Size", b"/Root", b"/Info", b"/ID"}
_CATALOG_KEYS: Final = {
    *(b"/Type", b"/Pages", b"/Version", b"/Lang", b"/ViewerPreferences", b"/PageLayout", b"/PageMode", b"/PageLabels"),
    *(b"/Outlines", b"/OpenAction", b"/Metadata", b"/MarkInfo", b"/StructTreeRoot", b"/Names", b"/Dests"),
}
"""What a catalogue may have: none of it changes what a page holds, as optional contents and forms do."""
_NODE_ONLY: Final = {b"/Type", b"/Kids", b"/Count", b"/Parent"}
"""What a page does not inherit of a node of the tree."""
_REFERENCE: Final = re.compile(rb"(?<![0-9.+-])([0-9.+-]++)%b++([0-9.+-]++)%b++R" % (_ANY_SPACE, _ANY_SPACE))
_MOST_DIGITS: Final = 8
"""Of a reference: of very long words readers take a part."""
_ONE_REFERENCE: Final = re.compile(rb"(\d{1,8}) 0 R")
_KIDS: Final = re.compile(rb"\[(?: \d{1,8} 0 R)*+ \]")
_TREE: Final = re.compile(rb"/Kids|/Type%b*/Pages?(?![A-Za-z])" % _SPACE)
_STREAM: Final = re.compile(rb">>%b*+stream\r?\n" % _SPACE)
_STREAM_END: Final = re.compile(rb"[\r\n]{0,2}endstream%b+endobj" % _SPACE)
_INTEGER: Final = re.compile(rb"%b{1,9}(\d{1,10})%b{1,9}endobj%b{0,9}" % (_SPACE, _SPACE, _SPACE))
_LENGTH_DIGITS: Final = 10
_FLATE: Final = {b"/FlateDecode", b"[ /FlateDecode ]"}
_MOST_DEPTH: Final = 24
_MOST_PIECES: Final = 64
_MOST_CONTENT_BYTES: Final = 4 * 1024 * 1024
_MOST_HASHED_BYTES: Final = 256 * 1024 * 1024
"""Of one file; an object counts as often as it is hashed, and as some bytes more."""
_OBJECT_BYTES: Final = 256


Pieces = tuple[list[bytes], list[int]]
"""The text between references, and the numbers of the objects that are referred to."""


class NotPlainError(Exception):
    """A file, or a page of one, whose bytes do not settle what readers make of it."""


@dataclass(frozen=True, slots=True)
class PageBytes:
    """What one page is made of."""

    context: bytes
    """Hash of all that the page refers to and inherits, but for what is drawn."""
    resources: bytes
    """Its resources, fonts among them: a dictionary, or the reference to one."""
    content: tuple[bytes, ...]
    """What is drawn, decoded."""


class PlainFile:
    """The objects of one file. Raises NotPlainError, as all of its methods do, where the file is not plain."""

    def __init__(self, data: bytes) -> None:
        end = _END.search(data, max(0, len(data) - 64))
        if not end or not data.startswith(b"%PDF-") or data.count(b"startxref") != 1:
            raise NotPlainError
        self.data = data
        self.table = int(end[1])
        """Where the cross-reference table stands."""
        self.size, trailer = self._read_table()
        self._objects: dict[int, Pieces] = {}
        self._hashes: dict[bytes, bytes] = {}
        self._hashed = 0
        self._inherited: dict[int, bytes] = {}
        self._nodes: dict[int, Mapping[bytes, bytes]] = {}
        self.root = _number(trailer.get(b"/Root", b""))
        self.pages = self._read_pages()
        """The numbers of the pages' objects, in order."""

    def _read_table(self) -> tuple[int, Mapping[bytes, bytes]]:
        """Find where each object begins and ends; return the table's size and the trailer."""
        data = self.data
        head = _TABLE.match(data, self.table)
        if not head:
            raise NotPlainError
        size, begin = int(head[1]), head.end()
        entries = _ENTRIES.match(data, begin, min(len(data), begin + size * _ENTRY_BYTES))
        trailer = _TRAILER.match(data, begin + size * _ENTRY_BYTES)
        if not entries or len(entries[0]) != size * _ENTRY_BYTES or not trailer:
            raise NotPlainError
        table = entries[0]
        begins = {
            number: int(table[at : at + 10])
            for number, at in enumerate(range(0, len(table), _ENTRY_BYTES))
            if table[at + 17] == ord("n")
        }
        for number, at in begins.items():
            if not 0 < at < self.table or data[at - 1] not in b"\r\n" or not data.startswith(b"%d 0 obj" % number, at):
                raise NotPlainError
        if data.count(b" obj") != len(begins):  # an object that the table does not have, or a second one of a number
            raise NotPlainError
        ends = [*sorted(begins.values()), self.table]
        if ends != sorted(ends):
            raise NotPlainError
        end_of = dict(pairwise(ends))
        self._spans = {number: (at + len(b"%d 0 obj" % number), end_of[at]) for number, at in begins.items()}
        found = entries_of(_without_comments(trailer[1]))
        if found.keys() - _TRAILER_KEYS or found.get(b"/Size") != b"%d" % size:
            raise NotPlainError
        return size, found

    def _object(self, number: int) -> tuple[bytes, bytes | None]:
        """Return an object's own bytes and, apart from them, those of its stream."""
        begin, end = self._spans[number]
        whole = self.data[begin:end].rstrip(b"\0\t\n\f\r ")
        stream = _STREAM.search(whole)
        if not stream:
            if not whole.endswith(b"endobj") or whole.count(b"endobj") != 1:
                raise NotPlainError
            return whole[: -len(b"endobj")], None
        head, at = whole[: stream.start() + 2], stream.end()
        length = entries_of(head).get(b"/Length", b"")
        if not length.isdigit():
            alone = _INTEGER.fullmatch(self.data, *self._spans[self._known(_number(length))])
            length = alone[1] if alone else b""
        if not 1 <= len(length) <= _LENGTH_DIGITS:
            raise NotPlainError
        behind = at + int(length)
        if not _STREAM_END.fullmatch(whole, min(behind, len(whole))):
            raise NotPlainError
        return head, whole[at:behind]

    def _known(self, number: int) -> int:
        if number not in self._spans:
            raise NotPlainError
        return number

    def _read_pages(self) -> list[int]:
        """Walk the tree of pages, each node of which must say what it holds."""
        catalog = entries_of(self._object(self._known(self.root))[0])
        if catalog.keys() - _CATALOG_KEYS or catalog.get(b"/Type") != b"/Catalog":
            raise NotPlainError
        pages: list[int] = []
        self._read_node(_number(catalog.get(b"/Pages", b"")), None, pages, 0)
        return pages

    def _read_node(self, number: int, parent: int | None, pages: list[int], depth: int) -> None:
        own, stream = self._object(self._known(number))
        node = entries_of(own)
        above = node.get(b"/Parent")
        if stream is not None or number in self._nodes or depth > _MOST_DEPTH:
            raise NotPlainError
        if above != (None if parent is None else b"%d 0 R" % parent):
            raise NotPlainError
        self._nodes[number] = node
        if node.get(b"/Type") == b"/Page" and b"/Kids" not in node:
            pages.append(number)
            return
        kids, before = node.get(b"/Kids", b""), len(pages)
        if node.get(b"/Type") != b"/Pages" or not _KIDS.fullmatch(kids):
            raise NotPlainError
        for kid in _ONE_REFERENCE.finditer(kids):
            self._read_node(int(kid[1]), number, pages, depth + 1)
        if node.get(b"/Count") != b"%d" % (len(pages) - before):
            raise NotPlainError

    def page(self, index: int) -> PageBytes:
        """Return what a page is made of. index: from 0."""
        entries = self._nodes[self.pages[index]]
        if b"/Annots" in entries:
            raise NotPlainError  # they may refer to anything
        if entries.get(b"/Rotate", b"0") != b"0":
            raise NotPlainError  # what PDFium reads of a turned page depends on which pages it read before
        own = hashlib.blake2b()
        for key, value in entries.items():
            if key not in {b"/Parent", b"/Contents"}:
                _add(own, key, self._hash(value))
        resources = entries.get(b"/Resources")
        number = self.pages[index]
        while b"/Parent" in self._nodes[number]:
            number = _number(self._nodes[number][b"/Parent"])
            if self._nodes[number].get(b"/Rotate", b"0") != b"0":
                raise NotPlainError
            _add(own, self._hash_inherited(number))
            resources = self._nodes[number].get(b"/Resources") if resources is None else resources
        content = tuple(self._content(number) for number in self.content_objects(index))
        if sum(map(len, content)) > _MOST_CONTENT_BYTES:
            raise NotPlainError
        return PageBytes(own.digest(), resources or b"", content)

    def hash_font(self, page: PageBytes, name: bytes) -> bytes:
        """Hash a font of a page with all that it refers to."""
        font = self._entries(self._entries(page.resources).get(b"/Font", b"")).get(b"/" + name)
        if font is None:
            raise NotPlainError
        return self._hash(font)

    def _entries(self, value: bytes) -> dict[bytes, bytes]:
        """Return the entries of a dictionary that is given itself or by a reference."""
        reference = _ONE_REFERENCE.fullmatch(value)
        return entries_of(self._object(self._known(int(reference[1])))[0] if reference else value)

    def content_objects(self, index: int) -> list[int]:
        """Return the numbers of the objects that say what is drawn on a page."""
        contents = self._nodes[self.pages[index]].get(b"/Contents", b"")
        if not _KIDS.fullmatch(contents) and not _ONE_REFERENCE.fullmatch(contents):
            raise NotPlainError
        numbers = [self._known(int(match[1])) for match in _ONE_REFERENCE.finditer(contents)]
        if not 1 <= len(numbers) <= _MOST_PIECES:
            raise NotPlainError
        return numbers

    def _content(self, number: int) -> bytes:
        own, stream = self._object(number)
        entries = entries_of(own)
        coded = entries.get(b"/Filter")
        if stream is None or entries.keys() - {b"/Length", b"/Filter"} or coded not in {None, *_FLATE}:
            raise NotPlainError
        if coded is None:
            return stream
        inflate = zlib.decompressobj()
        try:
            content = inflate.decompress(stream, _MOST_CONTENT_BYTES)
        except zlib.error as error:
            raise NotPlainError from error
        if not inflate.eof or inflate.unused_data:
            raise NotPlainError
        return content

    def _hash_inherited(self, number: int) -> bytes:
        """Hash what a page inherits of a node."""
        known = self._inherited.get(number)
        if known is None:
            own = hashlib.blake2b()
            for key, value in self._nodes[number].items():
                if key not in _NODE_ONLY:
                    _add(own, key, self._hash(value))
            known = self._inherited[number] = own.digest()
        return known

    def _hash(self, text: bytes) -> bytes:
        """Hash a value with all that it refers to, whatever the numbers of these objects are.

        Each object is added once, in the order in which the first reference to it comes; where it is referred to
        stands its place in that order.
        """
        known = self._hashes.get(text)
        if known is None:
            own = hashlib.blake2b()
            places: dict[int, int] = {}
            waiting = deque([_pieces(text)])
            while waiting:
                pieces, numbers = waiting.popleft()
                for number in numbers:
                    if number not in places:
                        places[number] = len(places)
                        waiting.append(self._pieces_of(number))
                _add(own, *pieces, b"%r" % [places[number] for number in numbers])
                self._hashed += sum(map(len, pieces)) + _OBJECT_BYTES
                if self._hashed > _MOST_HASHED_BYTES:
                    raise NotPlainError
            known = self._hashes[text] = own.digest()
        return known

    def _pieces_of(self, number: int) -> Pieces:
        """Return an object, taken apart."""
        if number not in self._spans:
            return [b"no such object"], []
        if number not in self._objects:
            own, stream = self._object(number)
            if _TREE.search(own):
                raise NotPlainError  # it refers to other pages
            pieces, numbers = _pieces(own)
            whole = [*pieces, b"" if stream is None else hashlib.blake2b(stream).digest()]
            self._objects[number] = whole, numbers
        return self._objects[number]

    def with_content(self, index: int, content: bytes) -> bytes:
        """Return the file with something else drawn on a page, as an update at its end."""
        added = bytearray(self.data + b"\n")
        places = []
        for number in self.content_objects(index):
            places.append((number, len(added)))
            added += b"%d 0 obj\n<</Length %d>>\nstream\n%b\nendstream\nendobj\n" % (number, len(content), content)
            content = b""
        table = len(added)
        added += b"xref\n" + b"".join(b"%d 1\n%010d 00000 n \n" % place for place in dict(places).items())
        added += b"trailer\n<</Size %d/Root %d 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
            *(self.size, self.root),
            *(self.table, table),
        )
        return bytes(added)


def entries_of(text: bytes) -> dict[bytes, bytes]:
    """Return a dictionary's own keys and values, a space between two tokens. NotPlainError where it is none."""
    if not _ONLY_TOKENS.fullmatch(text):
        raise NotPlainError
    tokens = _TOKENS.findall(text)
    if len(tokens) < 2 or tokens[0] != b"<<":
        raise NotPlainError
    found: dict[bytes, bytes] = {}
    for key, value in _pairs(tokens):
        if not key.startswith(b"/") or key in found:
            raise NotPlainError
        found[key] = value
    return found


def _without_comments(text: bytes) -> bytes:
    """Leave comments out; what looks like one within a string is none, and stays."""
    if not _WITH_COMMENTS.fullmatch(text):
        raise NotPlainError
    return _TOKEN_OR_COMMENT.sub(rb"\1 ", text)


def _pairs(tokens: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    at, last = 1, len(tokens) - 1
    while at < last:
        begin, key = at + 1, tokens[at]
        at = _past_value(tokens, begin, last)
        yield key, b" ".join(tokens[begin:at])
    if at != last or tokens[last] != b">>":
        raise NotPlainError


def _past_value(tokens: list[bytes], at: int, last: int) -> int:
    """Return where a value that begins at one token has ended."""
    if tokens[at].isdigit() and tokens[at + 1 : at + 3] == [b"0", b"R"]:
        return at + 3
    closing = {b"<<": b">>", b"[": b"]"}
    open_: list[bytes] = []
    while at < last:
        token = tokens[at]
        at += 1
        if token in closing:
            open_.append(closing[token])
        elif token in closing.values() and (not open_ or open_.pop() != token):
            break
        if not open_:
            return at
    raise NotPlainError


def _pieces(text: bytes) -> Pieces:
    """Take a text apart at its references; what only looks like a reference is one, too."""
    pieces, numbers, at = [], [], 0
    for reference in _REFERENCE.finditer(text):
        if not reference[1].isdigit() or len(reference[1]) > _MOST_DIGITS or reference[2] != b"0":
            raise NotPlainError
        pieces.append(text[at : reference.start()])
        numbers.append(int(reference[1]))
        at = reference.end()
    if b"%" in text:
        raise NotPlainError  # a comment may part a reference
    return [*pieces, text[at:]], numbers


def _number(reference: bytes) -> int:
    match = _ONE_REFERENCE.fullmatch(reference)
    if not match:
        raise NotPlainError
    return int(match[1])


def _add(whole: hashlib.blake2b, *pieces: bytes) -> None:
    """Add pieces to a hash, each with its length, so that no other pieces make the same."""
    for piece in pieces:
        whole.update(b"%d:" % len(piece))
        whole.update(piece)
