"""Metrics pages that look different and say the same."""

from __future__ import annotations

import gzip
import tracemalloc
from concurrent.futures import Executor
from dataclasses import replace

from aiohttp import web

from tests.targets.fixtures import jobs, page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.counters import FORMATS, MOST_USERS, Counters, Done
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget, render

GROUP = Group("healthy", healthy=True)
LATENCY = "export_latency_ms"


def _family(name: str, kind: str, value: float, **labels: str) -> page.Family:
    """A family of one series."""
    return page.Family(name, kind, "Of no concern.", (page.Sample(name, tuple(labels.items()), value),))


@GROUP.make("extra-families", "The page has process metrics, and families of the service's own.")
def _extra_families(target: ReferenceTarget) -> None:
    extra = [
        _family("process_cpu_seconds_total", "counter", 12.25),
        _family("process_resident_memory_bytes", "gauge", 91_234_304),
        _family("process_start_time_seconds", "gauge", 1.7954568e9),
        page.Family("build_info", "gauge", "About the build.", (page.Sample("build_info", (("version", "9"),), 1),)),
    ]
    target.changes.append(lambda families: [*extra, *families])


@GROUP.make("extra-series", "The page has another 500 series in addition to the nine families.")
def _extra_series(target: ReferenceTarget) -> None:
    samples = tuple(page.Sample("http_requests_total", (("path", f"/p{n}"), ("code", "200")), n) for n in range(500))
    target.changes.append(
        lambda families: [*families, page.Family("http_requests_total", "counter", "All requests.", samples)]
    )


@GROUP.make("extra-labels", "Every series has the labels instance and region.")
def _extra_labels(target: ReferenceTarget) -> None:
    def more(families: page.Page) -> page.Page:
        for family in families:
            families = page.relabelled(family.name, lambda labels: {**labels, "instance": "a:1", "region": "eu"})(
                families
            )
        return families

    target.changes.append(more)


@GROUP.make("labels-shuffled", "Labels stand in another order.")
def _shuffled(target: ReferenceTarget) -> None:
    def shuffle(families: page.Page) -> page.Page:
        for family in families:
            families = page.relabelled(family.name, lambda labels: dict(reversed(labels.items())))(families)
        return families

    target.changes.append(shuffle)


@GROUP.make("families-shuffled", "The families stand in another order.")
def _families_shuffled(target: ReferenceTarget) -> None:
    target.changes.append(lambda families: families[::-1])


@GROUP.make("exponents", "Values are written with exponents.")
def _exponents(target: ReferenceTarget) -> None:
    target.render = lambda families, asked: (page.plain(families, lambda value: f"{value:.17e}"), page.PLAIN)


@GROUP.make("floats", "Values and bounds are written as floats.")
def _floats(target: ReferenceTarget) -> None:
    def as_float(labels: dict[str, str]) -> dict[str, str]:
        bound = labels.get("le", "+Inf")
        return labels if bound == "+Inf" else labels | {"le": str(float(bound))}

    target.changes.append(page.relabelled(LATENCY, as_float))
    target.render = lambda families, asked: (page.plain(families, lambda value: repr(float(value))), page.PLAIN)


@GROUP.make("openmetrics-only", "The page is OpenMetrics, whatever is asked for, with exemplars and times of creation.")
def _openmetrics(target: ReferenceTarget) -> None:
    def created(families: page.Page) -> page.Page:
        return [_with_created(family) for family in families]

    target.changes.append(created)
    target.render = lambda families, asked: (page.openmetrics(families), page.OPEN)


def _with_created(family: page.Family) -> page.Family:
    """Times of creation for counters and histograms; an exemplar for each bucket that holds anything."""
    if family.kind == "gauge":
        return family
    base = family.name.removesuffix("_total")
    seen: dict[tuple[tuple[str, str], ...], list[page.Sample]] = {}
    for sample in family.samples:
        key = tuple(pair for pair in sample.labels if pair[0] != "le")
        marked = sample.name.endswith("_bucket") and sample.value
        exemplar = ' # {trace_id="a1b2c3"} 0.5' if marked else ""
        seen.setdefault(key, []).append(replace(sample, exemplar=exemplar))
    for key, samples in seen.items():
        samples.append(page.Sample(f"{base}_created", key, 1795456868.25))
    return replace(family, samples=tuple(sample for samples in seen.values() for sample in samples))


@GROUP.make("plain-created", "The plain page has gauges of creation times, as some client libraries write them.")
def _plain_created(target: ReferenceTarget) -> None:
    target.changes.append(
        lambda families: [*families, _family("export_requests_created", "gauge", 1.795e9, format="csv")]
    )


class ManyBuckets(Counters):
    """Sixty bounds."""

    bounds_ms = tuple(float(round(1.2**power, 3)) for power in range(1, 61))


