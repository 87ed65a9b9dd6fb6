"""The judge: a run directory's record, limits and waivers in, verdicts and a colour out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from assertions import applicability
from assertions.checks.catalogue import ASSERTIONS, CHECKS, AssertionSpec
from assertions.checks.check import Check, RunRecordCheck, ScenarioCheck, ToolsCheck
from assertions.checks.harness.generator import lost_record
from assertions.checks.user_rules import rule_checks
from assertions.limits import Limits
from assertions.record.last_page import PageFigures, read_figures
from assertions.record.run import Run
from assertions.verdicts import SCENARIOS, Assertion, Colour, Judgement, Status, Verdict, no_data, not_run

WAIVABLE = frozenset(check.id for check in CHECKS) | frozenset(check.group for check in CHECKS if check.group)
"""What `--waive NAME=REASON` may name."""

INSTRUMENT = ("generator", "calibration")
"""Checks of the instrument itself: where one has no PASS, nothing is judged by the generator's clock."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was judged. `verdict.json` is this, as JSON."""

    schema: int = 1
    colour: Colour
    headline: str
    """The colour with what goes with it: waivers, or how much is red."""
    assertions: tuple[Assertion, ...]
    """The six, in the contract's order."""
    verdicts: tuple[Verdict, ...]
    """Every check in every scenario, in the list's order; then the user's own rules, in their file's order."""
    limits_sha256: str
    waivers: dict[str, str]
    page: PageFigures = PageFigures()
    """Of the run's last metrics page."""


def judge(run: Run, limits: Limits, waivers: Mapping[str, str] | None = None) -> Report:
    """Judge everything, always, in the same order. Waivers: check id or group to reason; they cover NO DATA only."""
    waivers = dict(waivers or {})
    judged = tuple(verdict for check in _checks(limits) for verdict in _verdicts(check, run, limits))
    verdicts = tuple(_waived(verdict, waivers) for verdict in _unfit(judged, run, limits))
    assertions = tuple(_roll_up(six, verdicts, limits) for six in ASSERTIONS)
    colour = _colour(verdicts)
    return Report(
        colour=colour,
        headline=_headline(colour, verdicts),
        assertions=assertions,
        verdicts=verdicts,
        limits_sha256=limits.sha256,
        waivers=waivers,
        page=read_figures(run, limits),
    )


def _checks(limits: Limits) -> tuple[Check, ...]:
    return (*CHECKS, *rule_checks(limits))


def with_incidents(report: Report, incidents: Sequence[str]) -> Report:
    """A run in which something could not be done is never GREEN, whatever was recorded; its headline says what."""
    if not incidents or report.colour == "RED":
        return report
    return msgspec.structs.replace(report, colour="NO DATA", headline=f"NO DATA: {incidents[0]}")


def _verdicts(check: Check, run: Run, limits: Limits) -> Iterable[Verdict]:
    if check.scope == "scenario":
        for name in check.scenarios:
            yield _verdict(check, name, _guarded(check, run, limits, name))
    else:
        yield _verdict(check, "run", _guarded(check, run, limits, None))
    for name in applicability.names(run):
        if applicability.applies(check, run.scenarios.get(name)):
            yield _verdict(check, name, _guarded(check, run, limits, name))


def _verdict(check: Check, scenario: str, judgement: Judgement) -> Verdict:
    return Verdict(id=check.id, title=check.title, group=check.group, scenario=scenario, judgement=judgement)


def _guarded(check: Check, run: Run, limits: Limits, scenario: str | None) -> Judgement:
    """A check's own breakdown is NO DATA: a target may answer anything, and nothing of it may pass by accident."""
    try:
        return _judged(check, run, limits, scenario)
    except Exception as error:
        return no_data(f"the check broke on this record: {type(error).__name__}: {error}")


def _judged(check: Check, run: Run, limits: Limits, scenario: str | None) -> Judgement:
    if isinstance(check, ToolsCheck):
        return check.judge(run, limits)
    wanted = check.scenarios if scenario is None else (scenario,)
    there = {name: run.scenarios[name] for name in wanted if name in run.scenarios}
    missing = [name for name in wanted if name not in there]
    unread = next((run.problems[name] for name in wanted if name in run.problems), None)
    if isinstance(check, RunRecordCheck) and there:
        judgement = check.judge(there, limits)
        # what is there may already be too bad; only then is it a verdict before all of it is there
        if not missing or judgement.status == "FAIL":
            return judgement
    if unread is not None:
        return no_data(unread)
    if missing:
        return not_run(missing[0])
    assert isinstance(check, ScenarioCheck), "a check of the run record has been judged, or lacks a scenario"
    record = there[wanted[0]]
    lost = lost_record(record) if check.by_record else None
    if lost is not None:
        seen = check.regardless(record, limits) if check.regardless is not None else None
        return seen or no_data(f"requests may be missing in the record: {lost}")
    return check.judge(record, limits)


def _waived(verdict: Verdict, waivers: Mapping[str, str]) -> Verdict:
    reason = waivers.get(verdict.id) or (waivers.get(verdict.group) if verdict.group else None)
    if reason is None or verdict.status != "NO DATA":
        return verdict
    return msgspec.structs.replace(verdict, waived=reason)


