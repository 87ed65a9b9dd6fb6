"""A user's own rules: read from the limits file as a whole, judged on the raw hits like the harness's own checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from assertions.checks.user_rules import measure, rule_checks
from assertions.judge import Report, judge
from assertions.limits import Limits, LimitsError, parse, with_baseline
from assertions.record.types import Hit
from assertions.record.view import ScenarioRecord
from assertions.stats import more_needed, share_is_certain
from assertions.verdicts import Judgement, Verdict
from tests.assertions.cases.instrument import generated
from tests.assertions.healthy.records import changed, healthy, healthy_run, with_hits

RULE = """
[[rule]]
id = "csv-p95"
case = "csv-10k"
format = "csv"
statistic = "p95"
op = "<="
target = 1_000
critical = 2_000
reason = "what our customers were promised"
scenario = "load"
phase = "measure"
"""
TICK_S = 2.0**-10
"""Seconds that a Unix time in 53 bits holds exactly."""


def rules_of(text: str) -> Limits:
    """Return the default limits with these rules."""
    return parse(text.encode(), "mine.toml")


def with_rule(**fields: Any) -> Limits:
    """Return the default limits with one rule."""
    given = {"id": "own", "statistic": "p95", "op": "<=", "target": 1_000.0, "reason": "promised", **fields}
    text = "[[rule]]\n" + "\n".join(f"{name} = {value!r}" for name, value in given.items() if value is not None)
    return rules_of(text)


def report_of(limits: Limits, **scenarios: ScenarioRecord) -> Report:
    """Judge a healthy run with these scenarios in it."""
    return judge(healthy_run(**scenarios), limits)


def judged_of(limits: Limits, record: ScenarioRecord | None = None) -> Judgement:
    """Judge the one rule of these limits on a load, or on the healthy one."""
    (check,) = rule_checks(limits)
    return check.judge({"load": record or healthy("load")}, limits)


def verdict_of(limits: Limits, **scenarios: ScenarioRecord) -> Verdict:
    """Return the verdict of the last rule."""
    return report_of(limits, **scenarios).verdicts[-1]


def measured(edit: Callable[[int, Hit], dict[str, Any] | None], case: str = "csv-10k") -> ScenarioRecord:
    """Return the load with the measured exports of a case edited. edit: takes each one's place, from 0, and its hit."""
    record = healthy("load")
    place = {
        hit.id: number
        for number, hit in enumerate(hit for hit in record.hits if (hit.phase, hit.case) == ("measure", case))
    }
    return with_hits(record, lambda hit: edit(place[hit.id], hit) if hit.id in place else None)


def lasting(*seconds: float) -> ScenarioRecord:
    """Return the load whose measured csv-10k exports took so long, the last figure for all further ones."""
    return measured(lambda number, hit: {"end": hit.intended + seconds[min(number, len(seconds) - 1)]})


def only(count: int, failing: int = 0) -> ScenarioRecord:
    """Return the load with so many of its measured csv-10k exports, the first of which fail."""
    record = measured(lambda number, _: {"status": 500} if number < failing else None)
    mine = [hit.id for hit in record.hits if (hit.phase, hit.case) == ("measure", "csv-10k")]
    return changed(record, hits=tuple(hit for hit in record.hits if hit.id not in mine[count:]))


@pytest.mark.parametrize("statistic", ["p50", "p95", "p99", "max", "mean"])
@pytest.mark.parametrize(
    ("took_s", "op", "status"),
    [
        (1 - TICK_S, "<=", "PASS"),
        (1.0, "<=", "PASS"),
        (1 + TICK_S, "<=", "FAIL"),
        (1 - TICK_S, "<", "PASS"),
        (1.0, "<", "FAIL"),
        (1 + TICK_S, "<", "FAIL"),
        (1 - TICK_S, ">=", "FAIL"),
        (1.0, ">=", "PASS"),
        (1 + TICK_S, ">=", "PASS"),
        (1 - TICK_S, ">", "FAIL"),
        (1.0, ">", "FAIL"),
        (1 + TICK_S, ">", "PASS"),
    ],
)
def test_latency_just_inside_at_and_just_outside(statistic: str, took_s: float, op: str, status: str) -> None:
    """A latency statistic passes up to its target, and at it where the operator says so."""
    record = lasting(took_s)
    measured_hits = [hit for hit in record.hits if (hit.phase, hit.case) == ("measure", "csv-10k")]
    # a P99 takes 299 exports for an upper bound, a quantile's lower bound takes fewer
    more = [msgspec.structs.replace(hit, id=f"{hit.id}-{number}") for number in range(1, 4) for hit in measured_hits]
    limits = with_rule(statistic=statistic, op=op, case="csv-10k", scenario="load")
    judged = judged_of(limits, changed(record, hits=(*record.hits, *more)))
    assert (judged.status, judged.readings[0].value) == (status, 1_000 * took_s)
    assert (judged.limit, judged.readings[0].count) == (limits.rules[0].limit, 320)


