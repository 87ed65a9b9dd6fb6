"""GREEN_EVIDENCE as Markdown: a function of the report, the context and a few figures; nothing is read or written."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from assertions.judge import INSTRUMENT, Report, blocks
from assertions.limits import Limit, Limits
from assertions.stats import percentile
from assertions.verdicts import SCENARIOS, Reading, Verdict, not_run, number
from evidence.collect.provenance import Context
from evidence.reports import fault_coverage
from evidence.reports.boxes import RUNBOOK_BOUNDS
from evidence.reports.checklist import Box, tick
from evidence.reports.fault_coverage import Sensitivity
from evidence.reports.further_boxes import CHECKLISTS
from evidence.reports.information import Information
from evidence.reports.latencies import Latencies, table

MARKS = {"PASS": "✅", "FAIL": "❌", "NO DATA": "⚪"}
LONGEST = 400
"""Characters of one text in the report; verdict.json has it whole."""
_FORGED = re.compile("[✅✔✓☑❌✖✗☒⚪🟢🔴\N{BALLOT BOX}]")
_MARKUP = re.compile(r"[\\`*\[\]|~$]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|!(?=\[)")


@dataclass(frozen=True)
class Instrument:
    """How the load generator did in one scenario; None: not known, or nothing to know."""

    cpu_ratio: float | None
    event_loop_lag_p99_ms: float | None
    start_delay_p99_ms: float | None
    """Of open arrivals, waits for a free connection included."""
    scheduling_delay_p99_ms: float | None
    """The generator's own part of it."""
    errors_ms: Sequence[float]
    """What its clock said beyond a known server's own, one a request."""


@dataclass(frozen=True)
class Figures:
    """What the report shows beside the verdicts."""

    latencies: Sequence[Latencies] = ()
    """By scenario, phase and case."""
    information: Sequence[Information] = ()
    """Figures without a limit."""
    differences: Sequence[str] = ()
    """Why the two witnesses' figures differ, one sentence a pair."""
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    """By scenario."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Scenario to the target's URL."""
    target_version: str | None = None
    plots: Sequence[tuple[str, str]] = ()
    """(title, path) of each plot, relative to the run directory."""
    sensitivity: Sensitivity | None = None
    generators: Mapping[str, str] = field(default_factory=dict)
    """Scenario to one line on the load generator."""


_PERFORMANCE = (
    ("1k export, P95", "smoke_latency_ms", "smoke-latency"),
    ("10k export, P95 by the client", "latency_p95_ms", "latency-outside"),
    ("10k export, P95 by the target", "latency_p95_ms", "latency-target"),
    ("Batch of five", "batch_s", "batch"),
    ("Throughput", "throughput_per_s", "throughput"),
    ("Success rate from outside", "success_ratio", "success-outside"),
    ("Success rate by the target", "success_ratio", "success-target"),
    ("Running at once, peak", "concurrent_exports", "concurrency-target"),
    ("Waiting, peak", "queue_depth", "queue-target"),
    ("Memory an export, from outside", "memory_bytes", "memory"),
    ("Memory an export, by the target", "memory_bytes", "memory-gauge"),
    ("/health under load, P95", "health_p95_ms", "health"),
    ("Memory leak an export", "leak_memory_bytes_per_export", "leak-memory"),
)


def first_line(headline: str) -> str:
    """The report's first line. A headline may hold a reason, and a reason may hold what a target said."""
    return f"# {_cell(headline)}"


def markdown(report: Report, limits: Limits, context: Context, figures: Figures) -> str:
    """The whole report. Its first line is the colour with what goes with it."""
    parts = [
        first_line(report.headline),
        "",
        "Export@Scale evidence, v1.7. Made by checks only; `python -m evidence verify` recomputes it from these files.",
        *_incidents(context),
        *_why(report),
        *_beside(report),
        "",
        "## The six assertions",
        "",
        "| | assertion | the target says | seen from outside | both |",
        "|---|---|---|---|---|",
        *(
            f"| {MARKS[one.status]} {one.status} | **{_cell(one.title)}** | {_cell(one.target)} | {_cell(one.outside)} "
            f"| {_cell(one.reason)} |"
            for one in report.assertions
        ),
        "",
        *_differences(figures),
        *_checklists(report),
        "## Performance",
        "",
        "| measure | target | critical | measured | samples | verdict |",
        "|---|---|---|---|---|---|",
        *_performance(report, limits),
        "",
        *_information(figures),
        *table(figures.latencies, _cell),
        *_instrument(report, figures),
        *_plots(figures),
        "## All verdicts",
        "",
        "| | scenario | check | reason | what a pass rules out |",
        "|---|---|---|---|---|",
        *(_row(verdict) for verdict in report.verdicts),
        "",
        *fault_coverage.lines(figures.sensitivity, context.harness_sha256),
        "",
        "## Context",
        "",
        *_context(report, context, figures),
        "",
    ]
    return "\n".join(parts)


