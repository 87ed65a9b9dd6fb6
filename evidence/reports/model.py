"""The report as data: built once, every text in its final words, so that no two faces of it can disagree. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assertions import limits as limits_file
from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.judge import Report
from assertions.limits import Limits
from assertions.verdicts import SCENARIOS, Assertion, Colour, Status, Verdict, not_run
from evidence.collect.provenance import Context
from evidence.reports import latencies
from evidence.reports.checklists.boxes import RUNBOOK_BOUNDS
from evidence.reports.checklists.further_boxes import CHECKLISTS
from evidence.reports.checklists.ticks import Box, tick
from evidence.reports.context import context_lines, harness_name, whole_s
from evidence.reports.figures import Figures, Plot
from evidence.reports.instruments import instrument_table
from evidence.reports.panels import PanelsShown, panels_shown
from evidence.reports.performance import performance
from evidence.reports.proofs import alerts, fault_coverage
from evidence.reports.reasons import COMMAND, Reason, address, reasons
from evidence.reports.tables import Section, Table
from evidence.reports.units import LONGEST_OWN, against, bar, duration, held_against, plain
from evidence.subject import named

Marks = Mapping[str, str]
MARKS: Marks = {"PASS": "✅", "FAIL": "❌", "NO DATA": "⚪", "WAIVED": "⏭"}
NO_BASELINE = "no earlier run to compare with"


@dataclass(frozen=True, kw_only=True)
class AssertionRow:
    """One of the six assertions on one line."""

    status: Status
    title: str
    critical: bool
    line: str
    """What was measured, of what limit: `P95 10k 0.42 s of 10 s`."""
    used: float | None
    """Length of the bar: 1 is full; None: there is no bar."""
    bar: str
    """Ten cells; empty where there is none."""
    used_text: str
    used_words: str
    """The same for who does not see the bar."""
    count: str
    """`n=152`; empty where nothing was counted."""
    target: str
    outside: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BoxRow:
    """One box of a checklist."""

    ticked: bool
    text: str
    here: str
    artifact: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ChecklistRows:
    """One checklist, its boxes by section."""

    title: str
    ticked: int
    boxes: int
    sections: tuple[tuple[str, tuple[BoxRow, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """One check in one scenario."""

    scenario: str
    check: str
    title: str
    status: Status
    critical: bool
    reason: str
    waived: str
    """Why a NO DATA is accepted; empty: it is not."""
    optional: bool
    """A NO DATA of it does not keep the run from GREEN."""
    findings: tuple[str, ...]

    @property
    def word(self) -> str:
        """The key of its mark."""
        return "WAIVED" if self.waived else self.status


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One check over all scenarios."""

    check: str
    title: str
    words: tuple[str, ...]
    """By scenario of the model: the key of its mark; empty: not judged there."""
    reason: str
    catches: str


@dataclass(frozen=True, kw_only=True)
class ReportModel:
    """All that a report says."""

    colour: Colour
    headline: str
    detail: str
    """The headline without its colour: waivers, how much failed, or why there is no data; may be empty."""
    subject: str
    """What was judged, in one phrase."""
    when: str
    """When the run began, and how long it took."""
    first_line: str
    """Headline, subject and time."""
    counts: tuple[tuple[str, int], ...]
    """How many verdicts are PASS, FAIL, NO DATA, WAIVED."""
    optional: int
    """How many of the verdicts without data do not keep the run from GREEN: optional ones, not waived."""
    incidents: tuple[str, ...]
    assertions: tuple[AssertionRow, ...]
    changes: tuple[str, ...] | None
    """What changed since the baseline; None: there is no earlier run to compare with."""
    missing: tuple[tuple[str, str], ...]
    """Scenarios that were not run, each with the command that runs it."""
    additional: tuple[tuple[str, str], ...]
    """Scenarios besides smoke, load and batch, with their counts."""
    reasons: tuple[Reason, ...]
    checklists: tuple[ChecklistRows, ...]
    performance: tuple[Section, ...]
    plots: tuple[Plot, ...]
    panels: PanelsShown | None
    """The dashboard's panels; None: they were not drawn."""
    scenarios: tuple[str, ...]
    """Columns of the table of checks."""
    checks: tuple[CheckRow, ...]
    verdicts: tuple[VerdictRow, ...]
    proof: tuple[Section, ...]
    """Why the report can be believed."""
    context: tuple[tuple[str, str], ...]
    harness: str
    """Version and commit of what judged; stands apart from the subject."""

    @property
    def lead(self) -> str:
        """The first reason in one line; empty where there is none."""
        if not self.reasons:
            return ""
        first = self.reasons[0]
        return f"{first.title} in {', '.join(first.scenarios)}: {first.measured.partition(': ')[0]}"

    @property
    def changed(self) -> str:
        """What changed since the baseline in one line."""
        return f"No baseline: {NO_BASELINE}." if self.changes is None else self.changes[0]


