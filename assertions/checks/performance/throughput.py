"""Checks: the batch of five is finished in time, and exports per second under load."""

from __future__ import annotations

from assertions.limits import Limits
from assertions.record.phases import JudgedFor
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data

BATCH_SIZE = 5


def batch(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The five exports in order, all finished in time, none refused."""
    limit = limits["batch_s"]
    hits = record.exports_for(JudgedFor.BATCH)
    wrong = batch_by_answers(record, limits)
    if wrong is not None:
        return wrong
    lost = [hit for hit in hits if hit.status is None]
    if lost:
        return failed(f"{lost[0].case} of the batch ended without an answer: {lost[0].error}", limit=limit)
    took = Reading(
        name="batch of five",
        value=sum(hit.end - hit.start for hit in hits),
        unit="s",
        source="batch/hits.jsonl",
        count=len(hits),
    )
    judged = judge_reading(limit, took, f"batch of {len(hits)} exports, each answered 200")
    if len(hits) < BATCH_SIZE and judged.status != "FAIL":
        return no_data(f"{len(hits)} of the five exports were requested", limit=limit)
    return judged


def batch_by_answers(record: ScenarioRecord, limits: Limits) -> Judgement | None:
    """Return a FAIL for an export of the batch that was answered, and not finished; None: there was none."""
    hits, limit = record.exports_for(JudgedFor.BATCH), limits["batch_s"]
    refused = [hit for hit in hits if hit.status == 429]
    if refused:
        return failed(f"{refused[0].case} of the batch was refused with 429 while nothing else ran", limit=limit)
    undone = [hit for hit in hits if hit.status not in (200, None)]
    return failed(f"{undone[0].case} of the batch ended with {undone[0].status}", limit=limit) if undone else None


def throughput(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Exports finished per second under load, in the phase where they were fewest."""
    limit = limits["throughput_per_s"]
    rates = [rate for phase in record.phases_for(JudgedFor.THROUGHPUT) if (rate := _rate(record, phase.name))]
    if not rates:
        return no_data("no export was finished under load", limit=limit)
    return judge_reading(limit, min(rates, key=lambda rate: rate.value or 0.0), "throughput under load")


def _rate(record: ScenarioRecord, phase: str) -> Reading | None:
    """Return the exports that a phase finished per second; None where it finished none."""
    hits = record.of_phase(phase)
    done = sum(hit.status == 200 for hit in hits)
    if not done:
        return None
    span = max(hit.end for hit in hits) - min(hit.start for hit in hits)
    return Reading(name="throughput", value=done / span, unit="exports/s", source="hits.jsonl", count=done)
