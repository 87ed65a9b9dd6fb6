"""The runbook's names and lines are in the files, word for word, and docs/runbook.md has a row for each."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from assertions import contract
from assertions.checks.catalogue import ASSERTIONS, CHECKS
from assertions.judge import judge
from assertions.limits import load
from assertions.summary import runbook_text
from evidence.reports.checklists.boxes import FINAL_VALIDATION, GREEN_STATUS
from evidence.reports.checklists.ticks import Checklist
from tests.assertions.healthy.records import healthy_run
from tests.loadtests.command import run_command
from tests.processes import end_of, start_module
from tests.service.helpers import running

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text("utf-8")
RUNBOOK = tomllib.loads(Path(__file__).with_name("runbook_names.toml").read_text("utf-8"))
(BOXES,) = (ROOT / "tests" / "evidence").rglob("runbook_boxes.txt")


def rows() -> Iterator[list[str]]:
    """The cells of every row of docs/runbook.md, heads left out."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[0] != "runbook" and set(cells[0]) != {"-"}:
            yield cells


def match_lines(patterns: list[str], text: str) -> list[str]:
    """The patterns that match no line of a text."""
    lines = text.splitlines()
    return [pattern for pattern in patterns if not any(re.fullmatch(pattern, line) for line in lines)]


def lines_of(checklist: Checklist) -> Iterator[str]:
    """A checklist in the form of the runbook's."""
    yield f"## {checklist.title}"
    for section in checklist.sections:
        yield f"### {section.title}"
        yield from (f"- {box.text}" for box in section.boxes)


@pytest.mark.parametrize("alert", RUNBOOK["alerts"])
def test_each_alert_is_a_rule_and_is_tested_and_documented(alert: str) -> None:
    """An alert of the runbook is in the rule file's group for it, in the rule tests and in both pages."""
    groups = yaml.safe_load((ROOT / "rules" / "export.yml").read_text("utf-8"))["groups"]
    named = {rule["alert"] for group in groups if group["name"] == "export_runbook" for rule in group["rules"]}
    assert named == set(RUNBOOK["alerts"])
    for path in ("rules/export.test.yml", "docs/observability.md", "docs/runbook.md"):
        assert alert in (ROOT / path).read_text("utf-8"), path


def test_the_dashboard_has_the_five_panels_by_title() -> None:
    """The first five panels are the runbook's, in its order, and the pages name them."""
    dashboard = json.loads((ROOT / "dashboards" / "grafana-export-dashboard.json").read_text("utf-8"))
    titles = [panel["title"] for panel in dashboard["panels"] if panel["type"] != "row"]
    assert titles[:5] == RUNBOOK["panels"]
    for title in RUNBOOK["panels"]:
        assert title in PAGE, title


def test_each_artifact_is_written_and_documented() -> None:
    """The artifact names stand in the code that writes run directories, and in both pages."""
    code = "".join(path.read_text("utf-8") for path in (*ROOT.glob("evidence/**/*.py"), *ROOT.glob("rules/*.py")))
    evidence_page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    for name in RUNBOOK["artifacts"]:
        assert name in code, name
        assert f"`{name}`" in PAGE, name
        assert f"`{name}`" in evidence_page, name


@pytest.mark.parametrize("path", RUNBOOK["files"])
def test_each_file_is_at_its_place(path: str) -> None:
    """Files that the runbook names are there under that name."""
    assert (ROOT / path).is_file()
    assert f"`{path}`" in PAGE


def test_the_boxes_are_the_runbooks() -> None:
    """Both checklists of the report read like the runbook's, box by box."""
    shown = [line for checklist in (GREEN_STATUS, FINAL_VALIDATION) for line in lines_of(checklist)]
    assert shown == BOXES.read_text("utf-8").splitlines()


def test_the_assertions_are_the_runbooks() -> None:
    """Six assertions with the runbook's words, and nine metrics."""
    assert [spec.title for spec in ASSERTIONS] == RUNBOOK["assertions"]
    assert len(contract.FAMILIES) == RUNBOOK["metrics"]


def test_assert_prints_the_runbooks_lines() -> None:
    """Of a GREEN run the block comes line for line in the runbook's form."""
    shown = runbook_text(judge(healthy_run(), load())).splitlines()[: len(RUNBOOK["assert_lines"])]
    for pattern, line in zip(RUNBOOK["assert_lines"], shown, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)


