"""Check: bad input is refused, nothing outside the exports folder is served, disconnects cost nothing."""

from __future__ import annotations

from assertions.checks.conduct.disconnects import after_disconnects
from assertions.checks.conduct.probe_answers import DISCONNECT, OTHER_PAGE, probe_faults, worst_first
from assertions.contract import FORMATS, REQUEST_STATUSES
from assertions.limits import Limits
from assertions.probes.behaviour import CASES, PAGE_BY_ACCEPT
from assertions.prometheus.exposition import Page, histograms, read_page
from assertions.record.phases import BEHAVIOUR
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed_for, no_data, passed

PAGE_OLD_S = 1.0
"""Seconds; a plain page may be this old where a service keeps pages for a moment."""


def behaviour(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Bad input is refused by a sentence that names the field, no other file is served, disconnects leave nothing."""
    hits = {hit.case: hit for hit in record.hits if hit.phase == BEHAVIOUR}
    wrong, faults = probe_faults(hits)
    other = _other_page(record, hits[PAGE_BY_ACCEPT]) if PAGE_BY_ACCEPT in hits else None
    if other is not None:
        faults.append((OTHER_PAGE, other))
    disconnects = after_disconnects(record)
    if disconnects is not None and disconnects.status == "FAIL":
        faults.append((DISCONNECT, disconnects.reason))
    if faults:
        head = f"{wrong} of {len(CASES)} behaviour probes went wrong; " if wrong else ""
        return failed_for(worst_first(faults), head=head)
    missing = [case.name for case in CASES if case.name not in hits]
    if missing:
        return no_data(f"{len(missing)} of {len(CASES)} behaviour probes were not made, {missing[0]} among them")
    return disconnects or passed(f"{len(CASES)} behaviour probes were answered as the contract says")


def _other_page(record: ScenarioRecord, hit: Hit) -> str | None:
    """Return where the OpenMetrics page differs from the plain ones before and after it; None: nowhere."""
    page = read_page(hit.answer or "", hit.headers.get("content-type"))
    before = next((timed.page for timed in reversed(record.pages) if timed.scrape.end <= hit.start), None)
    late = hit.end + PAGE_OLD_S
    after = next((timed.page for timed in record.pages if timed.scrape.start >= late), record.after)
    if before is None or after is None:
        return None
    shown, least, most = _counts(page), _counts(before), _counts(after)
    for name, counts in shown.items():
        low, high = least.get(name), most.get(name)
        if low is not None and high is not None and not low <= counts <= high:
            return (
                f"the metrics page in OpenMetrics format has {counts:,.6g} {name}, the plain pages before and after it "
                f"{low:,.6g} and {high:,.6g}"
            )
    lacks = sorted(set(least) - set(shown))
    if lacks:
        return f"the metrics page in OpenMetrics format lacks {lacks[0]}, which the plain one has"
    return None


def _counts(page: Page) -> dict[str, float]:
    """Return what only rises, of the contract's families: requests, bytes, failures, and the histograms' buckets."""
    counts = {
        f'export_requests_total{{format="{fmt}",status="{status}"}}': page.total(
            "export_requests_total", format=fmt, status=status
        )
        for fmt in FORMATS
        for status in REQUEST_STATUSES
    }
    counts |= {name: page.total(name) for name in ("export_bytes_total", "export_fail_total")}
    family = page.family("export_latency_ms")
    for series in histograms(family) if family is not None else ():
        labels = f'format="{series.labels.get("format")}",size="{series.labels.get("size")}"'
        counts[f"export_latency_ms_count{{{labels}}}"] = series.count
        counts |= {f'export_latency_ms_bucket{{{labels},le="{le:g}"}}': n for le, n in series.buckets.items()}
    return {name: value for name, value in counts.items() if value is not None}
