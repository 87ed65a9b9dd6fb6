"""Wrong metrics pages."""

from __future__ import annotations

import itertools
import re

from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, none_done, on_moment, scrapes_failing, without
from tests.assertions.healthy.records import changed, drop, drop_samples, each, values, with_pages

_NO_PAGE = "there is no readable page from before the first request"


def _double(text: str) -> str:
    return text.replace("export_queue_depth ", "export_queue_depth 0\nexport_queue_depth ", 1)


def _big(record: ScenarioRecord) -> ScenarioRecord:
    return with_pages(record, lambda text: text + "# " + "x" * (1 << 20) + "\n", on_moment("after"))


def _users(count: int) -> str:
    """Lines of so many users that did nothing."""
    return "".join(
        f'export_requests_total{{format="csv",status="started",user="user-{number}"}} 0\n' for number in range(count)
    )


def with_users(record: ScenarioRecord, count: int) -> ScenarioRecord:
    """The last pages have this many users, the three healthy ones among them, of whom one is at 0."""
    head = "# TYPE export_requests_total counter\n"
    return with_pages(record, lambda text: text.replace(head, head + _users(count - 3)), on_moment("after"))


def _reasons(text: str) -> str:
    more = "".join(f'export_fail_total{{reason="broken-{number}",format="csv"}} 0\n' for number in range(3))
    head = "# TYPE export_fail_total counter\n"
    return text.replace(head, head + more)


def _either(text: str) -> str:
    """The csv gauge moves with pdf exports, too."""
    told = re.findall(r'^export_requests_total{format="pdf",status="succeeded".*} (\S+)$', text, re.MULTILINE)
    return values('export_memory_bytes{format="csv"', lambda value: value and value + 4096 * sum(map(float, told)))(
        text
    )


def _ever_larger(record: ScenarioRecord) -> ScenarioRecord:
    """Each page shows a little more than the one before it."""
    pages = itertools.count()

    def rewrite(text: str) -> str:
        more = 4096 * next(pages)
        return values("export_memory_bytes", lambda value: value and 8_000_000 + more)(text)

    return with_pages(record, rewrite)


def _unnamed_format(text: str) -> str:
    return text.replace('export_bytes_total{format="csv",status="success"}', 'export_bytes_total{status="success"}')


def _aliased(text: str) -> str:
    return text.replace("export_latency_ms", "export_latency_ms_bucket")