@pytest.mark.parametrize(("ratio", "status"), [(1 - 1e-9, "PASS"), (1.0, "PASS"), (1 + 1e-9, "FAIL")])
def test_rate_just_inside_at_and_just_outside(ratio: float, status: str) -> None:
    """The rate is the phase's finished exports of the case over its span, and passes up to its target."""
    hits = [hit for hit in healthy("load").hits if hit.phase == "measure"]
    rate = 20 / (max(hit.end for hit in hits) - min(hit.start for hit in hits))
    judged = judged_of(with_rule(statistic="rate", op=">=", target=rate * ratio, case="pdf-10k", scenario="load"))
    assert (judged.status, judged.readings[0].value) == (status, rate)


@pytest.mark.parametrize(
    ("count", "failing", "status", "reason"),
    [
        (58, 0, "NO DATA", "inconclusive, needs 1 more export"),
        (59, 0, "PASS", "success of csv-10k exports in load, phase measure (59 exports): 100 % (limit >= 95 %)"),
        (60, 0, "PASS", "(60 exports): 100 % (limit >= 95 %)"),
        (80, 4, "NO DATA", "inconclusive, needs "),
        (80, 5, "FAIL", "(80 exports): 93.8 % (limit >= 95 %)"),
    ],
)
def test_success_needs_confidence(count: int, failing: int, status: str, reason: str) -> None:
    """59 exports without a failure show 95 % at 95 % confidence; one fewer does not."""
    limits = with_rule(statistic="success", op=">=", target=0.95, case="csv-10k", scenario="load", phase="measure")
    judged = judged_of(limits, only(count, failing))
    assert (judged.status, reason in judged.reason) == (status, True), judged.reason


@pytest.mark.parametrize(
    ("count", "status", "reason"),
    [
        (58, "NO DATA", "it has no confidence bound yet: inconclusive, needs 1 more export"),
        (59, "PASS", "p95 of csv-10k exports in load (59 exports)"),
        (60, "PASS", "p95 of csv-10k exports in load (60 exports)"),
    ],
)
def test_a_percentile_needs_confidence(count: int, status: str, reason: str) -> None:
    """A P95 has an upper bound from 59 exports on, as the harness's own has."""
    judged = judged_of(with_rule(case="csv-10k", scenario="load", target=60_000.0), only(count))
    assert (judged.status, reason in judged.reason) == (status, True), judged.reason


@pytest.mark.parametrize(("slow", "status"), [(0, "PASS"), (1, "NO DATA"), (4, "NO DATA"), (5, "FAIL")])
def test_a_percentile_near_its_limit_is_inconclusive(slow: int, status: str) -> None:
    """Of 80 exports 4 may be slow for a P95 within the limit, but only none of them makes it certain."""
    judged = judged_of(with_rule(case="csv-10k", scenario="load"), lasting(*[2.0] * slow, 0.5))
    assert judged.status == status, judged.reason
    assert ("more export" in judged.reason) == (status == "NO DATA")


@pytest.mark.parametrize(("successes", "n", "share"), [(58, 58, 0.95), (96, 97, 0.95), (300, 310, 0.95), (9, 10, 0.5)])
def test_so_many_more_make_it_certain(successes: int, n: int, share: float) -> None:
    """With as many more as the reason names, at the same rate, the share is certain."""
    trials = n + more_needed(successes, n, share)
    assert share_is_certain(round(successes / n * trials), trials, share)


@pytest.mark.parametrize(
    ("took_s", "status", "critical"), [(1.0, "PASS", False), (1.5, "FAIL", False), (2.0 + TICK_S, "FAIL", True)]
)
def test_a_rule_beyond_its_critical_bound(took_s: float, status: str, critical: bool) -> None:
    """A failure beyond the critical bound is critical, and the headline says so."""
    report = report_of(rules_of(RULE), load=lasting(took_s))
    judgement = report.verdicts[-1].judgement
    assert (judgement.status, judgement.critical, "critical" in report.headline) == (status, critical, critical)


def test_a_failing_rule_makes_the_run_red_and_no_assertion() -> None:
    """A rule blocks GREEN as any check does, and is none of the six."""
    report = report_of(with_rule(target=0.001))
    assert (report.colour, {six.status for six in report.assertions}) == ("RED", {"PASS"})
    assert report_of(with_rule(target=60_000.0, op="<")).colour == "GREEN"


@pytest.mark.parametrize(
    "fields",
    [
        {"case": "csv-7"},
        {"scenario": "load", "phase": "no-such-phase"},
        {"scenario": "load", "case": "csv-10k", "phase": "leak", "statistic": "rate", "target": 1.0},
        {"case": "pdf-7", "statistic": "success", "op": ">=", "target": 0.5},
        {"case": "pdf-7", "statistic": "mean"},
    ],
)
def test_a_rule_without_an_export_is_no_data(fields: dict[str, Any]) -> None:
    """Nothing passes that was not measured, and the run is not GREEN."""
    report = report_of(with_rule(**fields))
    found = report.verdicts[-1]
    assert (found.status, report.colour) == ("NO DATA", "NO DATA")
    assert found.judgement.reason.endswith("the run has no export to judge it by")
    assert found.judgement.limit is not None


