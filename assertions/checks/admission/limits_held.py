"""Five at once, one hundred waiting: by the target's gauges and by what was seen outside."""

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
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

BACKLOG_S = 2.0
"""Connections may wait in the kernel for this long before the service sees them."""
HELD_S = 1.0
"""Exports that are inside for this long without a 429 are waiting or running."""
DURING_LEAST = 5
"""Pages read while load ran, below which a peak can't be told."""


def _peak(records: Mapping[str, ScenarioRecord], gauge: str, key: str) -> tuple[float | None, int, str]:
    """The highest reading of a gauge or of its word in /export/status, how many there were, and where it was.

    Waiting counts without those whose place is free: they are called, and may need a moment to come.
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
            told = whole(body.get(key))
            if told is not None:
                free = _called(whole(body.get("concurrentExports")), told) if queue else 0.0
                called.append(free)
                readings.append((told - free, f"{record.name}/health.jsonl, {key}"))
        if queue:
            for hit in record.posts:
                told = whole((as_object(hit.answer) or {}).get(key)) if hit.status == 429 else None
                if told is not None:
                    # it does not say how many run; where places were seen to be filled late, they may be now
                    readings.append((told - max(called), f"{record.name}/hits.jsonl, {key} of {hit.id}"))
    if not readings:
        return None, 0, gauge
    value, where = max(readings)
    return value, len(readings), where


def _called(running: float | None, waiting: float) -> float:
    """How many of those that wait beyond a full queue have a free place, by the same page."""
    if running is None or not running < MAX_CONCURRENT or not MAX_QUEUE < waiting < math.inf:
        return 0.0
    return min(MAX_CONCURRENT - max(running, 0.0), waiting - MAX_QUEUE)


def concurrency_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The peak of running exports by the target's own word, over the load."""
    return _peak_judged(
        records,
        limits,
        "concurrent_exports",
        "export_concurrent_running",
        "concurrentExports",
        "exports running at once",
    )


