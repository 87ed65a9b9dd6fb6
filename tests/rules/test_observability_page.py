"""The page on alerts and the dashboard names what the files hold: each alert, panel and source of a bound."""

from __future__ import annotations

import json
import re
from pathlib import Path

from assertions.limits import load
from rules.records import read_rules
from tests.rules.conftest import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def test_each_alert_and_severity_has_its_row() -> None:
    """The two tables hold each rule once, group by group, in the rule file's order."""
    rows = re.findall(r"^\| `(Export\w+)` \| [^|]+ \| (warning|critical) \|", PAGE, re.MULTILINE)
    assert rows == [(rule.alert, rule.labels["severity"]) for rule in read_rules(RULES).alerts]


def test_each_alert_has_its_section() -> None:
    """Every `runbook_url` leads to a heading of the page, and no heading is left over."""
    sections = re.findall(r"^#### (Export\w+)$", PAGE, re.MULTILINE)
    assert sections == list(dict.fromkeys(rule.alert for rule in read_rules(RULES).alerts))


def test_each_panel_of_the_runbook_has_its_row() -> None:
    """The table of panels holds the first row's panels in the dashboard's order."""
    model = json.loads((ROOT / "dashboards" / "grafana-export-dashboard.json").read_text(encoding="utf-8"))
    table = PAGE.split("| panel | kind | unit | shows |")[1].split("\n\n")[0]
    assert re.findall(r"^\| ([^|`-]+) \|", table, re.MULTILINE) == [panel["title"] for panel in model["panels"][1:6]]


def test_each_bound_has_its_source() -> None:
    """The last table names each alert, and only limits and alert bounds that exist."""
    table = PAGE.split("| alert | takes its bound from |")[1].split("\n\n")[0]
    limits = load()
    assert set(re.findall(r"`(Export\w+)`", table)) == {rule.alert for rule in read_rules(RULES).alerts}
    assert set(re.findall(r"\[\[limit\]\] (\w+)", table)) <= limits.by_id.keys()
    named = re.findall(r"\[\[alert\]\] ([^|]+) \|", table)
    assert {name for cell in named for name in re.findall(r"\w+", cell)} == limits.alerts.keys()
