"""PDF files of a small table, made object by object, so that a test can change any byte of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from assertions.contents.tags import TAG_PLACEHOLDER

PAGES: Final = 4
NAMES: Final = ("Ada Lovelace", "Grace Hopper", "Ken Thompson")
CATALOG, NODE, FONT, RESOURCES, FORM, INNER = 1, 2, 3, 4, 5, 6
Objects = dict[int, bytes]
"""Each object by its number, without `obj` and `endobj`."""
Change = Callable[[Objects, str], None]
"""Changes the objects of the file of a tag."""


def page_number(index: int) -> int:
    """Return the number of a page's object; its content has the next one. index: from 0."""
    return 10 + 2 * index


def template_body() -> bytes:
    """Return the request of which the files are exports, with the placeholder for its tag."""
    data = [
        {"id": row, "ref": f"{TAG_PLACEHOLDER}-{row}", "name": NAMES[row % len(NAMES)]}
        for row in range(1, 50 * PAGES + 1)
    ]
    sent = {"format": "pdf", "columns": ["id", "ref", "name"], "user": "ann", "title": "Values", "data": data}
    return json.dumps(sent).encode()


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream, compressed."""
    packed = zlib.compress(content)
    return b"<<%b/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (entries, len(packed), packed)


def content_of(index: int, tag: str) -> bytes:
    """Return what is drawn on a page. index: from 0."""
    lines = ["/Heads Do q BT /F1 8 Tf"]
    if index == 0:
        lines.append(f"1 0 0 1 30 820 Tm (Values by ann, 2026-11-23 18:05, {50 * PAGES} records) Tj")
    for line, row in enumerate(range(50 * index + 1, 50 * index + 51)):
        y = 780 - 14 * line
        cells = (30, str(row)), (80, f"{tag}-{row}"), (200, NAMES[row % len(NAMES)])
        lines += [f"1 0 0 1 {x} {y} Tm ({cell}) Tj" for x, cell in cells]
    lines.append(f"1 0 0 1 30 20 Tm (Page {index + 1} of {PAGES}) Tj ET Q")
    return "\n".join(lines).encode()


def objects_of(tag: str) -> Objects:
    """Return the objects of a healthy file."""
    kids = b" ".join(b"%d 0 R" % page_number(index) for index in range(PAGES))
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 600 850]/Resources %d 0 R"
    objects = {
        CATALOG: b"<</Type/Catalog/Pages %d 0 R>>" % NODE,
        NODE: b"<</Type/Pages/Count %d/Kids[%b]>>" % (PAGES, kids),
        FONT: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        RESOURCES: b"<</Font<</F1 %d 0 R>>/XObject<</Heads %d 0 R/Inner %d 0 R>>>>" % (FONT, FORM, INNER),
        FORM: stream(
            b"BT /F1 8 Tf 1 0 0 1 30 800 Tm (id) Tj 1 0 0 1 80 800 Tm (ref) Tj ET /Inner Do", form % RESOURCES
        ),
        INNER: stream(b"BT /F1 8 Tf 1 0 0 1 200 800 Tm (name) Tj ET", form % RESOURCES),
    }
    for index in range(PAGES):
        number = page_number(index)
        objects[number] = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 600 850]/Resources %d 0 R/Contents %d 0 R>>" % (
            *(NODE, RESOURCES),
            number + 1,
        )
        objects[number + 1] = stream(content_of(index, tag))
    return objects


def file_of(objects: Mapping[int, bytes], root: int = CATALOG) -> bytes:
    """Return the file of these objects, with one cross-reference table."""
    data = bytearray(b"%PDF-1.5\n")
    places: dict[int, int] = {}
    for number, own in objects.items():
        places[number] = len(data)
        data += b"%d 0 obj\n%b\nendobj\n" % (number, own)
    table, size = len(data), max(objects) + 1
    data += b"xref\n0 %d\n" % size
    for number in range(size):
        data += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    data += b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, table)
    return bytes(data)


def packed_file_of(objects: Mapping[int, bytes], root: int = CATALOG) -> bytes:
    """Return the file of these objects, those that are no streams in an object stream."""
    data = bytearray(b"%PDF-1.5\n")
    size = max(objects) + 3
    holder, table = size - 2, size - 1
    plain = {number: own for number, own in objects.items() if b"stream" not in own}
    heads, bodies = b"", b""
    for number, own in plain.items():
        heads += b"%d %d " % (number, len(bodies))
        bodies += own + b" "
    streams = {number: own for number, own in objects.items() if number not in plain}
    streams[holder] = stream(heads + bodies, b"/Type/ObjStm/N %d/First %d" % (len(plain), len(heads)))
    rows = {number: b"\2%b%b" % (holder.to_bytes(4), at.to_bytes(2)) for at, number in enumerate(plain)}
    for number, own in streams.items():
        rows[number] = b"\1%b\0\0" % len(data).to_bytes(4)
        data += b"%d 0 obj\n%b\nendobj\n" % (number, own)
    start = len(data)
    rows[table] = b"\1%b\0\0" % start.to_bytes(4)
    listed = b"".join(rows.get(number, b"\0" * 7) for number in range(size))
    entries = b"/Type/XRef/Size %d/Root %d 0 R/W[1 4 2]" % (size, root)
    data += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, stream(listed, entries), start)
    return bytes(data)


def updated(data: bytes, number: int, own: bytes) -> bytes:
    """Return a file with another object of a number in an update at its end."""
    before = int(data[data.rindex(b"startxref") :].split()[1])
    size = data[data.rindex(b"/Size") :].split(b"/")[1].split()[1]
    place = len(data)
    data += b"%d 0 obj\n%b\nendobj\n" % (number, own)
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %b/Root %d 0 R/Prev %d>>\n" % (
        *(number, place, size, CATALOG),
        before,
    )
    return data + table + b"startxref\n%d\n%%%%EOF\n" % len(data)