def build(report: Report, limits: Limits, context: Context, figures: Figures) -> ReportModel:
    """Build the model of a judged run."""
    subject, when = plain(_subject(context, figures)), _when(context, figures)
    headline = plain(report.headline)
    verdicts = tuple(_verdict_row(one) for one in report.verdicts)
    words = [one.word for one in verdicts]
    scenarios = tuple(dict.fromkeys((*SCENARIOS, *(one.scenario for one in verdicts))))
    return ReportModel(
        colour=report.colour,
        headline=headline,
        detail=headline.removeprefix(report.colour).lstrip(":, "),
        subject=subject,
        when=when,
        first_line=f"{headline} – {subject}, {when}",
        counts=tuple((word, words.count(word)) for word in MARKS),
        optional=sum(one.word == "NO DATA" and one.optional for one in verdicts),
        incidents=tuple(plain(one) for one in context.incidents),
        assertions=tuple(_assertion_row(one, report, limits) for one in report.assertions),
        changes=None if figures.changes is None else tuple(plain(change) for change in figures.changes),
        missing=tuple(_missing(report, context)),
        additional=tuple(_additional(report)),
        reasons=reasons(report, figures, own_limits=limits.sha256 != limits_file.load().sha256),
        checklists=tuple(_checklists(report)),
        performance=(performance(report, limits, figures.information), *_latencies(figures)),
        plots=tuple(figures.plots),
        panels=None if figures.panels is None else panels_shown(figures.panels),
        scenarios=scenarios,
        checks=tuple(_checks(report, verdicts, scenarios)),
        verdicts=verdicts,
        proof=tuple(_proof(report, context, figures)),
        context=tuple((label, plain(value)) for label, value in context_lines(report, limits, context, figures)),
        harness=harness_name(context),
    )


def _subject(context: Context, figures: Figures) -> str:
    target = next((place.url for place in figures.places.values()), context.target)
    given = context.subject
    phrase = named(
        given,
        embedded=context.target == "embedded",
        target=figures.target_name or target,
        version=figures.target_version,
    )
    return phrase if context.target == "embedded" or (given and given.name) else f"{phrase}, unnamed"


def _when(context: Context, figures: Figures) -> str:
    began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(context.started))
    return f"{began}, {duration(whole_s(figures))}" if figures.places else began


_MAIN = {
    "Metrics Coverage": "coverage",
    "Latency": "latency-outside",
    "Success": "success-outside",
    "Concurrent": "concurrency-target",
    "Queue": "queue-target",
    "Bytes": "bytes-outside",
}
_SHORT = {
    "latency-outside": "P95 10k",
    "success-outside": "done of asked",
    "concurrency-target": "peak running",
    "queue-target": "peak waiting",
    "bytes-outside": "fetched",
}


def _assertion_row(assertion: Assertion, report: Report, limits: Limits) -> AssertionRow:
    spec = next(
        (six for six in ASSERTIONS if six.titled(limits) == assertion.title or six.title == assertion.title), None
    )
    main = next((check for word, check in _MAIN.items() if assertion.title.startswith(word)), "")
    verdict = _worst_reading(report, main)
    reading = verdict.judgement.readings[0] if verdict is not None and verdict.judgement.readings else None
    limit = limits[spec.limit_id] if spec is not None and spec.limit_id is not None else None
    used = against(reading.value, limit) if reading is not None and limit is not None else None
    if reading is not None and limit is not None:
        line = f"{_SHORT.get(main, reading.name)} {held_against(reading.value, limit)}"
    elif main == "coverage":
        line = f"{report.page.families_found} of {report.page.families} metric families on the last page"
    else:
        line = "not measured"
    return AssertionRow(
        status=assertion.status,
        title=plain(assertion.title),
        critical=assertion.critical,
        line=plain(line),
        used=None if used is None else used[0],
        bar="" if used is None else bar(used[0]),
        used_text="" if used is None else used[1],
        used_words="" if used is None else used[2],
        count="" if reading is None or reading.count is None else f"n={reading.count:,}",
        target=plain(assertion.target),
        outside=plain(assertion.outside),
        reason=plain(assertion.reason),
    )


def _worst_reading(report: Report, check: str) -> Verdict | None:
    found = [one for one in report.verdicts if one.id == check and one.judgement.readings]
    return next((one for one in found if one.status == "FAIL"), found[0] if found else None)