def queue_target(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """The peak of waiting exports by the target's own word, over the load."""
    return _peak_judged(records, limits, "queue_depth", "export_queue_depth", "queueDepth", "exports waiting")


def _peak_judged(
    records: Mapping[str, ScenarioRecord], limits: Limits, limit_id: str, gauge: str, key: str, what: str
) -> Judgement:
    limit = limits[limit_id]
    value, count, where = _peak(records, gauge, key)
    read = [
        told for record in records.values() for timed in record.pages if (told := timed.page.total(gauge)) is not None
    ]
    lowest = min(read, default=0.0)
    if lowest < 0:
        return failed(f"{gauge} fell to {lowest:g}", limit=limit)
    reading = Reading(name=f"peak of {what}", value=value, unit="exports", source=where, count=count)
    judged = judge_reading(limit, reading, f"the peak of {what} in {count} readings")
    if judged.status == "FAIL":
        return judged
    during = sum(1 for record in records.values() for timed in record.pages if timed.scrape.moment == "during")
    if value is None or during < DURING_LEAST:
        return no_data(f"{gauge} was read {during} times while load ran; its peak can't be told", limit=limit)
    if not any(record.done for record in records.values()):
        return no_data("no export was done, so there was no peak to see", reading, limit=limit)
    return judged


def concurrency_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """How many exports were demonstrably under way at once, seen from the clients alone."""
    limit = limits["concurrent_exports"]
    record = records.get("batch")
    beside = admitted_beyond_limit(record) if record else None
    if beside is not None:
        return failed(beside, limit=limit)
    asked = _first_wave(record) if record else []
    burst = [hit for hit in asked if hit.status == 200]
    if record is None or len(burst) < 2 * MAX_CONCURRENT:
        needed = f"{2 * MAX_CONCURRENT} exports done at once are needed to see how many run"
        if not asked:
            return no_data(f"no burst was sent; {needed}", limit=limit)
        answered = ", ".join(sorted({str(hit.status or hit.error) for hit in asked if hit.status != 200}))
        others = f", the others were answered {answered}" if answered else ""
        return no_data(
            f"of {len(asked)} exports asked for at once {len(burst)} were done{others}; {needed}", limit=limit
        )
    case = burst[0].case
    singles = [hit for hit in record.exports_for(JudgedFor.BASELINE) if hit.case == case and hit.status == 200]
    if not singles:
        return no_data(f"no {case} was exported by itself, to compare the burst with", limit=limit)
    solo_s = min(hit.end - hit.start for hit in singles)
    share = _running_share(records)
    if share is None:
        return no_data("the running gauge could not be held against requests under way", limit=limit)
    everything = [hit for hit in _crowd(record) if hit.status == 200]
    span = max(hit.end for hit in everything) - min(hit.start for hit in everything)
    # n exports that run s seconds each and end within w seconds ran n*s/w at once on average
    shown = len(everything) * solo_s * share / span
    reading = Reading(
        name="exports demonstrably at once",
        value=round(shown, 2),
        unit="exports",
        source="batch/hits.jsonl: exports * time alone / span of the burst",
        count=len(everything),
    )
    if shown > limit.target * 1.3:
        return failed(
            f"{len(everything)} exports that take {solo_s:.2f} s alone ended within {span:.2f} s: at least {shown:.1f} "
            f"ran at once ({limit})",
            reading,
            limit=limit,
        )
    together = _ended_together(burst, solo_s * share)
    if together:
        return failed(together, reading, limit=limit)
    waited = next(rounds_that_waited(record), None)
    return passed(
        f"the burst of {len(everything)} exports took {span:.2f} s; from outside at least {max(shown, 1):.1f} at once "
        f"are certain ({limit})"
        + (f"; {waited.hit}, asked for while five ran, waited until one of them was done" if waited else ""),
        reading,
        limit=limit,
        catches=f"more than {limit.target * 1.3:.1f} at once would have ended the burst sooner"
        + (f"; a sixth beside five would have been done in half of the {waited.left_s:.2f} s" if waited else ""),
    )


def _crowd(record: ScenarioRecord) -> tuple[Hit, ...]:
    """Exports of the first phase in which more ask at once than may run."""
    first = record.phases_for(JudgedFor.ADMISSION)[:1]
    return record.of_phase(*(phase.name for phase in first))


def _first_wave(record: ScenarioRecord) -> list[Hit]:
    """Each client's first export of the burst, those that started together."""
    first: dict[str, Hit] = {}
    for hit in _crowd(record):
        first.setdefault(hit.client, hit)
    return list(first.values())


def _ended_together(wave: Sequence[Hit], solo_s: float) -> str | None:
    """Twenty that share the machine end together, near the end; five at a time end in turns."""
    start = min(hit.start for hit in wave)
    ends = sorted(hit.end - start for hit in wave)
    fifth, last = ends[MAX_CONCURRENT - 1], ends[-1]
    if len(wave) >= 4 * MAX_CONCURRENT - 2 and last >= 3 * solo_s and fifth > 0.75 * last and last > 0.2:
        return (
            f"{len(wave)} exports asked for at once ended together (the fifth after {fifth:.2f} s, the last after "
            f"{last:.2f} s; alone one takes {solo_s:.2f} s): they did not run five at a time"
        )
    return None


Seen = tuple[float, float, float, float]
"""Requests or exports under way at least, requests at the most; running and waiting, by the target."""


def _under_load(
    record: ScenarioRecord, phases: Collection[str], *, status: bool = False, least: InFlight | None = None
) -> list[Seen]:
    """What each metrics page, or each status page, said while these phases ran; two pages, two witnesses.

    least: of what the fewest are counted; None: of requests.
    """
    least = record.in_flight if least is None else least
    spans = [(phase.start, phase.end) for phase in record.scenario.phases if phase.name in phases]
    told: list[tuple[float, float, float | None, float | None]]
    if status:
        told = [
            (start, end, whole(body.get("concurrentExports")), whole(body.get("queueDepth")))
            for start, end, _, body in statuses(record)
        ]
    else:
        told = [(timed.scrape.start, timed.scrape.end, timed.running, timed.waiting) for timed in record.pages]
    return [
        (least.least(start, end), record.in_flight.most(start, end, SETTLE_S), running, waiting)
        for start, end, running, waiting in told
        if running is not None and waiting is not None and any(s <= start and end <= e for s, e in spans)
    ]


def _running_share(records: Mapping[str, ScenarioRecord]) -> float | None:
    """Which share of a request's time the target calls running, while five clients or fewer ask."""
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
    if len(seen) < 5 or not flight:
        return None
    return min(1.0, sum(one[2] for one in seen) / flight)


def concurrency_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Running and waiting, as the target tells them, are no more and not much less than what was under way.

    No more than the requests; not less than the exports that were surely inside.
    """
    seen = _under_load(record, record.names_for(JudgedFor.CONCURRENCY), least=record.surely_inside)
    excess = [one for one in seen if one[2] + one[3] > one[1]]
    if too_many_above(len(excess), len(seen)) and not any(hit.status is None for hit in record.posts):
        _, most, running, waiting = max(excess, key=lambda one: one[2] + one[3] - one[1])
        return failed(
            f"the target tells of {running:g} running and {waiting:g} waiting while at most {most:g} requests were "
            f"under way ({len(excess)} of {len(seen)} readings)"
        )
    compared = [one for one in seen if one[0] >= 1]
    inside = sum(one[0] for one in compared)
    told = sum(one[2] + one[3] for one in compared)
    if len(compared) < COMPARED_LEAST:
        return no_data(
            f"only in {len(compared)} of {len(seen)} readings an export was surely under way; {COMPARED_LEAST} are "
            "needed to hold the target's gauges against them"
        )
    if sum(one[2] for one in compared) == 0:
        return failed(
            f"export_concurrent_running was 0 in all of {len(compared)} readings while exports were surely under way"
        )
    if told < REPORTED_SHARE * inside:
        return failed(
            f"the target tells of {told / len(compared):.1f} running or waiting on average while "
            f"{inside / len(compared):.1f} exports were surely under way ({len(compared)} readings)"
        )
    return passed(
        f"running and waiting ({told / len(compared):.1f} on average) fit the exports surely under way "
        f"({inside / len(compared):.1f}, {len(compared)} readings)"
    )


def queue_agree(record: ScenarioRecord, limits: Limits) -> Judgement:
    """While more than five ask, the others wait, and the target says so."""
    seen = _under_load(record, record.names_for(JudgedFor.ADMISSION), least=record.surely_inside)
    seen = [one for one in seen if one[0] > 2 * MAX_CONCURRENT]
    if len(seen) < 3:
        return no_data(f"only {len(seen)} readings were taken while more than {2 * MAX_CONCURRENT} clients waited")
    expected = sum(one[0] - MAX_CONCURRENT for one in seen)
    told = sum(one[3] for one in seen)
    if told < REPORTED_SHARE * expected:
        return failed(
            f"the target tells of {told / len(seen):.1f} waiting on average where {expected / len(seen):.1f} must wait "
            f"({len(seen)} readings)"
        )
    return passed(f"{told / len(seen):.1f} waiting on average, {expected / len(seen):.1f} seen from outside")


def queue_outside(records: Mapping[str, ScenarioRecord], limits: Limits) -> Judgement:
    """No more can have waited than asked; and who asked when 105 were inside was turned away."""
    limit = limits["queue_depth"]
    record = records.get("batch")
    if record is None or not record.posts:
        return no_data("the batch scenario, with its burst beyond the queue, is needed", limit=limit)
    most = max(record.in_flight.at(hit.start) for hit in record.posts)
    refused = [hit for hit in record.exports if hit.status == 429]
    inside = max((_held_inside(record, phase.name) for phase in _crowds(record)), default=0)
    waiting = max(0, inside - MAX_CONCURRENT)
    reading = Reading(
        name="exports demonstrably waiting",
        value=waiting,
        unit="exports",
        source=f"batch/hits.jsonl ({most} under way at the most)",
        count=len(record.posts),
    )
    if inside > MAX_CONCURRENT + limit.target + 10:
        return failed(f"{inside} exports were inside for a second and not turned away with 429", reading, limit=limit)
    if not record.done:
        return no_data("no export was done, so none had to wait", reading, limit=limit)
    return passed(
        f"{most} exports were under way at the most, {len(refused)} turned away; none shows a queue beyond {limit}",
        reading,
        limit=limit,
        catches=f"{MAX_CONCURRENT + limit.target + 10:g} held inside for a second without a 429 would have been seen",
    )


def _crowds(record: ScenarioRecord) -> tuple[PhasePlan, ...]:
    """Phases in which more ask at once than may run and wait, else those in which more ask than may run."""
    return record.phases_for(JudgedFor.QUEUE) or record.phases_for(JudgedFor.ADMISSION)


def _held_inside(record: ScenarioRecord, phase: str) -> int:
    """The fewest exports inside for a whole second of a phase, a while after its start; 0 where it was over by then."""
    hits = record.of_phase(phase)
    if not hits:
        return 0
    # connections may wait in the kernel for a moment before the service sees them
    start = min(hit.start for hit in hits) + BACKLOG_S
    return record.admitted.least(start, start + HELD_S) if max(hit.end for hit in hits) > start + HELD_S else 0


def rest(record: ScenarioRecord, limits: Limits) -> Judgement:
    """After the load the gauges return to 0, and so does what /export/status says."""
    gauges = ("export_concurrent_running", "export_queue_depth")
    read = {gauge: None if record.after is None else record.after.total(gauge) for gauge in gauges}
    for gauge, value in read.items():
        if value is not None and value != 0:
            return failed(f"{gauge} still reads {value:g} with nothing under way")
    last_end = max((hit.end for hit in record.posts), default=0.0)
    late = [body for start, _, _, body in statuses(record) if start > last_end + 1]
    if late and any(whole(late[-1].get(key)) != 0 for key in ("concurrentExports", "queueDepth")):
        return failed(
            f"/export/status still tells of {late[-1].get('concurrentExports')} running and "
            f"{late[-1].get('queueDepth')} waiting with nothing under way"
        )
    if record.after is None:
        return no_data("there is no readable page from after the last request")
    missing = [gauge for gauge, value in read.items() if value is None]
    if missing:
        return no_data(f"{' and '.join(missing)} can't be read on the page after the last request")
    if not record.done:
        return no_data("no export was done, so nothing had to come back to rest")
    return passed("running and waiting came back to 0")
