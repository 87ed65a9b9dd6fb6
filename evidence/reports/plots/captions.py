"""One sentence a plot, computed from the verdicts, so that a picture says what it shows."""

from __future__ import annotations

from collections.abc import Iterable

from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Verdict
from evidence.reports.plots.distribution import cases_of
from evidence.reports.units import condition, held_against, percent, plain, quantity, share

_TIMELINE = (
    ("P95 of 1k exports", "smoke-latency"),
    ("P95 of 10k exports", "latency-outside"),
    ("peak running", "concurrency-target"),
    ("peak waiting", "queue-target"),
    ("throughput", "throughput"),
    ("peak memory an export adds", "memory"),
    ("P95 of /health under load", "health"),
)


def timeline_caption(record: ScenarioRecord, report: Report) -> str:
    """Return what the panels over time show, each figure of this scenario with its limit and verdict."""
    parts = [
        f"{words} {_figure(verdict)}: {verdict.status}"
        for words, check in _TIMELINE
        if (verdict := _verdict(record, report, check)) is not None
    ]
    refused = sum(hit.status in (429, 503) for hit in record.posts)
    failed = sum(hit.status != 200 for hit in record.exports) - sum(hit.status in (429, 503) for hit in record.exports)
    counts = f"{len(record.done):,} exports done, {refused:,} refused, {max(0, failed):,} failed"
    return f"{counts}; {'; '.join(parts)}." if parts else f"{counts}."


def distribution_caption(record: ScenarioRecord, report: Report) -> str:
    """Return the slowest case by its median, with the scenario's latency verdict."""
    cases = cases_of(record)
    if not cases:
        return "No export was done outside the behaviour probes."
    slowest, values = max(cases.items(), key=lambda item: sorted(item[1])[len(item[1]) // 2])
    median = sorted(values)[len(values) // 2]
    text = f"Slowest by its median is {plain(slowest)} with {quantity(median, 'ms')} (n={len(values)})"
    verdict = _verdict(record, report, "latency-outside") or _verdict(record, report, "smoke-latency")
    return f"{text}; P95 is {_figure(verdict)}: {verdict.status}." if verdict is not None else f"{text}."


def leak_caption(record: ScenarioRecord, report: Report, limits: Limits) -> str:
    """Return the slope with its limit and verdict."""
    verdict = _verdict(record, report, "leak-memory")
    limit = limits["leak_memory_bytes_per_export"]
    reading = verdict.judgement.readings[0] if verdict is not None and verdict.judgement.readings else None
    if verdict is None or reading is None:
        return f"Memory at rest; the slope may be {condition(limit)} an export; no slope was judged."
    grew = quantity(reading.value, "bytes")
    return f"Memory at rest grew by {grew} an export, {condition(limit)} allowed: {verdict.status}."


def _verdict(record: ScenarioRecord, report: Report, check: str) -> Verdict | None:
    """The scenario's verdict of a check; one over the whole run only where its reading comes from this scenario."""
    for verdict in _having(report, check):
        source = verdict.judgement.readings[0].source
        if verdict.scenario == record.name or (verdict.scenario == "run" and source.startswith(f"{record.name}/")):
            return verdict
    return None


def _having(report: Report, check: str) -> Iterable[Verdict]:
    return (one for one in report.verdicts if one.id == check and one.judgement.readings and one.judgement.limit)


def _figure(verdict: Verdict) -> str:
    reading, limit = verdict.judgement.readings[0], verdict.judgement.limit
    assert limit is not None
    used = share(reading.value, limit)
    return held_against(reading.value, limit) + (f" ({percent(used)})" if used is not None else "")
