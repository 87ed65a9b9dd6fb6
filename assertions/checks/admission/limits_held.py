"""Checks: at most five exports run and a hundred wait, by the target's gauges and by what the clients saw."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from assertions.checks.admission.over_admission import admitted_beyond_limit, rounds_that_waited
from assertions.checks.conduct.status_readings import (
    COMPARED_LEAST,
    REPORTED_SHARE,
    SETTLE_S,
    statuses,
    too_many_above,
    whole,
)
from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.limits import Limits
from assertions.record.phases import JudgedFor
from assertions.record.types import Hit, PhasePlan
from assertions.record.view import InFlight, ScenarioRecord, as_object
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

BACKLOG_S = 2.0
"""Connections may wait in the kernel for this long before the service sees them."""
HELD_S = 1.0
"""Exports that are inside for this long without a 429 are waiting or running."""
SHOWN_MARGIN = 1.3
"""Exports that share a machine do not take equally long; up to this many times the limit may be such noise."""
WAVE_LEAST = 4 * MAX_CONCURRENT - 2
"""Exports of a wave below which its turns can't be seen."""
WAVE_SOLO_TIMES, WAVE_LEAST_S = 3, 0.2
"""A wave must take this many times as long as one export by itself, and this long, for its turns to show."""
TOGETHER_SHARE = 0.75
"""Where even the fifth export needs this share of the whole wave's time, all of them ran together."""
SHARE_LEAST = 5
"""Readings of a running gauge below which its share of a request's time is not known."""
QUEUE_LEAST = 3
"""Readings of a queue below which its average is not known."""
INSIDE_MARGIN = 10
"""Requests that the client has sent and the service has not yet seen."""
DURING_LEAST = 5
"""Metrics pages read under load, below which a peak can be missed."""


def _peak(records: Mapping[str, ScenarioRecord], gauge: str, key: str) -> tuple[float | None, int, str]:
    """Return the highest reading of a gauge or of its key in /export/status, how many there were, and its source.

    Waiting excludes exports for which a slot is already free; they are about to start.
    """
    queue = key == "queueDepth"
    readings: list[tuple[float, str]] = []
    for record in records.values():
        called = [0.0]
        for timed in record.pages:
            value = timed.page.total(gauge)
            if value is not None:
                free = _called(timed.running, value) if queue else 0.0
                called.append(free)
                value = math.inf if math.isnan(value) else value - free
                readings.append((value, f"{record.name}/scrapes.jsonl, {gauge}"))
        for _, _, _, body in statuses(record):
            reported = whole(body.get(key))
            if reported is not None:
                free = _called(whole(body.get("concurrentExports")), reported) if queue else 0.0
                called.append(free)
                readings.append((reported - free, f"{record.name}/health.jsonl, {key}"))
        if queue:
            for hit in record.posts:
                reported = whole((as_object(hit.answer) or {}).get(key)) if hit.status == 429 else None
                if reported is not None:
                    # a 429 does not report how many run; where slots were seen to be filled late, they may be now
                    readings.append((reported - max(called), f"{record.name}/hits.jsonl, {key} of {hit.id}"))
    if not readings:
        return None, 0, gauge
    value, where = max(readings)
    return value, len(readings), where


def _called(running: float | None, waiting: float) -> float:
    """Return how many of those that wait beyond a full queue have a free slot, by the same page."""
    if running is None or not running < MAX_CONCURRENT or not MAX_QUEUE < waiting < math.inf:
        return 0.0
    return min(MAX_CONCURRENT - max(running, 0.0), waiting - MAX_QUEUE)


def concurrency_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The peak of running exports under load, by the target."""
    return _peak_judged(
        records,
        limits,
        "concurrent_exports",
        "export_concurrent_running",
        "concurrentExports",
        "exports running at once",
    )


def queue_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The peak of waiting exports under load, by the target."""
    return _peak_judged(records, limits, "queue_depth", "export_queue_depth", "queueDepth", "exports waiting")


