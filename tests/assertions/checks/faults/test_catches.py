"""What a pass rules out: a sentence about the limit, of each check that has one."""

from __future__ import annotations

import math

import pytest

from assertions import limits as limits_file
from assertions.checks.catalogue import CHECKS
from assertions.checks.metrics import counters, exported_bytes
from assertions.judge import judge
from assertions.limits import Limit
from assertions.limits import Operator as LimitOperator
from assertions.units import show
from assertions.verdicts import Reading, judge_reading, would_not_pass
from tests.assertions.healthy.records import healthy_run

LIMITS = limits_file.load()


def test_every_pass_by_a_limit_says_what_it_rules_out() -> None:
    """No check that holds a number against a limit passes without the sentence."""
    judged = [one for one in judge(healthy_run(), LIMITS).verdicts if one.judgement.limit is not None]
    assert judged
    assert {one.id for one in judged if not one.judgement.catches} == set()


NOT_NUMERIC = {
    "exposition": "grammar",
    "coverage": "names, types and labels",
    "offered": "names and labels",
    "answers": "fields of answers",
    "names": "names",
    "downloads": "headers and whole files",
    "csv-contents": "values of records",
    "pdf-contents": "values of records",
    "behaviour": "answers to bad input",
    "shutdown": "an exit code",
    "prometheus-scrape": "errors and warnings",
    "prometheus-rules": "health of rules",
    "prometheus-alerts": "alerts that fired",
    "alerts-replayed": "alerts that fired",
    "panels-drawn": "ink in pictures",
    "rules": "results of other commands",
    "dashboard": "results of other commands",
    "package": "results of other commands",
}
"""Checks that compare no number with another, and what each looks at."""


def test_every_numeric_check_says_what_would_not_have_passed() -> None:
    """A comparison of two sources, which has a tolerance and no limit, says which difference it would have seen."""
    judged = [one for one in judge(healthy_run(), LIMITS).verdicts if one.status == "PASS"]
    assert {one.id for one in judged} | {"panels-drawn"} == {check.id for check in CHECKS}
    assert {one.id for one in judged if not one.judgement.catches} | {"panels-drawn"} == set(NOT_NUMERIC)
    without_limit = [one.judgement.catches for one in judged if one.judgement.limit is None and one.judgement.catches]
    assert [said for said in without_limit if not said.split(":")[0].endswith("would not have passed")] == []


def test_what_may_be_counted_or_not_is_left_open() -> None:
    """Where a request had no answer, or bad input was accepted, counts and bytes claim no more than they can know."""
    assert counters._one_off("one request too many", 0) == "one request too many would not have passed"
    assert counters._one_off("one request too many", 2) == (
        "one request too many, beyond the 2 that may be counted or not, would not have passed"
    )
    assert exported_bytes._rules_out(0.0) == "a count of one byte too few or one too many would not have passed"
    assert exported_bytes._rules_out(1500.0) == (
        "a count of one byte too few or more than 1.5 kB too many (what accepted bad input wrote) would not have passed"
    )
    assert exported_bytes._rules_out(math.inf).startswith("a count of one byte too few would not have passed; ")


@pytest.mark.parametrize(
    ("check", "scenario", "said"),
    [
        ("requests", "load", "one request counted too many or too few, by format and status"),
        ("bytes-agree", "load", "a count of one byte too few or one too many would not have passed"),
        ("status-page", "smoke", "one answer with a wrong field"),
        ("identity", "load", "a sum off by one export after the load, or in more than "),
        ("latency-agree", "load", "1.02 times the client's time and 50 ms in more than "),
        (
            "generator",
            "load",
            "one request too few, or a share of a core that the load generator used above 90 %, a P99 ",
        ),
        ("throughput-gauge", "load", "a reading outside "),
    ],
)
def test_the_sentence_names_the_difference(check: str, scenario: str, said: str) -> None:
    """Each of these sentences has the check's own tolerance in it."""
    verdict = next(one for one in judge(healthy_run(), LIMITS).verdicts if (one.id, one.scenario) == (check, scenario))
    assert verdict.judgement.catches.startswith(said)


@pytest.mark.parametrize("check", ["latency-outside", "smoke-latency", "success-outside", "success-target"])
def test_a_statistical_pass_speaks_of_the_limit_and_names_the_bound_for_what_it_is(check: str) -> None:
    """The sentence is about the limit; the confidence bound stands next to it under its own name."""
    verdict = next(one for one in judge(healthy_run(), LIMITS).verdicts if one.id == check)
    limit = verdict.judgement.limit
    assert limit is not None
    assert show(limit.target, limit.unit) in verdict.judgement.catches.split(" would not have passed")[0]
    assert "confidence bound" in verdict.judgement.catches


@pytest.mark.parametrize(
    ("op", "inside", "outside", "said"),
    [
        ("<", 9.0, 10.0, "a reading of 10 ms or more would not have passed"),
        ("<=", 10.0, 11.0, "a reading above 10 ms would not have passed"),
        (">", 11.0, 10.0, "a reading of 10 ms or less would not have passed"),
        (">=", 10.0, 9.0, "a reading below 10 ms would not have passed"),
    ],
)
def test_the_sentence_is_true_of_the_limit(op: LimitOperator, inside: float, outside: float, said: str) -> None:
    """A reading inside passes with the sentence; the first outside, which the sentence names, does not pass."""
    limit = Limit(id="x", op=op, target=10, unit="ms", reason="")
    pass_, fail = (
        judge_reading(limit, Reading(name="x", value=value, unit="ms", source="x"), "x") for value in (inside, outside)
    )
    assert (pass_.status, pass_.catches) == ("PASS", said)
    assert (fail.status, fail.catches) == ("FAIL", "")
    assert would_not_pass(limit) == said
