"""The meta-check: does the test file really test the rule file?

`promtool test rules` passes silently when an alertname is misspelt with `exp_alerts: []`, when `rule_files` matches
nothing, when an alert is named by no test, and `check rules` when there are no rules at all. Each is a problem here.

Pure: what the files hold comes in, sentences go out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from assertions.contract import FAMILIES
from assertions.prometheus.promql import PromqlError, series_in
from rules.recorded import sources_of
from rules.records import AlertCase, CaseFile, CaseGroup, Rule, RuleFile


def coverage_problems(rules: RuleFile, tests: CaseFile, found: Mapping[str, bool | None]) -> tuple[str, ...]:
    """Return what the tests leave unproved; empty when each alert has a firing and a silent case.

    `found` says of each pattern in `rule_files`: None, it matches no file; True, it matches the rule file under check;
    False, it matches only others. A firing case expects an alert with all of the rule's own labels. A silent case names
    the alert, expects none with these labels, and feeds in a metric that the alert reads (or it would prove nothing).
    """
    return (*_file_problems(rules, tests, found), *_name_problems(rules, tests), *_case_problems(rules, tests))


def _file_problems(rules: RuleFile, tests: CaseFile, found: Mapping[str, bool | None]) -> Iterator[str]:
    if not rules.rules:
        yield "the rule file holds no rules"
    elif not rules.alerts:
        yield "the rule file holds no alerts"
    if not tests.tests:
        yield "the test file holds no tests"
    patterns = tests.rule_files or ()
    if not patterns:
        yield "the test file names no rule_files"
    for pattern in patterns:
        if found.get(pattern) is None:
            yield f"rule_files: {pattern} matches no file"
    if any(found.get(pattern) is False for pattern in patterns) and True not in found.values():
        yield "rule_files: no entry matches the rule file under check, so other rules are tested than these"


def _name_problems(rules: RuleFile, tests: CaseFile) -> Iterator[str]:
    seen: set[str] = set()
    for rule in rules.alerts:
        if rule.identity in seen:
            yield f"{rule.identity} is there twice; give each its own severity"
        seen.add(rule.identity)
    names = {rule.alert for rule in rules.alerts}
    for group, case in _cases(tests):
        if not case.alertname:
            yield f"test {group.name!r} has an alert_rule_test at {case.eval_time} without alertname"
        elif case.alertname not in names:
            yield f"test {group.name!r} names the alert {case.alertname}, which the rule file has not"


def _case_problems(rules: RuleFile, tests: CaseFile) -> Iterator[str]:
    for rule in rules.alerts:
        try:
            needed = _families(sources_of(rule.expr, rules))
        except PromqlError as error:
            yield f"{rule.identity}: its expression {error}"
            continue
        named = [(group, case) for group, case in _cases(tests) if case.alertname == rule.alert]
        if not any(_expects(case, rule) for _, case in named):
            yield f"{rule.identity} has no case in which it fires"
        silent = [group for group, case in named if not _expects(case, rule)]
        if not silent:
            yield f"{rule.identity} has no case in which it keeps silent"
        elif not any(needed & _fed(group) for group in silent):
            yield f"{rule.identity} keeps silent only where none of its metrics is fed in, which proves nothing"


def _cases(tests: CaseFile) -> Iterator[tuple[CaseGroup, AlertCase]]:
    for group in tests.tests or ():
        for case in group.alert_rule_test or ():
            yield group, case


def _expects(case: AlertCase, rule: Rule) -> bool:
    return any(_bears(alert.exp_labels, rule) for alert in case.exp_alerts or ())


def _bears(labels: Mapping[str, str], rule: Rule) -> bool:
    """Whether an expected alert can be this rule's: its fixed labels as written, a templated one with any value."""
    return all(name in labels if "{{" in value else labels.get(name) == value for name, value in rule.labels.items())


def _fed(group: CaseGroup) -> set[str]:
    names: set[str] = set()
    for series in group.input_series or ():
        try:
            names |= series_in(series.series)
        except PromqlError:
            continue  # promtool says what is wrong with it; here it just feeds nothing
    return _families(names)


def _families(names: Iterable[str]) -> set[str]:
    """The contract's families of series, and the names themselves of those outside of it."""
    of_series = {series: family.name for family in FAMILIES for series in family.series}
    return {of_series.get(name, name) for name in names}
