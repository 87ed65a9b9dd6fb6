"""Wrong metrics pages."""

from __future__ import annotations

import itertools
import re

from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, no_hits, none_done, on_moment, scrapes_failing, table, without
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
    reported = re.findall(r'^export_requests_total{format="pdf",status="succeeded".*} (\S+)$', text, re.MULTILINE)
    return values('export_memory_bytes{format="csv"', lambda value: value and value + 4096 * sum(map(float, reported)))(
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
    *table(
        "scrapes",
        "smoke",
        (
            "two pages answered 500",
            scrapes_failing(2, 500),
            "2 of 30 scrapes of the metrics page failed, the first with status 500",
        ),
        ("two pages refused", scrapes_failing(2, None, "refused"), "the first with refused"),
        ("a page of over 1 MiB", _big, "label values must be bounded"),
    ),
    *table(
        "exposition",
        "smoke",
        (
            "a series twice",
            lambda record: with_pages(record, _double, on_moment("rest")),
            "the metrics page is malformed (rest load): line",
        ),
        (
            "another media type",
            lambda r: changed(r, scrapes=each(r.scrapes, lambda _: {"content_type": "application/json"})),
            "the metrics page has the media type application/json, which Prometheus does not read",
        ),
    ),
    *table(
        "moved",
        "load",
        (
            "memory in MB",
            lambda record: with_pages(record, values("export_memory_bytes", lambda value: value / 1e6)),
            'export_memory_bytes{format="csv"} never reads more than 8.12 bytes in exports of 10,000 records',
        ),
        (
            "the memory of the largest export so far",
            _ever_larger,
            'export_memory_bytes{format="csv"} never fell, though 20 or more small exports followed large',
        ),
        (
            "memory stands still",
            lambda record: with_pages(record, values("export_memory_bytes", lambda _: 0)),
            'export_memory_bytes{format="csv"} stayed at 0 while exports were made',
        ),
        (
            "bytes stand still",
            lambda record: with_pages(record, values('export_bytes_total{format="pdf"', lambda _: 5)),
            'export_bytes_total{format="pdf",status="success"} did not move',
            ("bytes-agree",),
        ),
    ),
    *table(
        "moved",
        "batch",
        (
            "the same memory from before the first export",
            lambda record: with_pages(record, values("export_memory_bytes", lambda _: 5_000_000)),
            'export_memory_bytes{format="csv"} reads 5e+06 bytes on every page, even before the first',
        ),
        (
            "the memory of either format's latest export",
            lambda record: with_pages(record, _either),
            'export_memory_bytes{format="csv"} went from ',
        ),
    ),
    *table(
        "labels",
        "load",
        (
            "others from the first",
            lambda record: with_pages(record, lambda text: text.replace('user="loadtest"', 'user="other"')),
            'export_requests_total counts under user="other" though it shows 2 users; the first 100 keep',
        ),
        (
            "reasons without end",
            lambda record: with_pages(record, _reasons, on_moment("after")),
            "export_fail_total has 3 reasons that it did not have before the load, 'broken-0' among them",
        ),
        (
            "101 users",
            lambda record: with_users(record, 102),
            "export_requests_total has 101 users; the contract keeps the first 100",
        ),
        (
            "a status of its own",
            lambda record: with_pages(
                record,
                lambda text: text.replace('status="rejected",user="examiner"', 'status="refused",user="examiner"'),
            ),
            'export_requests_total has status="refused"; allowed are failed, rejected, started, succeeded',
        ),
    ),
    *table(
        "exposition",
        "batch",
        (
            "no help",
            lambda record: with_pages(record, lambda text: text.replace("# HELP export_memory_bytes", "# ")),
            "no HELP line for export_memory_bytes",
        ),
    ),
    *table(
        "coverage",
        "load",
        (
            "a family missing",
            lambda record: with_pages(record, drop("export_fail_total")),
            "export_fail_total is missing (before load)",
            ("offered",),
        ),
        (
            "a family missing under load only",
            lambda record: with_pages(record, drop("export_memory_bytes"), on_moment("during")),
            "export_memory_bytes is missing (during load)",
        ),
    ),
    *table(
        "coverage",
        "smoke",
        (
            "another type",
            lambda record: with_pages(
                record, lambda text: text.replace("TYPE export_queue_depth gauge", "TYPE export_queue_depth counter")
            ),
            "export_queue_depth is a counter, not a gauge",
        ),
        (
            "no type",
            lambda record: with_pages(record, drop_samples("# TYPE export_memory_bytes")),
            "export_memory_bytes is a family without a type, not a gauge",
        ),
        (
            "a label missing",
            lambda record: with_pages(record, _unnamed_format, on_moment("before")),
            "a series of export_bytes_total lacks the label format",
            ("monotonic",),
        ),
        (
            "a gauge that is no number",
            lambda record: with_pages(record, values("export_queue_depth", lambda _: "NaN"), on_moment("before")),
            "export_queue_depth reads nan",
            ("queue-target",),
        ),
        (
            "a gauge without a value",
            lambda record: with_pages(record, drop_samples("export_queue_depth"), on_moment("before")),
            "export_queue_depth has no value",
        ),
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
    *table(
        "moved",
        "smoke",
        (
            "throughput without bound",
            lambda record: with_pages(record, values("export_throughput_ops_per_sec", lambda _: "+Inf")),
            'export_throughput_ops_per_sec{format="csv"} reads inf',
        ),
        (
            "memory below zero",
            lambda record: with_pages(record, values("export_memory_bytes", lambda value: -value)),
            'export_memory_bytes{format="csv"} reads -',
        ),
    ),
    *table(
        "monotonic",
        "batch",
        (
            "a counter falls",
            lambda record: with_pages(
                record, values('export_fail_total{reason="disk",format="csv"', lambda _: 3), on_moment("before")
            ),
            'export_fail_total{reason="disk",format="csv"} fell from 3 to 0; the service restarted',
            ("requests",),
        ),
        (
            "a series vanishes",
            lambda record: with_pages(record, drop('export_fail_total{reason="disk",format="csv"'), on_moment("after")),
            'the series export_fail_total{reason="disk",format="csv"} vanished',
        ),
    ),
    *table(
        "offered",
        "batch",
        (
            "the histogram by its other name",
            lambda record: with_pages(record, _aliased),
            "alert ExportLatencyP95High queries export_latency_ms_bucket, and no series on the last page",
        ),
    ),
    *table(
        "throughput-gauge",
        "load",
        (
            "ten thousand a second",
            lambda record: with_pages(
                record, values('export_throughput_ops_per_sec{format="pdf"', lambda value: value and 10_000)
            ),
            'export_throughput_ops_per_sec{format="pdf"} reads 1e+04 per second where 84 exports finished',
        ),
        (
            "no series",
            lambda record: with_pages(record, drop('export_throughput_ops_per_sec{format="pdf"'), on_moment("after")),
            'export_throughput_ops_per_sec has no series for format="pdf"',
        ),
    ),
)

BLIND = (
    *table(
        "scrapes",
        "load",
        ("none", lambda r: changed(r, scrapes=()), "the metrics page was never read"),
        ("none before", without("before"), _NO_PAGE),
        ("none after", without("after"), _NO_PAGE),
        ("none during", without("during"), "no metrics page was read under load"),
    ),
    *table(
        "exposition",
        "load",
        ("none", lambda r: changed(r, scrapes=()), "no metrics page was read"),
    ),
    *table(
        "coverage",
        "load",
        ("none before", without("before"), _NO_PAGE),
        ("none after", without("after"), _NO_PAGE),
    ),
    *table(
        "moved",
        "load",
        ("none before", without("before"), _NO_PAGE),
        ("no export done", none_done, "no export was finished"),
        ("no export asked for", no_hits, "no export was finished"),
    ),
    *table(
        "labels",
        "load",
        ("none after", without("after"), "no readable page from after the last"),
        (
            "a family missing",
            lambda record: with_pages(record, drop("export_fail_total")),
            "export_fail_total is missing",
        ),
    ),
    *table(
        "monotonic",
        "load",
        ("one page", lambda r: changed(r, scrapes=r.scrapes[:1]), "fewer than two metrics pages"),
    ),
    *table(
        "offered",
        "load",
        ("none after", without("after"), "no readable page from after the last"),
    ),
    *table(
        "throughput-gauge",
        "load",
        ("none at rest", without("rest", "after"), "no page was read at rest"),
    ),
)
