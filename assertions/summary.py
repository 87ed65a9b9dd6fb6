"""The six assertions as text: the runbook's block first, what they rest on below it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from assertions.judge import Report
from assertions.record.last_page import PageFigures
from assertions.verdicts import SCENARIOS, Assertion, Status, Verdict, number

MARKS: dict[Status, str] = {"PASS": "✅", "FAIL": "❌", "NO DATA": "⚪"}
KB = 1_000
"""Bytes."""
SHOWN_WHEN_PASSED = (
    "success-outside",
    "throughput",
    "drift",
    "leak-memory",
    "leak-fds",
    "leak-threads",
    "leak-children",
)
"""Checks of additional scenarios whose figures are printed even when they pass."""
PEAKS = (("concurrency-target", "running"), ("queue-target", "waiting"))
"""The checks whose first reading is a gauge's peak under load, and what the gauge counts."""
NOTHING = "no data"


def runbook_text(report: Report) -> str:
    """Return the runbook's block, then each assertion's sources, further scenarios and the verdict."""
    lines = [
        *_block(report),
        "",
        "=== What they rest on ===",
        *_about_the_figures(report),
        *(line for assertion in report.assertions for line in _sources(assertion)),
    ]
    for name in dict.fromkeys(verdict.scenario for verdict in report.verdicts):
        if name not in (*SCENARIOS, "run"):
            lines += [
                "",
                *_additional_scenario_lines(name, [verdict for verdict in report.verdicts if verdict.scenario == name]),
            ]
    lines += ["", f"{_passes(report)} of {len(report.assertions)} assertions PASS", f"Verdict: {report.headline}"]
    for verdict in report.verdicts:
        if verdict.status == "FAIL":
            lines.append(f"    {verdict.scenario}/{verdict.id}: {verdict.judgement.reason}")
            lines += [f"        {finding}" for finding in verdict.judgement.findings]
    lines.append("")
    return "\n".join(lines)


def _passes(report: Report) -> int:
    return sum(assertion.status == "PASS" for assertion in report.assertions)


def _block(report: Report) -> Iterator[str]:
    """What the runbook shows, line by line."""
    yield "=== Export Metrics Assertions ==="
    yield from _figures(report.page)
    yield ""
    yield "=== Assertions ==="
    for assertion in report.assertions:
        yield f"{MARKS[assertion.status]} {assertion.title}"
    passes, asked = _passes(report), len(report.assertions)
    if passes == asked > 0:
        yield "✅ All export metrics assertions passed!"
    else:
        failed = any(assertion.status == "FAIL" for assertion in report.assertions)
        yield f"{MARKS['FAIL' if failed else 'NO DATA']} {passes} of {asked} export metrics assertions passed"


def _figures(page: PageFigures) -> Iterator[str]:
    yield f"Latency Avg: {_average(page)} (count: {_count(page.latency_count)})"
    yield f"Success Rate: {_rate(page)}"
    yield f"Concurrent Exports: {_count(page.running)} / {_count(page.most_running)} max"
    yield f"Queue Depth: {_count(page.waiting)}"
    yield f"Bytes Exported: {NOTHING if _unknown(page.bytes) else f'{(page.bytes or 0.0) / KB:.2f} KB'}"
    yield f"Metrics Found: {page.families_found}/{page.families}"


def _unknown(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _count(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _average(page: PageFigures) -> str:
    if _unknown(page.latency_sum_ms) or _unknown(page.latency_count) or not page.latency_count:
        return NOTHING
    return f"{(page.latency_sum_ms or 0.0) / page.latency_count:.2f}ms"


def _rate(page: PageFigures) -> str:
    """succeeded / (succeeded + failed), rounded down: 100.0% is without a single failure."""
    succeeded, failed = page.succeeded, page.failed or 0.0
    if succeeded is None or not math.isfinite(succeeded) or not math.isfinite(failed) or not succeeded + failed > 0:
        return NOTHING
    return f"{math.floor(1_000 * succeeded / (succeeded + failed)) / 10:.1f}%"


def _about_the_figures(report: Report) -> Iterator[str]:
    page = report.page
    if page.source is None:
        yield "Figures: no metrics page was read."
        return
    when = "with nothing under way: running and waiting are at rest" if page.at_rest else "while load ran"
    yield f"Figures: from the run's last metrics page ({page.source}), read {when}."
    yield "    Counted since the service started; the embedded service is started anew for each scenario."
    yield f"    The average is no P95; 1 KB is {KB:,} bytes."
    peaks = [f"{number(value)} {what}" for check, what in PEAKS if (value := _peak(report, check)) is not None]
    yield f"    Peaks over the whole run, by the target: {', '.join(peaks) if peaks else NOTHING}."


def _peak(report: Report, check_id: str) -> float | None:
    for verdict in report.verdicts:
        if verdict.id == check_id and verdict.judgement.readings:
            return verdict.judgement.readings[0].value
    return None


def _sources(assertion: Assertion) -> Iterator[str]:
    critical = " (critical)" if assertion.critical else ""
    yield f"{MARKS[assertion.status]} {assertion.status}{critical}  {assertion.title}"
    yield f"    target:  {assertion.target}"
    yield f"    outside: {assertion.outside}"
    if assertion.status != "PASS":
        yield f"    because: {assertion.reason}"


def _additional_scenario_lines(name: str, verdicts: Sequence[Verdict]) -> Iterable[str]:
    """Yield the lines of an additional scenario: it has no place in the six assertions."""
    count = {status: sum(verdict.status == status for verdict in verdicts) for status in MARKS}
    yield f"{name}: " + ", ".join(f"{number} {status}" for status, number in count.items())
    for verdict in verdicts:
        if verdict.status != "PASS" or verdict.id in SHOWN_WHEN_PASSED:
            yield f"    {verdict.status:8}{verdict.id}: {verdict.judgement.reason}"
