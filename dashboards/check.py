"""The check of a dashboard: can Grafana draw it, and do its queries speak of what the contract offers?

Not an import: no Grafana takes part. Pure: a dashboard in, sentences out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

from assertions.contract import FAMILIES
from assertions.prometheus.offered import page_findings, read_samples
from assertions.prometheus.promql import PromqlError, families_in, labels_of, problems_of, substitute
from dashboards.model import Dashboard, DataSource, GridPos, Panel, Target
from dashboards.variables import query_variables, values_on

SCHEMA_VERSIONS: Final = range(36, 42)
"""From the oldest that Grafana 10 writes to the newest of this kind; 42 and later are another model."""
PANEL_TYPES: Final = frozenset(
    {
        "barchart", "bargauge", "gauge", "heatmap", "histogram", "piechart", "stat", "state-timeline",
        "status-history", "table", "timeseries", "trend", "xychart",
    }
)  # fmt: skip
"""Panels of a plain Grafana that draw query results."""
WITHOUT_QUERIES: Final = frozenset({"alertlist", "annolist", "dashlist", "news", "text"})
"""Panels of a plain Grafana that need none."""
UNIT_ELSEWHERE: Final = frozenset({"heatmap"})
"""Panels that have their axis' unit among their options."""
RATE_UNITS: Final = frozenset(
    {
        "Bps", "binBps", "bps", "binbps", "KBs", "MBs", "GBs", "KiBs", "MiBs", "GiBs",
        "cps", "ops", "reqps", "rps", "wps", "iops", "recps", "mps", "cpm", "opm", "reqpm", "rpm", "wpm",
    }
)  # fmt: skip
"""Grafana's units of something a second or minute: a counter's total is no such thing."""
MIXED: Final = "-- Mixed --"
"""The data source of a panel whose queries each name their own."""
GRID_WIDTH: Final = 24
DATASOURCE_TYPE: Final = "prometheus"

_LEGEND_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def structure_problems(dashboard: Dashboard) -> tuple[str, ...]:
    """Return what is wrong with a dashboard's structure, each as one sentence; empty when nothing is."""
    names = _source_names(dashboard)
    found = [*_whole(dashboard), *_layout(dashboard)]
    for panel in dashboard.drawn:
        found += [f"{_name(panel)}: {problem}" for problem in _panel(panel, names)]
        for target in panel.targets:
            if target.datasource is not None and not _is_computed(target):  # without one it takes its panel's
                found += [f"{_at(panel, target)}: {problem}" for problem in _source(target.datasource, names, "it")]
    return tuple(found)


def expression_problems(dashboard: Dashboard) -> tuple[str, ...]:
    """Return what is wrong with a dashboard's queries, each as one sentence; empty when nothing is.

    Every family of the contract must be read by some panel: a metric that nobody looks at may as well be missing.
    """
    variables = query_variables(dashboard)
    found: list[str] = []
    read: set[str] = set()
    for panel in dashboard.drawn:
        for target in panel.targets:
            if not _is_computed(target):
                found += [f"{_at(panel, target)}: {problem}" for problem in _query(panel, target, variables)]
                read |= _families(target, variables)
    found += [f"no panel reads {family.name}" for family in FAMILIES if family.name not in read]
    return tuple(found)


def offered_problems(dashboard: Dashboard, page: str) -> tuple[str, ...]:
    """Return what keeps the queries from their data on a captured metrics page; empty when nothing does."""
    try:
        samples = read_samples(page)
    except ValueError as error:
        return (f"the page can't be read: {error}",)
    variables = query_variables(dashboard, values_on(samples))
    queries = []
    for panel in dashboard.drawn:
        for target in panel.targets:
            try:
                queries.append((_at(panel, target), substitute(target.expr, variables)))
            except PromqlError:
                continue  # reported by `expression_problems`
    return page_findings(queries, page)


def _whole(dashboard: Dashboard) -> Iterator[str]:
    if not dashboard.title:
        yield "the dashboard has no title"
    if not dashboard.uid:
        yield "the dashboard has no uid, so each import makes another one"
    if dashboard.schema_version not in SCHEMA_VERSIONS:
        low, high = SCHEMA_VERSIONS[0], SCHEMA_VERSIONS[-1]
        yield f"schemaVersion is {low} to {high} here, not {dashboard.schema_version}"
    if not dashboard.drawn:
        yield "the dashboard has no panels"
    sources = [variable for variable in dashboard.templating.list if variable.type == "datasource"]
    asked = any(one.type == "datasource" and one.plugin_id == DATASOURCE_TYPE for one in dashboard.inputs)
    if not asked and not any(variable.query == DATASOURCE_TYPE for variable in sources):
        yield "no variable of type datasource chooses a Prometheus"
    panels = [*dashboard.drawn, *(panel for panel in dashboard.panels if panel.type == "row")]
    for number, count in Counter(panel.id for panel in panels).items():
        if number is None or number < 1:
            yield f"{count} panels have no id from 1 on"
        elif count > 1:
            yield f"{count} panels have the id {number}"
    for title, count in Counter(panel.title for panel in dashboard.drawn).items():
        if not title:
            yield f"{count} panels have no title"
        elif count > 1:
            yield f"{count} panels have the title {title!r}"


