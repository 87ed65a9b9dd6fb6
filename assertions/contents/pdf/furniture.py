"""Text of a page outside its records: heads, page numbers and, on the first page, user, title and time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Final

from assertions.contents.pdf.text import squeeze
from assertions.contents.sent import Findings, Sent

_TIME: Final = re.compile(
    r"(?:19|20)\d\d|\d{1,2}\s?[:.h]\s?\d{2}(?!\d)|\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2,4}|\d{10,13}"
)
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?P<y>(?:19|20)\d\d)[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})"
    r"|(?P<first>\d{1,2})[-./](?P<second>\d{1,2})[-./](?P<year>(?:19|20)\d\d))"
)
_WORDS: Final = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})\W{0,3}[^\W\d]{3,}\W{0,3}(?P<year>(?:19|20)\d\d)(?!\d)"
    r"|[^\W\d]{3,}\W{0,3}(?P<second>\d{1,2})\W{1,4}(?P<last>(?:19|20)\d\d)(?!\d)"
)
_NEAR_DAYS: Final = 2
"""Time zones and a turn of the day lie between two clocks, no more."""
_SIGNS: Final = re.compile(r"[\W_]+")


def check_first_page(furniture: str, sent: Sent, pages: int, findings: Findings) -> None:
    """Look for title, user, number of records and time of making. furniture: the page's text but for its records."""
    if not _has(furniture, sent.title):
        findings.add("title", "page 1", sent.title, furniture)
    if not _has(furniture, sent.user):
        findings.add("user", "page 1", sent.user, furniture)
    rest = furniture
    for text in sorted((sent.title, sent.user), key=len, reverse=True):
        rest = _without(rest, text)
    if not _TIME.search(rest) or (sent.at is not None and not _of_its_time(rest, sent.at)):
        findings.add("time", "page 1", "the time of making", furniture)
    if not _has_count(rest, len(sent.records), pages):
        findings.add("record-count", "page 1", str(len(sent.records)), furniture)


def tight(furniture: str) -> str:
    """Without white space where letters were set so far apart that each is a word: its digits make no numbers else."""
    words = furniture.split()
    return squeeze(furniture) if len(words) > 8 and median(map(len, words)) <= 1 else furniture


def _of_its_time(furniture: str, at: float) -> bool:
    """Return whether a date in digits, where the page has any, is of the export's day."""
    dates = [day for match in _DATE.finditer(furniture) for day in _days(match)]
    made = datetime.fromtimestamp(at, UTC).date()
    near = any(abs((day - made).days) <= _NEAR_DAYS for day in dates)
    return not dates or near or any(_in_words(match, made) for match in _WORDS.finditer(_DATE.sub(" ", furniture)))


def _in_words(match: re.Match[str], made: date) -> bool:
    """Whether a date whose month has a name, in whatever language, may be that of a day."""
    day, year = match["day"] or match["second"], match["year"] or match["last"]
    near = {made + timedelta(days) for days in range(-_NEAR_DAYS, _NEAR_DAYS + 1)}
    return (int(day), int(year)) in {(day_near.day, day_near.year) for day_near in near}


def _days(match: re.Match[str]) -> Iterator[date]:
    """What a date in digits may mean: where the year stands last, the day or the month is first."""
    if match["y"]:
        spelt = [(match["y"], match["m"], match["d"])]
    else:
        spelt = [(match["year"], match["second"], match["first"]), (match["year"], match["first"], match["second"])]
    for year, month, day in spelt:
        with contextlib.suppress(ValueError):
            yield date(int(year), int(month), int(day))


def _has(furniture: str, text: str) -> bool:
    """Return whether a title is on the page: in one piece, wrapped next to other text, or hyphenated."""
    if _folded(squeeze(text)) in _folded(squeeze(furniture)) or _has_pieces(furniture, text):
        return True
    letters = _SIGNS.sub("", _folded(squeeze(text)))
    return bool(letters) and letters in _letters(furniture)


