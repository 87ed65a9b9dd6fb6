"""Reading many pages of one target: what a page has in common with the one before is read once and held once.

A page of 100 kB differs from the next one in a few numbers. Where only numbers differ, only their lines are read; what
is returned is equal to what `read_page` returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final, overload

from assertions.contract import FAMILIES
from assertions.prometheus.exposition import FamilyPage, Page, PageLayout, Sample, read_layout

CHUNK: Final = 32
"""Samples that two pages share or do not share together."""
JUDGED: Final = frozenset(name for family in FAMILIES for name in (family.name, *family.aliases))
"""Names of the families that are judged on every page."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""Spellings of numbers that need no strict reader."""

Selection = tuple[tuple[str, str], ...]
"""Labels and their values."""
Key = tuple[str, Selection]


class SharedSamples(Sequence[Sample]):
    """A family's samples, in chunks that pages share."""

    __slots__ = ("chunks", "series")

    def __init__(self, chunks: tuple[tuple[Sample, ...], ...], series: dict[Selection, tuple[int, ...]]) -> None:
        """series: where the samples are that bear some labels; one object for the same series in the same order."""
        self.chunks = chunks
        self.series = series

    @classmethod
    def of(cls, samples: Sequence[Sample], before: Sequence[Sample] = ()) -> SharedSamples:
        """Return samples as chunks; what is equal to a sample before, or a chunk before, is the very same object."""
        known = {_key(sample): sample for sample in before}
        mine = [_shared(sample, known.get(_key(sample))) for sample in samples]
        chunks = tuple(tuple(mine[at : at + CHUNK]) for at in range(0, len(mine), CHUNK))
        older = before.chunks if isinstance(before, SharedSamples) else ()
        same = (old if old == new else new for old, new in zip(older, chunks, strict=False))
        return cls((*same, *chunks[len(older) :]), {})

    def replaced(self, changes: Mapping[int, Sample]) -> SharedSamples:
        """Return the samples with those at some places replaced."""
        touched: dict[int, list[Sample]] = {}
        for at, sample in changes.items():
            chunk, place = divmod(at, CHUNK)
            touched.setdefault(chunk, list(self.chunks[chunk]))[place] = sample
        chunks = (tuple(touched[at]) if at in touched else chunk for at, chunk in enumerate(self.chunks))
        return SharedSamples(tuple(chunks), self.series)

    def bearing(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        """Yield the samples that bear these labels, but for those that say when a series was created."""
        key = tuple(labels.items())
        if key not in self.series:
            self.series[key] = tuple(
                at
                for at, sample in enumerate(self)
                if not sample.name.endswith("_created") and labels.items() <= sample.labels.items()
            )
        chunks = self.chunks
        return (chunks[at // CHUNK][at % CHUNK] for at in self.series[key])

    def __iter__(self) -> Iterator[Sample]:
        return chain.from_iterable(self.chunks)

    def __len__(self) -> int:
        return CHUNK * (len(self.chunks) - 1) + len(self.chunks[-1]) if self.chunks else 0

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> list[Sample]: ...
    def __getitem__(self, at: int | slice) -> Sample | list[Sample]:
        if isinstance(at, slice):
            return list(self)[at]
        chunk, place = divmod(at + len(self) if at < 0 else at, CHUNK)
        return self.chunks[chunk][place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class SharedPage(Page):
    """A page whose families share what did not change since the page before."""

    def total(self, name: str, **labels: str) -> float | None:
        """Sum as any page does; which samples bear the labels is found once for all pages with the same series."""
        family = self.family(name)
        if family is None or not isinstance(family.samples, SharedSamples):
            return super().total(name, **labels)
        found = [sample.value for sample in family.samples.bearing(labels)]
        return sum(found) if found else None


def moved(before: FamilyPage, after: FamilyPage) -> Iterator[tuple[Sample, Sample | None]]:
    """Yield each sample of a family with that of its series on a later page, None where the series is gone.

    Samples that are the very same object on both pages may be left out.
    """
    if before is after:
        return
    old, new = before.samples, after.samples
    if isinstance(old, SharedSamples) and isinstance(new, SharedSamples) and old.series is new.series:
        for chunk, other in zip(old.chunks, new.chunks, strict=True):
            if chunk is not other:
                yield from zip(chunk, other, strict=True)
        return
    now = {_key(sample): sample for sample in new}
    yield from ((sample, now.get(_key(sample))) for sample in old)


def _key(sample: Sample) -> Key:
    return sample.name, tuple(sorted(sample.labels.items()))


def _shared(sample: Sample, before: Sample | None) -> Sample:
    if before is None:
        return sample
    return before if sample.value == before.value else Sample(before.name, before.labels, sample.value)


class PageSeries:
    """Reads pages one after the other. Never raises: what is wrong with a page stands in its errors."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._content_type: str | None = None
        self._layout = PageLayout(False, (), {})
        self._kinds: Mapping[str, str | None] = {}
        self._whole = False
        self._page = Page({}, ())

    def read(self, text: str, content_type: str | None, *, whole: bool) -> Page:
        """Read the next page. whole: with the families that the contract does not have; a page may have them anyway."""
        if text == self._text and content_type == self._content_type and (self._whole or not whole):
            return self._page
        page = None if whole or content_type != self._content_type else self._changed(text)
        if page is None:
            page = self._anew(text, content_type, whole)
        self._text, self._content_type, self._page = text, content_type, page
        return page

    def _anew(self, text: str, content_type: str | None, whole: bool) -> Page:
        page, self._layout = read_layout(text, content_type)
        self._kinds = {name: family.kind for name, family in page.families.items()}
        self._whole = whole
        kept = {name: family for name, family in page.families.items() if whole or name in JUDGED}
        return SharedPage({name: self._held(name, family) for name, family in kept.items()}, page.errors)

    def _held(self, name: str, family: FamilyPage) -> FamilyPage:
        before = self._page.families.get(name)
        samples = SharedSamples.of(family.samples, () if before is None else before.samples)
        return replace(family, samples=samples)

    def _changed(self, text: str) -> Page | None:
        """Return a page that differs from the one before only in numbers; None for any other."""
        lines = text.split("\n")
        before = self._layout.lines
        if len(lines) != len(before):
            return None
        changes: dict[str, dict[int, Sample]] = {}
        for at, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old == new:
                continue
            place = self._layout.places.get(at)
            value = None if place is None else _new_value(old, new, self._kinds[place[0]] == "counter")
            if place is None or value is None:
                return None
            if place[0] in JUDGED:
                sample = self._page.families[place[0]].samples[place[1]]
                changes.setdefault(place[0], {})[place[1]] = Sample(sample.name, sample.labels, value)
        self._layout, self._whole = replace(self._layout, lines=lines), False
        families = {name: family for name, family in self._page.families.items() if name in JUDGED}
        for name, samples in changes.items():
            family = families[name]
            assert isinstance(family.samples, SharedSamples)
            families[name] = replace(family, samples=family.samples.replaced(samples))
        return SharedPage(families, self._page.errors)


def _new_value(old: str, new: str, counter: bool) -> float | None:
    """Return the number of a line that differs from the line before only in its number; None for any other line."""
    series, _, before = old.rpartition(" ")
    again, _, after = new.rpartition(" ")
    if series != again or not series or not _NUMBER.fullmatch(before) or not _NUMBER.fullmatch(after):
        return None
    value = float(after)
    # a counter below 0 is a fault of its page
    return None if counter and (value < 0 or float(before) < 0) else value
