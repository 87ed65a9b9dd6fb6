"""Every check sees what it is there for: each wrong record turns just its verdicts, for the right reason."""

from __future__ import annotations

import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.checks.check import RunRecordCheck, ScenarioCheck
from assertions.judge import INSTRUMENT, judge
from assertions.record.run import Run
from assertions.verdicts import SCENARIOS, Judgement
from tests.assertions.cases import ALL, Case
from tests.assertions.cases.every import BLIND, FAILS
from tests.assertions.healthy.records import healthy, healthy_run

LIMITS = limits_file.load()
NEVER_FAIL = frozenset(INSTRUMENT)
"""Blames no target, by design."""
TOOLS = frozenset({"rules", "dashboard", "package", "panels-drawn", "alerts-replayed"})
"""Judged on tools' result files; their cases are in test_tools."""


def run_of(case: Case) -> Run:
    """A healthy run with the case's scenarios made wrong."""
    return healthy_run(**{name: case.change(healthy(name)) for name in changed_in(case)})


def changed_in(case: Case) -> tuple[str, ...]:
    """The scenarios that the case changes."""
    return SCENARIOS if case.on == ALL else (case.on,)


def test_a_healthy_run_is_green_in_every_verdict() -> None:
    """What a healthy service leaves behind passes every check, each in every scenario."""
    report = judge(healthy_run(), LIMITS)
    assert {f"{v.scenario}/{v.id}: {v.judgement.reason}" for v in report.verdicts if v.status != "PASS"} == set()
    assert [assertion.status for assertion in report.assertions] == ["PASS"] * 6
    assert report.colour == report.headline == "GREEN"


@pytest.mark.parametrize("case", FAILS, ids=str)
def test_what_is_wrong_fails(case: Case) -> None:
    """One wrong thing turns the checks that must see it to FAIL, and no other; the run is RED."""
    report = judge(run_of(case), LIMITS)
    fails = [verdict for verdict in report.verdicts if verdict.status == "FAIL"]
    assert {verdict.id for verdict in fails} == {case.id, *case.also}
    mine = next(verdict.judgement for verdict in fails if verdict.id == case.id)
    assert case.reason in mine.reason
    assert report.colour == "RED"


@pytest.mark.parametrize("case", BLIND, ids=str)
def test_what_is_missing_is_no_data(case: Case) -> None:
    """Where there is nothing to judge a check says NO DATA with its reason, never PASS."""
    judgement = judged(case)
    assert (judgement.status, case.reason in judgement.reason) == ("NO DATA", True), judgement.reason


def judged(case: Case) -> Judgement:
    """What the case's own check says of the record."""
    check = next(check for check in CHECKS if check.id == case.id)
    run = run_of(case)
    if isinstance(check, RunRecordCheck):
        return check.judge({name: run.scenarios[name] for name in check.scenarios}, LIMITS)
    assert isinstance(check, ScenarioCheck)
    return check.judge(run.scenarios[check.scenarios[0] if case.on == ALL else case.on], LIMITS)


def test_every_check_has_a_case_that_fails() -> None:
    """No check may be in the list without a record that it turns red on."""
    assert {case.id for case in FAILS} | TOOLS == {check.id for check in CHECKS} - NEVER_FAIL


def test_every_check_of_a_scenario_has_a_case_without_data() -> None:
    """Each check of records is shown to say NO DATA where it has none."""
    assert {case.id for case in BLIND} | TOOLS == {check.id for check in CHECKS}
