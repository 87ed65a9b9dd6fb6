"""Check: the target has the series that alert rules and panels query, so that none of them queries nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assertions.limits import Limits
from assertions.record.queries import Queries, Selector
from assertions.record.view import ScenarioRecord
from assertions.verdicts import Judgement, failed, no_data, passed

SHOWN_MOST = 3
"""Selectors named in a reason."""


def offered(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each selector of the rules file and the dashboard finds a series on the last page, label values included."""
    if record.after is None:
        return no_data("there is no readable page from after the last request")
    if record.queries is None:
        return no_data(
            "queries.json is not there, so it is unknown what alert rules and panels query; "
            "`export-at-scale run` writes it"
        )
    selectors = record.queries.selectors
    if not selectors:
        return no_data("queries.json holds no selector")
    page: dict[str, list[Mapping[str, str]]] = {}
    for family in record.after.families.values():
        for sample in family.samples:
            page.setdefault(sample.name, []).append(sample.labels)
    try:
        missing = [one for one in selectors if not _found(one, page)]
    except re.error as error:
        return no_data(f"a pattern in queries.json can't be read here: {error}")
    if missing:
        return failed(_missing(missing))
    find = "finds" if len({str(one) for one in selectors}) == 1 else "find"
    return passed(
        f"{record.queries.counted()} (queries.json) {find} a series on the last page{_left_out(record.queries)}"
    )


def _left_out(queries: Queries) -> str:
    """What the files ask for and no target offers; empty where there is nothing of the kind."""
    added = [
        f"{word} {', '.join(names)}"
        for word, names in (("series", queries.prometheus_series), ("labels", queries.prometheus_labels))
        if names
    ]
    left_out = [
        *([f"{' and '.join(added)}, which Prometheus itself adds"] if added else []),
        *([f"{len(queries.recorded_series)} series that recording rules make"] if queries.recorded_series else []),
    ]
    return f"; not looked for: {'; '.join(left_out)}" if left_out else ""


def _found(selector: Selector, page: Mapping[str, Sequence[Mapping[str, str]]]) -> bool:
    return any(all(one.accepts(labels) for one in selector.matchers) for labels in page.get(selector.series, ()))


def _missing(missing: Sequence[Selector]) -> str:
    names = list(dict.fromkeys(map(str, missing)))
    more = f" and {len(names) - SHOWN_MOST} more" if len(names) > SHOWN_MOST else ""
    return (
        f"{missing[0].source} queries {missing[0]}, and no series on the last page matches; "
        f"missing in all: {', '.join(names[:SHOWN_MOST])}{more}"
    )
