"""Finding records in a page's text, whatever the layout: row by row, column by column, or cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from assertions.contents.pdf.plan import RULE, Plan
from assertions.contents.pdf.text import Text
from assertions.contents.pdf.values import ends, spellings
from assertions.contents.sent import Json

_DASHES: Final = "-+"
_MAX_SIGNS: Final = 6
"""Signs such as `|` that may stand between two cells."""
_MAX_STEPS: Final = 20_000
"""Tries after which a sequence counts as not found."""
_MAX_WORDS: Final = 600
"""How far apart the pieces of one broken text may stand."""
_MAX_BEGINNINGS: Final = 12
"""How many places are tried for the first of them."""
_LONG: Final = 6
"""A text of this length is recognised without a word border next to it."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One cell of a sequence."""

    value: Json
    first: str
    """Its canonical spelling."""
    label: str
    """May stand before it."""


def follow(text: str, start: int, items: Sequence[Item]) -> tuple[int | None, int]:
    """Match cells in order, with nothing but signs and labels between.

    Returns where the last one ends (None: they are not all there), and how many were found at best.
    """
    failed: set[tuple[int, int]] = set()
    stack = [_ends_from(text, start, items[0])] if items else []
    best = steps = 0
    while stack:
        steps += 1
        if steps > _MAX_STEPS:
            return None, best
        position = next(stack[-1], None)
        if position is None:
            stack.pop()
            continue
        depth = len(stack)
        best = max(best, depth)
        if depth == len(items):
            return position, depth
        if (depth, position) not in failed:
            failed.add((depth, position))
            stack.append(_ends_from(text, position, items[depth]))
    return None, best


def _ends_from(text: str, position: int, item: Item) -> Iterator[int]:
    for start in _starts(text, position, item):
        yield from ends(item.value, item.first, text, start)


def _starts(text: str, position: int, item: Item) -> Iterator[int]:
    """Where a cell may begin: here, or behind some signs, or behind its label."""
    number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
    yield position
    last = min(position + _MAX_SIGNS, len(text))
    place, signed = position, False
    while place < last and not text[place].isalnum():
        signed = signed or text[place] in _DASHES
        place += 1
        if not (number and signed):
            yield place
    for labelled in range(position, place + 1):
        if item.label and text.startswith(item.label, labelled):
            behind = labelled + len(item.label)
            yield behind
            while behind < min(labelled + len(item.label) + _MAX_SIGNS, len(text)) and not text[behind].isalnum():
                behind += 1
                if not (number and text[behind - 1] in _DASHES):
                    yield behind


def match_rows(text: Text, plan: Plan) -> list[Span | None]:
    """Find each record as a row: all its cells in order."""
    spans: list[Span | None] = []
    position: int | None = None
    for row in range(len(plan.records)):
        span = None if position is None else _row_at(text, plan, row, position)
        span = span or _row_anywhere(text, plan, row, position or 0)
        spans.append(span)
        position = span[1] if span else None
    return spans


def _items(plan: Plan, row: int) -> list[Item]:
    cells, labels = plan.cells[row], plan.labels
    return [Item(plan.value(row, column), cells[column], labels[column]) for column in range(len(labels))]


def closed(text: Text, place: int) -> bool:
    """Return whether no word continues across a place."""
    joined = text.joined
    if place <= 0 or place >= len(joined) or place in text.borders:
        return True
    before, behind = joined[place - 1], joined[place]
    decimals = before.isdigit() and behind in ".," and joined[place + 1 : place + 2].isdigit()
    return not decimals and not (before.isalnum() and behind.isalnum())


