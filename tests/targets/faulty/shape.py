"""Metrics pages that are not what the contract calls a metrics page."""

from __future__ import annotations

import time
from dataclasses import replace

from aiohttp import web

from tests.targets.fixtures import page
from tests.targets.fixtures.builders import Group
from tests.targets.fixtures.fault_tools import without_label
from tests.targets.fixtures.reference_target import Handler, ReferenceTarget, render

GROUP = Group("shape", "smoke")
LATENCY = "export_latency_ms"

for _name in ("export_queue_depth", "export_fail_total", "export_memory_bytes"):
    GROUP.page(f"missing-{_name}", f"The page has no {_name}.", page.changed(_name, lambda family: None), "coverage")


def _rename(old: str, new: str) -> page.Change:
    """A family by another name, its series too."""

    def change(family: page.Family) -> page.Family:
        samples = tuple(replace(one, name=new + one.name.removeprefix(old)) for one in family.samples)
        return replace(family, name=new, samples=samples)

    return page.changed(old, change)


GROUP.page(
    "renamed-latency",
    "The histogram is called export_duration_ms.",
    _rename(LATENCY, "export_duration_ms"),
    "coverage",
)
GROUP.page(
    "renamed-bucket-bucket",
    "The histogram family has the name of its bucket series, so alerts and panels match nothing.",
    _rename(LATENCY, "export_latency_ms_bucket"),
    "offered",
)
GROUP.page(
    "renamed-counter",
    "The request counter lost its _total.",
    _rename("export_requests_total", "export_requests"),
    "coverage",
)
GROUP.page(
    "type-gauge",
    "The byte counter calls itself a gauge.",
    page.changed("export_bytes_total", lambda family: replace(family, kind="gauge")),
    "coverage",
)
GROUP.page(
    "type-summary",
    "The histogram calls itself a summary.",
    page.changed(LATENCY, lambda family: replace(family, kind="summary")),
    "coverage",
    "exposition",
)
for _family, _label in (("export_requests_total", "user"), (LATENCY, "size"), ("export_fail_total", "reason")):
    GROUP.page(
        f"label-missing-{_label}", f"{_family} has no label {_label}.", without_label(_family, _label), "coverage"
    )


@GROUP.make("series-late", "The failure counter has no series until the first failure.", "coverage")
def _late(target: ReferenceTarget) -> None:
    target.changes.append(page.each_sample("export_fail_total", lambda sample: sample if sample.value else None))


@GROUP.make("no-help", "Families have no HELP line.", "exposition")
def _no_help(target: ReferenceTarget) -> None:
    _text(target, lambda text: "".join(line for line in text.splitlines(True) if not line.startswith("# HELP")))


@GROUP.make("no-type", "Families have no TYPE line.", "coverage", "exposition")
def _no_type(target: ReferenceTarget) -> None:
    _text(target, lambda text: "".join(line for line in text.splitlines(True) if not line.startswith("# TYPE")))


@GROUP.make("series-twice", "Each series of the queue gauge is there twice.", "exposition")
def _twice(target: ReferenceTarget) -> None:
    target.changes.append(
        page.changed("export_queue_depth", lambda family: replace(family, samples=family.samples * 2))
    )


@GROUP.make("labels-unquoted", "Label values have no quotes, so no scraper can read the page.", "exposition")
def _unquoted(target: ReferenceTarget) -> None:
    _text(target, lambda text: text.replace('="', "=").replace('",', ",").replace('"}', "}"))


@GROUP.make("page-html", "The metrics page is an HTML page.", "exposition", "coverage", "scrapes")
def _html(target: ReferenceTarget) -> None:
    target.render = lambda families, asked: ("<html><body>metrics</body></html>\n", "text/html")


@GROUP.make("openmetrics-no-end", "The OpenMetrics page lacks its end mark, as if it were cut off.", "exposition")
def _no_end(target: ReferenceTarget) -> None:
    def cut(families: page.Page, asked: bool) -> tuple[str, str]:
        text, _ = render(families, True)
        return text.removesuffix("# EOF\n"), page.OPEN

    target.render = cut


@GROUP.make("page-fails-under-load", "The metrics page answers 500 while exports run.", "scrapes", scenarios=("load",))
def _fails(target: ReferenceTarget) -> None:
    def wrap(inner: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            if request.path.endswith("/export/metrics") and target.slots.running:
                raise web.HTTPInternalServerError
            return await inner(request)

        return outer

    target.wrap.append(wrap)


@GROUP.make("page-frozen", "The metrics page is cached for a minute.", "moved", "requests")
def _frozen(target: ReferenceTarget) -> None:
    kept: dict[str, tuple[float, page.Page]] = {}

    def cached(families: page.Page) -> page.Page:
        now = time.monotonic()
        if "page" not in kept or now - kept["page"][0] > 60:
            kept["page"] = (now, families)
        return kept["page"][1]

    target.changes.append(cached)


def _text(target: ReferenceTarget, change: page.TextChange) -> None:
    """Spoil the page's text."""

    def spoilt(families: page.Page, asked: bool) -> tuple[str, str]:
        text, media = render(families, asked)
        return change(text), media

    target.render = spoilt


def _bucket(change: page.SampleChange) -> page.Change:
    """Change only the histogram's buckets."""
    return page.each_sample(LATENCY, lambda sample: change(sample) if sample.name.endswith("_bucket") else sample)


def _with_infinity(family: page.Family) -> page.Family:
    """An explicit `Infinity` bucket behind each +Inf, as one metrics library once wrote it."""
    samples: list[page.Sample] = []
    for sample in family.samples:
        samples.append(sample)
        if page.label(sample, "le") == "+Inf":
            labels = tuple((key, "Infinity" if key == "le" else value) for key, value in sample.labels)
            samples.append(replace(sample, labels=labels))
    return replace(family, samples=tuple(samples))


def _apart(family: page.Family) -> page.Family:
    """Counts of each single bucket, not summed up."""
    samples: list[page.Sample] = []
    before = 0.0
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            if page.label(sample, "le") == number_of_lowest(family):
                before = 0.0
            samples.append(replace(sample, value=sample.value - before))
            before = sample.value
        else:
            samples.append(sample)
    return replace(family, samples=tuple(samples))


def number_of_lowest(family: page.Family) -> str:
    """The lowest bound, as it is written."""
    return page.label(family.samples[0], "le")


GROUP.page(
    "infinity-bucket",
    "An explicit Infinity bucket stands next to +Inf.",
    page.changed(LATENCY, _with_infinity),
    "histogram",
    "exposition",
)
GROUP.page("not-cumulative", "Buckets are counted apart.", page.changed(LATENCY, _apart), "histogram", "exposition")
GROUP.page(
    "inf-not-count",
    "The +Inf bucket is one more than the count once there is any.",
    _bucket(lambda one: replace(one, value=one.value + 1) if page.label(one, "le") == "+Inf" and one.value else one),
    "histogram",
)
GROUP.page(
    "no-inf-bucket",
    "The histogram has no +Inf bucket.",
    _bucket(lambda one: None if page.label(one, "le") == "+Inf" else one),
    "histogram",
    "exposition",
)
GROUP.page(
    "sum-missing",
    "The histogram has no _sum.",
    page.each_sample(LATENCY, lambda one: None if one.name.endswith("_sum") else one),
    "histogram",
    "exposition",
    "offered",
)

TARGETS = GROUP.targets
