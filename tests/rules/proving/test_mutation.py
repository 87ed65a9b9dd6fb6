"""Mutation of rules: every part of an expression is changed, and what no test notices survives by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rules.promtool import find
from rules.proving.mutants import mutants_of, seconds
from rules.proving.mutation import report, run_mutants
from rules.records import RuleFile, RulesError

RULES = """\
groups:
  - name: mine
    rules:
      - alert: Waits
        expr: max_over_time(export_queue_depth{job="a"}[5m]) > 3
        for: 2m
"""
TESTS = """\
rule_files: [mine.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'export_queue_depth{job="a"}'
        values: '5x30'
    alert_rule_test:
      - eval_time: 20m
        alertname: Waits
        exp_alerts: [{exp_labels: {job: a}}]
"""
NONE = "mutant = []\n"


def file_of(expr: str, wait: str = "") -> RuleFile:
    """A rule file with one alert."""
    return msgspec.convert(
        {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr, "for": wait}]}]}, RuleFile, strict=False
    )


def test_every_kind_of_part_is_changed() -> None:
    """Comparison, number, window, `for`, matcher, metric, grouping, operator and function each give mutants."""
    expr = 'sum by (job, format) (rate(export_bytes_total{status="success"}[5m])) > 1e9 and on (job) up == 0'
    found = {(mutant.kind, mutant.change) for mutant in mutants_of(file_of(expr, "5m"))}
    assert found == {
        ("function", "sum becomes max (1)"),
        ("grouping", "label job dropped (1)"),
        ("grouping", "label format dropped (1)"),
        ("grouping", "label job dropped (2)"),
        ("metric", "export_bytes_total renamed (1)"),
        ("matcher", 'status="success" negated (1)'),
        ("matcher", 'status="success" asks for another value (1)'),
        ("matcher", 'status="success" dropped (1)'),
        ("window", "[5m] becomes [150s] (1)"),
        ("window", "[5m] becomes [10m] (1)"),
        ("comparison", "> becomes >= (1)"),
        ("comparison", "> becomes < (1)"),
        ("comparison", "> becomes == (1)"),
        ("number", "1e9 becomes 1100000000 (1)"),
        ("number", "1e9 becomes 900000000 (1)"),
        ("operator", "and becomes or (1)"),
        ("operator", "and becomes unless (1)"),
        ("metric", "up renamed (1)"),
        ("comparison", "== becomes != (1)"),
        ("comparison", "== becomes > (1)"),
        ("number", "0 becomes 1 (1)"),
        ("number", "0 becomes -1 (1)"),
        ("for", "5m becomes 150s"),
        ("for", "5m becomes 10m"),
        ("for", "5m becomes none"),
    }


def test_a_mutant_changes_one_thing() -> None:
    """The expression of a mutant differs from the rule's in the changed part only."""
    changed = {mutant.change: mutant.expr for mutant in mutants_of(file_of("export_queue_depth > 80"))}
    assert changed["> becomes >= (1)"] == "export_queue_depth >= 80"
    assert changed["80 becomes 81 (1)"] == "export_queue_depth > 81"
    assert changed["export_queue_depth renamed (1)"] == "export_queue_depth_renamed > 80"


@pytest.mark.parametrize(("text", "value_s"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1d", 86_400)])
def test_durations(text: str, value_s: int) -> None:
    """Durations are read as Prometheus writes them."""
    assert seconds(text) == value_s


@pytest.mark.parametrize("text", ["", "5", "m", "5x", "5m "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


def written(folder: Path, equivalent: str = NONE) -> tuple[Path, Path, Path]:
    """The rules, tests and list of this module in a folder."""
    paths = (folder / "mine.yml", folder / "mine.test.yml", folder / "equivalent.toml")
    for path, text in zip(paths, (RULES, TESTS, equivalent), strict=True):
        path.write_text(text)
    return paths


@pytest.mark.e2e
def test_what_no_test_notices_survives_by_name(tmp_path: Path) -> None:
    """A test that only fires notices neither the bound, nor the window, nor the wait; the score says so."""
    rules, tests, listed = written(tmp_path)
    results = run_mutants(rules, tests, find(), listed)
    assert {survivor.id.removeprefix("Waits: ") for survivor in results.survivors} == {
        "function: max_over_time becomes min_over_time (1)",
        'matcher: job="a" dropped (1)',
        "window: [5m] becomes [150s] (1)",
        "window: [5m] becomes [10m] (1)",
        "comparison: > becomes >= (1)",
        "number: 3 becomes 4 (1)",
        "number: 3 becomes 2 (1)",
        "for: 2m becomes 1m",
        "for: 2m becomes 4m",
        "for: 2m becomes none",
    }
    assert (results.ok, results.rules[0].killed, results.rules[0].mutants) == (False, 5, 15)
    assert report(results).splitlines()[-1] == "mutation score 33.33 %: 5 of 15 mutants killed, 0 equivalent"


@pytest.mark.e2e
def test_an_entry_that_names_no_survivor_is_stale(tmp_path: Path) -> None:
    """The list of equivalent mutants can't hide what a test kills, nor what is no mutant."""
    entry = '[[mutant]]\nid = "Waits: comparison: > becomes < (1)"\nreason = "none"\n'
    rules, tests, listed = written(tmp_path, entry)
    results = run_mutants(rules, tests, find(), listed)
    assert results.stale == ("Waits: comparison: > becomes < (1)",)
    assert not results.ok


@pytest.mark.e2e
def test_rules_that_fail_their_tests_have_no_score(tmp_path: Path) -> None:
    """Where the unchanged rules fail, every mutant would count as killed."""
    rules, tests, listed = written(tmp_path)
    rules.write_text(RULES.replace("> 3", "> 30"))
    with pytest.raises(RulesError, match="the unchanged rules fail their tests: Waits"):
        run_mutants(rules, tests, find(), listed)


def test_a_part_that_is_not_known_is_named() -> None:
    """A sign that this program can't place is an error, not a smaller number of mutants."""
    with pytest.raises(ValueError, match="is no part of PromQL that can be changed"):
        mutants_of(file_of("up ^ 2"))
