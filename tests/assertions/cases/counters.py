"""Wrong counts."""

from __future__ import annotations

import json
import re

from assertions.record.view import ScenarioRecord
from tests.assertions.cases import ALL, no_hits, on_moment, table, without
from tests.assertions.healthy.records import changed, drop, each, healthy, values, with_hits, with_pages

_NO_PAGE = "there is no readable page from before the first request"
_CSV = 'export_requests_total{format="csv",status="%s",user="loadtest"}'
_SMALL = 'export_latency_ms_%s{format="csv",size="small"%s'


def failing(scenario: str, phase: str, count: int) -> ScenarioRecord:
    """A record in which the first exports of a phase were answered 500, and counted so."""
    return healthy(scenario, frozenset(f"{phase}-{index}" for index in range(count)))


def _one_less(text: str) -> str:
    """One csv export of 1k records is not in the histogram, consistent in itself."""
    series = 'export_latency_ms_%s{format="csv",size="medium"'
    count = re.search(re.escape(series % "count") + r"} (\d+)", text)
    left = max(0, int(count[1]) - 1) / max(1, int(count[1])) if count else 1.0
    for name in ("bucket", "count"):
        text = values(series % name, lambda value: value and value - 1)(text)
    return values(series % "sum", lambda value: value * left)(text)


def _one_more(text: str) -> str:
    """One more small csv export in the histogram, consistent in itself."""
    for series in ('bucket{format="csv",size="small",le="+Inf"', 'bucket{format="csv",size="small",le="30000"'):
        text = values("export_latency_ms_" + series, lambda value: value + 1)(text)
    text = values('export_latency_ms_sum{format="csv",size="small"', lambda value: value + 12_000)(text)
    return values('export_latency_ms_count{format="csv",size="small"', lambda value: value + 1)(text)


def _empty(record: ScenarioRecord) -> ScenarioRecord:
    return changed(record, fetches=each(record.fetches, lambda fetch: {"bytes": 0}))


def _unfetched(record: ScenarioRecord) -> ScenarioRecord:
    return changed(record, fetches=each(record.fetches, lambda fetch: {"status": 404}))


def _gauges(text: str) -> str:
    return drop("export_concurrent_running", "export_queue_depth")(text)


FAILS = (
    *table(
        "requests",
        "smoke",
        (
            "one started more",
            lambda r: with_pages(r, values(_CSV % "started", lambda value: value + 1), on_moment("after")),
            'export_requests_total{format="csv",status="started"} moved by 40, but the client saw 39 such requests, '
            "or another client used the target",
            ("identity",),
        ),
        (
            "successes of another user",
            lambda r: with_pages(r, lambda text: text.replace('user="loadtest"', 'user="stranger"')),
            'export_requests_total{status="started"} moved by 0 under user="loadtest" and "other", but',
        ),
        (
            "begun by nobody, done by somebody",
            lambda r: with_pages(
                r, lambda text: text.replace('status="succeeded",user="loadtest"', 'status="succeeded",user="stranger"')
            ),
            'export_requests_total{status="succeeded"} moved by 0 under user="loadtest" and "other", but',
        ),
    ),
    *table(
        "requests",
        "batch",
        (
            "rejections not counted",
            lambda r: with_pages(r, values(_CSV % "rejected", lambda _: 0)),
            'export_requests_total{status="rejected"} moved by 0, but 25 requests were refused',
        ),
        (
            "rejections of another format",
            lambda r: with_pages(
                r,
                lambda text: values(_CSV % "rejected", lambda value: value - 20)(
                    values((_CSV % "rejected").replace("csv", "pdf"), lambda value: value + 20)(text)
                ),
                on_moment("after"),
            ),
            'export_requests_total{format="pdf",status="rejected"} moved by 20, but only 0 requests of that format',
            ("monotonic",),
        ),
        (
            "a failure that nobody saw",
            lambda r: with_pages(r, values('export_fail_total{reason="engine"', lambda _: 1), on_moment("after")),
            "export_fail_total moved by 2, but 0 exports were answered 500 or 507",
        ),
    ),
    *table(
        "latency-counts",
        "load",
        (
            "one latency more",
            lambda r: with_pages(r, _one_more, on_moment("after")),
            'export_latency_ms_count{format="csv",size="small"} moved by 1, but 0 such exports were finished',
            ("latency-sum",),
        ),
        (
            "one latency less",
            lambda r: with_pages(r, _one_less),
            'export_latency_ms_count{format="csv",size="medium"} moved by 59, but 60 such exports were',
        ),
    ),
    *table(
        "identity",
        "smoke",
        (
            "off at rest",
            lambda r: with_pages(r, values("export_concurrent_running", lambda _: 1), on_moment("after")),
            "started - (succeeded + failed + running + waiting) is -1 with nothing under way",
            ("rest",),
        ),
    ),
    *table(
        "identity",
        "load",
        (
            "off under load",
            lambda r: with_pages(r, values("export_concurrent_running", lambda _: 0), on_moment("during")),
            "started is not succeeded + failed + running + waiting in 76 of 87 scrapes, at worst it is off",
            ("concurrency-agree",),
        ),
    ),
    *table(
        "success-target",
        "load",
        (
            "one in ten counted as failed",
            lambda r: with_pages(r, values(_CSV % "failed", lambda _: 30), on_moment("after")),
            "495 of 525 exports succeeded by the target's counters: 94.3 % (limit >= 95 %)",
            ("identity", "requests"),
        ),
    ),
    *table(
        "success-outside",
        "load",
        (
            "one in ten answered 500",
            lambda r: failing("load", "measure", 50),
            "443 of 493 exports finished: 89.9 % (limit >= 95 %; the critical bound of 90 % is missed too)",
            ("success-target",),
        ),
    ),
    *table(
        "success-gauge",
        "load",
        (
            "the last outcome instead of the rate",
            lambda r: with_pages(failing("load", "leak", 4), values("export_success_rate", lambda _: 0)),
            'export_success_rate{format="pdf"} reads 0 where its counters give 0.9762 (162 of 174 readings)',
        ),
    ),
    *table(
        "bytes-target",
        ALL,
        (
            "no bytes",
            lambda r: with_pages(r, values("export_bytes_total", lambda _: 0)),
            "exported by the target's counter: 0 bytes (limit > 0 bytes)",
            ("behaviour", "bytes-agree", "moved"),
        ),
    ),
    *table(
        "bytes-outside",
        ALL,
        (
            "empty files",
            _empty,
            "493 files downloaded: 0 bytes (limit > 0 bytes)",
            ("answers", "bytes-agree", "downloads"),
        ),
    ),
    *table(
        "bytes-agree",
        "load",
        (
            "one byte off",
            lambda r: with_pages(
                r, values('export_bytes_total{format="pdf"', lambda value: value + 1), on_moment("after")
            ),
            'export_bytes_total{format="pdf"} moved by 30,003,361 bytes, but the 84 files downloaded hold',
        ),
    ),
)

