"""The dashboard's check: the committed one is right, and each thing broken in it is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from assertions.contract import MAX_CONCURRENT, MAX_QUEUE
from assertions.limits import DEFAULT_PATH
from assertions.limits import load as load_limits
from assertions.limits import parse as parse_limits
from dashboards import source
from dashboards.__main__ import EXPORT
from dashboards.check import expression_problems, offered_problems, structure_problems
from dashboards.model import Dashboard, DashboardError, parse
from dashboards.variables import query_variables
from tests.rules.endpoint import page

Model = dict[str, Any]
Change = Callable[[Model], object]

SOURCE = "only the datasource variable fits every server"


def both(dashboard: Dashboard) -> tuple[str, ...]:
    """The problems of structure, then those of the queries."""
    return (*structure_problems(dashboard), *expression_problems(dashboard))


def problems(change: Change) -> tuple[str, ...]:
    """The problems of the committed dashboard after one change."""
    model = json.loads(source.text(load_limits()))
    change(model)
    return both(parse(json.dumps(model)))


def drawn(model: Model) -> list[Model]:
    """The panels of a dashboard's JSON without its rows."""
    return [panel for panel in model["panels"] if panel["type"] != "row"]


def panel(number: int, **keys: object) -> Change:
    """Set keys of one panel, counted from 0, rows left out."""
    return lambda model: drawn(model)[number].update(keys)


def query(number: int, index: int, **keys: object) -> Change:
    """Set keys of one query of one panel, both counted from 0, rows left out."""
    return lambda model: drawn(model)[number]["targets"][index].update(keys)


def without_source(model: Model) -> None:
    """Remove the data source from the first panel and its query."""
    del drawn(model)[0]["datasource"], drawn(model)[0]["targets"][0]["datasource"]


def thresholds(*values: object) -> Change:
    """Set the bounds of the first panel's thresholds."""
    steps = [{"color": "red", "value": value} for value in values]
    return lambda model: drawn(model)[0]["fieldConfig"]["defaults"]["thresholds"].update(steps=steps)


def test_the_committed_file_is_the_sources_output() -> None:
    """The file is exactly what the source writes; `python -m dashboards build` rewrites it."""
    assert EXPORT.name == "grafana-export-dashboard.json"
    assert EXPORT.read_text(encoding="utf-8") == source.text(load_limits())


def test_the_committed_dashboard_is_right() -> None:
    """Nothing is wrong with the dashboard that we ship, and it reads all nine families."""
    assert both(parse(EXPORT.read_bytes())) == ()


def test_the_runbooks_five_panels() -> None:
    """The runbook's panels stand first, by title, kind and unit; ours stand in rows below."""
    model = json.loads(EXPORT.read_text())
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for one in model["panels"]:
        if one["type"] == "row":
            inside = rows.setdefault(one["title"], [])
        else:
            unit = one["options"]["yAxis"] if one["type"] == "heatmap" else one["fieldConfig"]["defaults"]
            inside.append((one["title"], one["type"], unit["unit"]))
    assert rows == {
        "Export@Scale": [
            ("Export Latency P95 (ms)", "timeseries", "ms"),
            ("Export Success Rate (%)", "gauge", "percent"),
            ("Export Bytes Total (MB)", "timeseries", "decmbytes"),
            ("Concurrent Exports", "timeseries", "short"),
            ("Export Throughput (ops/sec)", "timeseries", "ops"),
        ],
        "Latency and outcomes": [
            ("Latency percentiles by format", "timeseries", "ms"),
            ("Success rate over time", "timeseries", "percentunit"),
            ("Failed exports by reason", "timeseries", "ops"),
            ("Requests by outcome", "timeseries", "reqps"),
        ],
        "Queue and memory": [
            ("Queue depth", "timeseries", "short"),
            ("Memory per export", "timeseries", "decbytes"),
        ],
        "Latency heat map": [("Latency of exports", "heatmap", "ms")],
        "Alerts": [("Alerts by state", "timeseries", "short")],
    }