FAILS = (
    Case(
        id="scrapes",
        name="two pages answered 500",
        on="smoke",
        change=scrapes_failing(2, 500),
        reason="2 of 30 scrapes of the metrics page failed, the first with status 500",
    ),
    Case(
        id="scrapes",
        name="two pages refused",
        on="smoke",
        change=scrapes_failing(2, None, "refused"),
        reason="the first with refused",
    ),
    Case(id="scrapes", name="a page of over 1 MiB", on="smoke", change=_big, reason="label values must be bounded"),
    Case(
        id="exposition",
        name="a series twice",
        on="smoke",
        change=lambda record: with_pages(record, _double, on_moment("rest")),
        reason="the metrics page is malformed (rest load): line",
    ),
    Case(
        id="exposition",
        name="another media type",
        on="smoke",
        change=lambda r: changed(r, scrapes=each(r.scrapes, lambda _: {"content_type": "application/json"})),
        reason="the metrics page has the media type application/json, which Prometheus does not read",
    ),
    Case(
        id="moved",
        name="memory in MB",
        on="load",
        change=lambda record: with_pages(record, values("export_memory_bytes", lambda value: value / 1e6)),
        reason='export_memory_bytes{format="csv"} never reads more than 8.12 bytes in exports of 10,000 records',
    ),
    Case(
        id="moved",
        name="the memory of the largest export so far",
        on="load",
        change=_ever_larger,
        reason='export_memory_bytes{format="csv"} never fell, though 20 or more small exports followed large',
    ),
    Case(
        id="moved",
        name="the same memory from before the first export",
        on="batch",
        change=lambda record: with_pages(record, values("export_memory_bytes", lambda _: 5_000_000)),
        reason='export_memory_bytes{format="csv"} reads 5e+06 bytes on every page, even before the first',
    ),
    Case(
        id="moved",
        name="the memory of either format's latest export",
        on="batch",
        change=lambda record: with_pages(record, _either),
        reason='export_memory_bytes{format="csv"} went from ',
    ),
    Case(
        id="labels",
        name="others from the first",
        on="load",
        change=lambda record: with_pages(record, lambda text: text.replace('user="loadtest"', 'user="other"')),
        reason='export_requests_total counts under user="other" though it shows 2 users; the first 100 keep',
    ),
    Case(
        id="labels",
        name="reasons without end",
        on="load",
        change=lambda record: with_pages(record, _reasons, on_moment("after")),
        reason="export_fail_total has 3 reasons that it did not have before the load, 'broken-0' among them",
    ),
    Case(
        id="exposition",
        name="no help",
        on="batch",
        change=lambda record: with_pages(record, lambda text: text.replace("# HELP export_memory_bytes", "# ")),
        reason="no HELP line for export_memory_bytes",
    ),
    Case(
        id="coverage",
        name="a family missing",
        on="load",
        change=lambda record: with_pages(record, drop("export_fail_total")),
        reason="export_fail_total is missing (before load)",
        also=("offered",),
    ),
    Case(
        id="coverage",
        name="a family missing under load only",
        on="load",
        change=lambda record: with_pages(record, drop("export_memory_bytes"), on_moment("during")),
        reason="export_memory_bytes is missing (during load)",
    ),
    Case(
        id="coverage",
        name="another type",
        on="smoke",
        change=lambda record: with_pages(
            record, lambda text: text.replace("TYPE export_queue_depth gauge", "TYPE export_queue_depth counter")
        ),
        reason="export_queue_depth is a counter, not a gauge",
    ),
    Case(
        id="coverage",
        name="no type",
        on="smoke",
        change=lambda record: with_pages(record, drop_samples("# TYPE export_memory_bytes")),
        reason="export_memory_bytes is a family without a type, not a gauge",
    ),
    Case(
        id="coverage",
        name="a label missing",
        on="smoke",
        change=lambda record: with_pages(record, _unnamed_format, on_moment("before")),
        reason="a series of export_bytes_total lacks the label format",
        also=("monotonic",),
    ),
    Case(
        id="coverage",
        name="a gauge that is no number",
        on="smoke",
        change=lambda record: with_pages(record, values("export_queue_depth", lambda _: "NaN"), on_moment("before")),
        reason="export_queue_depth reads nan",
        also=("queue-target",),
    ),
    Case(
        id="coverage",
        name="a gauge without a value",
        on="smoke",
        change=lambda record: with_pages(record, drop_samples("export_queue_depth"), on_moment("before")),
        reason="export_queue_depth has no value",
    ),
    *(
        Case(
            id="coverage",
            name=f"no {series} at the start",
            on="smoke",
            change=lambda record, series=series: with_pages(record, drop_samples(series), on_moment("before")),  # type: ignore[misc]
            reason=f"{reason} before the first request",
        )
        for series, reason in (
            ("export_fail_total{", 'export_fail_total has no series for format="csv"'),
            ('export_bytes_total{format="pdf"', 'export_bytes_total has no series for format="pdf"'),
            ('export_memory_bytes{format="csv"', 'export_memory_bytes has no series for format="csv"'),
            ('export_success_rate{format="csv"', 'export_success_rate has no series for format="csv"'),
            ("export_throughput_ops_per_sec{", 'export_throughput_ops_per_sec has no series for format="csv"'),
            ("export_latency_ms_", 'export_latency_ms has no series for format="csv", size="small"'),
        )
    ),
    Case(
        id="moved",
        name="memory stands still",
        on="load",
        change=lambda record: with_pages(record, values("export_memory_bytes", lambda _: 0)),
        reason='export_memory_bytes{format="csv"} stayed at 0 while exports were made',
    ),
    Case(
        id="moved",
        name="bytes stand still",
        on="load",
        change=lambda record: with_pages(record, values('export_bytes_total{format="pdf"', lambda _: 5)),
        reason='export_bytes_total{format="pdf",status="success"} did not move',
        also=("bytes-agree",),
    ),
    Case(
        id="moved",
        name="throughput without bound",
        on="smoke",
        change=lambda record: with_pages(record, values("export_throughput_ops_per_sec", lambda _: "+Inf")),
        reason='export_throughput_ops_per_sec{format="csv"} reads inf',
    ),
    Case(
        id="moved",
        name="memory below zero",
        on="smoke",
        change=lambda record: with_pages(record, values("export_memory_bytes", lambda value: -value)),
        reason='export_memory_bytes{format="csv"} reads -',
    ),
    Case(
        id="labels",
        name="101 users",
        on="load",
        change=lambda record: with_users(record, 102),
        reason="export_requests_total has 101 users; the contract keeps the first 100",
    ),
    Case(
        id="labels",
        name="a status of its own",
        on="load",
        change=lambda record: with_pages(
            record, lambda text: text.replace('status="rejected",user="examiner"', 'status="refused",user="examiner"')
        ),
        reason='export_requests_total has status="refused"; allowed are failed, rejected, started, succeeded',
    ),
    Case(
        id="monotonic",
        name="a counter falls",
        on="batch",
        change=lambda record: with_pages(
            record, values('export_fail_total{reason="disk",format="csv"', lambda _: 3), on_moment("before")
        ),
        reason='export_fail_total{reason="disk",format="csv"} fell from 3 to 0; the service restarted',
        also=("requests",),
    ),
    Case(
        id="monotonic",
        name="a series vanishes",
        on="batch",
        change=lambda record: with_pages(
            record, drop('export_fail_total{reason="disk",format="csv"'), on_moment("after")
        ),
        reason='the series export_fail_total{reason="disk",format="csv"} vanished',
    ),
    Case(
        id="offered",
        name="the histogram by its other name",
        on="batch",
        change=lambda record: with_pages(record, _aliased),
        reason="alert ExportLatencyP95High queries export_latency_ms_bucket, and no series on the last page",
    ),
    Case(
        id="throughput-gauge",
        name="ten thousand a second",
        on="load",
        change=lambda record: with_pages(
            record, values('export_throughput_ops_per_sec{format="pdf"', lambda value: value and 10_000)
        ),
        reason='export_throughput_ops_per_sec{format="pdf"} reads 1e+04 per second where 84 exports finished',
    ),
    Case(
        id="throughput-gauge",
        name="no series",
        on="load",
        change=lambda record: with_pages(
            record, drop('export_throughput_ops_per_sec{format="pdf"'), on_moment("after")
        ),
        reason='export_throughput_ops_per_sec has no series for format="pdf"',
    ),
)