def _row_at(text: Text, plan: Plan, row: int, start: int) -> Span | None:
    joined, whole = text.joined, plan.rows[row]
    quick = joined.startswith(whole, start)
    if quick and closed(text, start + len(whole)):
        return start, start + len(whole)
    place = start + 1 if joined.startswith(RULE, start) and not plan.cells[row][0].startswith(RULE) else start
    ruled = plan.ruled_rows[row]
    if joined.startswith(ruled, place) and closed(text, place + len(ruled)):
        return start, place + len(ruled)
    items = _items(plan, row)
    end, _ = follow(joined, start, items)
    if end is not None and closed(text, end):
        return start, end
    for number in (str(plan.first + row + 1), str(row + 1)):
        for place in range(start, start + 3):
            if joined.startswith(number, place) and not any(map(str.isalnum, joined[start:place])):
                numbered, _ = follow(joined, place + len(number), items)
                if numbered is not None:
                    return start, numbered
    if quick:
        return start, start + len(whole)
    return None if end is None else (start, end)


def _row_anywhere(text: Text, plan: Plan, row: int, after: int) -> Span | None:
    joined, whole = text.joined, plan.rows[row]
    for begin in (after, 0):
        place = joined.find(whole, begin)
        while whole and place >= 0:
            if closed(text, place) and closed(text, place + len(whole)):
                return place, place + len(whole)
            place = joined.find(whole, place + 1)
    if not plan.columns:
        return None
    column = plan.anchor(row)
    anchor = plan.cells[row][column]
    if not anchor:
        return None
    lead = sum(map(len, plan.cells[row][:column]))
    place = joined.find(anchor, after)
    if place < 0:
        place = joined.find(anchor)
    slack = 12 * (column + 1) + sum(len(label) + 4 for label in plan.labels[: column + 1])
    for _ in range(4):
        if place < 0:
            break
        near = {begin for begin in text.borders if place - lead - slack <= begin <= place} | {max(0, place - lead)}
        for begin in sorted(near, key=lambda begin: abs(begin - (place - lead))):
            span = _row_at(text, plan, row, begin)
            if span and span[0] <= place < span[1]:
                return span
        place = joined.find(anchor, place + 1)
    return None


def match_columns(texts: Sequence[Text], plan: Plan) -> list[tuple[Span | None, int]]:
    """Find each column: all its cells in order from the top. texts: the page's, or one a column.

    Returns for each column its place in its text (None: not all of it is there) and how many cells were found at best.
    """
    found: list[tuple[Span | None, int]] = []
    position = 0
    for column, label in enumerate(plan.labels):
        text = texts[min(column, len(texts) - 1)]
        items = [Item(plan.value(row, column), cells[column], "") for row, cells in enumerate(plan.cells)]
        begins: list[int] = []
        if len(texts) == 1 and column:
            begins.append(position)
        place = text.joined.find(label, position if len(texts) == 1 else 0)
        while label and place >= 0 and len(begins) < 8:
            begins.append(place + len(label))
            place = text.joined.find(label, place + 1)
        whole = "".join(item.first for item in items)
        if whole and text.joined.find(whole, position) >= 0:
            begins.append(text.joined.find(whole, position))
        best = 0
        span = None
        for begin in begins:
            end, count = follow(text.joined, begin, items)
            best = max(best, count)
            if end is not None and closed(text, end):
                span = begin, end
                break
        found.append((span, best))
        position = (span[1] if span else position) if len(texts) == 1 else 0
    return found