def _unfit(verdicts: tuple[Verdict, ...], run: Run, limits: Limits) -> tuple[Verdict, ...]:
    """Where the generator was not fit, what rests on its clock is neither passed nor failed; what does not, stays."""
    unfit = {
        verdict.scenario: verdict.judgement.reason
        for verdict in reversed(verdicts)
        if verdict.id in INSTRUMENT and verdict.status != "PASS" and not verdict.judgement.waiting
    }
    by_clock = {check.id: check for check in _checks(limits) if check.by_clock}

    def rest(verdict: Verdict) -> Verdict:
        check = by_clock.get(verdict.id)
        if check is None or verdict.status == "NO DATA":
            return verdict
        on = [name for name in ((verdict.scenario,) if verdict.scenario != "run" else check.scenarios) if name in unfit]
        if not on:
            return verdict
        judgement = _regardless(check, run, limits, verdict) or no_data(
            f"the generator was not fit in {on[0]}: {unfit[on[0]]}", *verdict.judgement.readings
        )
        return msgspec.structs.replace(verdict, judgement=judgement)

    return tuple(rest(verdict) for verdict in verdicts)


def _regardless(check: Check, run: Run, limits: Limits, verdict: Verdict) -> Judgement | None:
    """A FAIL that no clock has a part in; None: there is none."""
    if verdict.status != "FAIL":
        return None
    match check:
        case RunRecordCheck(regardless=judge_regardless) if judge_regardless is not None:
            there = {name: run.scenarios[name] for name in check.scenarios if name in run.scenarios}
            return judge_regardless(there, limits)
        case ScenarioCheck(regardless=judge_one) if judge_one is not None and verdict.scenario in run.scenarios:
            return judge_one(run.scenarios[verdict.scenario], limits)
        case _:
            return None


def _optional(verdict: Verdict) -> bool:
    return any(check.id == verdict.id and check.optional for check in CHECKS)


def blocks(verdict: Verdict) -> bool:
    """Return whether this verdict keeps the run from being GREEN."""
    if verdict.green:
        return False
    return verdict.status == "FAIL" or verdict.judgement.waiting or not _optional(verdict)


def _worst(verdicts: Sequence[Verdict]) -> tuple[Status, Verdict | None]:
    for status in ("FAIL", "NO DATA"):
        for verdict in verdicts:
            if verdict.status == status and blocks(verdict):
                return verdict.status, verdict
    return ("PASS", None) if verdicts else ("NO DATA", None)


def _roll_up(six: AssertionSpec, verdicts: Sequence[Verdict], limits: Limits) -> Assertion:
    def of(ids: Sequence[str]) -> list[Verdict]:
        return [verdict for check_id in ids for verdict in verdicts if verdict.id == check_id]

    rested_on = of((*six.target, *six.outside, *six.agreement))
    status, because = _worst(rested_on)
    agreement = "target and client both pass and agree" if six.agreement else "target and client both pass"
    return Assertion(
        title=six.titled(limits),
        status=status,
        reason=f"{because.scenario}/{because.id}: {because.judgement.reason}" if because else agreement,
        target=_phrase(of(six.target)),
        outside=_phrase(of(six.outside)),
        verdicts=tuple(f"{verdict.scenario}/{verdict.id}" for verdict in rested_on),
        critical=any(verdict.judgement.critical for verdict in rested_on),
    )


def _phrase(verdicts: Sequence[Verdict]) -> str:
    """What one source reports: its worst verdict, else its first."""
    _, because = _worst(verdicts)
    return (because or verdicts[0]).judgement.reason


def _colour(verdicts: Sequence[Verdict]) -> Colour:
    if any(verdict.status == "FAIL" for verdict in verdicts):
        return "RED"
    return "NO DATA" if any(blocks(verdict) for verdict in verdicts) else "GREEN"


def _headline(colour: Colour, verdicts: Sequence[Verdict]) -> str:
    bad = [verdict for verdict in verdicts if verdict.status == "FAIL"]
    without_data = [verdict for verdict in verdicts if verdict.status == "NO DATA" and blocks(verdict)]
    match colour:
        case "GREEN":
            waived = {(v.group or v.id): v.waived for v in verdicts if v.waived is not None}
            named = ", ".join(f"{name} ({reason})" for name, reason in waived.items())
            return f"GREEN, waived: {named}" if named else "GREEN"
        case "RED":
            critical = sum(verdict.judgement.critical for verdict in bad)
            return (
                f"RED: {len(bad)} of {len(verdicts)} verdicts failed"
                + (f", {critical} of them critical" if critical else "")
                + (f"; {len(without_data)} have no data" if without_data else "")
            )
        case "NO DATA":
            missing = [
                name for name in SCENARIOS if any(v.scenario == name and v.judgement.waiting for v in without_data)
            ]
            why = f"{', '.join(missing)} not run" if missing else without_data[0].judgement.reason
            return f"NO DATA: {len(without_data)} of {len(verdicts)} verdicts have no data; {why}"
