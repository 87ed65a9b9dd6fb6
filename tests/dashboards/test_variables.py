"""Variables of a dashboard: what Grafana takes is taken, and what they make of a query is held against the contract."""

from __future__ import annotations

import json

import pytest

from dashboards.model import parse
from dashboards.variables import query_variables
from tests.dashboards.test_check import Change, Model, drawn, problems


def with_variable(pattern: str, **variable: object) -> Change:
    """Add the variable `format`, and use it in the last panel's query."""

    def change(model: Model) -> None:
        model["templating"]["list"].append({"name": "format", **variable})
        drawn(model)[10]["targets"][0]["expr"] = f"export_memory_bytes{{format{pattern}}}"

    return change


VARIABLES: list[tuple[str, dict[str, object]]] = [
    ('=~"$format"', {"type": "custom", "query": "csv,pdf", "multi": True, "includeAll": True, "current": ["$__all"]}),
    ('=~"$format"', {"type": "custom", "query": "csv,pdf", "multi": True, "current": {"value": ["csv", "pdf"]}}),
    ('=~"${format:regex}"', {"type": "custom", "query": "a : csv, b : pdf", "current": {"value": ["$__all"]}}),
    ('=~"$format"', {"type": "query", "query": "label_values(export_bytes_total, format)", "allValue": ".*",
                     "current": {"value": "$__all"}}),
    ('=~"$format"', {"type": "query", "query": {"query": "label_values(export_bytes_total, format)", "refId": "x"},
                     "current": {}}),
    ('="$format"', {"type": "query", "query": "label_values(export_bytes_total{status=\"success\"}, format)"}),
    ('="$format"', {"type": "query", "definition": "label_values(format)", "query": {"qryType": 1}, "current": {}}),
    ('="$format"', {"type": "custom", "query": "csv,pdf", "current": {}}),
    ('="$format"', {"type": "textbox", "query": "pdf", "current": {}}),
    ('="$format"', {"type": "constant", "query": "pdf"}),
    ('=~"$format"', {"type": "query", "query": "query_result(x)", "includeAll": True, "current": {"value": "$__all"}}),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "variable"), VARIABLES)
def test_variables_that_grafana_takes(pattern: str, variable: dict[str, object]) -> None:
    """All, several, default and not yet known values of a variable are no problem."""
    if isinstance(variable.get("current"), list):
        variable = {**variable, "current": {"text": ["All"], "value": variable["current"]}}
    assert problems(with_variable(pattern, **variable)) == ()


def test_a_variable_with_a_wrong_value_is_still_named() -> None:
    """What a variable makes of a query is held against the contract, like any other query."""
    found = problems(with_variable('=~"$format"', type="custom", query="xls,doc", current={"value": "$__all"}))
    assert "matches no series; format is one of csv, pdf" in found[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ({"type": "interval", "query": "30s,1m,5m", "current": {}}, "30s"),
        ({"type": "interval", "query": "30s,1m", "current": {"value": "$__auto_interval_x"}}, "15s"),
        ({"type": "custom", "query": "1,2", "current": {"value": 2}}, "2"),
        ({"type": "query", "query": "label_values(export_requests_total, user)"}, "any"),
        ({"type": "query", "query": "label_values(export_requests_total, status)", "current": {"value": ["$__all"]}},
         "(started|succeeded|failed|rejected)"),
    ],
)  # fmt: skip
def test_what_a_variable_stands_for(variable: dict[str, object], value: str) -> None:
    """A variable's value is the one that Grafana would fill in."""
    dashboard = parse(json.dumps({"templating": {"list": [{"name": "x", **variable}]}}))
    assert query_variables(dashboard)["x"] == value
