"""How the target behaves beside exporting: awake, truthful, firm against bad input. And the instrument itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..behaviour import CASES, PAGE_BY_ACCEPT
from ..bundle import CLOCK_TICKS_S, MINUTES_S, ScenarioRecord, as_object, stands_still, told_near
from ..contract import FORMATS, MAX_CONCURRENT, REQUEST_STATUSES
from ..exposition import Page, histograms, read_page
from ..limits import Limits
from ..records import INTERRUPTED, HealthProbe, Hit
from ..statistics import percentile
from ..verdicts import Judgement, Reading, against, failed, failed_for, no_data, passed
from .admission import COMPARED_LEAST, SETTLE_S, TOLD_SHARE, statuses
from .hanging import after_hang_up
from .probes import HANG_UP, OTHER_PAGE, probe_faults, worst_first

ASLEEP_MOST = 0.1
"""Share of the time under load in which /health may be slower than its limit."""
CLOCKS_APART_S = 0.01
"""Generators on other machines must agree with the runner's clock to this; exports of 1k records take a few of it."""
CLOCK_CALLS = 20
BAD_MOST = 0.01
"""Share of calls of /health or /export/status that may fail."""
PROBES_LEAST = 5
"""Calls of /health or /export/status below which nothing can pass."""
PAGE_OLD_S = 1.0
"""A plain page may be so old, where pages are kept for a moment."""
LOADED = ("measure", "burst", "solo", "sequence")


