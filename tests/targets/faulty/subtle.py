"""Faults that may stay for years: beyond a size only, for some data only, or in secondary fields."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

from tests.targets.fixtures import jobs, page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.counters import Counters, Done
from tests.targets.fixtures.csvfile import rows_of, write_rows
from tests.targets.fixtures.fault_tools import Broken, times
from tests.targets.fixtures.pdffile import Style, pages_of, write_pages
from tests.targets.fixtures.reference_target import ReferenceTarget, render
from tests.targets.fixtures.request import Ask, BadAsk, cell_text

GROUP = Group("subtle", "smoke")
FAR = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0e7f\u10a0-\u10ff\u1200-\u137f]")
WHOLE, NUMBER = re.compile(rb"-?[0-9]+"), re.compile(rb"-?[0-9]+(\.[0-9]+)?")
STYLE = Style()
MEMORY = "export_memory_bytes"


# -- files --


def ten_thousand(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """No more than 10,000 rows."""
    write_rows(file, rows_of(replace(ask, rows=ask.rows[:10_000])))


def gaps_as_decimals(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """As from a table with one type a column: whole numbers with nulls or with decimals become decimals."""
    header, *lines = rows_of(ask)
    for place, column in enumerate(ask.columns):
        values = [bytes(row.get(column, b"null")) for row in ask.rows]
        whole = [WHOLE.fullmatch(value) is not None for value in values]
        if not all(whole) and all(value == b"null" or NUMBER.fullmatch(value) for value in values):
            for line in itertools.compress(lines, whole):
                line[place] += ".0"
    write_rows(file, iter([header, *lines]))


def near_scripts(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Letters of farther scripts become question marks."""
    write_rows(file, ([FAR.sub("?", cell) for cell in row] for row in rows_of(ask)))