def _missing(report: Report, context: Context) -> Iterable[tuple[str, str]]:
    options = "" if context.target == "embedded" else f" --target {address(context.target)} --out DIR"
    waiting = {one.judgement.reason for one in report.verdicts if one.judgement.waiting}
    for name in SCENARIOS:
        if not_run(name).reason in waiting:
            yield not_run(name).reason, f"{COMMAND} {name}{options}"


def _additional(report: Report) -> Iterable[tuple[str, str]]:
    for name in dict.fromkeys(one.scenario for one in report.verdicts):
        if name not in (*SCENARIOS, "run"):
            words: list[str] = [one.status for one in report.verdicts if one.scenario == name]
            yield plain(name), ", ".join(f"{words.count(word)} {word}" for word in ("PASS", "FAIL", "NO DATA"))


def _checklists(report: Report) -> Iterable[ChecklistRows]:
    for checklist in CHECKLISTS:
        sections = tuple(
            (section.title, tuple(_box(box, report) for box in section.boxes)) for section in checklist.sections
        )
        rows = [row for _, boxes in sections for row in boxes]
        yield ChecklistRows(
            title=checklist.title, ticked=sum(row.ticked for row in rows), boxes=len(rows), sections=sections
        )


def _box(box: Box, report: Report) -> BoxRow:
    ticked, reason = tick(box, report, RUNBOOK_BOUNDS)
    return BoxRow(
        ticked=ticked, text=box.text, here=box.here, artifact=box.artifact, reason=box.unseen or plain(reason)
    )


_OPTIONAL = frozenset(check.id for check in CHECKS if check.optional)


def _verdict_row(verdict: Verdict) -> VerdictRow:
    judgement = verdict.judgement
    return VerdictRow(
        scenario=plain(verdict.scenario),
        check=verdict.id,
        title=plain(verdict.title),
        status=verdict.status,
        critical=judgement.critical,
        reason=plain(judgement.reason),
        waived=plain(verdict.waived or ""),
        optional=verdict.id in _OPTIONAL and not judgement.waiting,
        findings=tuple(plain(one) for one in judgement.findings),
    )


_BAD_FIRST = ("FAIL", "NO DATA", "WAIVED", "PASS")


def _checks(report: Report, rows: Sequence[VerdictRow], scenarios: Sequence[str]) -> Iterable[CheckRow]:
    catches = {(one.id, one.scenario): one.judgement.catches for one in report.verdicts if one.judgement.catches}
    for check in dict.fromkeys(row.check for row in rows):
        mine = [row for row in rows if row.check == check]
        words = {row.scenario: row.word for row in mine}
        worst = min(mine, key=lambda row: _BAD_FIRST.index(row.word))
        place = f"{worst.scenario}: " if len({row.reason for row in mine}) > 1 and worst.scenario != "run" else ""
        waived = f" (waived: {worst.waived})" if worst.waived else ""
        yield CheckRow(
            check=check,
            title=worst.title,
            words=tuple(words.get(name, "") for name in scenarios),
            reason=f"{place}{worst.reason}{waived}",
            catches=plain(_ruled_out(worst, catches)),
        )


def _ruled_out(shown: VerdictRow, catches: Mapping[tuple[str, str], str]) -> str:
    """Return what a pass rules out in the scenario whose reason is shown; else in another one, which is named."""
    own = catches.get((shown.check, shown.scenario))
    if own is not None:
        return own
    return next((f"{scenario}: {text}" for (check, scenario), text in catches.items() if check == shown.check), "")


def _latencies(figures: Figures) -> Iterable[Section]:
    section = latencies.section(figures.latencies)
    if section is not None:
        yield section


def _proof(report: Report, context: Context, figures: Figures) -> Iterable[Section]:
    yield Section(
        title="Two sources",
        paragraphs=(
            "What the target says of itself is compared with what the harness measured with its own clock, from the "
            "files and from the process. An assertion holds only where both hold and agree.",
        ),
        tables=(
            Table(
                columns=("assertion", "verdict", "the target says", "measured from outside", "together"),
                rows=tuple(
                    (plain(one.title), one.status, plain(one.target), plain(one.outside), plain(one.reason))
                    for one in report.assertions
                ),
            ),
        ),
        items=tuple(plain(one, longest=LONGEST_OWN) for one in figures.differences),
        items_title="Figures that are not of the same exports",
    )
    instrument = instrument_table(report, figures.instruments)
    if instrument is not None:
        yield instrument
    yield alerts.section(figures.alerts)
    yield fault_coverage.section(figures.sensitivity, context.harness_sha256)
