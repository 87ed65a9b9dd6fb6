"""Wrong counts."""

from __future__ import annotations

import json
import re

from assertions.record.view import ScenarioRecord
from tests.assertions.cases import ALL, Case, no_hits, on_moment, without
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
    Case(
        id="requests",
        name="one started more",
        on="smoke",
        change=lambda r: with_pages(r, values(_CSV % "started", lambda value: value + 1), on_moment("after")),
        reason='export_requests_total{format="csv",status="started"} moved by 40, but the client saw 39 such',
        also=("identity",),
    ),
    Case(
        id="requests",
        name="rejections not counted",
        on="batch",
        change=lambda r: with_pages(r, values(_CSV % "rejected", lambda _: 0)),
        reason='export_requests_total{status="rejected"} moved by 0, but 25 requests were refused',
    ),
    Case(
        id="requests",
        name="successes of another user",
        on="smoke",
        change=lambda r: with_pages(r, lambda text: text.replace('user="loadtest"', 'user="stranger"')),
        reason='export_requests_total{status="started"} moved by 0 under user="loadtest" and "other", but',
    ),
    Case(
        id="requests",
        name="begun by nobody, done by somebody",
        on="smoke",
        change=lambda r: with_pages(
            r, lambda text: text.replace('status="succeeded",user="loadtest"', 'status="succeeded",user="stranger"')
        ),
        reason='export_requests_total{status="succeeded"} moved by 0 under user="loadtest" and "other", but',
    ),
    Case(
        id="requests",
        name="rejections of another format",
        on="batch",
        change=lambda r: with_pages(
            r,
            lambda text: values(_CSV % "rejected", lambda value: value - 20)(
                values((_CSV % "rejected").replace("csv", "pdf"), lambda value: value + 20)(text)
            ),
            on_moment("after"),
        ),
        reason='export_requests_total{format="pdf",status="rejected"} moved by 20, but only 0 requests of that format',
        also=("monotonic",),
    ),
    Case(
        id="requests",
        name="a failure that nobody saw",
        on="batch",
        change=lambda r: with_pages(r, values('export_fail_total{reason="engine"', lambda _: 1), on_moment("after")),
        reason="export_fail_total moved by 2, but 0 exports were answered 500 or 507",
    ),
    Case(
        id="latency-counts",
        name="one latency more",
        on="load",
        change=lambda r: with_pages(r, _one_more, on_moment("after")),
        reason='export_latency_ms_count{format="csv",size="small"} moved by 1, but 0 such exports were finished',
        also=("latency-sum",),
    ),
    Case(
        id="latency-counts",
        name="one latency less",
        on="load",
        change=lambda r: with_pages(r, _one_less),
        reason='export_latency_ms_count{format="csv",size="medium"} moved by 59, but 60 such exports were',
    ),
    Case(
        id="identity",
        name="off at rest",
        on="smoke",
        change=lambda r: with_pages(r, values("export_concurrent_running", lambda _: 1), on_moment("after")),
        reason="started - (succeeded + failed + running + waiting) is -1 with nothing under way",
        also=("rest",),
    ),
    Case(
        id="identity",
        name="off under load",
        on="load",
        change=lambda r: with_pages(r, values("export_concurrent_running", lambda _: 0), on_moment("during")),
        reason="started is not succeeded + failed + running + waiting in 76 of 87 scrapes, at worst it is off",
        also=("concurrency-agree",),
    ),
    Case(
        id="success-target",
        name="one in ten counted as failed",
        on="load",
        change=lambda r: with_pages(r, values(_CSV % "failed", lambda _: 30), on_moment("after")),
        reason="495 of 525 exports succeeded by the target's counters: 94.3 % (limit >= 95 %)",
        also=("identity", "requests"),
    ),
    Case(
        id="success-outside",
        name="one in ten answered 500",
        on="load",
        change=lambda r: failing("load", "measure", 50),
        reason="443 of 493 exports finished: 89.9 % (limit >= 95 %)",
        also=("success-target",),
    ),
    Case(
        id="success-gauge",
        name="the last outcome instead of the rate",
        on="load",
        change=lambda r: with_pages(failing("load", "leak", 4), values("export_success_rate", lambda _: 0)),
        reason='export_success_rate{format="pdf"} reads 0 where its counters give 0.9762 (162 of 174 readings)',
    ),
    Case(
        id="bytes-target",
        name="no bytes",
        on=ALL,
        change=lambda r: with_pages(r, values("export_bytes_total", lambda _: 0)),
        reason="exported by the target's counter: 0 bytes (limit > 0 bytes)",
        also=("behaviour", "bytes-agree", "moved"),
    ),
    Case(
        id="bytes-outside",
        name="empty files",
        on=ALL,
        change=_empty,
        reason="493 files downloaded: 0 bytes (limit > 0 bytes)",
        also=("answers", "bytes-agree", "downloads"),
    ),
    Case(
        id="bytes-agree",
        name="one byte off",
        on="load",
        change=lambda r: with_pages(
            r, values('export_bytes_total{format="pdf"', lambda value: value + 1), on_moment("after")
        ),
        reason='export_bytes_total{format="pdf"} moved by 30,003,361 bytes, but the 84 files downloaded hold',
    ),
)

