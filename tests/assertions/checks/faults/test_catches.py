"""What a pass rules out: a sentence about the limit, of each check that has one."""

from __future__ import annotations

import pytest

from assertions import limits as limits_file
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
