"""The rule file is built from the limits: built equals committed, every bound moves, and its own tests still hold."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from assertions.limits import DEFAULT_PATH, Limits, load, parse
from rules.building.build import build_rules, build_tests, companion_of
from rules.coverage import coverage_problems
from rules.expressions import expression_problems
from rules.promtool import find
from rules.records import CaseFile, RuleFile, RulesError, read_rules
from tests.rules.conftest import RULES, TESTS

DEFAULT = DEFAULT_PATH.read_text()


UNBOUND = frozenset({"ExportTargetDown", "ExportMetricsMissing", "ExportQueueStalled"})
"""Alerts on whether something is there at all; no limit moves them."""


def changed(*pairs: tuple[str, str]) -> Limits:
    """The default limits with some texts replaced."""
    text = DEFAULT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return parse(text.encode(), "limits.toml")


def bounds(limits: Limits) -> dict[tuple[str, str], tuple[str, str]]:
    """Each alert's name and severity, with its sign and bound as built."""
    file = msgspec.yaml.decode(build_rules(limits), type=RuleFile)
    found = {}
    for rule in (rule for rule in file.alerts if rule.alert not in UNBOUND):
        match = re.search(r"([<>]) (\S+)$", rule.expr)
        assert match is not None
        found[rule.alert or "", rule.labels["severity"]] = (match[1], match[2])
    return found


def test_built_equals_committed() -> None:
    """The committed files are what `python -m rules build` writes."""
    assert RULES.read_text(encoding="utf-8") == build_rules(load())
    assert TESTS.read_text(encoding="utf-8") == build_tests(load())


def test_the_header_names_every_group() -> None:
    """The comment at the top of the built file has a line for each group, in the file's order."""
    named = re.findall(r"^# (export_\w+): ", build_rules(load()), re.MULTILINE)
    assert named == [group.name for group in read_rules(RULES).groups or ()]


def test_the_runbooks_five_stand_in_a_group_of_their_own() -> None:
    """The runbook's alerts bear its names; ours stand in another group, and no name is in both."""
    groups = {
        group.name: list(dict.fromkeys(rule.alert for rule in group.rules or ()))
        for group in read_rules(RULES).groups or ()
    }
    assert groups == {
        "export_runbook": [
            "ExportLatencyP95High",
            "ExportFailSpike",
            "ExportBytesAnomaly",
            "ExportConcurrentHigh",
            "ExportSuccessRateLow",
        ],
        "export_further": [
            "ExportSuccessRateCritical",
            "ExportQueueNearlyFull",
            "ExportQueueOverBound",
            "ExportOverConcurrencyLimit",
            "ExportMemoryHigh",
        ],
        "export_operations": ["ExportTargetDown", "ExportMetricsMissing", "ExportQueueStalled"],
        "export_objective": [None, "ExportErrorBudgetBurnFast", "ExportErrorBudgetBurnSlow"],
    }


EVERY = (
    ("target = 10_000\ncritical = 30_000", "target = 2_000\ncritical = 6_000"),
    ("target = 0.95\ncritical = 0.90", "target = 0.995\ncritical = 0.98"),
    ('id = "concurrent_exports"\nop = "<="\ntarget = 5', 'id = "concurrent_exports"\nop = "<="\ntarget = 8'),
    ('id = "queue_depth"\nop = "<="\ntarget = 100', 'id = "queue_depth"\nop = "<="\ntarget = 250'),
    ("target = 100_000_000\ncritical = 500_000_000", "target = 64_123_456\ncritical = 256_000_000"),
    ('above = 5\nwindow = "10m"', 'above = 30\nwindow = "30m"'),
    ('above = 10\nwindow = "5m"', 'above = 20\nwindow = "2m"'),
    ('above = 1_000_000_000\nwindow = "1h"', 'above = 2_500_000_000\nwindow = "1d"'),
    ('id = "concurrent_high"\nabove = 10', 'id = "concurrent_high"\nabove = 16'),
    ("above = 80", "above = 200"),
    ('above = 6\nwindow = "1h"', 'above = 10\nwindow = "2h"'),
    ('above = 2\nwindow = "6h"', 'above = 4\nwindow = "12h"'),
)