BLIND = (
    Case(
        id="scrapes",
        name="none",
        on="load",
        change=lambda r: changed(r, scrapes=()),
        reason="the metrics page was never read",
    ),
    Case(id="scrapes", name="none before", on="load", change=without("before"), reason=_NO_PAGE),
    Case(id="scrapes", name="none after", on="load", change=without("after"), reason=_NO_PAGE),
    Case(
        id="scrapes",
        name="none during",
        on="load",
        change=without("during"),
        reason="no metrics page was read under load",
    ),
    Case(
        id="exposition",
        name="none",
        on="load",
        change=lambda r: changed(r, scrapes=()),
        reason="no metrics page was read",
    ),
    Case(id="coverage", name="none before", on="load", change=without("before"), reason=_NO_PAGE),
    Case(id="coverage", name="none after", on="load", change=without("after"), reason=_NO_PAGE),
    Case(id="moved", name="none before", on="load", change=without("before"), reason=_NO_PAGE),
    Case(id="moved", name="no export done", on="load", change=none_done, reason="no export was finished"),
    Case(id="moved", name="no export asked for", on="load", change=no_hits, reason="no export was finished"),
    Case(
        id="labels",
        name="none after",
        on="load",
        change=without("after"),
        reason="no readable page from after the last",
    ),
    Case(
        id="labels",
        name="a family missing",
        on="load",
        change=lambda record: with_pages(record, drop("export_fail_total")),
        reason="export_fail_total is missing",
    ),
    Case(
        id="monotonic",
        name="one page",
        on="load",
        change=lambda r: changed(r, scrapes=r.scrapes[:1]),
        reason="fewer than two metrics pages",
    ),
    Case(
        id="offered",
        name="none after",
        on="load",
        change=without("after"),
        reason="no readable page from after the last",
    ),
    Case(
        id="throughput-gauge",
        name="none at rest",
        on="load",
        change=without("rest", "after"),
        reason="no page was read at rest",
    ),
)