BLIND = (
    *table(
        "requests",
        "load",
        ("none before", without("before"), _NO_PAGE),
        ("nothing sent", no_hits, "no request was sent"),
    ),
    *table(
        "latency-counts",
        "load",
        ("none after", without("after"), _NO_PAGE),
    ),
    *table(
        "identity",
        "load",
        ("none", lambda r: changed(r, scrapes=()), "no metrics page was read"),
        (
            "no gauges",
            lambda r: with_pages(r, _gauges),
            "no page held all of started, succeeded, failed, running and waiting",
        ),
    ),
    *table(
        "success-target",
        "load",
        (
            "no counters",
            lambda r: with_pages(r, drop("export_requests_total")),
            "export_requests_total could not be read in load",
        ),
        (
            "counters fell",
            lambda r: with_pages(r, values(_CSV % "succeeded", lambda _: 9_999), on_moment("before")),
            "the counters fell",
        ),
    ),
    *table(
        "success-target",
        ALL,
        (
            "nothing moved",
            lambda r: with_pages(r, values("export_requests_total", lambda _: 7)),
            "exports succeeded by the target's counters: none was requested",
        ),
    ),
    *table(
        "success-outside",
        ALL,
        ("nothing asked", no_hits, "exports finished: none was requested"),
    ),
    *table(
        "success-gauge",
        "load",
        ("no gauge", lambda r: with_pages(r, drop("export_success_rate")), "export_success_rate could not be read"),
    ),
    *table(
        "bytes-target",
        "load",
        (
            "no counter",
            lambda r: with_pages(r, drop("export_bytes_total")),
            'export_bytes_total{status="success"} could not be read',
        ),
    ),
    *table(
        "bytes-outside",
        ALL,
        ("nothing fetched", _unfetched, "no exported file could be downloaded"),
    ),
    *table(
        "bytes-agree",
        "load",
        (
            "a file missing",
            lambda r: changed(r, fetches=r.fetches[1:-1]),
            "1 of 144 csv files could not be downloaded, the first of warmup-0",
        ),
        (
            "no counter",
            lambda r: with_pages(r, drop('export_bytes_total{format="csv"')),
            'export_bytes_total{format="csv",status="success"} could not be read',
        ),
    ),
)


def behaviour_bytes(record: ScenarioRecord, reported: object) -> ScenarioRecord:
    """The export among the behaviour probes says another size."""

    def change(hit: object) -> dict[str, str] | None:
        if getattr(hit, "case", "") != "after-bad-input":
            return None
        return {"answer": json.dumps({"success": True, "result": {"bytes": reported}})}

    return with_hits(record, change)
