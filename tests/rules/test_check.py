"""The pure parts of the run: which files the tests read, what a page must hold, how results look on file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assertions.record.files import read_one, write_one
from rules.check import Inputs, rule_files_found
from rules.page import page_problems
from rules.promtool import find
from rules.records import CaseFile, PromtoolResults, RuleFile, Step, read_rules
from tests.rules.conftest import RULES, Copies, narrow
from tests.rules.endpoint import page
from tests.rules.golden import RESULTS, path, whole


def test_rule_files_are_looked_for_next_to_the_tests(tmp_path: Path) -> None:
    """A pattern counts from the test file's folder, absolute ones as they are; nothing, ours, others differ."""
    (tmp_path / "sub").mkdir()
    for name in ("mine.yml", "sub/other.yml"):
        (tmp_path / name).write_text("")
    inputs = Inputs(rules=tmp_path / "mine.yml", tests=tmp_path / "mine.test.yml")
    patterns = ("mine.yml", "*.yml", str(tmp_path / "m*.yml"), "sub/*.yml", "sub", "none-*.yml", "", "**x", "[")
    assert rule_files_found(inputs, CaseFile(rule_files=patterns)) == {
        "mine.yml": True,
        "*.yml": True,
        str(tmp_path / "m*.yml"): True,
        "sub/*.yml": False,
        "sub": None,
        "none-*.yml": None,
        "": None,
        "**x": None,
        "[": None,
    }
    assert rule_files_found(inputs, CaseFile()) == {}


@pytest.mark.parametrize(
    ("top_bound_ms", "problems"),
    [
        (60000, ()),
        (30000, ('ExportLatencyP95High{severity="critical"} can never fire: the highest finite bucket is 30000 ms',)),
        (
            10000,
            (
                'ExportLatencyP95High{severity="warning"} can never fire: the highest finite bucket is 10000 ms',
                'ExportLatencyP95High{severity="critical"} can never fire: the highest finite bucket is 10000 ms',
            ),
        ),
    ],
)
def test_buckets_must_reach_beyond_the_alerts_bounds(top_bound_ms: float, problems: tuple[str, ...]) -> None:
    """A latency alert whose bound is not below the highest finite bucket can never fire, and is named."""
    assert page_problems(page(2, top_bound_ms=top_bound_ms), read_rules(RULES)) == problems


def test_a_page_without_rules_is_judged_by_itself() -> None:
    """Where the rules could not be read, the page is still looked at."""
    assert page_problems(page(2), None) == ()
    assert page_problems("# nothing\n", None) == ("the page holds no samples",)
    assert page_problems('a{b="c} 1\n', None)[0].startswith("the page can't be read: ")


def altered(copies: Copies, index: int, change: dict[str, str | None]) -> int:
    """Return promtool's exit code on the cases of one alert that was changed; a value of None removes the key."""
    model = msgspec.yaml.decode(RULES.read_bytes())
    alerts = [rule for group in model["groups"] for rule in group["rules"] if "alert" in rule]
    for key, value in change.items():
        if value is None:
            del alerts[index][key]
        else:
            alerts[index][key] = value
    copies.rules.write_text(json.dumps(model))
    narrow(copies, ALERTS[index].alert or "")
    return find().test_rules(copies.tests).exit_code


ALERTS = read_rules(RULES).alerts
NAMES = [rule.identity for rule in ALERTS]
WAITING = [index for index, rule in enumerate(ALERTS) if rule.wait]


@pytest.mark.e2e
@pytest.mark.parametrize("index", range(len(ALERTS)), ids=NAMES)
def test_each_alert_must_be_able_to_fire(index: int, copies: Copies) -> None:
    """An alert that can never fire turns its own cases red: its firing case bites."""
    expr = ALERTS[index].expr
    assert altered(copies, index, {"expr": f"({expr}) unless on () vector(1)"}) == 1


@pytest.mark.e2e
@pytest.mark.parametrize("index", range(len(ALERTS)), ids=NAMES)
def test_each_alert_must_be_able_to_keep_silent(index: int, copies: Copies) -> None:
    """An alert that fires on any value turns its own cases red: its silent case bites."""
    expr = ALERTS[index].expr
    always = re.sub(r"(?:[<>]|==) [0-9.e]+$", ">= 0", expr)
    if always == expr:  # absence compares nothing
        always = f'({expr}) or label_replace(vector(1), "job", "export", "", "")'
    assert altered(copies, index, {"expr": always}) == 1


@pytest.mark.e2e
@pytest.mark.parametrize("index", WAITING, ids=[NAMES[index] for index in WAITING])
def test_each_wait_is_tested(index: int, copies: Copies) -> None:
    """An alert that no longer waits (`for`) turns its own cases red."""
    assert altered(copies, index, {"for": None}) == 1


@pytest.mark.e2e
@pytest.mark.parametrize("index", {rule.alert: index for index, rule in enumerate(ALERTS)}.values())
def test_an_alert_by_itself_without_a_change_is_green(index: int, copies: Copies) -> None:
    """The three tests above are red only by their change: each alert as it is keeps its own cases green."""
    assert altered(copies, index, {}) == 0


@pytest.mark.parametrize("name", RESULTS)
def test_reports_word_by_word(name: str) -> None:
    """The page and the terminal's lines, for green, red and no promtool, are those in tests/rules/golden."""
    assert whole(name) == path(name).read_text(encoding="utf-8")


TEXT = st.text(max_size=20)
STEPS = st.builds(
    Step,
    name=st.sampled_from(("version", "check rules", "test rules", "rule coverage", "check metrics", "series offered")),
    argv=st.lists(TEXT, max_size=3).map(tuple),
    exit_code=st.none() | st.integers(-64, 255),
    output=TEXT,
    ok=st.booleans(),
    note=st.none() | TEXT,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        PromtoolResults,
        version=st.none() | TEXT,
        steps=st.lists(STEPS, max_size=6).map(tuple),
        ok=st.booleans(),
        alerts=st.lists(TEXT, max_size=3).map(tuple),
        file=st.none() | TEXT,
        ours=st.none() | st.booleans(),
    )
)
def test_results_round_trip(tmp_path: Path, results: PromtoolResults) -> None:
    """What is written to promtool.json is what is read from it."""
    write_one(tmp_path / "promtool.json", results)
    assert read_one(tmp_path / "promtool.json", PromtoolResults) == results


def test_rule_file_lists_its_rules_in_order() -> None:
    """All groups' rules come in order, and only alerts among the alerts."""
    assert [rule.alert for rule in ALERTS][:3] == ["ExportLatencyP95High"] * 2 + ["ExportFailSpike"]
    assert RuleFile().rules == ()
