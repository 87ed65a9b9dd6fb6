"""How the target behaves beside exporting: awake, truthful, firm against bad input. And the instrument itself."""

from __future__ import annotations

from assertions.checks.conduct.disconnects import after_disconnects
from assertions.checks.conduct.probe_answers import HANG_UP, OTHER_PAGE, probe_faults, worst_first
from assertions.contract import FORMATS, REQUEST_STATUSES
from assertions.limits import Limits
from assertions.probes.behaviour import CASES, PAGE_BY_ACCEPT
from assertions.prometheus.exposition import Page, histograms, read_page
from assertions.record.phases import BEHAVIOUR
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed_for, no_data, passed

PAGE_OLD_S = 1.0
"""A plain page may be so old, where pages are kept for a moment."""


def behaviour(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Bad input is refused by a sentence that names the field; no file outside is served; disconnects cost nothing."""
    hits = {hit.case: hit for hit in record.hits if hit.phase == BEHAVIOUR}
    wrong, faults = probe_faults(hits)
    other = _other_page(record, hits[PAGE_BY_ACCEPT]) if PAGE_BY_ACCEPT in hits else None
    if other is not None:
        faults.append((OTHER_PAGE, other))
    hung_up = after_disconnects(record)
    if hung_up is not None and hung_up.status == "FAIL":
        faults.append((HANG_UP, hung_up.reason))
    if faults:
        head = f"{wrong} of {len(CASES)} behaviour probes went wrong; " if wrong else ""
        return failed_for(worst_first(faults), head=head)
    missing = [case.name for case in CASES if case.name not in hits]
    if missing:
        return no_data(f"{len(missing)} of {len(CASES)} behaviour probes were not made, {missing[0]} among them")
    return hung_up or passed(f"{len(CASES)} behaviour probes were answered as the contract says")


def _other_page(record: ScenarioRecord, hit: Hit) -> str | None:
    """Where the page for OpenMetrics tells something else than the plain ones before and after it; None: nowhere."""
    page = read_page(hit.answer or "", hit.headers.get("content-type"))
    before = next((timed.page for timed in reversed(record.pages) if timed.scrape.end <= hit.start), None)
    late = hit.end + PAGE_OLD_S
    after = next((timed.page for timed in record.pages if timed.scrape.start >= late), record.after)
    if before is None or after is None:
        return None
    for name, counts in _counts(page).items():
        low, high = _counts(before).get(name), _counts(after).get(name)
        if low is not None and high is not None and not low <= counts <= high:
            return (
                f"the page that Prometheus is given when it asks for OpenMetrics has {counts:,.6g} {name}, the plain "
                f"pages before and after it {low:,.6g} and {high:,.6g}"
            )
    lacks = sorted(set(_counts(before)) - set(_counts(page)))
    if lacks:
        return (
            f"the page that Prometheus is given when it asks for OpenMetrics lacks {lacks[0]}, which the plain one has"
        )
    return None


def _counts(page: Page) -> dict[str, float]:
    """What only rises, of the contract's families: requests, bytes, failures, and the histograms' buckets."""
    told = {
        f'export_requests_total{{format="{fmt}",status="{status}"}}': page.total(
            "export_requests_total", format=fmt, status=status
        )
        for fmt in FORMATS
        for status in REQUEST_STATUSES
    }
    told |= {name: page.total(name) for name in ("export_bytes_total", "export_fail_total")}
    family = page.family("export_latency_ms")
    for one in histograms(family) if family is not None else ():
        labels = f'format="{one.labels.get("format")}",size="{one.labels.get("size")}"'
        told[f"export_latency_ms_count{{{labels}}}"] = one.count
        told |= {f'export_latency_ms_bucket{{{labels},le="{le:g}"}}': count for le, count in one.buckets.items()}
    return {name: value for name, value in told.items() if value is not None}
