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
    """Each alert compares with the limit that the contract gives for it, or with what its operation makes of that."""
    bounds = {
        (rule.alert, rule.labels["severity"]): [
            (sign, float(bound)) for sign, bound in re.findall(r" ([<>=!]=?) ([0-9.e]+)", rule.expr)
        ]
        for rule in read_rules(RULES).alerts
    }
    assert bounds == {
        ("ExportLatencyP95High", "warning"): [(">", 10_000)],
        ("ExportLatencyP95High", "critical"): [(">", 30_000)],
        ("ExportFailSpike", "warning"): [(">", 5)],
        ("ExportFailSpike", "critical"): [(">", 10)],
        ("ExportBytesAnomaly", "warning"): [(">", 1e9)],
        ("ExportConcurrentHigh", "warning"): [(">", 10)],
        ("ExportSuccessRateLow", "warning"): [("<", 0.95)],
        ("ExportSuccessRateCritical", "critical"): [("<", 0.90)],
        ("ExportQueueNearlyFull", "warning"): [(">", 80)],
        ("ExportQueueOverBound", "critical"): [(">", MAX_QUEUE)],
        ("ExportOverConcurrencyLimit", "critical"): [(">", MAX_CONCURRENT)],
        ("ExportMemoryHigh", "warning"): [(">", 100e6)],
        ("ExportMemoryHigh", "critical"): [(">", 500e6)],
        ("ExportTargetDown", "critical"): [("==", 0)],
        ("ExportMetricsMissing", "critical"): [],
        ("ExportQueueStalled", "critical"): [(">", 0), ("==", 0)],
        ("ExportErrorBudgetBurnFast", "critical"): [(">", 0.3), (">", 0.3)],
        ("ExportErrorBudgetBurnSlow", "warning"): [(">", 0.1), (">", 0.1)],
    }


def test_the_committed_alerts_have_their_annotations() -> None:
    """Each alert tells what happened, with which figures, what to do, and which page knows more."""
    assert {frozenset(rule.annotations) for rule in read_rules(RULES).alerts} == {
        frozenset({"summary", "description", "runbook", "runbook_url"})
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


def labelled(**labels: str) -> RuleFile:
    """A rule file with one alert that waits, with these labels."""
    rule = Rule(alert="A", expr="export_queue_depth > 50", wait="5m", labels=labels)
    return RuleFile(groups=(Group(name="g", rules=(rule,)),))


@pytest.mark.parametrize(
    "template",
    [
        "{{ if gt $value 80.0 }}critical{{ else }}warning{{ end }}",
        "{{- if gt .Value 80.0 -}}critical{{- else if gt $value 60.0 -}}high{{- else -}}warning{{- end -}}",
        "{{ $v := $value }}{{ if gt $v 80.0 }}critical{{ else }}warning{{ end }}",
        "{{ $labels.instance }}",
        "{{ $values }}",
    ],
)
def test_a_label_may_be_chosen_by_the_value(template: str) -> None:
    """A label that takes one of a few words by the value is right."""
    assert expression_problems(labelled(severity=template)) == ()


@pytest.mark.parametrize(
    "template",
    [
        "{{ $value }}",
        '{{ printf "%.0f" $value }}',
        "{{ $value | humanize }}",
        "{{ .Value }}",
        "{{ $v := $value }}{{ $v }}",
        "{{ with $value }}{{ . }}{{ end }}",
    ],
)
def test_a_label_must_not_hold_the_value(template: str) -> None:
    """A label that prints the value makes another alert of every sample."""
    (problem,) = expression_problems(labelled(depth=template))
    assert problem == (
        f'A{{depth="{template}"}}: the label depth holds $value, so every sample is another alert and `for` '
        "never ends; put it into an annotation"
    )


def test_a_label_template_speaks_of_labels_that_are_there() -> None:
    """A label's template is held against the labels of the result, as an annotation's is."""
    (problem,) = expression_problems(labelled(team="{{ $labels.format }}"))
    assert "label team speaks of label format, which the result lacks: instance, job" in problem


RECORD = Rule(record="format:export_failures:rate5m", expr="sum by (format) (rate(export_fail_total[5m]))")


def recorded(*rules: Rule) -> RuleFile:
    """A rule file with the recording rule and others."""
    return RuleFile(groups=(Group(name="g", rules=(*rules, RECORD)),))


def test_names_recorded_in_the_same_file_are_known() -> None:
    """An alert on a recorded name is right, wherever the recording stands, and through a chain of them."""
    chain = Rule(record="export_failures:sum", expr="sum(format:export_failures:rate5m)", labels={"team": "x"})
    alerts = (
        Rule(alert="A", expr="format:export_failures:rate5m > 1", annotations={"s": "{{ $labels.format }}"}),
        Rule(alert="B", expr='export_failures:sum{team="x"} > 1', annotations={"s": "{{ $labels.team }}"}),
        Rule(alert="C", expr="up == 0"),
        Rule(alert="D", expr='scrape_duration_seconds{job="export"} > 1'),
    )
    assert expression_problems(recorded(*alerts, chain)) == ()


@pytest.mark.parametrize(
    ("expr", "problem"),
    [
        ("format:export_failures:rate1m > 1", "format:export_failures:rate1m is no metric of the contract"),
        ('format:export_failures:rate5m{reason="io"} > 1', "has no label reason; it has format"),
        ('format:export_failures:rate5m{format="xls"} > 1', "matches no series; format is one of csv, pdf"),
        ("up{format='csv'} == 0", "up has no label format; it has instance, job"),
    ],
)
def test_recorded_and_built_in_names_have_their_labels_only(expr: str, problem: str) -> None:
    """A recorded name carries the labels of its expression, and Prometheus' own names those of a target."""
    (found,) = expression_problems(recorded(Rule(alert="A", expr=expr)))
    assert problem in found


def test_recordings_that_go_in_a_circle_end() -> None:
    """Two names recorded from each other, and one that can't be read, are no accident."""
    one, two = Rule(record="a:x", expr="b:x"), Rule(record="b:x", expr="a:x")
    broken = Rule(record="c:x", expr="sum(")
    found = expression_problems(recorded(one, two, broken, Rule(alert="A", expr='c:x{format="csv"} > a:x')))
    assert [problem.split(":")[0] for problem in found] == ["c"]
