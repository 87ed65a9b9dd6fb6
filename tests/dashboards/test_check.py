"""The dashboard's check: the committed one is right, and each thing broken in it is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from dashboards import source
from dashboards.__main__ import EXPORT
from dashboards.check import expression_problems, query_variables, structure_problems
from dashboards.model import Dashboard, DashboardError, parse

Model = dict[str, Any]
Change = Callable[[Model], object]

SOURCE = "only the datasource variable fits every server"


def both(dashboard: Dashboard) -> tuple[str, ...]:
    """The problems of structure, then those of the queries."""
    return (*structure_problems(dashboard), *expression_problems(dashboard))


def problems(change: Change) -> tuple[str, ...]:
    """The problems of the committed dashboard after one change."""
    model = json.loads(source.text())
    change(model)
    return both(parse(json.dumps(model)))


def panel(number: int, **keys: object) -> Change:
    """Set keys of one panel, counted from 0."""
    return lambda model: model["panels"][number].update(keys)


def query(number: int, index: int, **keys: object) -> Change:
    """Set keys of one query of one panel, both counted from 0."""
    return lambda model: model["panels"][number]["targets"][index].update(keys)


def thresholds(*values: object) -> Change:
    """Set the bounds of the first panel's thresholds."""
    steps = [{"color": "red", "value": value} for value in values]
    return lambda model: model["panels"][0]["fieldConfig"]["defaults"]["thresholds"].update(steps=steps)


def test_the_committed_file_is_the_sources_output() -> None:
    """export.json is exactly what the source writes; `python -m dashboards build` rewrites it."""
    assert EXPORT.read_text(encoding="utf-8") == source.text()


def test_the_committed_dashboard_is_right() -> None:
    """Nothing is wrong with the dashboard that we ship: five panels that read all nine families."""
    dashboard = parse(EXPORT.read_bytes())
    assert both(dashboard) == ()
    assert [shown.title for shown in dashboard.drawn] == [
        "Export latency",
        "Success rate",
        "Concurrency and queue depth",
        "Throughput and bytes",
        "Memory per export",
    ]


def test_thresholds_are_the_contracts_limits() -> None:
    """The bounds drawn in the panels are the limits of the contract, on both axes."""
    bounds = {}
    for shown in json.loads(EXPORT.read_text())["panels"]:
        drawn = [shown["fieldConfig"]["defaults"]["thresholds"]]
        for override in shown["fieldConfig"]["overrides"]:
            drawn += [entry["value"] for entry in override["properties"] if entry["id"] == "thresholds"]
        bounds[shown["title"]] = [[step["value"] for step in axis["steps"][1:]] for axis in drawn]
    assert bounds == {
        "Export latency": [[10_000, 30_000]],
        "Success rate": [[0.90, 0.95]],
        "Concurrency and queue depth": [[MAX_CONCURRENT], [MAX_QUEUE]],
        "Throughput and bytes": [[0.05]],
        "Memory per export": [[100_000_000, 500_000_000]],
    }