@pytest.mark.e2e
def test_the_service_prints_the_runbooks_start_lines(tmp_path: Path) -> None:
    """A real service's first lines are those of Step 3, word for word; its routes, the runbook's among them, follow."""
    process = start_module("service", "--port", "0", "--exports", tmp_path / "e", stdout=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    process.terminate()
    shown = end_of(process).out.splitlines()
    for pattern, line in zip(RUNBOOK["start_lines"], shown[: len(RUNBOOK["start_lines"])], strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)
    paths = [line.partition(" (")[0] for line in shown[len(RUNBOOK["start_lines"]) :]]
    assert set(RUNBOOK["routes"]) <= set(paths)
    assert shown[1].replace(".", "\\.") == RUNBOOK["start_lines"][1]


def row_of(words: str) -> list[str]:
    """The cells of the row of docs/runbook.md that has these words; fails where there is none."""
    found = [cells for cells in rows() if any(words in cell for cell in cells)]
    assert found, words
    return found[0]


@pytest.mark.parametrize("bound", RUNBOOK["alert_bounds"], ids=lambda bound: f"{bound['alert']}-{bound['severity']}")
def test_each_alert_has_the_runbooks_bound(bound: Mapping[str, str]) -> None:
    """Threshold, window and severity of the rule are the runbook's, and the page has them."""
    groups = yaml.safe_load((ROOT / "rules" / "export.yml").read_text("utf-8"))["groups"]
    (rule,) = [
        rule
        for group in groups
        for rule in group["rules"]
        if (rule.get("alert"), rule.get("labels", {}).get("severity")) == (bound["alert"], bound["severity"])
    ]
    assert rule["expr"].endswith(f" {bound['bound']}")
    assert "window" not in bound or set(re.findall(r"\[(\w+)\]", rule["expr"])) == {bound["window"]}
    assert bound["row"] in row_of(f"`{bound['alert']}`,")[0]


def test_no_alert_of_the_runbook_has_a_bound_of_ours() -> None:
    """Each rule under one of the runbook's names is one of the table's."""
    groups = yaml.safe_load((ROOT / "rules" / "export.yml").read_text("utf-8"))["groups"]
    rules = [
        (rule["alert"], rule["labels"]["severity"])
        for group in groups
        for rule in group["rules"]
        if rule.get("alert") in RUNBOOK["alerts"]
    ]
    assert rules == [(bound["alert"], bound["severity"]) for bound in RUNBOOK["alert_bounds"]]


@pytest.mark.parametrize("panel", RUNBOOK["panel_kinds"], ids=lambda panel: panel["title"])
def test_each_panel_has_the_runbooks_unit_and_kind(panel: Mapping[str, str]) -> None:
    """Kind and unit of the panel are those that the runbook's title asks for, and the page names them."""
    dashboard = json.loads((ROOT / "dashboards" / "grafana-export-dashboard.json").read_text("utf-8"))
    (found,) = [one for one in dashboard["panels"] if one.get("title") == panel["title"]]
    assert (found["type"], found["fieldConfig"]["defaults"]["unit"]) == (panel["kind"], panel["unit"])
    assert row_of(panel["title"])[1] == panel["row"]


@pytest.mark.parametrize("bound", RUNBOOK["limit_bounds"], ids=lambda bound: bound["limit"])
def test_each_limit_is_the_runbooks(bound: Mapping[str, Any]) -> None:
    """Target and critical bound in the limits file are the runbook's, and the page's row names the limit."""
    limit = load()[bound["limit"]]
    assert (limit.op, limit.target, limit.critical) == (bound["op"], bound["target"], bound.get("critical"))
    assert f"`{bound['limit']}`" in row_of(bound["row"])[1]


def test_rows_without_a_proof_are_known() -> None:
    """Only what is no promise of a run, and nothing else, has no check, test or command in its third column."""
    assert [cells[0] for cells in rows() if not cells[2]] == RUNBOOK["unproved"]


@pytest.mark.e2e
def test_seed_prints_the_runbooks_lines(tmp_path: Path) -> None:
    """One export and the batch, made by a running service, are reported in the runbook's form."""
    with running(exports=tmp_path / "exports") as service:
        single = run_command("seed", "--records", "1000", "--format", "csv", "--target", service.url)
        batch = run_command("seed", "--batch", "--target", service.url)
        routes = [service.get(route).status for route in RUNBOOK["routes"] if route != "/export/run"]
    assert (single.code, match_lines(RUNBOOK["seed_lines"], single.out)) == (0, [])
    assert (batch.code, match_lines(RUNBOOK["batch_lines"], batch.out)) == (0, [])
    assert batch.out.count("✅ Export successful: {") == 5
    assert routes == [200] * 3


def test_every_proof_in_the_page_exists() -> None:
    """The third column names checks of the catalogue, tests or commands, and every path in the page is there."""
    known = {check.id for check in CHECKS} | {"verify"}
    for cells in rows():
        proofs = re.findall(r"`([^`]+)`", cells[2])
        assert [proof for proof in proofs if proof not in known and not (ROOT / proof).is_file()] == [], cells
    assert len(list(rows())) > 45