def _cell(text: str) -> str:
    """Any text as plain words on one line: parts of it may come from a target, and must not look like the report's own.

    Control and format characters (escapes, line ends, direction marks) become spaces, our marks become question
    marks, what Markdown or HTML would act on is escaped, and what is too long is cut.
    """
    words = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text).split()
    plain = _FORGED.sub("?", " ".join(words))
    cut = plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}… ({len(plain) - LONGEST:,} characters more)"
    return _MARKUP.sub(r"\\\g<0>", cut)


def _incidents(context: Context) -> Iterable[str]:
    for incident in context.incidents:
        yield ""
        yield f"> **Could not run:** {_cell(incident)}"


def _why(report: Report) -> Iterable[str]:
    against = [v for v in report.verdicts if v.status == "FAIL"]
    against += [v for v in report.verdicts if v.status == "NO DATA" and blocks(v) and not v.judgement.waiting]
    reasons = {v.judgement.reason for v in report.verdicts if v.judgement.waiting}
    waiting = [name for name in SCENARIOS if not_run(name).reason in reasons]
    if not against and not waiting:
        return
    yield ""
    yield "## Why it is not GREEN"
    yield ""
    for name in waiting:
        yield f"- {MARKS['NO DATA']} {not_run(name).reason}: `python -m evidence run {name}`"
    for verdict in against:
        critical = " (critical)" if verdict.judgement.critical else ""
        yield (
            f"- {MARKS[verdict.status]} **{verdict.title}**{critical} in {verdict.scenario} "
            f"(`{verdict.id}`): {_cell(verdict.judgement.reason)}"
        )


def _beside(report: Report) -> Iterable[str]:
    """Scenarios beside the three, which have no place in the six assertions."""
    names = [name for name in dict.fromkeys(v.scenario for v in report.verdicts) if name not in (*SCENARIOS, "run")]
    if not names:
        return
    yield ""
    yield "## Scenarios beside smoke, load and batch"
    yield ""
    for name in names:
        said: list[str] = [verdict.status for verdict in report.verdicts if verdict.scenario == name]
        yield f"- **{_cell(name)}**: " + ", ".join(f"{said.count(one)} {MARKS[one]} {one}" for one in MARKS)


def _checklists(report: Report) -> Iterable[str]:
    for checklist in CHECKLISTS:
        ticks = [(box, *tick(box, report, RUNBOOK_BOUNDS)) for box in checklist.boxes]
        yield f"## {checklist.title}"
        yield ""
        yield f"{sum(ticked for _, ticked, _ in ticks)} of {len(ticks)} boxes are ticked, each by the checks beside it."
        yield ""
        by_box = {id(box): (ticked, reason) for box, ticked, reason in ticks}
        for section in checklist.sections:
            yield f"### {section.title}"
            yield ""
            yield from (_box(box, *by_box[id(box)]) for box in section.boxes)
            yield ""


def _box(box: Box, ticked: bool, reason: str) -> str:
    here = f" *(here: {box.here})*" if box.here else ""
    link = f" — [{box.artifact}]({box.artifact})" if box.artifact else ""
    return f"- [{'x' if ticked else ' '}] {box.text}{here}{link} — {box.unseen or _cell(reason)}"


def _performance(report: Report, limits: Limits) -> Iterable[str]:
    for title, limit_id, check_id in _PERFORMANCE:
        limit = limits[limit_id]
        verdicts = [verdict for verdict in report.verdicts if verdict.id == check_id]
        worst = _worst(verdicts, limit)
        readings = worst.judgement.readings if worst else ()
        reading = readings[0] if readings else None
        count = reading.count if reading is not None and reading.count is not None else "–"
        yield (
            f"| {title} | {_cell(str(limit))} | {_critical(limit)} | {_measured(reading)} "
            f"| {count} | {worst.status if worst else 'NO DATA'} |"
        )


def _worst(verdicts: Sequence[Verdict], limit: Limit) -> Verdict | None:
    """The verdict with the reading furthest on the bad side."""
    read = [v for v in verdicts if v.judgement.readings and v.judgement.readings[0].value is not None]
    sign = -1 if limit.op in (">", ">=") else 1
    ordered = sorted(read, key=lambda v: sign * (v.judgement.readings[0].value or 0.0))
    return ordered[-1] if ordered else (verdicts[0] if verdicts else None)


