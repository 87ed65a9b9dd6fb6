"""The report's checklists: what a box is, and when it is ticked. The boxes themselves are data (`boxes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assertions.judge import Report, blocks
from assertions.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Box:
    """One line of a checklist. Its ground is named checks, a whole scenario, or the six assertions."""

    text: str
    """The runbook's words, where it is the runbook's box."""
    checks: tuple[str, ...] = ()
    """No verdict of these may be a FAIL or block GREEN, and at least one must be a PASS."""
    scenario: str | None = None
    """Only the verdicts of this scenario count; without `checks` all of them do."""
    each: bool = False
    """Every one of `checks` must have a PASS: none stands in for another that has no data."""
    six: bool = False
    """The six assertions are the ground: all must be a PASS."""
    artifact: str = ""
    """Where the proof is, relative to the run directory; empty: the run leaves none."""
    here: str = ""
    """What the box means for this project, where the runbook names another tool chain."""
    unseen: str = ""
    """Why no check decides the box, and how to check by hand; only where no check does."""


@dataclass(frozen=True)
class Section:
    """Boxes under one heading."""

    title: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Checklist:
    """One of the report's lists."""

    title: str
    sections: tuple[Section, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes, in order."""
        return tuple(box for section in self.sections for box in section.boxes)


Tick = tuple[bool, str]
"""(ticked, reason)."""


def tick(box: Box, report: Report, bounds: Mapping[str, float]) -> Tick:
    """Say whether a box is ticked in this report, and why.

    bounds: by limit what the boxes' words promise; a verdict by a laxer limit ticks none of them.
    """
    if box.unseen:
        return False, box.unseen
    verdicts = verdicts_of(box, report)
    ticked, reason = _tick_six(report) if box.six else state(verdicts, box.scenario if not box.checks else None)
    missing = _without_pass(box, verdicts) if ticked and box.each else None
    if missing is not None:
        return False, missing
    lax = _laxer(verdicts, bounds)
    return (False, lax) if ticked and lax is not None else (ticked, reason)


def verdicts_of(box: Box, report: Report) -> list[Verdict]:
    """Return the verdicts that a box rests on."""
    if box.six:
        ids = {name for one in report.assertions for name in one.verdicts}
        return [verdict for verdict in report.verdicts if f"{verdict.scenario}/{verdict.id}" in ids]
    return [
        verdict
        for verdict in report.verdicts
        if (verdict.id in box.checks or (not box.checks and box.scenario is not None))
        and box.scenario in (None, verdict.scenario)
    ]


def state(verdicts: Sequence[Verdict], whole: str | None = None) -> Tick:
    """(ticked, reason): ticked only where there are verdicts and none stands against it; a waiver does not tick.

    whole: the scenario whose verdicts these all are; they are counted then, not named.
    """
    if not verdicts:
        return False, "no check decides it"
    against = [v for v in verdicts if v.status == "FAIL"] + [v for v in verdicts if blocks(v)]
    if against:
        worst = against[0]
        return False, f"{worst.status}, {worst.scenario}/{worst.id}: {worst.judgement.reason}"
    waived = next((v for v in verdicts if v.waived is not None), None)
    if waived is not None:
        return False, f"waived ({waived.waived}): {waived.judgement.reason}"
    unseen = [v for v in verdicts if v.status == "NO DATA"]
    passes = [v for v in verdicts if v.status == "PASS"]
    if not passes:
        return False, f"NO DATA: {unseen[0].judgement.reason}"
    if len(passes) == 1 and whole is None:
        said = f"{passes[0].id}: {passes[0].judgement.reason}"
    elif whole is None:
        said = ", ".join(dict.fromkeys(v.id for v in passes))
    else:
        said = f"{len(passes)} of {len(verdicts)} checks in {whole} PASS, none FAIL"
    missing = ""
    if unseen:
        missing = f"; NO DATA: {unseen[0].scenario}/{unseen[0].id}: {unseen[0].judgement.reason}"
    return True, said + missing


def _without_pass(box: Box, verdicts: Sequence[Verdict]) -> str | None:
    """What the first check says that has no PASS at all; None where each has one."""
    for check in box.checks:
        found = [verdict for verdict in verdicts if verdict.id == check]
        if not any(verdict.status == "PASS" for verdict in found):
            return f"NO DATA: {found[0].judgement.reason}" if found else f"{check} was not judged"
    return None


def _laxer(verdicts: Sequence[Verdict], bounds: Mapping[str, float]) -> str | None:
    """The first limit that asks for less than the boxes' words; None where there is none."""
    for verdict in verdicts:
        limit = verdict.judgement.limit
        if limit is None or limit.id not in bounds:
            continue
        bound = bounds[limit.id]
        if limit.target < bound if limit.op in (">", ">=") else limit.target > bound:
            return f"{verdict.scenario}/{verdict.id} was judged by {limit}, which asks for less than {bound:,.10g}"
    return None


def _tick_six(report: Report) -> Tick:
    passes = sum(one.status == "PASS" for one in report.assertions)
    said = f"{passes} of {len(report.assertions)} assertions PASS"
    worst = next((one for one in report.assertions if one.status != "PASS"), None)
    if worst is None:
        return bool(report.assertions), said
    return False, f"{said}; {worst.title} is {worst.status}: {worst.reason}"