def _peak_judged(
    records: Mapping[str, ScenarioRecord], limits: Limits, limit_id: str, gauge: str, key: str, what: str
) -> Judgement:
    limit = limits[limit_id]
    value, count, where = _peak(records, gauge, key)
    read = [
        reported
        for record in records.values()
        for timed in record.pages
        if (reported := timed.page.total(gauge)) is not None
    ]
    lowest = min(read, default=0.0)
    if lowest < 0:
        return failed(f"{gauge} fell to {lowest:g}, and a number of exports is 0 or more", limit=limit)
    reading = Reading(name=f"peak of {what}", value=value, unit="exports", source=where, count=count)
    judged = judge_reading(limit, reading, f"most {what} in {count:,} readings")
    if judged.status == "FAIL":
        return judged
    during = sum(1 for record in records.values() for timed in record.pages if timed.scrape.moment == "during")
    if value is None or during < DURING_LEAST:
        return no_data(
            f"{gauge} was read {during} times under load, and {DURING_LEAST} are needed to see its peak", limit=limit
        )
    if not any(record.done for record in records.values()):
        return no_data("no export was finished, so there was no peak to see", reading, limit=limit)
    return judged


def concurrency_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """How many exports must have run at once, by the clients' clocks."""
    limit = limits["concurrent_exports"]
    record = records.get("batch")
    overtaken = admitted_beyond_limit(record) if record else None
    if overtaken is not None:
        return failed(overtaken, limit=limit)
    asked = _first_wave(record) if record else []
    burst = [hit for hit in asked if hit.status == 200]
    if record is None or len(burst) < 2 * MAX_CONCURRENT:
        needed = f"{2 * MAX_CONCURRENT} exports finished of one burst are needed to see how many run at once"
        if not asked:
            return no_data(f"no burst was sent; {needed}", limit=limit)
        answered = ", ".join(sorted({str(hit.status or hit.error) for hit in asked if hit.status != 200}))
        others = f", the others ended with {answered}" if answered else ""
        return no_data(
            f"of {len(asked)} exports requested at once {len(burst)} were finished{others}; {needed}", limit=limit
        )
    case = burst[0].case
    singles = [hit for hit in record.exports_for(JudgedFor.BASELINE) if hit.case == case and hit.status == 200]
    if not singles:
        return no_data(f"no {case} was exported by itself, so there is nothing to compare the burst with", limit=limit)
    solo_s = min(hit.end - hit.start for hit in singles)
    share = _running_share(records)
    if share is None:
        return no_data("the gauge of running exports could not be compared with requests under way", limit=limit)
    everything = [hit for hit in _crowd(record) if hit.status == 200]
    span = max(hit.end for hit in everything) - min(hit.start for hit in everything)
    # n exports that run s seconds each and end within w seconds ran n*s/w at once on average
    shown = len(everything) * solo_s * share / span
    most = limit.target * SHOWN_MARGIN
    reading = Reading(
        name="exports running at once, at least",
        value=round(shown, 2),
        unit="exports",
        source="batch/hits.jsonl: exports * time of one by itself / time of the burst",
        count=len(everything),
    )
    if shown > most:
        return failed(
            f"{len(everything)} exports, each of which takes {show(solo_s, 's')} by itself, were finished within "
            f"{show(span, 's')}: at least {shown:.1f} ran at once (limit {limit})",
            reading,
            limit=limit,
        )
    together = _ended_together(burst, solo_s * share)
    if together:
        return failed(together, reading, limit=limit)
    waited = next(rounds_that_waited(record), None)
    if waited:
        reason = f"never more than {MAX_CONCURRENT} at once: one more export, sent while five ran, had to wait"
        ruled_out = (
            f"an export beyond the limit would have been finished within half of the {show(waited.left_s, 's')} that "
            "the others still took"
        )
    else:
        reason = (
            f"a burst of {len(everything)} exports took {show(span, 's')}, too long for more than {most:.3g} at once "
            f"(limit {limit})"
        )
        ruled_out = f"more than {most:.3g} at once would have finished the burst sooner"
    return passed(reason, reading, limit=limit, catches=ruled_out)


