"""Checks are needed: without one of them a wrong record is GREEN. Checks without such a proof are named here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assertions import judge as judging
from assertions import limits as limits_file
from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.checks.check import Check
from assertions.verdicts import Judgement, passed
from evidence.reports.proofs.fault_coverage import NO_SERVICE, STORED, read
from tests.assertions.cases.every import FAILS
from tests.assertions.checks.test_checks import NEVER_FAIL, TOOLS, run_of

LIMITS = limits_file.load()
LONE = {check.id: [case for case in FAILS if case.id == check.id and not case.also] for check in CHECKS}
"""For each check the records that only it turns red."""
PAIRED = {name for six in ASSERTIONS for name in (*six.target, *six.outside)} | {"memory", "memory-gauge", "buckets"}
"""The contract asks both sources of an assertion, and of memory, though each may see what the other does; the runbook
asks for populated latency buckets by name, which the agreement of histogram and answers implies."""


WHOLE_SET = {"concurrency-agree", "leak-children"}
"""Caught by themselves by targets of the whole catalogue, none of which is in the core that the stored proof is of."""


def agreeable(check: Check) -> Check:
    """A check that has nothing against anything."""

    def agree(*_: object) -> Judgement:
        return passed("replaced")

    return replace(check, judge=agree)


@pytest.mark.parametrize("check_id", [name for name, cases in LONE.items() if cases])
def test_without_its_check_a_fault_passes_unnoticed(
    check_id: str, once: tuple[Check, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the records that are RED only by this check one is GREEN once the check agrees with everything.

    That each of them is RED with the check is what `test_what_is_wrong_fails` shows.
    """
    stubbed = tuple(agreeable(check) if check.id == check_id else check for check in once)
    monkeypatch.setattr(judging, "CHECKS", stubbed)
    assert any(judging.judge(run_of(case), LIMITS).colour == "GREEN" for case in LONE[check_id])


def test_every_other_check_by_itself_caught_a_living_service() -> None:
    """Where no record fails by exactly one check, a faulty target does, except for those named above."""
    shown = read(STORED)
    assert shown is not None, "evidence/sensitivity.json is not there: nox -s prove makes it"
    by_target = {name for name, faults in shown.checks.items() if any(fault.only for fault in faults)}
    by_record = {name for name, cases in LONE.items() if cases}
    assert {check.id for check in CHECKS} - by_record - by_target - PAIRED - NEVER_FAIL - TOOLS - WHOLE_SET == set()


def test_every_check_was_seen_to_fail_or_says_why_no_service_can() -> None:
    """The report has a fault for each check, or else a reason; a reason that is no longer true has to go."""
    shown = read(STORED)
    assert shown is not None, "evidence/sensitivity.json is not there: nox -s prove makes it"
    assert {check.id for check in CHECKS} - shown.checks.keys() == NO_SERVICE.keys()
