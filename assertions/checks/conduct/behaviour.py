"""How the target behaves beside exporting: awake, truthful, firm against bad input. And the instrument itself."""

from __future__ import annotations

from assertions.checks.conduct.disconnects import after_disconnects
from assertions.checks.conduct.health import LOADED, _frozen
from assertions.checks.conduct.probe_answers import HANG_UP, OTHER_PAGE, probe_faults, worst_first
from assertions.checks.conduct.status_page import CLOCK_CALLS, _status_problem, statuses
from assertions.contract import FORMATS, REQUEST_STATUSES
from assertions.limits import Limits
from assertions.probes.behaviour import CASES, PAGE_BY_ACCEPT
from assertions.prometheus.exposition import Page, histograms, read_page
from assertions.record.times import clock_is_frozen
from assertions.record.types import HealthProbe, Hit
from assertions.record.view import ScenarioRecord, as_object
from assertions.verdicts import Judgement, failed, failed_for, no_data, passed

BAD_MOST = 0.01
"""Share of calls of /health or /export/status that may fail."""
PROBES_LEAST = 5
"""Calls of /health or /export/status below which nothing can pass."""
PAGE_OLD_S = 1.0
"""A plain page may be so old, where pages are kept for a moment."""


def behaviour(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Bad input is refused by a sentence that names the field; no file outside is served; disconnects cost nothing."""
    hits = {hit.case: hit for hit in record.hits if hit.phase == "behaviour"}
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


def health_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """What /health answered wrongly, however long its answers took; None: nothing."""
    limit = limits["health_p95_ms"]
    probes = _calls(record, "/health", loaded=True)
    bad = [probe for probe in probes if probe.status is not None and not _well(probe)]
    if len(bad) > max(1, BAD_MOST * len(probes)):
        return failed(
            f"{len(bad)} of {len(probes)} calls of /health under load failed, the first with {bad[0].status}: "
            f"{(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    crowd = [probe for probe in _calls(record, "/health", loaded=False) if probe.status is not None]
    bad = [probe for probe in crowd if not _well(probe)]
    if len(bad) > 1:
        return failed(
            f"{len(bad)} calls of /health beside the steady load were answered wrongly, the first in "
            f"{bad[0].phase or 'a rest'} with {bad[0].status}: {(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    calls = [probe for probe in record.health if probe.path.endswith("/health") and probe.status == 200]
    clock = [(as_object(probe.answer) or {}).get("ts") for probe in calls]
    if len(clock) >= CLOCK_CALLS and _frozen(clock, calls[-1].start - calls[0].start):
        return failed(
            f"/health bears ts {clock[0]} in all of {len(clock)} calls: a clock that stands still", limit=limit
        )
    without = [probe for probe in probes if probe.status == 200 and (as_object(probe.answer) or {}).get("ts") is None]
    if len(without) > 0.5 * len(probes):
        return failed(f"/health bears no `ts`: {(without[0].answer or '')[:80]!r}", limit=limit)
    return None


def _calls(record: ScenarioRecord, path: str, *, loaded: bool) -> list[HealthProbe]:
    return [probe for probe in record.health if probe.path.endswith(path) and (probe.phase in LOADED) is loaded]


def _well(probe: HealthProbe) -> bool:
    return probe.status == 200 and (as_object(probe.answer) or {}).get("ok") is True


def status_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """What is wrong with the status pages in themselves, whatever was under way; None: nothing."""
    probes = [probe for probe in record.health if probe.path.endswith("/export/status")]
    bad = [probe for probe in probes if probe.status != 200 or as_object(probe.answer) is None]
    if len(bad) > max(1, BAD_MOST * len(probes)):
        what = bad[0].status if bad[0].status is not None else bad[0].error
        return failed(f"{len(bad)} of {len(probes)} calls of /export/status failed, the first with {what}")
    for start, _, _, body in statuses(record):
        problem = _status_problem(body, start)
        if problem:
            return failed(f"/export/status: {problem}")
    at = [str(body["timestamp"]) for _, _, _, body in statuses(record)]
    if len(at) >= CLOCK_CALLS and clock_is_frozen(at, probes[-1].start - probes[0].start):
        return failed(f"/export/status bears timestamp {at[0]} in all of {len(at)} calls: a clock that stands still")
    return None