def _has_pieces(furniture: str, text: str) -> bool:
    """Return whether all words of a text are on the page, adjacent or not: a wrapped title next to other text."""
    words = set(_folded(furniture).split())
    return all(_folded(squeeze(word)) in words for word in text.split())


def _folded(text: str) -> str:
    """In one case, whatever case it was shown in: upper case turns a Turkish ı into I, and İ has a dot to lose."""
    return text.upper().casefold().replace("\u0307", "")


def _without(furniture: str, text: str) -> str:
    """The furniture but for one mention of a text that may hold digits of its own."""
    words = [re.escape(word) for word in squeeze_words(text)]
    return re.sub(r"\s*".join(words), " ", furniture, count=1, flags=re.IGNORECASE) if words else furniture


def squeeze_words(text: str) -> list[str]:
    """A text's letters in normal form, so that any may have white space behind it."""
    return list(squeeze(text))


def _numbers(text: str) -> list[int]:
    """The whole numbers in a text, thousands separators or not."""
    found = [int(digits) for digits in re.findall(r"\d{1,18}", text)]
    found += [int(re.sub(r"\D", "", digits)) for digits in re.findall(r"(?<!\d)\d{1,3}(?:[.,'’ ]\d{3})+(?!\d)", text)]
    return found


def _has_count(furniture: str, records: int, pages: int) -> bool:
    if records == 0 and re.search(r"\b(?:no|none|empty|zero)\b", furniture, re.IGNORECASE):
        return True
    numbers = _numbers(furniture)
    for own in (1, pages):  # the page's own number and the total are no number of records
        if own in numbers:
            numbers.remove(own)
    return records in numbers


def check_page_number(furniture: str, number: int, total: int, findings: Findings) -> None:
    """Look for a page's number and the total. number: from 1."""
    numbers = _numbers(furniture)
    present = number in numbers
    if present:
        numbers.remove(number)
    if not present or total not in numbers:
        findings.add("page-number", f"page {number}", f"{number} of {total}", furniture)


def check_heads(
    furniture: Sequence[str], columns: Sequence[str], number: int, findings: Findings, *, ordered: bool = True
) -> None:
    """Look for the column heads, in order. furniture: the page's text but for its records, in each way it was read.

    ordered False: the text holds the records too, in no known order, so only the presence of the heads can be judged.
    """
    heads = [_head_letters(name) for name in columns]
    texts = [_letters(text) for text in furniture]
    absent = [
        name
        for name, head in zip(columns, heads, strict=True)
        if not any(head in text for text in texts)
        and not any(_has_pieces(text, name) for text in furniture)
        and not any(_has_letters(text, name) for text in furniture)
    ]
    for name in absent:
        findings.add("header", f"page {number}, column {name}", name, furniture[0] if furniture else "")
    whole = [text for text in texts if all(head in text for head in heads)]
    if ordered and not absent and whole and not any(_in_order(text, heads) for text in whole):
        findings.add("header", f"page {number}", " ".join(columns), furniture[0])


def _letters(text: str) -> str:
    """Letters and digits only: `first_name` may be headed `First Name`; a head of signs only is kept."""
    plain = _folded(squeeze(text))
    return _SIGNS.sub("", plain) or plain


_head_letters = lru_cache(maxsize=4_096)(_letters)


def _has_letters(furniture: str, name: str) -> bool:
    """Return whether a head was broken into pieces in order, with other heads' pieces between."""
    rest = _letters(name)
    for word in furniture.split():
        piece = _letters(word)
        if rest.startswith(piece) and (len(piece) > 1 or piece == rest):
            rest = rest[len(piece) :]
    return not rest


def _in_order(text: str, heads: Sequence[str]) -> bool:
    """Return whether the heads follow in order, beginning at any mention of the first."""
    if not heads:
        return True
    begin = text.find(heads[0])
    while begin >= 0:
        position = begin
        for head in heads:
            position = text.find(head, position)
            if position < 0:
                break
            position += len(head)
        else:
            return True
        begin = text.find(heads[0], begin + 1)
    return False