def test_bytes_are_cumulative_and_the_gauge_shows_the_present() -> None:
    """Bytes are the counter's total in megabytes; the gauge asks for the present value, not for a range."""
    by_title = {one["title"]: one for one in drawn(json.loads(EXPORT.read_text()))}
    (total,) = by_title["Export Bytes Total (MB)"]["targets"]
    chosen = '{format=~"$format", instance=~"$instance"}'
    assert total["expr"] == f"sum by (format) (export_bytes_total{chosen}) / 1e6"
    (rate,) = by_title["Export Success Rate (%)"]["targets"]
    assert (rate["expr"], rate["instant"], rate["range"]) == (f"100 * export_success_rate{chosen}", True, False)


def bounds_of(model: Model) -> dict[str, list[float]]:
    """The bounds of each panel that has some."""
    found = {}
    for shown in drawn(model):
        steps = shown["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        if len(steps) > 1:
            found[shown["title"]] = [step["value"] for step in steps[1:]]
    return found


def test_thresholds_are_the_contracts_limits() -> None:
    """The bounds drawn in the panels are the limits of the contract."""
    assert bounds_of(json.loads(EXPORT.read_text())) == {
        "Export Latency P95 (ms)": [10_000, 30_000],
        "Export Success Rate (%)": [90, 95],
        "Concurrent Exports": [MAX_CONCURRENT],
        "Export Throughput (ops/sec)": [0.05],
        "Latency percentiles by format": [10_000, 30_000],
        "Success rate over time": [0.90, 0.95],
        "Queue depth": [80, MAX_QUEUE],
        "Memory per export": [100_000_000, 500_000_000],
    }


def test_thresholds_move_with_the_limits() -> None:
    """Another limits file gives other bounds, and a limit without a critical step gives one bound only."""
    text = DEFAULT_PATH.read_text()
    for old, new in (
        ("target = 10_000\ncritical = 30_000", "target = 2_000"),
        ("target = 0.95\ncritical = 0.90", "target = 0.99"),
        ("target = 5\n", "target = 8\n"),
        ("target = 0.05", "target = 2.5"),
        ("target = 100_000_000\ncritical = 500_000_000", "target = 1_000\ncritical = 2_000"),
        ("target = 100\n", "target = 50\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    model = source.dashboard(parse_limits(text.encode(), "limits.toml"))
    assert bounds_of(model) == {
        "Export Latency P95 (ms)": [2_000],
        "Export Success Rate (%)": [99],
        "Concurrent Exports": [8],
        "Export Throughput (ops/sec)": [2.5],
        "Latency percentiles by format": [2_000],
        "Success rate over time": [0.99],
        "Queue depth": [50, 80],
        "Memory per export": [1_000, 2_000],
    }
    assert both(parse(json.dumps(model))) == ()


CHANGES: list[tuple[Change, str]] = [
    (lambda model: model.pop("title"), "the dashboard has no title"),
    (lambda model: model.update(uid=None), "the dashboard has no uid, so each import makes another one"),
    (lambda model: model.update(schemaVersion=35), "schemaVersion is 36 to 41 here, not 35"),
    (lambda model: model.update(schemaVersion=42), "schemaVersion is 36 to 41 here, not 42"),
    (panel(1, id=2), "2 panels have the id 2"),
    (panel(1, id=None), "1 panels have no id from 1 on"),
    (panel(1, id=0), "1 panels have no id from 1 on"),
    (panel(1, title="Export Latency P95 (ms)"), "2 panels have the title 'Export Latency P95 (ms)'"),
    (panel(1, title=""), "1 panels have no title"),
    (panel(0, type="graph"), "panel 2 'Export Latency P95 (ms)': its type 'graph' is none of "),
    (without_source, "panel 2 'Export Latency P95 (ms)': it names no datasource"),
    (panel(0, datasource={"type": "prometheus", "uid": "abc"}), f"it reads from the datasource 'abc'; {SOURCE}"),
    (panel(0, datasource={"type": "loki", "uid": "${datasource}"}), "it reads from a datasource of type 'loki'"),
    (query(0, 0, datasource={"type": "prometheus", "uid": "$x"}), "query A: it reads from the datasource '$x'; "),
    (panel(0, gridPos={"x": 13, "y": 80, "w": 12, "h": 9}), "gridPos x=13 y=80 w=12 h=9 is not inside a grid 24 wide"),
    (panel(0, gridPos={"x": 0, "y": 80, "w": 12, "h": 0}), "gridPos x=0 y=80 w=12 h=0 is not inside a grid 24 wide"),
    (panel(0, gridPos={"x": 1, "y": 1, "w": 12, "h": 8}), "P95 (ms)' and panel 3 'Export Success Rate (%)' overlap"),
    (panel(0, fieldConfig={}), "panel 2 'Export Latency P95 (ms)': it names no unit"),
    (thresholds(None, 2, 1), "its thresholds do not rise from a first one without a value"),
    (thresholds(None, 2, 2), "its thresholds do not rise from a first one without a value"),
    (thresholds(None, None), "its thresholds do not rise from a first one without a value"),
    (thresholds(1, 2), "its thresholds do not rise from a first one without a value"),
    (thresholds(), "its thresholds do not rise from a first one without a value"),
    (query(4, 1, refId="A"), "panel 6 'Export Throughput (ops/sec)': 2 queries have the refId A"),
    (query(4, 1, refId=""), "panel 6 'Export Throughput (ops/sec)': 1 queries have no refId"),
    (query(5, 1, expr=" "), "panel 8 'Latency percentiles by format', query B: it has no expr"),
    (query(5, 1, legendFormat=""), "query B: it has no legendFormat, so its series show as raw label sets"),
    (query(5, 1, legendFormat="{{ user }}"), "B: its legend speaks of label user, which the result lacks: format"),
    (query(5, 1, expr="rate(export_bytes_total[$interval])"), "query B: $interval is no variable here; known are "),
    (query(5, 1, expr="rate(export_queue_depth[$__rate_interval])"), "query B: rate() of export_queue_depth, which"),
    (query(5, 1, expr="export_latency_ms_bucket_bucket"), "B: export_latency_ms_bucket_bucket is no metric of"),
    (query(5, 1, expr="sum("), "query B: is no PromQL: "),
    (query(10, 0, expr="export_queue_depth", legendFormat="x"), "no panel reads export_memory_bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), CHANGES, ids=[problem[-40:] for _, problem in CHANGES])
def test_each_change_is_named(change: Change, problem: str) -> None:
    """One thing broken in the committed dashboard gives one problem, which says what and where."""
    found = problems(change)
    assert len(found) == 1
    assert problem in found[0]


def test_no_queries_and_no_panels_are_reported() -> None:
    """A panel without queries, and a dashboard without panels, are problems."""
    assert problems(panel(10, targets=[])) == (
        "panel 14 'Memory per export': it has no queries",
        "no panel reads export_memory_bytes",
    )
    found = problems(lambda model: model.update(panels=[]))
    assert found[0] == "the dashboard has no panels"
    assert len(found) == 10


def test_without_the_variable_no_datasource_is_right() -> None:
    """When the datasource variable goes, it is missed, and so it is by each panel and query."""
    found = problems(lambda model: model.update(templating={"list": []}))
    assert found[0] == "no variable of type datasource chooses a Prometheus"
    queries = [target for one in drawn(json.loads(EXPORT.read_text())) for target in one["targets"]]
    unknown = [problem for problem in found if "only the datasource variable fits every server" in problem]
    assert len(unknown) == 13 + len(queries)


def test_a_query_may_take_its_panels_datasource() -> None:
    """A query that names no datasource is right: Grafana takes its panel's."""
    assert problems(lambda model: drawn(model)[0]["targets"][0].pop("datasource")) == ()


def test_panels_inside_a_row_are_checked_too() -> None:
    """A collapsed row hides its panels from no check."""

    def into_a_row(model: Model) -> None:
        hidden = copy.deepcopy(drawn(model)[10])
        hidden["targets"][0]["expr"] = "no_such"
        place = {"x": 0, "y": 80, "w": 24, "h": 1}
        row = {
            "id": 99,
            "type": "row",
            "title": "More",
            "gridPos": place,
            "panels": [hidden | {"id": 100, "title": "In"}],
        }
        model["panels"].append(row)

    assert problems(into_a_row) == ("panel 100 'In', query A: no_such is no metric of the contract",)


def test_a_variable_of_the_dashboard_is_replaced_by_its_value() -> None:
    """A custom variable stands for its current value; several values fit no `=`, as in Grafana."""

    def with_variable(value: object) -> Change:
        def change(model: Model) -> None:
            model["templating"]["list"].append({"name": "format", "type": "custom", "current": {"value": value}})
            drawn(model)[10]["targets"][0]["expr"] = 'export_memory_bytes{format="$format"}'

        return change

    assert problems(with_variable("csv")) == ()
    assert "matches no series; format is one of" in problems(with_variable("xls"))[0]
    assert "matches no series; format is one of" in problems(with_variable(["csv", "pdf"]))[0]


def test_grafanas_own_variables_are_known() -> None:
    """Without variables of its own a dashboard still knows Grafana's."""
    assert query_variables(Dashboard())["__rate_interval"] == "1m"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"panels": 1}', '{"schemaVersion": "36"}', b"\xff"])
def test_what_is_no_dashboard_is_an_error(text: str | bytes) -> None:
    """Text that is no JSON object of Grafana's types leaves no verdict."""
    with pytest.raises(DashboardError, match=r"^is no dashboard: "):
        parse(text)


@pytest.mark.parametrize("name", ["dashboard", "resource"])
def test_wrapped_dashboards_are_unwrapped(name: str) -> None:
    """The forms of Grafana's HTTP API and of its resources are checked as the dashboard inside."""
    inner = json.loads(EXPORT.read_text())
    wrapped = {"dashboard": inner, "overwrite": True, "meta": {"x": 1}}
    resource = {"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard", "spec": inner}
    assert both(parse(json.dumps({"dashboard": wrapped, "resource": resource}[name]))) == ()


def as_exported(model: Model) -> None:
    """Make of our dashboard one that was exported for sharing: it asks for its data source and a constant."""
    model["__inputs"] = [
        {"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "pluginId": "prometheus"},
        {"name": "VAR_FORMAT", "type": "constant", "value": "pdf"},
    ]
    model["templating"]["list"] = [one for one in model["templating"]["list"] if one["type"] != "datasource"]
    for shown in drawn(model):
        shown["datasource"] = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
        for target in shown["targets"]:
            target["datasource"] = "${DS_PROMETHEUS}"
    drawn(model)[10]["targets"][0]["expr"] = 'export_memory_bytes{format="${VAR_FORMAT}"}'


def test_exported_files_with_inputs_are_right() -> None:
    """A file whose import asks for its data source needs no variable for it."""
    assert problems(as_exported) == ()


def test_other_parts_that_grafana_takes() -> None:
    """A text panel, a panel of mixed sources and an expression over other queries are no problem."""

    def change(model: Model) -> None:
        place = {"x": 0, "y": 70, "w": 24, "h": 2}
        model["panels"].append({"id": 50, "type": "text", "title": "Notes", "gridPos": place})
        drawn(model)[0]["datasource"] = {"type": "datasource", "uid": "-- Mixed --"}
        drawn(model)[1]["datasource"] = None
        drawn(model)[2]["targets"].append({"refId": "Z", "datasource": {"type": "__expr__", "uid": "__expr__"}})

    assert problems(change) == ()


def test_a_total_is_no_rate() -> None:
    """A counter shown as it stands is right in a unit of amounts, and a problem in a unit of rates."""
    assert problems(query(2, 0, expr="max by (format, status) (export_requests_total)")) == (
        "no panel reads export_bytes_total",
    )
    change = query(8, 0, expr="sum by (format, status) (export_requests_total)")
    assert problems(change) == (
        "panel 11 'Requests by outcome', query A: export_requests_total only ever grows; "
        "read it through rate() or increase()",
    )


def test_a_page_is_searched_for_what_the_queries_ask() -> None:
    """A page with all series is enough; a missing one and a missing label value are named with the query."""
    ours = parse(EXPORT.read_bytes())
    assert offered_problems(ours, page(2)) == ()
    without = page(2).replace("export_queue_depth", "export_depth").replace('status="rejected"', 'status="refused"')
    assert offered_problems(ours, without) == (
        "panel 13 'Queue depth', query A: no series export_queue_depth is on the page",
    )
    assert offered_problems(ours, page(2).replace('status="succeeded"', 'status="success"'))[0] == (
        "panel 6 'Export Throughput (ops/sec)', query A: export_requests_total{status=\"succeeded\", "
        'format=~".*", instance=~".*"} matches no series of the page; there format is csv, pdf; status is failed, '
        "rejected, started, success"
    )
    assert offered_problems(ours, 'a{b="c} 1\n')[0].startswith("the page can't be read: ")
