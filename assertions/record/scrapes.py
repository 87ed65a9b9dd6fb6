"""Scrapes read as a stream: of each page its families stay, of its text nothing but the last page's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from assertions.prometheus.exposition import Page, read_page
from assertions.prometheus.page_series import PageSeries
from assertions.record.types import Scrape


@dataclass(frozen=True)
class TimedPage:
    """A scrape that was answered, read."""

    scrape: Scrape
    page: Page
    bytes: int
    """Of the page's text."""

    @property
    def running(self) -> float | None:
        return self.page.total("export_concurrent_running")

    @property
    def waiting(self) -> float | None:
        return self.page.total("export_queue_depth")


@dataclass(frozen=True)
class ReadScrapes:
    """The scrapes of a scenario, in the order of their start."""

    scrapes: tuple[Scrape, ...]
    """As a rule without the text of pages that were answered, but for the last one's."""
    pages: tuple[TimedPage, ...]
    """Of the scrapes that were answered with 200."""
    final_page: Page | None
    """The last page from after a moment; None where none was read then."""


def read_scrapes(
    scrapes: Iterable[Scrape], until: float = math.inf, final_from: float = math.inf, *, with_text: bool = False
) -> ReadScrapes:
    """Read scrapes one after the other.

    until: later ones are left out (Unix seconds, of their end); final_from: when the final page is from at the earliest
    (of its start); with_text: the text of all pages stays.
    """
    series = PageSeries()
    found: list[tuple[Scrape, Page | None, int]] = []
    last: tuple[int, Scrape] | None = None
    final: Scrape | None = None
    for scrape in scrapes:
        answered = scrape.status == 200
        if answered and scrape.start >= final_from and (final is None or scrape.start > final.start):
            final = scrape
        if scrape.end > until:
            continue
        if not answered:
            found.append((scrape, None, 0))
            continue
        whole = scrape.moment in ("before", "after")
        page = series.read(scrape.text, scrape.content_type, whole=whole)
        if last is None or scrape.start >= last[1].start:
            last = len(found), scrape
        found.append((scrape if with_text else replace(scrape, text=""), page, len(scrape.text.encode())))
    if last is not None:
        found[last[0]] = last[1], *found[last[0]][1:]
    found.sort(key=lambda entry: entry[0].start)
    return ReadScrapes(
        scrapes=tuple(scrape for scrape, _, _ in found),
        pages=tuple(TimedPage(scrape, page, size) for scrape, page, size in found if page is not None),
        final_page=None if final is None else read_page(final.text, final.content_type),
    )
