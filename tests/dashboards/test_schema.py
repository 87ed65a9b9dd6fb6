"""The dashboard against JSON Schemas made from the types of Grafana's own `@grafana/schema`.

Ours only: the types know fewer keys than Grafana takes, so a target's own dashboard is not held against them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import jsonschema
import pytest

from assertions import limits as limits_file
from dashboards.__main__ import EXPORT
from dashboards.panels.page import library_versions
from dashboards.source import dashboard

MADE: Final = json.loads((EXPORT.parent / "grafana.schema.json").read_bytes())
OURS: Final = json.loads(EXPORT.read_bytes())


def problems(model: Any) -> list[str]:
    """What the schemas find wrong, with its place, panel by panel."""
    found = [*_against("dashboard", model, "dashboard")]
    for panel in model["panels"]:
        if panel["type"] != "row":
            found += _against(f"{panel['type']} options", panel["options"], panel["title"])
            custom = panel["fieldConfig"]["defaults"].get("custom")
            if custom is not None:
                found += _against(f"{panel['type']} custom", custom, panel["title"])
    return found


def _against(schema: str, value: Any, where: str) -> Iterator[str]:
    validator = jsonschema.validators.validator_for(MADE["schemas"][schema])(MADE["schemas"][schema])
    for error in validator.iter_errors(value):
        yield f"{where} {'/'.join(map(str, error.absolute_path))}: {error.message}"


def test_the_committed_dashboard_fits() -> None:
    """Each key is one that Grafana's types know, each value of its type, in the file and built anew."""
    assert problems(OURS) == []
    assert problems(json.loads(json.dumps(dashboard(limits_file.load())))) == []


def test_the_schemas_are_of_the_libraries_that_draw() -> None:
    """The types are those of the version by which the panels are drawn."""
    assert MADE["source"] == f"@grafana/schema {library_versions()['@grafana/schema']}"


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
        for step in steps:
            model = model[step]
        model[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_set("schemaVersion", "36"), "dashboard schemaVersion"),
        (_set("panels/1/gridpos", {}), "dashboard panels/1"),
        (_set("panels/1/options/legend/showLegends", True), "Export Latency P95 (ms) legend"),
        (_set("panels/1/fieldConfig/defaults/custom/lineWidht", 1), "Export Latency P95 (ms) "),
        (_set("panels/1/fieldConfig/defaults/custom/drawStyle", "lines"), "Export Latency P95 (ms) drawStyle"),
        (_set("panels/2/options/showThresholdMarkers", "yes"), "Export Success Rate (%) showThresholdMarkers"),
        (_set("templating/list/1/refresh", 3), "dashboard templating/list/1/refresh"),
    ],
)
def test_a_wrong_key_or_value_is_found(change: Callable[[Any], None], where: str) -> None:
    """A misspelt key, a value of another type, or one that is none of Grafana's."""
    model = copy.deepcopy(OURS)
    change(model)
    found = problems(model)
    assert len(found) == 1
    assert found[0].startswith(where)


def test_variables_choose_format_and_instance() -> None:
    """Both offer several values and all of them, and every query of the target's series holds to them."""
    named = {one["name"]: one for one in OURS["templating"]["list"]}
    assert {
        name: (one["multi"], one["includeAll"], one["allValue"])
        for name, one in named.items()
        if "multi" in one and name != "datasource"
    } == {
        "format": (True, True, ".*"),
        "instance": (True, True, ".*"),
    }
    expressions = [target["expr"] for panel in OURS["panels"] for target in panel.get("targets", ())]
    assert [expr for expr in expressions if 'instance=~"$instance"' not in expr and "ALERTS" not in expr] == []


@pytest.mark.parametrize("row", ["Queue and memory", "Latency and outcomes", "Latency heat map", "Alerts"])
def test_rows_are_there(row: str) -> None:
    """What an operator looks for has a row."""
    assert row in {panel["title"] for panel in OURS["panels"] if panel["type"] == "row"}