def _crowd(record: ScenarioRecord) -> tuple[Hit, ...]:
    """Exports of the first phase in which more ask at once than may run."""
    first = record.phases_for(JudgedFor.ADMISSION)[:1]
    return record.of_phase(*(phase.name for phase in first))


def _first_wave(record: ScenarioRecord) -> list[Hit]:
    """Return each client's first export of the burst: those started together."""
    first: dict[str, Hit] = {}
    for hit in _crowd(record):
        first.setdefault(hit.client, hit)
    return list(first.values())


def _ended_together(wave: Sequence[Hit], solo_s: float) -> str | None:
    """Return why a wave did not run five at a time: its exports ended together, where five at a time end in turns."""
    start = min(hit.start for hit in wave)
    ends = sorted(hit.end - start for hit in wave)
    fifth, last = ends[MAX_CONCURRENT - 1], ends[-1]
    long_enough = last >= WAVE_SOLO_TIMES * solo_s and last > WAVE_LEAST_S
    if len(wave) >= WAVE_LEAST and long_enough and fifth > TOGETHER_SHARE * last:
        return (
            f"{len(wave)} exports requested at once ended together: the fifth after {show(fifth, 's')}, the last after "
            f"{show(last, 's')}, one by itself after {show(solo_s, 's')}; five at a time would have ended in turns"
        )
    return None


Seen = tuple[float, float, float, float]
"""Requests or exports under way at least, requests at most; running and waiting, by the target."""


def _under_load(
    record: ScenarioRecord, phases: Collection[str], *, status: bool = False, least: InFlight | None = None
) -> list[Seen]:
    """Return what each metrics page, or each status page, reported while these phases ran.

    status: of the status pages; least: counts what is under way at least, None: requests.
    """
    least = record.in_flight if least is None else least
    spans = [(phase.start, phase.end) for phase in record.scenario.phases if phase.name in phases]
    reported: list[tuple[float, float, float | None, float | None]]
    if status:
        reported = [
            (start, end, whole(body.get("concurrentExports")), whole(body.get("queueDepth")))
            for start, end, _, body in statuses(record)
        ]
    else:
        reported = [(timed.scrape.start, timed.scrape.end, timed.running, timed.waiting) for timed in record.pages]
    return [
        (least.least(start, end), record.in_flight.most(start, end, SETTLE_S), running, waiting)
        for start, end, running, waiting in reported
        if running is not None and waiting is not None and any(s <= start and end <= e for s, e in spans)
    ]


def _running_share(records: Mapping[str, ScenarioRecord]) -> float | None:
    """Return which share of a request's time the target reports as running, while at most five clients ask."""
    seen = [
        one
        for record in records.values()
        for status in (False, True)
        for one in _under_load(
            record,
            record.names_for(JudgedFor.LATENCY, JudgedFor.BASELINE, JudgedFor.BATCH),
            status=status,
        )
    ]
    seen = [one for one in seen if 1 <= one[0] <= MAX_CONCURRENT]
    flight = sum(one[0] for one in seen)
    if len(seen) < SHARE_LEAST or not flight:
        return None
    return min(1.0, sum(one[2] for one in seen) / flight)