BLIND = (
    Case(id="requests", name="none before", on="load", change=without("before"), reason=_NO_PAGE),
    Case(id="requests", name="nothing sent", on="load", change=no_hits, reason="no request was sent"),
    Case(id="latency-counts", name="none after", on="load", change=without("after"), reason=_NO_PAGE),
    Case(
        id="identity",
        name="none",
        on="load",
        change=lambda r: changed(r, scrapes=()),
        reason="no metrics page was read",
    ),
    Case(
        id="identity",
        name="no gauges",
        on="load",
        change=lambda r: with_pages(r, _gauges),
        reason="no page held all of started, succeeded, failed, running and waiting",
    ),
    Case(
        id="success-target",
        name="no counters",
        on="load",
        change=lambda r: with_pages(r, drop("export_requests_total")),
        reason="export_requests_total could not be read in load",
    ),
    Case(
        id="success-target",
        name="counters fell",
        on="load",
        change=lambda r: with_pages(r, values(_CSV % "succeeded", lambda _: 9_999), on_moment("before")),
        reason="the counters fell",
    ),
    Case(
        id="success-target",
        name="nothing moved",
        on=ALL,
        change=lambda r: with_pages(r, values("export_requests_total", lambda _: 7)),
        reason="exports succeeded by the target's counters: none was requested",
    ),
    Case(
        id="success-outside",
        name="nothing asked",
        on=ALL,
        change=no_hits,
        reason="exports finished: none was requested",
    ),
    Case(
        id="success-gauge",
        name="no gauge",
        on="load",
        change=lambda r: with_pages(r, drop("export_success_rate")),
        reason="export_success_rate could not be read",
    ),
    Case(
        id="bytes-target",
        name="no counter",
        on="load",
        change=lambda r: with_pages(r, drop("export_bytes_total")),
        reason='export_bytes_total{status="success"} could not be read',
    ),
    Case(
        id="bytes-outside",
        name="nothing fetched",
        on=ALL,
        change=_unfetched,
        reason="no exported file could be downloaded",
    ),
    Case(
        id="bytes-agree",
        name="a file missing",
        on="load",
        change=lambda r: changed(r, fetches=r.fetches[1:-1]),
        reason="1 of 144 csv files could not be downloaded, the first of warmup-0",
    ),
    Case(
        id="bytes-agree",
        name="no counter",
        on="load",
        change=lambda r: with_pages(r, drop('export_bytes_total{format="csv"')),
        reason='export_bytes_total{format="csv",status="success"} could not be read',
    ),
)


def behaviour_bytes(record: ScenarioRecord, told: object) -> ScenarioRecord:
    """The export among the behaviour probes says another size."""

    def change(hit: object) -> dict[str, str] | None:
        if getattr(hit, "case", "") != "after-bad-input":
            return None
        return {"answer": json.dumps({"success": True, "result": {"bytes": told}})}

    return with_hits(record, change)