def test_a_phase_that_finished_nothing_has_a_rate_of_zero() -> None:
    """A phase of load whose exports all fail is not passed over because another phase finished some."""
    load_record = with_hits(
        healthy("load"), lambda hit: {"status": 500} if (hit.phase, hit.case) == ("measure", "csv-10k") else None
    )
    found = verdict_of(with_rule(statistic="rate", op=">=", target=0.01, format="csv"), load=load_record)
    assert (found.status, found.judgement.readings[0].value) == ("FAIL", 0.0)


def test_an_unfit_generator_takes_a_rule_back() -> None:
    """A rule rests on the generator's clock, as the harness's own latency checks do."""
    unfit = generated(cpu_ratio=0.99)(lasting(1.5))
    found = verdict_of(rules_of(RULE), load=unfit)
    assert (found.status, found.judgement.reason.startswith("the generator was not fit in load: ")) == (
        "NO DATA",
        True,
    )


def test_a_scenario_that_was_not_run_is_no_data() -> None:
    """A rule of an additional scenario waits for it."""
    found = verdict_of(with_rule(scenario="soak"))
    assert (found.status, found.judgement.reason) == ("NO DATA", "the scenario soak has not been run")


def test_an_additional_scenario_is_judged_by_the_rules_that_name_it() -> None:
    """Each rule has one verdict, whatever other scenarios the run has."""
    limits = rules_of(RULE + RULE.replace('"csv-p95"', '"soak"').replace('"load"', '"soak"'))
    run = healthy_run()
    report = judge(replace(run, scenarios={**run.scenarios, "soak": healthy("load")}), limits)
    assert [(one.scenario, one.id) for one in report.verdicts if one.id.startswith("rule-")] == [
        ("run", "rule-csv-p95"),
        ("run", "rule-soak"),
    ]


RELATIVE = """
[[rule]]
id = "own"
case = "csv-10k"
statistic = "max"
op = "<="
baseline = "+15 %"
reason = "no slower than last time"
scenario = "load"
"""


@pytest.mark.parametrize(
    ("baseline_ms", "status"),
    [(1_000.0, "PASS"), (1_000 / 1.15, "PASS"), (1_000 / 1.16, "FAIL"), (None, "NO DATA")],
)
def test_a_relative_rule(baseline_ms: float | None, status: str) -> None:
    """A relative rule holds up to its distance from the baseline's figure, and has no data without one."""
    figures = {} if baseline_ms is None else {"rule-own": baseline_ms}
    limits = with_baseline(rules_of(RELATIVE), figures)
    judged = judged_of(limits, lasting(1.0 - TICK_S))
    assert judged.status == status
    assert limits.sha256 == rules_of(RELATIVE).sha256
    if baseline_ms is None:
        assert judged.reason == (
            "max of csv-10k exports in load: no figure of a baseline is there to compare with; name a run that has "
            "one by `run --baseline`"
        )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"+15 %"', '"+15 %"\ntarget = 5', "a relative rule has no target"),
        ('"+15 %"', '"+15 %"\ncritical = 5', "a relative rule has no critical"),
        ('"+15 %"', '"15 %"', "baseline must be a signed percentage such as '+15 %', not '15 %'"),
        ('"+15 %"', '"+15"', "baseline must be a signed percentage such as '+15 %', not '+15'"),
        ('"+15 %"', '"-100 %"', "baseline must be above -100 %"),
    ],
)
def test_a_relative_rule_that_can_not_be_used(old: str, new: str, expected: str) -> None:
    """A relative rule has a signed percentage and no other bound."""
    with pytest.raises(LimitsError, match=re.escape(expected)):
        rules_of(RELATIVE.replace(old, new))


def test_the_baseline_s_figure() -> None:
    """The figure of a baseline is the rule's statistic of its exports; None where it has no such scenario or export."""
    (rule,) = rules_of(RELATIVE).rules
    assert measure(rule, {"load": lasting(2.0)}) == 2_000.0
    assert measure(rule, {"smoke": healthy("smoke")}) is None
    assert measure(msgspec.structs.replace(rule, case="csv-7"), {"load": healthy("load")}) is None


def test_a_relative_rule_over_all_scenarios_waits_for_them() -> None:
    """A part of a run is not compared with a whole baseline."""
    limits = with_baseline(rules_of(RELATIVE.replace('scenario = "load"\n', "")), {"rule-own": 0.001})
    (check,) = rule_checks(limits)
    judged = check.judge({"load": healthy("load")}, limits)
    assert judged.status == "NO DATA"
    assert judged.reason == "max of csv-10k exports: the scenario smoke has not been run"
    whole = check.judge(healthy_run().scenarios, limits)
    assert (whole.status, check.title) == ("FAIL", "Rule: max of csv-10k exports <= baseline +15 %")