def test_every_bound_moves_with_the_limits() -> None:
    """A limits file with every bound changed changes every alert's bound and window."""
    limits = changed(*EVERY)
    assert bounds(limits) == {
        ("ExportLatencyP95High", "warning"): (">", "2000"),
        ("ExportLatencyP95High", "critical"): (">", "6000"),
        ("ExportFailSpike", "warning"): (">", "30"),
        ("ExportFailSpike", "critical"): (">", "20"),
        ("ExportBytesAnomaly", "warning"): (">", "2500e6"),
        ("ExportConcurrentHigh", "warning"): (">", "16"),
        ("ExportSuccessRateLow", "warning"): ("<", "0.995"),
        ("ExportSuccessRateCritical", "critical"): ("<", "0.98"),
        ("ExportQueueNearlyFull", "warning"): (">", "200"),
        ("ExportQueueOverBound", "critical"): (">", "250"),
        ("ExportOverConcurrencyLimit", "critical"): (">", "8"),
        ("ExportMemoryHigh", "warning"): (">", "64123456"),
        ("ExportMemoryHigh", "critical"): (">", "256e6"),
        ("ExportErrorBudgetBurnFast", "critical"): (">", "0.05"),
        ("ExportErrorBudgetBurnSlow", "warning"): (">", "0.02"),
    }
    windows = re.findall(r"increase\(export_(?:fail|bytes)_total\[(\w+)\]\)", build_rules(limits))
    assert windows == ["30m", "2m", "1d"]
    recorded = re.findall(r"record: job:export_failed:ratio_rate(\w+)", build_rules(limits))
    assert recorded == ["2h", "10m", "12h", "1h"]


def test_a_burn_rate_beyond_all_exports_is_refused() -> None:
    """A bound that no share of failures can reach would be an alert that never fires."""
    with pytest.raises(RulesError, match=r"^alert bound burn_fast: 6 times the error budget of 20 % is more than all"):
        build_rules(changed(("target = 0.95\ncritical = 0.90", "target = 0.8\ncritical = 0.7")))


def test_every_alert_names_its_section_of_the_docs() -> None:
    """Each alert has the same annotations; its `runbook_url` leads to the section of its own name."""
    for rule in read_rules(RULES).alerts:
        assert list(rule.annotations) == ["summary", "description", "runbook", "runbook_url"]
        assert rule.annotations["runbook_url"] == f"docs/observability.md#{(rule.alert or '').lower()}"
    moved = build_rules(load(), docs="https://wiki.example/export")
    assert "https://wiki.example/export#exporttargetdown" in moved
    assert "docs/observability.md#" not in moved


WITHOUT_CRITICAL = (("critical = 30_000\n", ""), ("critical = 0.90\n", ""), ("critical = 500_000_000\n", ""))
VARIANTS = {
    "every bound changed": EVERY,
    "no critical bounds": WITHOUT_CRITICAL,
    "fractions": (("target = 0.95\ncritical = 0.90", "target = 0.9\ncritical = 0.333"), ("above = 80", "above = 0.5")),
    "windows in the way": (('above = 10\nwindow = "5m"', 'above = 10\nwindow = "315s"'), ('"1h"', '"1m"')),
    "no failure at all": (('above = 5\nwindow = "10m"', 'above = 0\nwindow = "10m"'),),
    "hours and a million": (('above = 10\nwindow = "5m"', 'above = 1_000_000\nwindow = "2h"'),),
}


def differing(built: str, default: str) -> bytes:
    """Return a test file's cases that the default limits' file has not word for word: promtool ran those already."""
    document = msgspec.yaml.decode(built)
    known = msgspec.yaml.decode(default)["tests"]
    return msgspec.json.encode({**document, "tests": [case for case in document["tests"] if case not in known]})


@pytest.mark.e2e
@pytest.mark.parametrize("name", VARIANTS)
def test_built_rules_pass_their_built_tests(name: str, tmp_path: Path) -> None:
    """Whatever the limits, promtool accepts the rules built, their tests pass, and nothing is left unproved.

    The rules of the default limits are the committed ones, which `test_the_committed_rules_pass` checks.
    """
    limits = changed(*VARIANTS[name])
    rules, tests = tmp_path / "mine.yml", tmp_path / companion_of("mine.yml")
    rules.write_text(build_rules(limits, "mine.yml"))
    text = build_tests(limits, "mine.yml")
    tests.write_bytes(differing(text, build_tests(load(), "mine.yml")))
    promtool = find()
    checked, tested = promtool.check_rules(rules), promtool.test_rules(tests)
    assert (checked.exit_code, tested.exit_code) == (0, 0), checked.output + tested.output
    file = read_rules(rules)
    assert expression_problems(file) == ()
    assert coverage_problems(file, msgspec.yaml.decode(text, type=CaseFile), {"mine.yml": True}) == ()


def test_without_critical_bounds_there_are_no_such_alerts() -> None:
    """A limit without a critical step has no critical alert."""
    assert set(bounds(load())) - set(bounds(changed(*WITHOUT_CRITICAL))) == {
        ("ExportLatencyP95High", "critical"),
        ("ExportSuccessRateCritical", "critical"),
        ("ExportMemoryHigh", "critical"),
    }


@pytest.mark.parametrize("name", ["export.yml", "a/b.c.yaml"])
def test_names_of_test_files(name: str) -> None:
    """The tests of NAME.yml are NAME.test.yml."""
    assert companion_of(name) == {"export.yml": "export.test.yml", "a/b.c.yaml": "b.c.test.yaml"}[name]
