"""The meta-check turns red for each thing that promtool passes silently."""

from __future__ import annotations

import pytest

from rules.coverage import coverage_problems
from rules.records import AlertCase, CaseFile, CaseGroup, ExpectedAlert, Group, InputSeries, Rule, RuleFile

WARNING = Rule(alert="Deep", expr="export_queue_depth > 80", labels={"severity": "warning"})
CRITICAL = Rule(alert="Deep", expr="export_queue_depth > 100", labels={"severity": "critical"})
FED = (InputSeries(series='export_queue_depth{instance="a"}'),)
FOUND = {"export.yml": True}


def rules(*alerts: Rule) -> RuleFile:
    """A rule file of one group."""
    return RuleFile(groups=(Group(name="g", rules=alerts),))


def case(*severities: str, name: str | None = "Deep") -> AlertCase:
    """A case that expects an alert of each severity."""
    return AlertCase(
        alertname=name,
        eval_time="5m",
        exp_alerts=tuple(ExpectedAlert(exp_labels={"severity": s, "instance": "a"}) for s in severities),
    )


def case_file(*cases: AlertCase, fed: tuple[InputSeries, ...] | None = FED) -> CaseFile:
    """A test file of one test."""
    return CaseFile(rule_files=("export.yml",), tests=(CaseGroup(name="t", input_series=fed, alert_rule_test=cases),))


def test_firing_and_silent_cases_for_each_severity_are_enough() -> None:
    """With both cases for both severities nothing is left unproved."""
    assert coverage_problems(rules(WARNING, CRITICAL), case_file(case("warning", "critical"), case()), FOUND) == ()


@pytest.mark.parametrize(
    ("cases", "problems"),
    [
        (
            (),
            (
                'Deep{severity="warning"} has no case in which it fires',
                'Deep{severity="warning"} has no case in which it keeps silent',
            ),
        ),
        ((case("warning"),), ('Deep{severity="warning"} has no case in which it keeps silent',)),
        ((case(),), ('Deep{severity="warning"} has no case in which it fires',)),
        ((case("critical"),), ('Deep{severity="warning"} has no case in which it fires',)),
        ((case("warning"), case("critical")), ()),
        (
            (case("warning"), case(), case(name="Deeep")),
            ("test 't' names the alert Deeep, which the rule file has not",),
        ),
        ((case("warning"), case(), case(name=None)), ("test 't' has an alert_rule_test at 5m without alertname",)),
    ],
)
def test_cases_of_one_alert(cases: tuple[AlertCase, ...], problems: tuple[str, ...]) -> None:
    """A missing firing case, a missing silent case and a misspelt or missing name are each reported."""
    found = coverage_problems(rules(WARNING), case_file(*cases), FOUND)
    assert sorted(found) == sorted(problems)


@pytest.mark.parametrize(
    "fed", [None, (), (InputSeries(series="export_memory_bytes"),), (InputSeries(series="export_queue_depth{"),)]
)
def test_silence_without_its_metric_proves_nothing(fed: tuple[InputSeries, ...] | None) -> None:
    """A silent case that feeds none of the alert's metrics in does not count."""
    assert coverage_problems(rules(WARNING), case_file(case("warning"), case(), fed=fed), FOUND) == (
        'Deep{severity="warning"} keeps silent only where none of its metrics is fed in, which proves nothing',
    )


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (RuleFile(), "the rule file holds no rules"),
        (RuleFile(groups=()), "the rule file holds no rules"),
        (RuleFile(groups=(Group(name="g"),)), "the rule file holds no rules"),
        (rules(Rule(record="x:y", expr="sum(export_queue_depth)")), "the rule file holds no alerts"),
    ],
)
def test_no_rules_and_no_alerts_are_reported(file: RuleFile, problem: str) -> None:
    """A rule file without anything to prove is a problem, in each of its forms."""
    assert coverage_problems(file, CaseFile(rule_files=("export.yml",), tests=(CaseGroup(),)), FOUND) == (problem,)


def test_no_tests_and_no_rule_files_are_reported() -> None:
    """An empty test file is reported twice over: no tests, no rule files."""
    problems = coverage_problems(rules(WARNING), CaseFile(), {})
    assert problems[:2] == ("the test file holds no tests", "the test file names no rule_files")


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        ({}, ("rule_files: export.yml matches no file",)),
        ({"export.yml": None}, ("rule_files: export.yml matches no file",)),
        (
            {"export.yml": False},
            ("rule_files: no entry matches the rule file under check, so other rules are tested than these",),
        ),
    ],
)
def test_rule_files_must_match_the_rules_under_check(found: dict[str, bool | None], problems: tuple[str, ...]) -> None:
    """A pattern that matches nothing, and one that matches other rules, are reported."""
    assert coverage_problems(rules(WARNING), case_file(case("warning"), case()), found) == problems


def test_a_rule_twice_is_reported() -> None:
    """Two alerts of one name and the same labels can't be distinguished by any test."""
    assert coverage_problems(rules(WARNING, WARNING), case_file(case("warning"), case()), FOUND) == (
        'Deep{severity="warning"} is there twice; give each its own severity',
    )


def test_an_unreadable_expression_is_reported() -> None:
    """An expression that can't be read is a problem, not an accident."""
    broken = Rule(alert="Deep", expr="export_queue_depth >", labels={"severity": "warning"})
    (problem,) = coverage_problems(rules(broken), case_file(case("warning"), case()), FOUND)
    assert problem.startswith('Deep{severity="warning"}: its expression is no PromQL')


def test_a_label_with_a_template_may_have_any_value() -> None:
    """An expected alert fits a rule whose label is a template when the label is there, with whatever value."""
    severity = "{{ if gt $value 80.0 }}critical{{ else }}warning{{ end }}"
    rule = Rule(alert="Deep", expr="export_queue_depth > 50", labels={"severity": severity, "team": "x"})
    fires = AlertCase(
        alertname="Deep",
        exp_alerts=(ExpectedAlert(exp_labels={"severity": "critical", "team": "x", "instance": "a"}),),
    )
    assert coverage_problems(rules(rule), case_file(fires, case()), FOUND) == ()
    other = AlertCase(alertname="Deep", exp_alerts=(ExpectedAlert(exp_labels={"team": "x"}),))
    (problem,) = coverage_problems(rules(rule), case_file(other, case()), FOUND)
    assert problem.endswith("has no case in which it fires")


@pytest.mark.parametrize(
    ("expr", "fed", "proved"),
    [
        ("depth:max > 1", "export_queue_depth", True),
        ("depth:max > 1", "depth:max", True),
        ("depth:max > 1", "export_memory_bytes", False),
        ('up{job="export"} == 0', 'up{job="export", instance="a"}', True),
        ('up{job="export"} == 0', "export_queue_depth", False),
    ],
)
def test_silence_on_recorded_and_built_in_names(expr: str, fed: str, proved: bool) -> None:
    """A silent case feeds the recorded name or what it is recorded from; `up` counts as itself."""
    file = rules(
        Rule(record="depth:max", expr="max(export_queue_depth)"),
        Rule(alert="Deep", expr=expr, labels={"severity": "warning"}),
    )
    tests = case_file(case("warning"), case(), fed=(InputSeries(series=fed),))
    assert (coverage_problems(file, tests, FOUND) == ()) is proved