def _layout(dashboard: Dashboard) -> Iterator[str]:
    for panel in dashboard.panels:
        place = panel.grid_pos
        if place.x < 0 or place.y < 0 or place.w < 1 or place.h < 1 or place.x + place.w > GRID_WIDTH:
            yield f"{_name(panel)}: gridPos {_shown(place)} is not inside a grid {GRID_WIDTH} wide"
    for one, other in combinations(dashboard.panels, 2):
        a, b = one.grid_pos, other.grid_pos
        if a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.y + b.h and b.y < a.y + a.h:
            yield f"{_name(one)} and {_name(other)} overlap"


def _panel(panel: Panel, sources: set[str]) -> Iterator[str]:
    if panel.type in WITHOUT_QUERIES:
        return
    if panel.type not in PANEL_TYPES:
        yield f"its type {panel.type!r} is none of {', '.join(sorted(PANEL_TYPES | WITHOUT_QUERIES))}"
    if not panel.field_config.defaults.unit and panel.type not in UNIT_ELSEWHERE:
        yield "it names no unit"
    thresholds = panel.field_config.defaults.thresholds
    if thresholds is not None:
        values = [step.value for step in thresholds.steps]
        bounds = [value for value in values[1:] if value is not None]
        rising = bounds == sorted(set(bounds)) and all(math.isfinite(bound) for bound in bounds)
        if not values or values[0] is not None or len(bounds) != len(values) - 1 or not rising:
            yield "its thresholds do not rise from a first one without a value"
    # Without one of its own, a panel is right as long as each of its queries names one.
    each = bool(panel.targets) and all(target.datasource is not None for target in panel.targets)
    mixed = isinstance(panel.datasource, DataSource) and panel.datasource.uid == MIXED
    if not (each and (mixed or panel.datasource is None)):
        yield from _source(panel.datasource, sources, "it")
    if not panel.targets:
        yield "it has no queries"
    for ref, count in Counter(target.ref_id for target in panel.targets).items():
        if not ref:
            yield f"{count} queries have no refId"
        elif count > 1:
            yield f"{count} queries have the refId {ref}"


def _source(source: DataSource | str | None, names: set[str], who: str) -> Iterator[str]:
    if source is None:
        yield f"{who} names no datasource"
        return
    if isinstance(source, DataSource) and source.type != DATASOURCE_TYPE:
        yield f"{who} reads from a datasource of type {source.type!r}, not {DATASOURCE_TYPE!r}"
    uid = source.uid if isinstance(source, DataSource) else source
    if uid not in {spelt for name in names for spelt in (f"${{{name}}}", f"${name}")}:
        yield f"{who} reads from the datasource {uid!r}; only the datasource variable fits every server"


def _is_computed(target: Target) -> bool:
    """Whether a target takes other targets' results instead of asking a data source."""
    return isinstance(target.datasource, DataSource) and target.datasource.type == "__expr__"


def _query(panel: Panel, target: Target, variables: Mapping[str, str]) -> Iterator[str]:
    if not target.expr.strip():
        yield "it has no expr"
        return
    try:
        expression = substitute(target.expr, variables)
    except PromqlError as error:
        yield str(error)
        return
    problems = problems_of(expression, totals=panel.field_config.defaults.unit not in RATE_UNITS)
    yield from problems
    if not target.legend_format:
        yield "it has no legendFormat, so its series show as raw label sets"
    if problems:
        return
    carried = labels_of(expression)
    for label in _LEGEND_LABEL.findall(target.legend_format):
        if label not in carried:
            yield f"its legend speaks of label {label}, which the result lacks: {', '.join(sorted(carried)) or 'none'}"


def _families(target: Target, variables: Mapping[str, str]) -> set[str]:
    try:
        return set(families_in(substitute(target.expr, variables)))
    except PromqlError:
        return set()  # reported as the query's own problem


def _name(panel: Panel) -> str:
    return f"panel {panel.id if panel.id is not None else '?'} {panel.title!r}"


def _at(panel: Panel, target: Target) -> str:
    return f"{_name(panel)}, query {target.ref_id or '?'}"


def _source_names(dashboard: Dashboard) -> set[str]:
    variables = {variable.name for variable in dashboard.templating.list if variable.type == "datasource"}
    return variables | {one.name for one in dashboard.inputs if one.type == "datasource"}


def _shown(place: GridPos) -> str:
    return f"x={place.x} y={place.y} w={place.w} h={place.h}"