CHANGES: list[tuple[Change, str]] = [
    (lambda model: model.pop("title"), "the dashboard has no title"),
    (lambda model: model.update(uid=None), "the dashboard has no uid, so each import makes another one"),
    (lambda model: model.update(schemaVersion=35), "schemaVersion is 36 to 41 here, not 35"),
    (lambda model: model.update(schemaVersion=42), "schemaVersion is 36 to 41 here, not 42"),
    (panel(1, id=1), "2 panels have the id 1"),
    (panel(1, id=None), "1 panels have no id from 1 on"),
    (panel(1, id=0), "1 panels have no id from 1 on"),
    (panel(1, title="Export latency"), "2 panels have the title 'Export latency'"),
    (panel(1, title=""), "1 panels have no title"),
    (panel(0, type="graph"), "panel 1 'Export latency': its type 'graph' is none of "),
    (panel(0, datasource=None), "panel 1 'Export latency': it names no datasource"),
    (panel(0, datasource={"type": "prometheus", "uid": "abc"}), f"it reads from the datasource 'abc'; {SOURCE}"),
    (panel(0, datasource={"type": "loki", "uid": "${datasource}"}), "it reads from a datasource of type 'loki'"),
    (query(0, 0, datasource={"type": "prometheus", "uid": "$x"}), "query A: it reads from the datasource '$x'; "),
    (panel(0, gridPos={"x": 13, "y": 30, "w": 12, "h": 9}), "gridPos x=13 y=30 w=12 h=9 is not inside a grid 24 wide"),
    (panel(0, gridPos={"x": 0, "y": 30, "w": 12, "h": 0}), "gridPos x=0 y=30 w=12 h=0 is not inside a grid 24 wide"),
    (panel(0, gridPos={"x": 1, "y": 0, "w": 12, "h": 9}), "'Export latency' and panel 2 'Success rate' overlap"),
    (panel(0, fieldConfig={}), "panel 1 'Export latency': it names no unit"),
    (thresholds(None, 2, 1), "its thresholds do not rise from a first one without a value"),
    (thresholds(None, 2, 2), "its thresholds do not rise from a first one without a value"),
    (thresholds(None, None), "its thresholds do not rise from a first one without a value"),
    (thresholds(1, 2), "its thresholds do not rise from a first one without a value"),
    (thresholds(), "its thresholds do not rise from a first one without a value"),
    (query(0, 1, refId="A"), "panel 1 'Export latency': 2 queries have the refId A"),
    (query(0, 1, refId=""), "panel 1 'Export latency': 1 queries have no refId"),
    (query(0, 1, expr=" "), "panel 1 'Export latency', query B: it has no expr"),
    (query(0, 1, legendFormat=""), "query B: it has no legendFormat, so its series show as raw label sets"),
    (query(0, 1, legendFormat="{{ user }}"), "B: its legend speaks of label user, which the result lacks: format"),
    (query(0, 1, expr="rate(export_bytes_total[$interval])"), "query B: $interval is no variable here; known are "),
    (query(0, 1, expr="rate(export_queue_depth[$__rate_interval])"), "query B: rate() of export_queue_depth, which"),
    (query(0, 1, expr="export_latency_ms_bucket_bucket"), "B: export_latency_ms_bucket_bucket is no metric of"),
    (query(0, 1, expr="sum("), "query B: is no PromQL: "),
    (query(4, 0, expr="export_queue_depth", legendFormat="x"), "no panel reads export_memory_bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), CHANGES, ids=[problem[-40:] for _, problem in CHANGES])
def test_each_change_is_named(change: Change, problem: str) -> None:
    """One thing broken in the committed dashboard gives one problem, which says what and where."""
    found = problems(change)
    assert len(found) == 1
    assert problem in found[0]


def test_no_queries_and_no_panels_are_told() -> None:
    """A panel without queries, and a dashboard without panels, are problems."""
    assert problems(panel(4, targets=[])) == (
        "panel 5 'Memory per export': it has no queries",
        "no panel reads export_memory_bytes",
    )
    found = problems(lambda model: model.update(panels=[]))
    assert found[0] == "the dashboard has no panels"
    assert len(found) == 10


def test_without_the_variable_no_datasource_is_right() -> None:
    """When the datasource variable goes, it is missed, and so it is by each panel and query."""
    found = problems(lambda model: model.update(templating={"list": []}))
    assert found[0] == "no variable of type datasource chooses a Prometheus"
    assert len(found) == 1 + 5 + 13


def test_a_query_may_take_its_panels_datasource() -> None:
    """A query that names no datasource is right: Grafana takes its panel's."""
    assert problems(lambda model: model["panels"][0]["targets"][0].pop("datasource")) == ()


def test_panels_inside_a_row_are_checked_too() -> None:
    """A collapsed row hides its panels from no check."""

    def into_a_row(model: Model) -> None:
        hidden = copy.deepcopy(model["panels"][4])
        hidden["targets"][0]["expr"] = "no_such"
        place = {"x": 0, "y": 40, "w": 24, "h": 1}
        row = {
            "id": 9,
            "type": "row",
            "title": "More",
            "gridPos": place,
            "panels": [hidden | {"id": 10, "title": "In"}],
        }
        model["panels"].append(row)

    assert problems(into_a_row) == ("panel 10 'In', query A: no_such is no metric of the contract",)


def test_a_variable_of_the_dashboard_is_replaced_by_its_value() -> None:
    """A custom variable stands for its current value; one without a value is unknown."""

    def with_variable(value: object) -> Change:
        def change(model: Model) -> None:
            model["templating"]["list"].append({"name": "format", "type": "custom", "current": {"value": value}})
            model["panels"][4]["targets"][0]["expr"] = 'export_memory_bytes{format="$format"}'

        return change

    assert problems(with_variable("csv")) == ()
    assert "matches no series; format is one of" in problems(with_variable("xls"))[0]
    assert "$format is no variable here" in problems(with_variable(["csv", "pdf"]))[0]


def test_grafanas_own_variables_are_known() -> None:
    """Without variables of its own a dashboard still knows Grafana's."""
    assert query_variables(Dashboard())["__rate_interval"] == "1m"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"panels": 1}', '{"schemaVersion": "36"}', b"\xff"])
def test_what_is_no_dashboard_is_an_error(text: str | bytes) -> None:
    """Text that is no JSON object of Grafana's types leaves no verdict."""
    with pytest.raises(DashboardError, match=r"^is no dashboard: "):
        parse(text)