def concurrency_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The target reports no more running and waiting exports than requests, and not far fewer than were inside."""
    seen = _under_load(record, record.names_for(JudgedFor.CONCURRENCY), least=record.surely_inside)
    excess = [one for one in seen if one[2] + one[3] > one[1]]
    if too_many_above(len(excess), len(seen)) and not any(hit.status is None for hit in record.posts):
        _, most, running, waiting = max(excess, key=lambda one: one[2] + one[3] - one[1])
        return failed(
            f"the target reports {running:g} running and {waiting:g} waiting exports while at most {most:g} requests "
            f"were under way ({len(excess)} of {len(seen)} readings), or another client used the target"
        )
    compared = [one for one in seen if one[0] >= 1]
    inside = sum(one[0] for one in compared)
    reported = sum(one[2] + one[3] for one in compared)
    if len(compared) < COMPARED_LEAST:
        return no_data(
            f"an export was certainly under way in only {len(compared)} of {len(seen)} readings; {COMPARED_LEAST} are "
            "needed to compare the target's gauges with them"
        )
    if sum(one[2] for one in compared) == 0:
        return failed(
            f"export_concurrent_running was 0 in all {len(compared)} readings while exports were certainly under way"
        )
    if reported < REPORTED_SHARE * inside:
        return failed(
            f"the target reports {reported / len(compared):.1f} exports running or waiting on average while "
            f"{inside / len(compared):.1f} were certainly under way ({len(compared)} readings)"
        )
    return passed(
        f"the target reports {reported / len(compared):.1f} exports running or waiting on average, where "
        f"{inside / len(compared):.1f} were certainly under way ({len(compared)} readings)",
        catches=f"an average below {REPORTED_SHARE * inside / len(compared):.1f} would not have passed",
    )


def queue_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """While more than five ask, the others wait, and the target reports them."""
    seen = _under_load(record, record.names_for(JudgedFor.ADMISSION), least=record.surely_inside)
    seen = [one for one in seen if one[0] > 2 * MAX_CONCURRENT]
    if len(seen) < QUEUE_LEAST:
        return no_data(
            f"{len(seen)} readings were taken while more than {2 * MAX_CONCURRENT} exports were inside, and "
            f"{QUEUE_LEAST} are needed"
        )
    expected = sum(one[0] - MAX_CONCURRENT for one in seen)
    reported = sum(one[3] for one in seen)
    if reported < REPORTED_SHARE * expected:
        return failed(
            f"the target reports {reported / len(seen):.1f} waiting exports on average where "
            f"{expected / len(seen):.1f} must wait ({len(seen)} readings)"
        )
    return passed(
        f"the target reports {reported / len(seen):.1f} waiting exports on average, where {expected / len(seen):.1f} "
        "had to wait",
        catches=f"an average below {REPORTED_SHARE * expected / len(seen):.1f} would not have passed",
    )


def queue_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """Nobody waited beyond a full queue: requests beyond the limits were refused with 429."""
    limit = limits["queue_depth"]
    record = records.get("batch")
    if record is None or not record.posts:
        return no_data("the batch scenario is needed, in which more ask than may run and wait", limit=limit)
    most = max(record.in_flight.at(hit.start) for hit in record.posts)
    refused = [hit for hit in record.exports if hit.status == 429]
    inside = max((_held_inside(record, phase.name) for phase in _crowds(record)), default=0)
    waiting = max(0, inside - MAX_CONCURRENT)
    reading = Reading(
        name="exports waiting, at least",
        value=waiting,
        unit="exports",
        source=f"batch/hits.jsonl ({most} under way at most)",
        count=len(record.posts),
    )
    allowed = MAX_CONCURRENT + limit.target + INSIDE_MARGIN
    if inside > allowed:
        return failed(
            f"{inside} exports were inside for a whole second without a 429, where {MAX_CONCURRENT} may run and "
            f"{limit.target:g} wait",
            reading,
            limit=limit,
        )
    if not record.done:
        return no_data("no export was finished, so none had to wait", reading, limit=limit)
    return passed(
        f"of at most {most} requests under way at once {len(refused)} were refused with 429; "
        f"{f'{waiting} waited for certain' if waiting else 'none is certain to have waited'} (limit {limit})",
        reading,
        limit=limit,
        catches=f"more than {allowed:g} exports inside for a second without a 429 would not have passed",
    )


def _crowds(record: ScenarioRecord) -> tuple[PhasePlan, ...]:
    """Phases in which more ask at once than may run and wait, else those in which more ask than may run."""
    return record.phases_for(JudgedFor.QUEUE if record.exports_for(JudgedFor.QUEUE) else JudgedFor.ADMISSION)


def _held_inside(record: ScenarioRecord, phase: str) -> int:
    """The fewest exports inside for a whole second of a phase, a while after its start; 0 where it was over by then."""
    hits = record.of_phase(phase)
    if not hits:
        return 0
    # connections may wait in the kernel for a moment before the service sees them
    start = min(hit.start for hit in hits) + BACKLOG_S
    return record.admitted.least(start, start + HELD_S) if max(hit.end for hit in hits) > start + HELD_S else 0
