"""The committed rules speak of the contract and its limits; broken ones are named."""

from __future__ import annotations

import re

import pytest

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from rules.expressions import expression_problems
from rules.records import Group, Rule, RuleFile, read_rules
from tests.rules.conftest import RULES


def one(expr: str, **annotations: str) -> RuleFile:
    """A rule file with one alert."""
    rule = Rule(alert="A", expr=expr, labels={"severity": "warning"}, annotations=annotations)
    return RuleFile(groups=(Group(name="g", rules=(rule,)),))


def test_the_committed_rules_are_right() -> None:
    """Nothing is wrong with the expressions and annotations that we ship."""
    assert expression_problems(read_rules(RULES)) == ()


def test_the_committed_bounds_are_the_contracts() -> None:
    """Each alert compares with the limit that the contract gives for it."""
    bounds = {}
    for rule in read_rules(RULES).alerts:
        match = re.search(r"([<>]) ([0-9.e]+)$", rule.expr)
        assert match is not None
        bounds[rule.alert, rule.labels["severity"]] = (match[1], float(match[2]))
    assert bounds == {
        ("ExportLatencyP95High", "warning"): (">", 10_000),
        ("ExportLatencyP95High", "critical"): (">", 30_000),
        ("ExportFailSpike", "warning"): (">", 5),
        ("ExportFailSpike", "critical"): (">", 10),
        ("ExportBytesAnomaly", "warning"): (">", 1e9),
        ("ExportConcurrentHigh", "warning"): (">", 10),
        ("ExportSuccessRateLow", "warning"): ("<", 0.95),
        ("ExportSuccessRateCritical", "critical"): ("<", 0.90),
        ("ExportQueueNearlyFull", "warning"): (">", 80),
        ("ExportQueueOverBound", "critical"): (">", MAX_QUEUE),
        ("ExportOverConcurrencyLimit", "critical"): (">", MAX_CONCURRENT),
        ("ExportMemoryHigh", "warning"): (">", 100e6),
        ("ExportMemoryHigh", "critical"): (">", 500e6),
    }


def test_the_committed_alerts_have_their_annotations() -> None:
    """Each alert tells what happened, with which figures, and what to do."""
    assert {frozenset(rule.annotations) for rule in read_rules(RULES).alerts} == {
        frozenset({"summary", "description", "runbook"})
    }


@pytest.mark.parametrize(
    ("file", "problems"),
    [
        (RuleFile(), ("the rule file holds no rules",)),
        (one("no_such > 1"), ('A{severity="warning"}: no_such is no metric of the contract',)),
        (
            one("rate(export_queue_depth[5m]) > 1"),
            ('A{severity="warning"}: rate() of export_queue_depth, which is a gauge, means nothing',),
        ),
        (
            one("export_queue_depth"),
            ('A{severity="warning"}: compares nothing, so it fires as long as its metric exists',),
        ),
        (
            one("export_queue_depth > 1", summary="{{ $labels.instance }} {{ $labels.format }} {{ $labels.severity }}"),
            (
                'A{severity="warning"}: annotation summary speaks of label format, which the result lacks: '
                "instance, job",
                'A{severity="warning"}: annotation summary speaks of label severity, which the result lacks: '
                "instance, job",
            ),
        ),
        (one("export_queue_depth > 1", summary="{{ $labels.instance }} {{ $value }}"), ()),
    ],
)
def test_broken_rules_are_named(file: RuleFile, problems: tuple[str, ...]) -> None:
    """Each kind of broken rule gives its problem, with the rule's name before it."""
    assert expression_problems(file) == problems


def test_a_recording_rule_need_not_compare() -> None:
    """Only an alert must be conditional; a recording rule is named as it is."""
    record = Rule(record="depth:sum", expr="sum(export_queue_depth)")
    assert expression_problems(RuleFile(groups=(Group(name="g", rules=(record,)),))) == ()
    assert record.identity == "depth:sum"