def _critical(limit: Limit) -> str:
    return "–" if limit.critical is None else f"{number(limit.critical)} {_cell(limit.unit)}"


def _measured(reading: Reading | None) -> str:
    if reading is None or reading.value is None:
        return "–"
    bounds = ""
    if reading.low is not None and reading.high is not None:
        bounds = f" ({number(reading.low)} to {number(reading.high)} at 95 %)"
    return f"{number(reading.value)} {_cell(reading.unit)}{bounds}"


def _information(figures: Figures) -> Iterable[str]:
    """What nothing is judged by."""
    if not figures.information:
        return
    yield "| for information, no limit | measured | samples | what it is |"
    yield "|---|---|---|---|"
    for row in figures.information:
        yield f"| {row.title} | {row.value} | {'–' if row.count is None else row.count} | {_cell(row.note)} |"
    yield ""


def _differences(figures: Figures) -> Iterable[str]:
    """Pairs of figures that are not of the same exports."""
    if not figures.differences:
        return
    yield "Where the two witnesses' figures are not of the same exports:"
    yield ""
    yield from (f"- {_cell(sentence)}" for sentence in figures.differences)
    yield ""


def _instrument(report: Report, figures: Figures) -> Iterable[str]:
    """How the generator did: beside a known server before the load, and by itself while load ran."""
    if not figures.instruments:
        return
    yield (
        "| the instrument in | known server | error: median ms | P95 ms | P99 ms | share of a core | loop lag P99 ms "
        "| open arrivals late P99 ms | by its own fault ms | verdict |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for scenario, one in figures.instruments.items():
        errors = [percentile(one.errors_ms, q) if one.errors_ms else None for q in (0.5, 0.95, 0.99)]
        own = [one.cpu_ratio, one.event_loop_lag_p99_ms, one.start_delay_p99_ms, one.scheduling_delay_p99_ms]
        told = " | ".join("–" if value is None else number(value) for value in (*errors, *own))
        said = {v.id: v.status for v in report.verdicts if v.scenario == scenario and v.id in INSTRUMENT}
        verdict = ", ".join(f"{MARKS[status]} {name} {status}" for name, status in said.items())
        yield f"| {_cell(scenario)} | {len(one.errors_ms)} requests | {told} | {verdict} |"
    yield ""
    yield (
        "Known server: one of the harness's own that tells its times, asked before the load by the code that asks the "
        "target; error: what the generator's clock said beyond that. Share of a core, loop lag (how late the generator "
        "woke) and lateness are of the load; by its own fault: without the waiting for a free connection."
    )
    yield ""


def _plots(figures: Figures) -> Iterable[str]:
    for title, path in figures.plots:
        yield f"![{title}]({path})"
        yield ""


def _row(verdict: Verdict) -> str:
    judgement = verdict.judgement
    waived = f" *waived: {_cell(verdict.waived)}*" if verdict.waived else ""
    critical = " (critical)" if judgement.critical else ""
    return (
        f"| {MARKS[verdict.status]} {verdict.status}{critical} | {verdict.scenario} | `{verdict.id}` "
        f"{_cell(verdict.title)} | {_cell(judgement.reason)}{waived} | {_cell(judgement.catches)} |"
    )


def _context(report: Report, context: Context, figures: Figures) -> Iterable[str]:
    dirty = {True: ", with changes that are not committed", False: "", None: ", changes unknown"}[context.dirty]
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(context.started))
    yield f"- run {context.run_id}, begun {began}"
    yield f"- target: {_cell(context.target)}, version {_cell(figures.target_version or 'unknown')}"
    for scenario, url in figures.targets.items():
        yield f"  - {scenario}: {_cell(url)}"
    yield f"- commit {context.commit or 'unknown'}{dirty}"
    yield f"- judge {context.harness_sha256[:16]}, limits {report.limits_sha256[:16]}"
    yield f"- machine: {context.machine}, {context.cpus} CPUs, {context.memory_bytes / 1e9:,.1f} GB"
    yield f"- Python {context.python}; " + ", ".join(f"{name} {version}" for name, version in context.packages.items())
    for scenario, line in figures.generators.items():
        yield f"- load generator in {scenario}: {_cell(line)}"
    for name, reason in context.waivers.items():
        yield f"- waiver: {name} ({_cell(reason)})"