def fifteen_digits(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Numbers go through fifteen digits."""

    def cell(raw: bytes) -> str:
        text = cell_text(raw)
        plain = raw[:1] in b"-0123456789" and "." in text and "e" not in text
        return f"{float(text):.15g}" if plain else text

    def rows() -> Iterator[list[str]]:
        yield list(ask.columns)
        for row in ask.rows:
            yield [cell(bytes(row[name])) if name in row else "" for name in ask.columns]

    write_rows(file, rows())


def _pages(file: BinaryIO, ask: Ask, made_at: str, head_most: int | None = None) -> None:
    pages = list(pages_of(ask, made_at, STYLE))
    for head, _ in pages:
        if head_most is not None:
            head[-1] = STYLE.between.join(name[:head_most] for name in ask.columns) + STYLE.end
    write_pages(file, iter(pages), STYLE)


def twelve_columns(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """As many columns as fit."""
    _pages(file, replace(ask, columns=ask.columns[:12]), made_at)


def short_title(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A title of 40 letters."""
    _pages(file, replace(ask, title=ask.title if len(ask.title) <= 40 else ask.title[:39] + "…"), made_at)


def short_heads(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """Heads of 20 letters."""
    _pages(file, ask, made_at, head_most=20)


def new_year(file: BinaryIO, ask: Ask, made_at: str) -> None:
    """A date format that knows only the year."""
    year, other = int(made_at[:4]), 1 if made_at[5:7] > "06" else 7
    _pages(file, ask, f"{year}-{other:02}-01T00:00:00.000Z")


GROUP.file("rows-10000", "A CSV ends after 10,000 rows, without a message.", "csv", ten_thousand, "csv-contents")
GROUP.file(
    "gaps-as-decimals",
    "In columns with gaps or with decimals whole numbers become 5.0.",
    "csv",
    gaps_as_decimals,
    "csv-contents",
)
GROUP.file("near-scripts", "Hebrew, Arabic, Thai and the like become ?.", "csv", near_scripts, "csv-contents")
GROUP.file("digits-15", "Numbers keep 15 digits.", "csv", fifteen_digits, "csv-contents")
GROUP.file("columns-12", "A PDF shows the first 12 columns only.", "pdf", twelve_columns, "pdf-contents")
GROUP.file("title-cut", "A long title ends with an ellipsis.", "pdf", short_title, "pdf-contents")
GROUP.file("heads-cut", "Long column heads are cut at 20 letters.", "pdf", short_heads, "pdf-contents")
GROUP.file("date-of-the-year", "The first page has a day of half a year ago.", "pdf", new_year, "pdf-contents")


# -- what is taken and what is not --


class InOrder(ReferenceTarget):
    """Reads the body as a stream, and wants `data` last."""

    def check(self, body: bytes) -> Ask:
        """Refuse what names its format behind its data."""
        if 0 <= body.find(b'"data"') < body.find(b'"format"'):
            raise BadAsk("`data` must come last")
        return super().check(body)


GROUP.add("data-last", "A body in which `data` stands first is refused.", InOrder, "answers")


@GROUP.make("empty-fails", "An export of no records ends with 500.", "csv-contents", "pdf-contents")
def _empty_fails(target: ReferenceTarget) -> None:
    def fail(ask: Ask) -> float:
        if not ask.rows:
            raise Broken
        return 0.0

    target.pause_s = fail


# -- secondary fields --


class Sayings(ReferenceTarget):
    """Tells odd things about itself and its files."""

    media = ""
    charset = ""
    saved_as = ""

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """The page, under another media type."""
        answer = await super().metrics(request)
        if self.media:
            answer.headers["Content-Type"] = self.media
        return answer

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file, with other words about it."""
        answer = await super().file(request)
        if self.charset and "csv" in answer.headers["Content-Type"]:
            answer.headers["Content-Type"] = f"text/csv; charset={self.charset}"
        if self.saved_as:
            answer.headers["Content-Disposition"] = f'attachment; filename="{self.saved_as}"'
        return answer

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A link without its time."""
        answer = await super().download(request)
        if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            return answer
        body = json.loads(answer.body)
        body.pop("timestamp", None)
        return web.json_response(body, status=answer.status)


def _saying(name: str, why: str, expect: str, scenarios: tuple[str, ...] = (), **fields: Any) -> None:
    class Says(Sayings):
        """With these fields."""

        if name != "link-without-time":
            download = ReferenceTarget.download

    @GROUP.make(name, why, expect, kind=Says, scenarios=scenarios)
    def _set(target: ReferenceTarget) -> None:
        for key, value in fields.items():
            setattr(target, key, value)


_saying("page-as-json", "The metrics page comes as application/json.", "exposition", media="application/json")
_saying("other-charset", "A CSV comes as ISO 8859-9, and is UTF-8.", "downloads", charset="iso-8859-9")
_saying("saved-as-xlsx", "Every download is to be saved as report.xlsx.", "downloads", saved_as="report.xlsx")
_saying("link-without-time", "The download link has no timestamp.", "behaviour")


class InPlace(ReferenceTarget):
    """Writes files where they will stay."""

    async def do(self, job: jobs.Job) -> jobs.Made:
        """In the worker."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, make_in_place, job)


def make_in_place(job: jobs.Job) -> jobs.Made:
    """The first half of a file, the disk's time, the rest."""
    made = jobs.make(job)
    path = job.folder / job.name
    whole = path.read_bytes()
    path.unlink()
    with path.open("xb", buffering=0) as file:
        file.write(whole[: len(whole) // 2])
        time.sleep(0.1)
        file.write(whole[len(whole) // 2 :])
        os.fsync(file.fileno())
    return made


GROUP.add("written-in-place", "Files bear their final names while they are written.", InPlace, "leftovers")


class SmallBodies(ReferenceTarget):
    """Takes 5 MB."""

    def __init__(self, folder: Path) -> None:
        """A limit as a proxy may have it."""
        super().__init__(folder)
        self.body_limit = 5_000_000


GROUP.add("bodies-of-5-mb", "Bodies of more than 5 MB are refused with 413.", SmallBodies, "answers")


# -- counters and gauges --


class FirstLost(Counters):
    """Its histogram of middle-sized CSV is set up by the first of them, which it forgets."""

    lost = False

    def observe(self, form: str, size: str, latency_ms: float) -> None:
        """All but that one."""
        if (form, size) == ("csv", "medium") and not self.lost:
            self.lost = True
            return
        super().observe(form, size, latency_ms)


@GROUP.make("first-latency-lost", "The first latency of a series is not in the histogram.", "latency-counts")
def _first_lost(target: ReferenceTarget) -> None:
    target.counters = FirstLost()


class SecondsBounds(Counters):
    """A client library's default bounds, which are of seconds."""

    bounds_ms = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@GROUP.make(
    "bounds-of-seconds",
    "Milliseconds are put into bounds that are meant for seconds: all is beyond the highest.",
    "latency-target",
    scenarios=("load",),
    at_length=True,
)
def _seconds_bounds(target: ReferenceTarget) -> None:
    target.counters = SecondsBounds()


class OneMemory(Counters):
    """Knows one latest export, of whatever format."""

    def succeeded(self, done: Done) -> None:
        """Both gauges show it."""
        super().succeeded(done)
        self.memory_bytes = dict.fromkeys(self.memory_bytes, float(done.memory_bytes))


@GROUP.make(
    "memory-of-either",
    "The memory gauges of both formats show the latest export of either.",
    "moved",
    scenarios=("batch",),
)
def _one_memory(target: ReferenceTarget) -> None:
    target.counters = OneMemory()


class SizeAsMemory(Counters):
    """Takes the file for memory."""

    def succeeded(self, done: Done) -> None:
        """As much as the file has bytes."""
        super().succeeded(replace(done, memory_bytes=done.size_bytes))


@GROUP.make("memory-of-the-file", "The memory gauge is the size of the latest file.", "memory-agree")
def _size_as_memory(target: ReferenceTarget) -> None:
    target.counters = SizeAsMemory()


@GROUP.make("memory-hard-coded", "The memory gauges always read 4 MiB.", "moved", scenarios=("smoke",))
def _hard_coded(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value(MEMORY, lambda sample: 4_194_304.0))


@GROUP.make("openmetrics-of-one", "Asked for OpenMetrics, the page has one family.", "behaviour")
def _of_one(target: ReferenceTarget) -> None:
    def only(families: page.Page, asked: bool) -> tuple[str, str]:
        return render([one for one in families if not asked or one.name == "export_requests_total"], asked)

    target.render = only


def _asked_openly(name: str, why: str, change: page.Change) -> None:
    """A page whose families are others when OpenMetrics is asked for."""

    def spoil(target: ReferenceTarget) -> None:
        target.render = lambda families, asked: render(change(families) if asked else families, asked)

    GROUP.make(name, why, "behaviour")(spoil)


_asked_openly("openmetrics-doubled", "Asked for OpenMetrics, requests count twice.", times("export_requests_total", 2))
_asked_openly(
    "openmetrics-no-buckets",
    "Asked for OpenMetrics, the histogram has no bucket but the last.",
    page.each_sample("export_latency_ms", lambda one: None if page.label(one, "le") not in ("", "+Inf") else one),
)


@GROUP.make("all-other", "Every user is counted as other, from the first.", "labels", "requests")
def _all_other(target: ReferenceTarget) -> None:
    target.counters.user_label = lambda user: "other"  # type: ignore[method-assign]


@GROUP.make("started-by-nobody", "Starts are counted as anonymous's, whoever asks.", "requests")
def _nobody(target: ReferenceTarget) -> None:
    count = target.counters.count
    target.counters.started = lambda form, user: count(form, "started", "anonymous")  # type: ignore[method-assign]


@GROUP.make("memory-in-mb", "Memory is reported in MB.", "moved", scenarios=("load",), at_length=True)
def _in_mb(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value(MEMORY, lambda sample: sample.value / 1e6))


@GROUP.make(
    "memory-highest", "Memory is that of the largest export so far.", "moved", scenarios=("load",), at_length=True
)
def _highest(target: ReferenceTarget) -> None:
    top: dict[object, float] = {}

    def highest(sample: page.Sample) -> float:
        top[sample.labels] = max(top.get(sample.labels, 0.0), sample.value)
        return top[sample.labels]

    target.changes.append(page.with_value(MEMORY, highest))


TARGETS = GROUP.targets
