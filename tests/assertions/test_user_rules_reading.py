"""A user's own rules as they are read from the limits file: what is taken, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions import __main__ as entry
from assertions.checks.catalogue import CHECKS
from assertions.limits import EDGE_CASES, MOST_RECORDS, LimitsError, Rule, load
from loadtests.datasets.edge_cases import EDGES
from loadtests.datasets.records import MAX_RECORDS
from tests.assertions.test_user_rules import RULE, rules_of


def test_a_rule_is_read_whole() -> None:
    """Every key of the table is in the rule, and the limits are the default ones."""
    limits = rules_of(RULE)
    assert limits.rules == (
        Rule(
            id="csv-p95",
            case="csv-10k",
            format="csv",
            statistic="p95",
            op="<=",
            target=1_000,
            critical=2_000,
            reason="what our customers were promised",
            scenario="load",
            phase="measure",
        ),
    )
    assert limits.by_id == load().by_id
    assert load().rules == ()


def test_a_rule_without_an_id_is_named_by_its_place() -> None:
    """The second table is rule 2."""
    limits = rules_of(RULE + RULE.replace('id = "csv-p95"\n', ""))
    assert [rule.verdict_id for rule in limits.rules] == ["rule-csv-p95", "rule-2"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[[rule]]", "[[rule]]\nwarning = 5", "(csv-p95): Object contains unknown field `warning`"),
        ('"csv-p95"', '"CSV P95"', "(CSV P95): an id is up to 40 lower-case letters, digits and hyphens"),
        ('"csv-p95"', '""', "(): an id is up to 40 lower-case letters, digits and hyphens"),
        ("target = 1_000", "target = nan", "(csv-p95): target must be a finite number"),
        ("target = 1_000", "target = inf", "(csv-p95): target must be a finite number"),
        ("target = 1_000", 'target = "1"', "(csv-p95): Expected `float | null`, got `str` - at `$.target`"),
        ("target = 1_000\n", "", "(csv-p95): needs target or baseline"),
        ("critical = 2_000", "critical = nan", "(csv-p95): critical must be a finite number"),
        ("critical = 2_000", "critical = 999", "(csv-p95): critical must lie on the bad side of target"),
        ('"csv-10k"', '"csv-10g"', "(csv-p95): unknown case 'csv-10g'; known are csv-N, csv-Nk, pdf-N and pdf-Nk"),
        ('"csv-10k"', '"csv-1001k"', "(csv-p95): unknown case 'csv-1001k'; known are"),
        ('"csv-10k"', '"pdf-10k"', "(csv-p95): no export of the case pdf-10k has the format csv"),
        ('format = "csv"', 'format = "xml"', "(csv-p95): Invalid enum value 'xml' - at `$.format`"),
        ('"p95"', '"p90"', "(csv-p95): Invalid enum value 'p90' - at `$.statistic`"),
        ('op = "<="', 'op = "=="', "(csv-p95): Invalid enum value '==' - at `$.op`"),
        ('"what our customers were promised"', '" "', "(csv-p95): reason must not be empty"),
        ('"load"', '""', "(csv-p95): scenario must not be empty"),
        ('"measure"', '""', "(csv-p95): phase must not be empty"),
        ('"p95"', '"success"', "(csv-p95): target of success must lie between 0 and 1"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(old: str, new: str, expected: str) -> None:
    """The message names the file, the entry's number and id, and what is wrong."""
    assert old in RULE
    with pytest.raises(LimitsError) as caught:
        rules_of(RULE.replace(old, new, 1))
    assert str(caught.value).startswith("mine.toml can't be used: [[rule]] number 1 ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RULE + RULE, "[[rule]] number 2: 'csv-p95' is there twice"),
        (RULE.replace('"csv-p95"', '"2"') + RULE.replace('id = "csv-p95"\n', ""), "number 2: '2' is there twice"),
        ("rule = 5", "`rule` must be an array of tables, written [[rule]]"),
        ("rule = [5]", "[[rule]] number 1 (no table): Expected `object`, got `int`"),
    ],
)
def test_rules_that_can_not_stand_together(text: str, expected: str) -> None:
    """Two rules of one id, and what is no list of tables, are errors."""
    with pytest.raises(LimitsError) as caught:
        rules_of(text)
    assert expected in str(caught.value)


def test_a_wrong_rule_ends_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is judged by a file of which a part can't be used."""
    path = tmp_path / "mine.toml"
    path.write_text(RULE.replace("1_000", "inf"))
    assert entry.main([str(tmp_path), "--limits", str(path)]) == 2
    assert f"{path} can't be used: [[rule]] number 1 (csv-p95): target must" in capsys.readouterr().err


def test_the_cases_are_those_of_the_load_tests() -> None:
    """A case that can be asked for is known to the rules, and no other."""
    assert (frozenset(EDGES), MAX_RECORDS) == (EDGE_CASES, MOST_RECORDS)


def test_no_check_has_an_id_that_a_rule_may_have() -> None:
    """A verdict's id is one check's or one rule's."""
    assert [check.id for check in CHECKS if check.id.startswith("rule-")] == []