def behaviour(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Bad input is refused with a sentence that names the field; files outside can't be had; hang-ups cost nothing."""
    hits = {hit.case: hit for hit in record.hits if hit.phase == "behaviour"}
    wrong, faults = probe_faults(hits)
    other = _other_page(record, hits[PAGE_BY_ACCEPT]) if PAGE_BY_ACCEPT in hits else None
    if other is not None:
        faults.append((OTHER_PAGE, other))
    hung_up = after_hang_up(record)
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


def health(record: ScenarioRecord, limits: Limits) -> Judgement:
    """/health answers while exports run, and quickly."""
    limit = limits["health_p95_ms"]
    probes = _calls(record, "/health", loaded=True)
    bad = [probe for probe in probes if not _well(probe)]
    if len(bad) > max(1, BAD_MOST * len(probes)):
        what = bad[0].status if bad[0].status is not None else bad[0].error
        return failed(
            f"{len(bad)} of {len(probes)} calls of /health under load failed, the first with {what}: "
            f"{(bad[0].answer or '')[:80]!r}",
            limit=limit,
        )
    wrong = health_by_answers(record, limits)
    if wrong is not None:
        return wrong
    if len(probes) < PROBES_LEAST:
        return no_data(f"/health was asked {len(probes)} times while exports ran", limit=limit)
    reading = Reading(
        name="health P95",
        value=percentile([(probe.end - probe.start) * 1000 for probe in probes], 0.95),
        unit="ms",
        source="health.jsonl",
        count=len(probes),
    )
    judged = against(limit, reading, f"P95 of {len(probes)} calls of /health under load")
    slow = [probe for probe in probes if (probe.end - probe.start) * 1000 > limit.target]
    asleep = sum(probe.end - probe.start for probe in slow)
    loaded = sum(phase.end - phase.start for phase in record.scenario.phases if phase.name in LOADED)
    # few calls fit into a long sleep, so a percentile of calls alone would not see it
    if judged.status == "PASS" and len(slow) >= 2 and asleep > ASLEEP_MOST * loaded:
        return failed(
            f"/health waited longer than {limit.target:,.0f} ms for {asleep:.1f} s of {loaded:.1f} s under load",
            limit=limit,
        )
    return judged


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


def _frozen(told: Sequence[object], seconds: float) -> bool:
    """Whether times, as numbers or ISO 8601, are all the same over so long a time, and must not be."""
    first = told[0]
    if isinstance(first, str):
        return stands_still([str(one) for one in told], seconds)
    if not isinstance(first, int | float) or isinstance(first, bool) or any(one != first for one in told):
        return False
    return seconds > (MINUTES_S if first % 60 == 0 else CLOCK_TICKS_S)


def status_page(record: ScenarioRecord, limits: Limits) -> Judgement:
    """/export/status answers, with the contract's fields, truthfully."""
    wrong = status_by_answers(record, limits)
    if wrong is not None:
        return wrong
    probes = [probe for probe in record.health if probe.path.endswith("/export/status")]
    busy = [(start, end, body) for start, end, phase, body in statuses(record) if phase in ("measure", "burst")]
    told = [float(str(body["concurrentExports"])) + float(str(body["queueDepth"])) for _, _, body in busy]
    inside = [record.surely_inside.least(start, end) for start, end, _ in busy]
    compared = [(claim, least) for claim, least in zip(told, inside, strict=True) if least >= 1]
    claims, certain = sum(claim for claim, _ in compared), sum(least for _, least in compared)
    if len(compared) >= COMPARED_LEAST and claims < TOLD_SHARE * certain:
        return failed(
            f"/export/status tells of {claims / len(compared):.1f} exports running or waiting on average while "
            f"{certain / len(compared):.1f} were surely under way ({len(compared)} calls)"
        )
    most = [record.in_flight.most(start, end, SETTLE_S) for start, end, _ in busy]
    excess = [(claim, seen) for claim, seen in zip(told, most, strict=True) if claim > seen]
    if len(excess) > max(2, 0.1 * len(busy)) and not any(hit.status is None for hit in record.posts):
        claim, seen = max(excess)
        return failed(
            f"/export/status tells of {claim:g} exports running or waiting while at most {seen} requests were under "
            f"way ({len(excess)} of {len(busy)} calls)"
        )
    if len(probes) < PROBES_LEAST:
        return no_data(f"/export/status was asked {len(probes)} times")
    held = (
        f"and fit the exports surely under way in {len(compared)} of them"
        if len(compared) >= COMPARED_LEAST
        else f"in {len(compared)} of them an export was surely under way, too few to hold its counts against exports"
    )
    return passed(f"{len(probes)} calls of /export/status were answered with the contract's fields; {held}")


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
    if len(at) >= CLOCK_CALLS and stands_still(at, probes[-1].start - probes[0].start):
        return failed(f"/export/status bears timestamp {at[0]} in all of {len(at)} calls: a clock that stands still")
    return None


def _status_problem(body: dict[str, object], now: float) -> str | None:
    for key in ("concurrentExports", "queueDepth", "maxConcurrentExports"):
        value = body.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"{key} is {value!r}, no count"
    if body["maxConcurrentExports"] != MAX_CONCURRENT:
        return f"maxConcurrentExports is {body['maxConcurrentExports']}, not {MAX_CONCURRENT}"
    if body.get("status") != "ready":
        return f"status is {body.get('status')!r}, not 'ready'"
    if not isinstance(body.get("version"), str) or not body["version"]:
        return f"version is {body.get('version')!r}"
    if not told_near(body.get("timestamp"), now):
        return f"timestamp {body.get('timestamp')!r} is no ISO 8601 of the time"
    return None


def answered(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Requests are answered: they neither hang nor break off. One in a hundred may, it counts as a failed export."""
    if not record.posts:
        return no_data("no request was sent")
    asked = [hit for hit in record.posts if hit.error != INTERRUPTED]
    if not asked:
        return no_data("no request was let come to its end")
    lost = [hit for hit in asked if hit.status is None]
    if len(lost) > max(1, 0.01 * len(asked)):
        return failed(f"{len(lost)} of {len(asked)} requests had no answer, {lost[0].id} ({lost[0].error}) first")
    return passed(f"{len(asked) - len(lost)} of {len(asked)} requests were answered")


def shutdown(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The embedded service ended by itself when asked to."""
    if not record.scenario.embedded:
        return no_data("the target is not ours to end")
    if record.scenario.shutdown_exit_code is None:
        return failed("the embedded service did not end within its time after SIGTERM")
    if record.scenario.shutdown_exit_code != 0:
        return failed(f"the embedded service ended with exit code {record.scenario.shutdown_exit_code} after SIGTERM")
    return passed("the embedded service ended with exit code 0 after SIGTERM")


def lost_record(record: ScenarioRecord) -> str | None:
    """Why requests may have been made of which nothing was recorded; None where all that were made are there."""
    made = record.scenario.generator
    if made.exit_code != 0:
        return f"the load generator ended with {made.exit_code}, not 0"
    if made.end_marks != made.workers:
        return f"{made.end_marks} of {made.workers} load workers said that they recorded everything"
    cut = next((phase for phase in record.scenario.phases if INTERRUPTED in (phase.note or "")), None)
    return None if cut is None else f"the phase {cut.name} was cut short: {cut.note}"


def generator(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The load was what was asked, and the generator was not its own bottleneck. Never a FAIL: it blames no target."""
    made = record.scenario.generator
    lost = lost_record(record)
    if lost is not None:
        return no_data(lost)
    if not record.scenario.phases or not record.hits:
        return no_data("nothing was planned, or nothing of it was recorded")
    for phase in record.scenario.phases:
        count = sum(1 for hit in record.hits if hit.phase == phase.name)
        if not phase.completed:
            return no_data(f"the phase {phase.name} was cut short: {phase.note}")
        if phase.recorded != phase.planned or count != phase.recorded:
            return no_data(f"the phase {phase.name} planned {phase.planned} requests and recorded {count}")
    measured = [
        (made.cpu_ratio, "generator_cpu_ratio", "the generator's share of a core", "ratio"),
        (made.lag_p99_ms, "generator_lag_p99_ms", "the generator's event-loop lag P99", "ms"),
    ]
    if made.lateness_p99_ms is not None:  # only open arrivals have a planned moment to be late for
        measured.append((made.slip_p99_ms, "generator_slip_p99_ms", "the generator's own lateness P99", "ms"))
    for value, limit_id, what, unit in measured:
        limit = limits[limit_id]
        reading = Reading(name=what, value=value, unit=unit, source="scenario.json")
        judged = against(limit, reading, what)
        if judged.status != "PASS":
            return no_data(f"{judged.reason}: the generator measured itself", reading, limit=limit)
    for clock in made.clocks:
        apart = math.inf if clock.drift_s is None else clock.error_s + abs(clock.drift_s)
        if not apart <= CLOCKS_APART_S:
            what = "was not read again" if clock.drift_s is None else f"was wrong by up to {apart * 1000:,.1f} ms"
            return no_data(
                f"the clock of generator {clock.worker} on {clock.host} {what}: what it recorded can't be held against "
                "what others saw"
            )
    return passed(f"all {len(record.hits)} planned requests were made and recorded, the generator had time to spare")
