"""One sentence a plot, computed from the verdicts, so that a picture says what it shows."""

from __future__ import annotations

from collections.abc import Iterable

from assertions.judge import Report
from assertions.limits import Limits
from assertions.record.prometheus_run import AlertState
from assertions.record.view import ScenarioRecord
from assertions.stats import percentile
from assertions.verdicts import Verdict
from evidence.reports.plots.distribution import cases_of
from evidence.reports.plots.timeline import REFUSALS
from evidence.reports.units import condition, held_against, percent, plain, quantity, share

_EXPORTS = (
    ("P95 of 1k exports", "smoke-latency"),
    ("P95 of 10k exports", "latency-outside"),
    ("peak running", "concurrency-target"),
    ("peak waiting", "queue-target"),
    ("throughput", "throughput"),
)
_TARGET = (
    ("peak memory an export adds", "memory"),
    ("the same by its gauge", "memory-gauge"),
    ("P95 of /health under load", "health"),
)


def exports_caption(record: ScenarioRecord, report: Report) -> str:
    """Return what the panels on exports show, each figure of this scenario with its limit and verdict."""
    refused = sum(hit.status in REFUSALS for hit in record.posts)
    failed = sum(hit.status != 200 and hit.status not in REFUSALS for hit in record.exports)
    counts = f"{len(record.done):,} exports done, {refused:,} refused, {failed:,} failed"
    return f"{'; '.join((counts, *_figures(record, report, _EXPORTS)))}."


def target_caption(record: ScenarioRecord, report: Report) -> str:
    """Return what the panels on the target show: figures with limit and verdict, and the alerts of Prometheus."""
    text = "; ".join((*_figures(record, report, _TARGET), _alerts(record)))
    return f"{text[0].upper()}{text[1:]}."


def _figures(record: ScenarioRecord, report: Report, checks: Iterable[tuple[str, str]]) -> Iterable[str]:
    for words, check in checks:
        verdict = _verdict(record, report, check)
        if verdict is not None:
            yield f"{words} {_figure(verdict)}: {verdict.status}"


def _alerts(record: ScenarioRecord) -> str:
    seen = record.prometheus
    if seen is None:
        return "no Prometheus server ran"
    if seen.problem is not None:
        return f"no Prometheus server ran ({plain(seen.problem)})"
    states = {state: _named_alerts(seen.alerts, state, record.scenario.start) for state in ("firing", "pending")}
    said = [f"{state} in Prometheus: {', '.join(names)}" for state, names in states.items() if names]
    return "; ".join(said) if said else "no alert was pending or firing in Prometheus"


def _named_alerts(alerts: Iterable[AlertState], state: str, start: float) -> list[str]:
    """Return the alerts in a state, each with the seconds of the scenario from its first to its last such moment."""
    spans: dict[str, tuple[float, float]] = {}
    for alert in alerts:
        if alert.state == state:
            first, last = spans.get(alert.name, (alert.first, alert.last))
            spans[alert.name] = min(first, alert.first), max(last, alert.last)
    return [f"{plain(name)} ({first - start:.0f} s to {last - start:.0f} s)" for name, (first, last) in spans.items()]


def distribution_caption(record: ScenarioRecord, report: Report) -> str:
    """Return the slowest case and phase by its median, with the scenario's latency verdict."""
    cases = cases_of(record)
    if not cases:
        return "No export was done in a phase that the table of latencies counts."
    slowest, values = max(cases.items(), key=lambda item: percentile(item[1], 0.5))
    median = percentile(values, 0.5)
    text = (
        f"Slowest by its median is {plain(slowest)} with {quantity(median, 'ms')} from the planned start "
        f"(n={len(values):,})"
    )
    verdict = _verdict(record, report, "latency-outside") or _verdict(record, report, "smoke-latency")
    if verdict is None:
        return f"{text}."
    of = "10k exports" if verdict.id == "latency-outside" else "1k exports"
    return f"{text}; P95 of {of} is {_figure(verdict)}: {verdict.status}."


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
