"""What a dashboard's variables stand for in its queries, as Grafana would fill them in.

A variable may have no value yet: Grafana asks the data source for the values when the dashboard opens. Where the
contract, or a captured page, says which values a label has, those are taken. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from assertions.prometheus.offered import PageSample
from assertions.prometheus.promql import GRAFANA_VARIABLES, label_values
from dashboards.model import Dashboard, Variable

ALL: Final = "$__all"
ANY_VALUE: Final = "any"
"""Stands for a value of a label whose values nobody knows before a data source is asked."""
NOT_IN_QUERIES: Final = frozenset({"datasource", "adhoc"})

Values = Callable[[str | None, str], tuple[str, ...]]
"""Gives the values of a label on a series, or on any series."""

_LABEL_VALUES: Final = re.compile(r"label_values\(\s*(?:(?P<series>.+?)\s*,\s*)?(?P<label>\w+)\s*\)", re.DOTALL)
_COMMA: Final = re.compile(r"(?<!\\),")


def query_variables(dashboard: Dashboard, values: Values = label_values) -> Mapping[str, str]:
    """Return what a query's variables stand for: Grafana's own, the dashboard's, and constants asked at its import."""
    own = {
        variable.name: _text(variable, values)
        for variable in dashboard.templating.list
        if variable.type not in NOT_IN_QUERIES
    }
    asked = {one.name: one.value for one in dashboard.inputs if one.type == "constant" and one.value is not None}
    return {**GRAFANA_VARIABLES, **asked, **own}


def values_on(samples: tuple[PageSample, ...]) -> Values:
    """Return a function that gives the label values of a captured page, and the contract's where it has none."""

    def values(name: str | None, label: str) -> tuple[str, ...]:
        found = {s.labels[label] for s in samples if label in s.labels and name in (None, s.name)}
        return tuple(sorted(found)) or label_values(name, label)

    return values


def _text(variable: Variable, values: Values) -> str:
    current = variable.current.value if variable.current else None
    chosen = [_written(one) for one in current] if isinstance(current, tuple) else []
    if isinstance(current, str | float) and current != "":
        chosen = [_written(current)]
    options = _options(variable, values)
    if ALL in chosen:
        if variable.all_value:
            return variable.all_value
        return _joined(options) if options else ".*"
    if chosen and chosen[0].startswith("$__auto"):
        return GRAFANA_VARIABLES["__interval"]
    if not chosen:
        chosen = list(options[:1]) or [ANY_VALUE]
    return _joined(chosen)


def _joined(values: list[str] | tuple[str, ...]) -> str:
    """As Grafana writes several values into a PromQL query: a regular expression of alternatives."""
    return values[0] if len(values) == 1 else f"({'|'.join(values)})"


def _options(variable: Variable, values: Values) -> tuple[str, ...]:
    query = variable.query
    if isinstance(query, dict):
        query = query.get("query")
    text = query if isinstance(query, str) and query else variable.definition or ""
    if variable.type == "query":
        match = _LABEL_VALUES.fullmatch(text.strip())
        if match is None:
            return ()
        series = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", match["series"] or "")
        return values(series[0] if series else None, match["label"])
    if variable.type in {"textbox", "constant"}:
        return (text,) if text else ()
    options = [option.replace("\\,", ",").strip() for option in _COMMA.split(text)]
    # `shown : value` gives an option another shown name.
    return tuple(option.rsplit(" : ", 1)[-1].strip() for option in options if option)


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.15g}"