class Pool:
    """A stretch of text from which cells are taken, each letter once."""

    def __init__(self, text: Text, start: int = 0, end: int | None = None) -> None:
        end = len(text.joined) if end is None else end
        self.text = text.joined[start:end]
        self.borders = {border - start for border in text.borders if start <= border <= end}
        self._left: list[tuple[int, str]] | None = None

    def take(self, value: Json, first: str, near: int = 0) -> int | None:
        """Take a cell in one piece, at `near` or behind if possible; return its place."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        place = self._find_near(first, number, near) if first else None
        if place is not None:
            return self._use(place, place + len(first))
        shown = [text for text in spellings(value, first) if text]
        for spelling in shown[1:]:
            place = self._find_near(spelling, number, near)
            if place is not None:
                return self._use(place, place + len(spelling))
        if isinstance(value, (dict, list, str)) and shown:
            firsts = (first[0], "\\") if isinstance(value, str) else ("[", "{", "(", *shown[-1][1:3])
            for begin, word in self._words():
                found = ends(value, first, self.text, begin) if word.startswith(firsts) else iter(())
                if (end := next((end for end in found if end > begin), None)) is not None:
                    return self._use(begin, end)
        for spelling in shown:
            place = self.text.find(spelling)
            if not number and len(spelling) >= _LONG and place >= 0:
                return self._use(place, place + len(spelling))
        return None

    def _use(self, start: int, end: int) -> int:
        self.text = self.text[:start] + "\0" * (end - start) + self.text[end:]
        self._left = None
        return start

    def _find_near(self, spelling: str, number: bool, near: int) -> int | None:
        place = self._find(spelling, number, near)
        return self._find(spelling, number, 0) if place is None and near else place

    def _find(self, spelling: str, number: bool, begin: int) -> int | None:
        place = self.text.find(spelling, begin)
        while place >= 0:
            if self._apart(place, spelling, number):
                return place
            place = self.text.find(spelling, place + 1)
        return None

    def _apart(self, place: int, spelling: str, number: bool) -> bool:
        end = place + len(spelling)
        before, after = self.text[max(0, place - 1) : place], self.text[end : end + 2]
        if place not in self.borders and before:
            if number and (before.isdigit() or before in ".,-+"):
                return False
            if not number and before.isalnum() and spelling[0].isalnum():
                return False
        if end not in self.borders and after:
            if number and (after[0].isdigit() or (after[0] in ".," and after[1:].isdigit())):
                return False
            if not number and after[0].isalnum() and spelling[-1].isalnum():
                return False
        return True

    def take_pieces(self, first: str, window: Span | None = None) -> int | None:
        """Take a text that was broken into lines with other cells' lines between them; returns where it begins.

        window: where all of it must stand, and each line but the last is longer than a letter; for what is made of the
        letters that stand everywhere, as numbers are.
        """
        starts = {False: 0, True: 0}
        words = self._words()
        if window:
            words = [found for found in words if window[0] <= found[0] < window[1]]
        for index, (_, word) in enumerate(words):
            if not first.startswith(word) or (window and len(word) == 1):
                continue
            starts[len(word) == 1] += 1
            used = _pieces(words[index : index + _MAX_WORDS], first, 2 if window else 1)
            if used:
                for start, end in used:
                    self._use(start, end)
                return used[0][0]
            if starts[len(word) == 1] >= _MAX_BEGINNINGS:
                break
        return None

    def _words(self) -> list[tuple[int, str]]:
        """Yield the remaining words, each with its place."""
        if self._left is None:
            cuts = sorted(self.borders)
            self._left = [(a, self.text[a:b]) for a, b in pairwise(cuts) if self.text[a] != "\0"]
        return self._left

    def rest(self) -> str:
        """Return the text that no cell took, with a space at each word border."""
        cuts = sorted(self.borders | {0, len(self.text)})
        return " ".join(" ".join(self.text[a:b].replace("\0", " ") for a, b in pairwise(cuts)).split())


def _pieces(words: Sequence[tuple[int, str]], whole: str, least: int) -> list[Span]:
    """Choose words that make up a text, in order, others between them left out; nothing where they do not.

    least: fewest letters in each but the last.
    """
    came = {0: (0, 0)}  # how much of the text can be had: from how much, by which word
    going_on = {whole[0]: [0]}  # by the letter that would come next
    for index, (_, piece) in enumerate(words):
        for have in tuple(going_on.get(piece[0], ())):
            end = have + len(piece)
            if end in came or (len(piece) < least and end < len(whole)) or not whole.startswith(piece, have):
                continue
            came[end] = have, index
            if end == len(whole):
                return _chosen(words, came, end)
            going_on.setdefault(whole[end], []).append(end)
    return []


def _chosen(words: Sequence[tuple[int, str]], came: Mapping[int, tuple[int, int]], have: int) -> list[Span]:
    used: list[Span] = []
    while have:
        have, index = came[have]
        used.append((words[index][0], words[index][0] + len(words[index][1])))
    return used[::-1]
