"""Is text of a PDF's page cut off by a clip rectangle, so that only a part of it is on the paper?

A reader of the file extracts such text whole. The edges of a clip path that is no rectangle are taken from the box
around it: what only its shape cuts off is not found.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_SHOWN: Final = 0.5
"""A letter of which less is on the paper, in width or in height, is cut off."""
_MOST_DEPTH: Final = 8
"""Forms within forms beyond it are not looked into."""
_INFINITE: Final = float("inf")

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""
Matrix = tuple[float, float, float, float, float, float]
_EVERYWHERE: Final[Box] = (-_INFINITE, -_INFINITE, _INFINITE, _INFINITE)
_UNMOVED: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def _plain(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of PDFium that takes and gives addresses as numbers: half the cost of a call."""
    return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_object_at = _plain(pdfium_c.FPDFPage_GetObject, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_inner_at = _plain(pdfium_c.FPDFFormObj_GetObject, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)
_inner_count = _plain(pdfium_c.FPDFFormObj_CountObjects, ctypes.c_int, ctypes.c_void_p)
_clip_of = _plain(pdfium_c.FPDFPageObj_GetClipPath, ctypes.c_void_p, ctypes.c_void_p)
_paths_of = _plain(pdfium_c.FPDFClipPath_CountPaths, ctypes.c_int, ctypes.c_void_p)
_type_of = _plain(pdfium_c.FPDFPageObj_GetType, ctypes.c_int, ctypes.c_void_p)


def clips(page: Any, start: int, step: int) -> bool:
    """Whether objects of a page may be clipped: each `step`-th from `start` on is asked. page: PDFium's handle."""
    count = pdfium_c.FPDFPage_CountObjects(page)
    numbers = range(start % max(1, min(step, count)), count, step)
    address = ctypes.cast(page, ctypes.c_void_p).value
    objects = [_object_at(address, number) for number in numbers]
    return _clip_any(objects, step, 0)


def _clip_any(objects: list[int], step: int, depth: int) -> bool:
    if max(map(_paths_of, map(_clip_of, objects)), default=-1) > 0:
        return True
    if depth == _MOST_DEPTH:
        return False
    for drawn, kind in zip(objects, map(_type_of, objects), strict=True):
        if kind == pdfium_c.FPDF_PAGEOBJ_FORM:
            inner = [_inner_at(drawn, number) for number in range(0, _inner_count(drawn), step)]
            if _clip_any(inner, step, depth + 1):
                return True
    return False


def cut_texts(document: pdfium.PdfDocument, index: int) -> list[tuple[str, str]]:
    """Return each text that is cut off on a page, and what of it is on the paper.

    index: the page, from 0. Raises pdfium.PdfiumError where the page can't be loaded.
    """
    page = document[index]
    textpage = page.get_textpage()
    try:
        count = pdfium_c.FPDFPage_CountObjects(page.raw)
        objects = (pdfium_c.FPDFPage_GetObject(page.raw, number) for number in range(count))
        boxes = dict(_boxes(objects, _UNMOVED, _EVERYWHERE, 0))
        return [(whole, shown) for whole, shown in _texts(textpage, boxes) if whole != shown] if boxes else []
    finally:
        textpage.close()
        page.close()


def _boxes(objects: Iterator[Any], matrix: Matrix, outer: Box, depth: int) -> Iterator[tuple[int, Box]]:
    """Yield the address of each clipped text object and the box, on the page, outside of which nothing is drawn."""
    for drawn in objects:
        box = _within(outer, drawn, matrix)
        kind = pdfium_c.FPDFPageObj_GetType(drawn)
        if kind == pdfium_c.FPDF_PAGEOBJ_TEXT and box != _EVERYWHERE:
            yield ctypes.addressof(drawn.contents), box
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _MOST_DEPTH:
            own = pdfium_c.FS_MATRIX()
            pdfium_c.FPDFPageObj_GetMatrix(drawn, own)
            count = pdfium_c.FPDFFormObj_CountObjects(drawn)
            inner = (pdfium_c.FPDFFormObj_GetObject(drawn, number) for number in range(count))
            moved = _product((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
            yield from _boxes(inner, moved, box, depth + 1)


def _product(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _within(outer: Box, drawn: Any, matrix: Matrix) -> Box:
    """Narrow a box by the clip paths of an object."""
    clip = pdfium_c.FPDFPageObj_GetClipPath(drawn)
    left, bottom, right, top = outer
    x, y = ctypes.c_float(), ctypes.c_float()
    a, b, c, d, e, f = matrix
    for path in range(pdfium_c.FPDFClipPath_CountPaths(clip) if clip else 0):
        xs, ys = [], []
        for number in range(pdfium_c.FPDFClipPath_CountPathSegments(clip, path)):
            segment = pdfium_c.FPDFClipPath_GetPathSegment(clip, path, number)
            if segment and pdfium_c.FPDFPathSegment_GetPoint(segment, x, y):
                xs.append(a * x.value + c * y.value + e)
                ys.append(b * x.value + d * y.value + f)
        if xs:
            left, bottom = max(left, min(xs)), max(bottom, min(ys))
            right, top = min(right, max(xs)), min(top, max(ys))
    return left, bottom, right, top


def _texts(textpage: Any, boxes: dict[int, Box]) -> Iterator[tuple[str, str]]:
    """Yield the letters of each clipped text object, and those of them that are on the paper."""
    raw = textpage.raw
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    edges = tuple(map(ctypes.byref, (left, right, bottom, top)))

    def owner(index: int) -> int:
        drawn = pdfium_c.FPDFText_GetTextObject(raw, index)
        return ctypes.addressof(drawn.contents) if drawn else 0

    def is_shown(index: int, char: str, box: Box) -> bool:
        if char.isspace() or not pdfium_c.FPDFText_GetCharBox(raw, index, *edges):
            return True
        across = _share(left.value, right.value, box[0], box[2])
        return min(across, _share(bottom.value, top.value, box[1], box[3])) >= _SHOWN

    for address, run in groupby(range(textpage.count_chars()), owner):
        box = boxes.get(address)
        if box is None:
            continue
        letters = [(index, chr(pdfium_c.FPDFText_GetUnicode(raw, index))) for index in run]
        shown = "".join(char for index, char in letters if is_shown(index, char, box))
        yield "".join(char for _, char in letters), shown


def _share(low: float, high: float, begin: float, end: float) -> float:
    """How much of a stretch lies within another."""
    if high <= low:
        return float(begin <= low <= end)
    return max(0.0, min(high, end) - max(low, begin)) / (high - low)