class FewBuckets(Counters):
    """Only the limits are buckets."""

    bounds_ms = (1000.0, 10_000.0)


class Scarce(Counters):
    """A label set's series come with its first request, as far as the contract lets them."""

    def request_samples(self) -> tuple[page.Sample, ...]:
        """Those of users that came, and all that were known at the start."""
        return tuple(
            sample for sample in super().request_samples() if sample.value or page.label(sample, "user") == "anonymous"
        )


class Alive(Counters):
    """Throughput over the time that it has lived, a minute at most."""

    def __init__(self) -> None:
        """Note the start."""
        import time

        super().__init__()
        self.clock = time.monotonic
        self.born = time.monotonic()

    def throughput(self, form: str) -> float:
        """A young service has no minute behind it."""
        return super().throughput(form) * 60 / min(60.0, max(1.0, self.clock() - self.born))


class Used(Counters):
    """Has run for long."""

    def __init__(self) -> None:
        """A hundred users, a thousand exports, a few of them failed."""
        super().__init__()
        for number in range(MOST_USERS + 10):
            for form in FORMATS:
                user = f"employee-{number}"
                done = Done(
                    form=form, user=user, records=1000, size_bytes=90_000, memory_bytes=400_000, latency_ms=20.5
                )
                for _ in range(5):
                    self.started(form, user)
                    self.succeeded(done)
        self.started("csv", "employee-3")
        self.failed("csv", "employee-3", "error")
        for form in FORMATS:
            self.finished[form].clear()


def _counters(name: str, why: str, counters: type[Counters]) -> None:
    """The reference target with other counters."""

    def change(target: ReferenceTarget) -> None:
        target.counters = counters()

    GROUP.make(name, why)(change)


_counters("many-buckets", "The histogram has sixty buckets.", ManyBuckets)
_counters("few-buckets", "The histogram has two buckets.", FewBuckets)
_counters("series-on-demand", "A user's series come with the user's first request.", Scarce)
_counters("throughput-since-start", "In its first minute throughput is taken over the service's age.", Alive)
_counters("used", "The service has a thousand exports and 110 users behind it.", Used)


class GzipPage(ReferenceTarget):
    """Packs its page."""

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """gzip, where the client takes it."""
        whole = await super().metrics(request)
        if "gzip" not in request.headers.get("Accept-Encoding", "") or not isinstance(whole, web.Response):
            return whole
        body = whole.body if isinstance(whole.body, bytes) else b""
        return web.Response(
            body=gzip.compress(body),
            headers={"Content-Type": whole.headers["Content-Type"], "Content-Encoding": "gzip"},
        )


@GROUP.make("page-gzip", "The page is packed for clients that take it.", kind=GzipPage)
def _gzip(target: ReferenceTarget) -> None:
    pass


@GROUP.make("page-comments", "The page has comments and empty lines.")
def _comments(target: ReferenceTarget) -> None:
    def with_comments(families: page.Page, asked: bool) -> tuple[str, str]:
        text, media = render(families, False)
        return "# a comment\n\n" + text.replace("# HELP export_queue", "\n# more of it\n# HELP export_queue"), media

    target.render = with_comments


@GROUP.make("page-spaced", "The lines of the page have blanks around their braces, and more than one before values.")
def _spaced(target: ReferenceTarget) -> None:
    def spaced(families: page.Page, asked: bool) -> tuple[str, str]:
        return page.plain(families).replace("{", " { ").replace("} ", " }\t "), page.PLAIN

    target.render = spaced


@GROUP.make("memory-of-one-page", "Exports are streamed: each adds the same 64 KiB to its process.")
def _streamed(target: ReferenceTarget) -> None:
    target.changes.append(page.with_value("export_memory_bytes", lambda sample: sample.value and 65_536.0))


def make_traced(job: jobs.Job) -> jobs.Made:
    """Make a file with Python's own record of memory."""
    tracemalloc.start()
    try:
        made = jobs.make(job)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return replace(made, memory_bytes=peak)


class Traced(ReferenceTarget):
    """Measures memory by tracemalloc."""

    async def do(self, job: jobs.Job) -> jobs.Made:
        """In the worker."""
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(self.executor, make_traced, job)


@GROUP.make("memory-traced", "The memory gauge counts what Python allocated, not what the kernel gave.", kind=Traced)
def _traced(target: ReferenceTarget) -> None:
    pass


@GROUP.make("headers-other", "Another Server header, and a few headers more.")
def _headers(target: ReferenceTarget) -> None:
    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            response = await inner(request)
            response.headers.update({"Server": "reference target/2", "X-Request-Id": "42", "Cache-Control": "no-store"})
            return response

        return outer

    target.wrap.append(wrap)


def two_processes() -> Executor:
    """A smaller pool: five run, two of them on a core at a time."""
    return jobs.processes(2)


TARGETS = GROUP.targets
