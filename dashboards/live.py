"""The dashboard's queries, asked of a live Prometheus as Grafana would ask them: does each one bring data?

A panel counts as alive only when each of its queries brings data: one that matches nothing is broken, and its
neighbours must not hide it.
"""

from __future__ import annotations

import http.client
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Final

import msgspec

from assertions.prometheus.promql import PromqlError, substitute
from dashboards.model import Dashboard, DashboardError
from dashboards.records import LivePanel, LiveQuery, LiveResults
from dashboards.variables import query_variables

TIMEOUT_S: Final = 10.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class _Series(msgspec.Struct, frozen=True):
    values: list[tuple[float, str]]


class _Matrix(msgspec.Struct, frozen=True):
    result: list[_Series]


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: _Matrix | None = None
    error: str = ""


def look(dashboard: Dashboard, prometheus: str, *, minutes: float, step_s: float, rate_interval: str) -> LiveResults:
    """Ask each panel's queries over the last `minutes`, one point each `step_s` seconds.

    `rate_interval` (such as `1m`) stands for $__rate_interval. DashboardError when Prometheus (a base URL) can't be
    reached or answers in an unknown form; a query that it refuses is a result.
    """
    end = time.time()
    start = end - minutes * 60
    variables = {**query_variables(dashboard), "__rate_interval": rate_interval}
    panels = []
    for panel in dashboard.drawn:
        queries = tuple(
            _ask(prometheus, target.ref_id, target.expr, variables, (start, end, step_s)) for target in panel.targets
        )
        ok = bool(queries) and all(query.series_with_data > 0 for query in queries)
        panels.append(LivePanel(id=panel.id, title=panel.title, queries=queries, ok=ok))
    return LiveResults(
        start=start, end=end, step_s=step_s, panels=tuple(panels), ok=bool(panels) and all(panel.ok for panel in panels)
    )


def report(results: LiveResults) -> str:
    """Return one line a panel and, below it, one a query. Pure."""
    lines = []
    for panel in results.panels:
        total = sum(query.series_with_data for query in panel.queries)
        lines.append(f"{'ok' if panel.ok else 'FAIL':4} {panel.title}: {total} series with data")
        for query in panel.queries:
            what = query.error or f"{query.series_with_data} of {query.series} series have data"
            lines.append(f"       {query.ref}: {what}")
    return "\n".join(lines or ["FAIL the dashboard has no panels"])


def _ask(
    prometheus: str, ref: str, expr: str, variables: Mapping[str, str], span: tuple[float, float, float]
) -> LiveQuery:
    try:
        expression = substitute(expr, variables)
    except PromqlError as error:
        return LiveQuery(ref=ref, expression=expr, series=0, series_with_data=0, error=str(error))
    start, end, step_s = span
    parameters = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:g}"}
    try:
        answer = msgspec.json.decode(_fetch(prometheus, parameters), type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DashboardError(f"{prometheus} does not answer as a Prometheus: {error}") from error
    if answer.status != "success" or answer.data is None:
        problem = answer.error or "refused without a reason"
        return LiveQuery(ref=ref, expression=expression, series=0, series_with_data=0, error=problem)
    filled = sum(any(math.isfinite(float(value)) for _, value in series.values) for series in answer.data.result)
    return LiveQuery(
        ref=ref, expression=expression, series=len(answer.data.result), series_with_data=filled, error=None
    )


def _fetch(prometheus: str, parameters: Mapping[str, str]) -> bytes:
    parts = urllib.parse.urlsplit(prometheus)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DashboardError(f"--prometheus is a base URL such as http://127.0.0.1:9090, not {prometheus!r}")
    handlers = [urllib.request.ProxyHandler({})] if parts.hostname in LOOPBACK else []
    url = f"{prometheus.rstrip('/')}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        if error.code in {400, 422} and body.startswith(b"{"):
            return body  # the API's own account of what is wrong with the query
        raise DashboardError(f"{prometheus} answered {error.code}, not as a Prometheus does") from error
    except (OSError, http.client.HTTPException) as error:
        raise DashboardError(f"{prometheus} does not answer: {error}") from error
