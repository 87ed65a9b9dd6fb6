"""Each alert is tested in each situation that it can come into; the test file itself is read for that."""

from __future__ import annotations

import pytest

from rules.proving.mutants import mutants_of
from rules.recorded import sources_of
from rules.records import Rule, read_rules
from tests.rules.conftest import RULES, TESTS
from tests.rules.situations import COUNTERS, Seen, expanded, situations

FILE = read_rules(RULES)
WINDOW_S = 600
"""Longer than any window of an alert whose silence without traffic is shown, but those of a recorded rate."""
NO_COUNTER = frozenset({"ExportMetricsMissing"})
"""It asks whether counters are there, not for their values."""
SILENT_BEFORE_ANY = frozenset({"ExportQueueStalled"})
"""It fires where a counter stands still, so no first count sets it off."""


def seen(rule: Rule) -> tuple[Seen, ...]:
    """Every test that looks at an alert."""
    return situations(TESTS, rule.alert or "", rule.labels["severity"], sources_of(rule.expr, FILE))


def reads_counters(rule: Rule) -> bool:
    """Whether the alert is decided by how counters move."""
    return rule.alert not in NO_COUNTER and any(name.endswith(COUNTERS) for name in sources_of(rule.expr, FILE))


def alerts(*, waiting: bool = False, counting: bool = False) -> list[Rule]:
    """The alerts, those with a `for` only, or those that are decided by counters."""
    return [rule for rule in FILE.alerts if (rule.wait or not waiting) and (reads_counters(rule) or not counting)]


def name(rule: Rule) -> str:
    """The name of a parametrised case."""
    return rule.identity


@pytest.mark.parametrize("rule", alerts(), ids=name)
def test_each_alert_fires_and_resolves(rule: Rule) -> None:
    """In some test the alert fires, and in some test it fires first and is silent later."""
    assert any(one.fires for one in seen(rule))
    assert any(one.resolves for one in seen(rule))


@pytest.mark.parametrize("rule", alerts(waiting=True), ids=name)
def test_each_alert_with_a_wait_is_pending_first(rule: Rule) -> None:
    """In some test the alert is silent first and fires later; that its `for` is exact is shown by its mutants."""
    assert any(one.waits for one in seen(rule))


@pytest.mark.parametrize("rule", alerts(counting=True), ids=name)
def test_each_alert_on_counters_sees_a_restart_and_idleness(rule: Rule) -> None:
    """In some test a counter falls back; in some test the alert is silent while nothing is exported."""
    assert any(one.resets for one in seen(rule))
    assert any(one.idles(WINDOW_S) for one in seen(rule))


@pytest.mark.parametrize(
    "rule", [rule for rule in alerts(counting=True) if rule.alert not in SILENT_BEFORE_ANY], ids=name
)
def test_each_alert_on_counters_sees_the_first_count_ever(rule: Rule) -> None:
    """In some test a counter stands at 0, moves for the first time, and the alert fires."""
    assert any(one.begins for one in seen(rule))


def test_each_bound_is_exact() -> None:
    """The rules have mutants on each side of each bound and `for`; the stored proof, tested too, has them killed."""
    kinds = {
        rule.identity: {one.kind for one in mutants_of(FILE) if one.identity == rule.identity} for rule in FILE.alerts
    }
    without = {"ExportMetricsMissing"}  # absent() has no bound
    assert {rule.identity for rule in FILE.alerts if not kinds[rule.identity] >= {"comparison", "number"}} == {
        rule.identity for rule in FILE.alerts if rule.alert in without
    }
    assert all("for" in kinds[rule.identity] for rule in alerts(waiting=True))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7", (7.0,)),
        ("5x2", (5.0, 5.0, 5.0)),
        ("1+2x3", (1.0, 3.0, 5.0, 7.0)),
        ("4-1.5x1 0", (4.0, 2.5, 0.0)),
        ("0x1 stale _x2 3", (0.0, 0.0, None, None, None, 3.0)),
        ("_ 1e9", (None, 1e9)),
    ],
)
def test_values_as_promtool_writes_them(text: str, values: tuple[float | None, ...]) -> None:
    """The notation of a test's series is read as promtool reads it."""
    assert expanded(text) == values
